package main

import (
	"fmt"
	"slices"
	"strings"
)

// Breach is an import that no rule allows.
type Breach struct {
	// Package and Import are written as in the rules: without the module's path where they lie in it.
	Package string
	Import  string
	// Through holds the packages of this module between the two, nearest to Package first.
	Through []string
	// Test marks an import by the package's test files.
	Test bool
	// Rule names the rule and its reason.
	Rule string
}

// String is the line that is printed.
func (b Breach) String() string {
	if b.Import == "" {
		return fmt.Sprintf("%s: %s", b.Package, b.Rule)
	}
	who, way := b.Package, ""
	if b.Test {
		who += " (its tests)"
	}
	if len(b.Through) > 0 {
		way = " through " + strings.Join(b.Through, ", ")
	}
	return fmt.Sprintf("%s imports %s%s: %s", who, b.Import, way, b.Rule)
}

// Check compares every package of the module with its rule and returns the breaches, sorted by package.
func Check(rules *Rules, graph *Graph) []Breach {
	c := checker{rules: rules, graph: graph}
	for path, pkg := range graph.Packages {
		if name, ours := graph.inModule(path); ours && !pkg.DepOnly {
			c.checkPackage(name, pkg)
		}
	}
	slices.SortFunc(c.breaches, func(a, b Breach) int {
		return strings.Compare(a.String(), b.String())
	})
	return slices.CompactFunc(c.breaches, func(a, b Breach) bool { return a.String() == b.String() })
}

type checker struct {
	rules    *Rules
	graph    *Graph
	breaches []Breach
}

func (c *checker) checkPackage(name string, pkg *Package) {
	rule := c.rules.For(name)
	if rule == nil {
		c.breaches = append(c.breaches, Breach{Package: name, Rule: "no rule says what it may import; add one"})
		return
	}
	for _, path := range pkg.Imports {
		c.checkOurs(Breach{Package: name}, path, rule, nil)
		c.checkExternal(name, path, rule)
	}
	// Test files meet the rule about our own packages only: a test may well stand in for AWS.
	for _, path := range slices.Concat(pkg.TestImports, pkg.XTestImports) {
		c.checkOurs(Breach{Package: name, Test: true}, path, rule, c.rules.TestsMay)
	}
	c.checkNever(name, pkg, rule)
}

// checkOurs completes and reports the breach if path is a package of this module that neither the rule nor more allows.
func (c *checker) checkOurs(breach Breach, path string, rule *Rule, more []Pattern) {
	imported, ours := c.graph.inModule(path)
	if !ours || rule.Packages.Matches(imported) || matchesAny(rule.May, imported) || matchesAny(more, imported) {
		return
	}
	breach.Import = imported
	breach.Rule = fmt.Sprintf("rule %q allows of ours %s: %s", rule.Packages, list(rule.May), rule.Why)
	c.breaches = append(c.breaches, breach)
}

func (c *checker) checkExternal(name, path string, rule *Rule) {
	_, ours := c.graph.inModule(path)
	if ours || rule.External == nil || standard(path) || matchesAny(rule.External, path) {
		return
	}
	c.breaches = append(c.breaches, Breach{Package: name, Import: path,
		Rule: fmt.Sprintf("rule %q allows of other modules %s: %s", rule.Packages, list(rule.External), rule.Why)})
}

// checkNever walks the packages of this module that pkg reaches, nearest first, so that the shortest way is named.
func (c *checker) checkNever(name string, pkg *Package, rule *Rule) {
	if len(rule.Never) == 0 {
		return
	}
	type step struct {
		pkg *Package
		way []string
	}
	seen := map[string]bool{}
	for queue := []step{{pkg: pkg}}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		for _, path := range at.pkg.Imports {
			if seen[path] {
				continue
			}
			seen[path] = true
			if matchesAny(rule.Never, path) {
				c.breaches = append(c.breaches, Breach{Package: name, Import: path, Through: at.way,
					Rule: fmt.Sprintf("rule %q says never %s: %s", rule.Packages, list(rule.Never), rule.Why)})
			}
			next, ours := c.graph.inModule(path)
			if known := c.graph.Packages[path]; ours && known != nil {
				queue = append(queue, step{known, append(slices.Clone(at.way), next)})
			}
		}
	}
}

func list(patterns []Pattern) string {
	if len(patterns) == 0 {
		return "nothing"
	}
	words := make([]string, len(patterns))
	for i, p := range patterns {
		words[i] = string(p)
	}
	return strings.Join(words, ", ")
}
