package ninth

import (
	"bytes"
	"os"
	"testing"

	"k8s.io/kube-openapi/pkg/validation/spec"
)

// TestAKindTakesFewLines counts what a kind takes besides its group, without imports, comments and blank lines.
func TestAKindTakesFewLines(t *testing.T) {
	const most = 200
	lines := 0
	for _, file := range []string{"row.go", "view.go", "v2beta1/types.go", "v2beta1/conditions.go", "view_test.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, code, imports := bytes.Cut(text, []byte("\n)\n"))
		if !imports {
			t.Fatalf("%s imports nothing", file)
		}
		for line := range bytes.Lines(code) {
			if line = bytes.TrimSpace(line); len(line) > 0 && !bytes.HasPrefix(line, []byte("//")) {
				lines++
			}
		}
	}
	if t.Logf("%d lines", lines); lines >= most {
		t.Errorf("a kind takes %d lines, want fewer than %d", lines, most)
	}
}

func TestItsModelsReferToNothingThatIsMissing(t *testing.T) {
	all := models(spec.MustCreateRef)
	for name, model := range all {
		for _, needed := range model.Dependencies {
			if _, found := all[needed]; !found {
				t.Errorf("%s refers to %s, which is missing", name, needed)
			}
		}
	}
}
