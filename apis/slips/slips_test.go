package slips

import (
	"strings"
	"testing"
)

func TestDistanceCountsSlips(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"abc", "ab", 1}, {"ab", "abc", 1}, {"abc", "xbc", 1}, {"", "abc", 3}, {"abcd", "xy", 4}} {
		if got := Distance(c.a, c.b); got != c.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

// What somebody writes must not cost more than what anybody means.
func TestLongTextsAreNotCompared(t *testing.T) {
	long := strings.Repeat("a", 1<<20)
	if n := testing.AllocsPerRun(1, func() {
		if got := Distance(long, "region"); got < len(long) {
			t.Errorf("a text of %d letters is %d slips away from a word", len(long), got)
		}
	}); n > 0 {
		t.Errorf("that takes %v allocations", n)
	}
}
