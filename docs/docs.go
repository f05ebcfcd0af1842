// Package docs has what the pages say of the reasons of conditions, for tests that hold it
// against the code.
package docs

import (
	_ "embed"
	"regexp"
	"slices"
	"strings"
)

//go:embed troubleshooting.md
var troubleshooting string

// reasons are the paragraphs of docs/troubleshooting.md: by condition, "" for every one, the
// reasons that are explained there.
var reasons = paragraphs(troubleshooting)

var (
	code   = regexp.MustCompile("`([A-Za-z0-9]+)`")
	strong = regexp.MustCompile("^\\*\\*`[A-Za-z0-9]+`\\*\\*")
	// elsewhere are those of which a sentence says under which condition they are explained.
	elsewhere = regexp.MustCompile("^It has .*`")
)

func paragraphs(page string) map[string][]string {
	all, seen := map[string][]string{}, map[string][]string{}
	var sections []string
	for _, block := range strings.Split(page, "\n\n") {
		switch {
		case strings.HasPrefix(block, "## "):
			sections = names(block)
			if len(sections) == 0 {
				sections = []string{""}
			}
		case strong.MatchString(block):
			said := names(strong.FindString(block))
			for _, s := range sections {
				all[s] = append(all[s], said...)
			}
		case elsewhere.MatchString(block):
			for _, s := range sections {
				seen[s] = append(seen[s], names(block)...)
			}
		}
	}
	for s, said := range seen {
		all[s] = append(all[s], slices.DeleteFunc(said, func(name string) bool { return all[name] != nil })...)
	}
	return all
}

func names(text string) []string {
	var found []string
	for _, m := range code.FindAllStringSubmatch(text, -1) {
		found = append(found, m[1])
	}
	return found
}

// Explains tells whether docs/troubleshooting.md says what a reason means in a condition. Ready has
// those of all others.
func Explains(condition, reason string) bool {
	if condition == "Ready" {
		for _, said := range reasons {
			if slices.Contains(said, reason) {
				return true
			}
		}
	}
	return slices.Contains(reasons[condition], reason) || slices.Contains(reasons[""], reason)
}
