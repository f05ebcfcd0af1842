package fuzzing

import (
	"fmt"
	"strings"
	"testing"
)

// recorder keeps what a test would have failed with.
type recorder struct {
	testing.TB
	failures []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

var sink []byte

func TestAnInputThatTakesTooMuchFails(t *testing.T) {
	for name, c := range map[string]struct {
		run  func()
		want string
	}{
		"nothing": {run: func() {}},
		"memory": {want: "more than 64", run: func() {
			for range 65 {
				sink = make([]byte, 1<<20)
			}
		}},
		"time": {want: "of the processor", run: func() {
			for since := processorTime(); processorTime()-since <= MaxTime; {
				continue
			}
		}},
	} {
		r := &recorder{TB: t}
		Limited(r, c.run)
		if got := strings.Join(r.failures, "\n"); !strings.Contains(got, c.want) || (c.want == "") != (got == "") {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}
