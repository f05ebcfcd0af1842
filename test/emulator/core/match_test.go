package core

import (
	"strings"
	"testing"
	"time"
)

// The first example of a literal is that of "Filter Amazon EC2 resources".
func TestWildcardsMeanWhatEC2SaysTheyDo(t *testing.T) {
	for _, test := range []struct {
		pattern string
		yes, no []string
	}{
		{"a", []string{"a"}, []string{"", "b", "aa"}},
		{"a?", []string{"a", "ab"}, []string{"abc", "b"}},
		{"??", []string{"", "a", "ab"}, []string{"abc"}},
		{"a*b", []string{"ab", "a/b", "a*b", "axxb"}, []string{"a", "abc"}},
		{`\*amazon\?\\`, []string{`*amazon?\`}, []string{"amazon", `xamazonx\`, "*amazon"}},
		{"[a]", []string{"[a]"}, []string{"a"}},
		{"Canonical??Ubuntu??24.04??amd64?noble?image*", []string{"Canonical, Ubuntu, 24.04, amd64 noble image", "Canonical, Ubuntu, 24.04, amd64 noble image build on 2025"},
			[]string{"Canonical, Ubuntu, 24.04, arm64 noble image"}},
	} {
		for _, value := range test.yes {
			if !Match(test.pattern, value) {
				t.Errorf("%q doesn't match %q", value, test.pattern)
			}
		}
		for _, value := range test.no {
			if Match(test.pattern, value) {
				t.Errorf("%q matches %q", value, test.pattern)
			}
		}
	}
}

func TestManyWildcardsTakeNoTime(t *testing.T) {
	start := time.Now()
	Match(strings.Repeat("*a", 100)+"b", strings.Repeat("a", 1000))
	if spent := time.Since(start); spent > time.Second {
		t.Errorf("took %s", spent)
	}
}
