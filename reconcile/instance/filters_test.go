package instance

import "testing"

func TestFiltersCompareAsEC2Does(t *testing.T) {
	for _, x := range []struct {
		pattern, value string
		want           bool
	}{
		{"plain", "plain", true},
		{"plain", "plainer", false},
		{"a?c", "abc", true},
		{"a?c", "ac", true},
		{"a?c", "abbc", false},
		{"capa-ami-ubuntu-24.04-?1.32.4-*", "capa-ami-ubuntu-24.04-v1.32.4-1", true},
		{"capa-ami-ubuntu-24.04-?1.32.4-*", "capa-ami-ubuntu-24.04-1.32.4-1", true},
		{"*", "", true},
		{"special/*", "special/one/two", true},
		{"a*b*c", "a-b-b-c", true},
		{"a*b*c", "a-c-b", false},
		{`a\*c`, "a*c", true},
		{`a\*c`, "abc", false},
		{"[a]*", "[a]b", true},
		{"?", "ü", true},
		{"", "", true},
		{"?", "", true},
	} {
		if got := matches(x.pattern, x.value); got != x.want {
			t.Errorf("%q and %q: %v, want %v", x.pattern, x.value, got, x.want)
		}
	}
}
