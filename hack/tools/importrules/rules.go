package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Rules is the content of the rules file.
type Rules struct {
	// TestsMay lists what the test files of every package may import besides what their rule allows.
	TestsMay []Pattern `yaml:"testsMay"`
	Rules    []Rule    `yaml:"rules"`
}

// Rule says what the packages that Packages matches may import. They may always import each other.
type Rule struct {
	Packages Pattern `yaml:"packages"`
	// May lists the packages of this module that may be imported.
	May []Pattern `yaml:"may"`
	// Never lists packages of other modules that may not be reached, directly or through other packages of this module.
	Never []Pattern `yaml:"never"`
	// External, if set, lists the only packages outside this module and the standard library that may be imported.
	External []Pattern `yaml:"external"`
	// Why is the reason, printed with a breach.
	Why string `yaml:"why"`
}

// Pattern is a package path as the go command writes it: "cloud" is one package, "cloud/..." that package and all
// below it. Packages of this module are written without the module's path, its root package as ".".
type Pattern string

// Matches says whether the pattern matches the package path.
func (p Pattern) Matches(path string) bool {
	tree, isTree := strings.CutSuffix(string(p), "/...")
	if !isTree {
		return path == string(p)
	}
	return path == tree || strings.HasPrefix(path, tree+"/")
}

func matchesAny(patterns []Pattern, path string) bool {
	for _, p := range patterns {
		if p.Matches(path) {
			return true
		}
	}
	return false
}

// For returns the rule with the longest pattern that matches the package, or nil. A rule for one package wins over
// a rule for a tree.
func (r *Rules) For(path string) *Rule {
	var best *Rule
	for i := range r.Rules {
		rule := &r.Rules[i]
		if rule.Packages.Matches(path) && (best == nil || narrower(rule.Packages, best.Packages)) {
			best = rule
		}
	}
	return best
}

func narrower(a, b Pattern) bool {
	treeA, isTreeA := strings.CutSuffix(string(a), "/...")
	treeB, _ := strings.CutSuffix(string(b), "/...")
	if len(treeA) != len(treeB) {
		return len(treeA) > len(treeB)
	}
	return !isTreeA
}

// LoadRules reads a rules file. Unknown fields, rules without packages or reason, and two rules for the same packages
// are errors.
func LoadRules(file string) (*Rules, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the import rules: %w", err)
	}
	rules, err := parseRules(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return rules, nil
}

func parseRules(raw []byte) (*Rules, error) {
	rules := &Rules{}
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	decoder.KnownFields(true)
	if err := decoder.Decode(rules); err != nil {
		return nil, err
	}
	seen := map[Pattern]bool{}
	for i, rule := range rules.Rules {
		switch {
		case rule.Packages == "":
			return nil, fmt.Errorf("rules[%d]: packages is missing; a pattern such as cloud/... belongs there", i)
		case rule.Why == "":
			return nil, fmt.Errorf("rules[%d] (%s): why is missing; write the reason a breach shall print", i, rule.Packages)
		case seen[rule.Packages]:
			return nil, fmt.Errorf("rules[%d] (%s): a rule for these packages stands above; merge the two", i, rule.Packages)
		}
		seen[rule.Packages] = true
	}
	return rules, nil
}
