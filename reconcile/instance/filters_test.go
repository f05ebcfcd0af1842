package instance

import (
	"fmt"
	"strings"
	"testing"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

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
		if got := newSearch().matches(x.pattern, x.value); got != x.want {
			t.Errorf("%q and %q: %v, want %v", x.pattern, x.value, got, x.want)
		}
	}
}

// What somebody writes must not take a processor for long, whatever resources there are.
func TestFiltersThatTakeTooLongAreGivenUp(t *testing.T) {
	a := attributes{"tag-key": {}}
	for i := range 40 {
		a["tag-key"] = append(a["tag-key"], strings.Repeat("a", 126)+fmt.Sprintf("%02d", i))
	}
	hostile := infrav1.Filter{Name: "tag-key"}
	for i := range 60 {
		hostile.Values = append(hostile.Values, strings.Repeat("a*", 126)+fmt.Sprintf("b%02d", i))
	}
	many := infrav1.Filter{Name: "tag-key", Values: make([]string, 200)}
	usual := infrav1.Filter{Name: "tag-key", Values: []string{"kubernetes.io/cluster/*", "*-nodes", "team-?"}}
	for name, c := range map[string]struct {
		filter    infrav1.Filter
		resources int
		refused   bool
	}{
		"many wildcards": {hostile, 1000, true}, "many values": {many, 10_000, true}, "usual ones": {usual, 100, false},
	} {
		look, err := newSearch(), error(nil)
		for range c.resources {
			if _, err = look.pass(a, []infrav1.Filter{c.filter}); err != nil {
				break
			}
		}
		if refused := err != nil && strings.Contains(err.Error(), "fewer wildcards"); refused != c.refused {
			t.Errorf("%s: %v, with %d steps left", name, err, look.left)
		}
	}
}
