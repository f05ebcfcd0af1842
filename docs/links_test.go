package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	link   = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	quoted = regexp.MustCompile(`(?:[Ss]ee|\() ?"([A-Z][^"\n]+)"(?: in \[?([a-z-]+\.md|the README))?`)
	inline = regexp.MustCompile("`[^`\n]*`")
)

// pages are README.md and all pages below this folder, and those beside what they tell of.
func pages(t *testing.T) []string {
	t.Helper()
	all := []string{"../README.md", "../manifests/README.md", "../test/emulator/README.md"}
	err := filepath.WalkDir(".", func(path string, _ os.DirEntry, err error) error {
		if strings.HasSuffix(path, ".md") {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestEveryLinkLeadsSomewhere(t *testing.T) {
	for _, page := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(inline.ReplaceAllString(prose(read(t, page)), ""), -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			file := page
			if target != "" {
				file = filepath.Join(filepath.Dir(page), target)
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s links to %s, which isn't there", page, m[1])
			} else if anchor != "" && !slices.Contains(anchors(read(t, file)), anchor) {
				t.Errorf("%s links to %s, and the page has no such heading", page, m[1])
			}
		}
	}
}

// TestQuotedHeadingsAreThere: pages also refer to each other by a heading in quotes, with the
// page's name after it, or none for their own.
func TestQuotedHeadingsAreThere(t *testing.T) {
	for _, page := range pages(t) {
		if strings.HasPrefix(page, "..") {
			continue
		}
		for _, m := range quoted.FindAllStringSubmatch(strings.ReplaceAll(prose(read(t, page)), "\n", " "), -1) {
			file := page
			if m[2] == "the README" {
				file = "../README.md"
			} else if m[2] != "" {
				file = filepath.Join(filepath.Dir(page), m[2])
			}
			if !slices.Contains(headings(read(t, file)), m[1]) {
				t.Errorf("%s refers to %q, which isn't a heading of %s", page, m[1], file)
			}
		}
	}
}

func TestTheTableOfContentsNamesEveryPage(t *testing.T) {
	contents := read(t, "README.md")
	for _, page := range pages(t) {
		if filepath.Dir(page) == "." && page != "README.md" && !strings.Contains(contents, "]("+page+")") {
			t.Errorf("docs/README.md doesn't name %s", page)
		}
	}
	if lines := strings.Count(read(t, "../README.md"), "\n"); lines > 150 {
		t.Errorf("README.md has %d lines, more than 150", lines)
	}
}

func read(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// prose is a page without its code.
func prose(text string) string {
	parts := strings.Split(text, "\n```")
	var kept []string
	for i := 0; i < len(parts); i += 2 {
		kept = append(kept, parts[i])
	}
	return strings.Join(kept, "\n")
}

func headings(text string) []string {
	var all []string
	for _, line := range strings.Split(prose(text), "\n") {
		if hashes, title, found := strings.Cut(line, " "); found && hashes != "" && strings.Trim(hashes, "#") == "" {
			all = append(all, title)
		}
	}
	return all
}

// anchors are what GitHub makes of headings.
func anchors(text string) []string {
	var all []string
	for _, h := range headings(text) {
		all = append(all, strings.Map(func(c rune) rune {
			switch {
			case c == ' ':
				return '-'
			case strings.ContainsRune("-_", c), c >= '0' && c <= '9', c >= 'a' && c <= 'z', c > 127:
				return c
			}
			return -1
		}, strings.ToLower(h)))
	}
	return all
}
