package groups

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Replay has a check look at every file of testdata/<dir>, of which there are at least some.
func Replay(t *testing.T, dir string, atLeast int, check func(t *testing.T, content []byte)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", dir, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < atLeast {
		t.Fatalf("found %d files in testdata/%s, want at least %d", len(files), dir, atLeast)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			check(t, content)
		})
	}
}

// Wants are what the answer to a file must contain, by its lines "# want: <text>".
func Wants(content []byte) []string {
	var out []string
	for line := range strings.SplitSeq(string(content), "\n") {
		if want, found := strings.CutPrefix(line, "# want: "); found {
			out = append(out, want)
		}
	}
	return out
}

// Refuses replays testdata/invalid, whose files hold one manifest (a create) or two (an old
// object and its update): each is refused with the words that it wants.
func (b *Bench) Refuses(t *testing.T, atLeast int) {
	t.Helper()
	Replay(t, "invalid", atLeast, func(t *testing.T, content []byte) {
		expected := Wants(content)
		if len(expected) == 0 {
			t.Fatal("the file has no line beginning with \"# want: \"")
		}
		answer := b.Judge(Documents(content))
		if answer == "" {
			t.Fatal("the manifest is taken")
		}
		for _, want := range expected {
			if !strings.Contains(answer, want) {
				t.Errorf("the answer lacks %q:\n%s", want, answer)
			}
		}
	})
}

// Takes replays testdata/valid: each is taken, and read back as it was written.
func (b *Bench) Takes(t *testing.T, atLeast int) {
	t.Helper()
	Replay(t, "valid", atLeast, func(t *testing.T, content []byte) {
		documents := Documents(content)
		if answer := b.Judge(documents); answer != "" {
			t.Errorf("the manifest is refused: %s", answer)
		}
		for _, document := range documents {
			b.ReadBack(t, document)
		}
	})
}
