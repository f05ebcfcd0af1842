package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	oldLine = "apiVersion: controlplane.cluster.x-k8s.io/v1beta2 # kept\nkind: AWSManagedControlPlane\n"
	newLine = "apiVersion: controlplane.cluster.x-k8s.io/v2beta1 # kept\nkind: AWSManagedControlPlane\n"
)

func TestFilesFoldersAndStandardInputAreConverted(t *testing.T) {
	folder := t.TempDir()
	files := map[string]string{"a.yaml": newLine, "below/b.yml": newLine, "below/c.txt": oldLine, ".git/d.yaml": oldLine, "e.json": `{"kind":"Pod","apiVersion":"v1"}`}
	for name := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		content := oldLine
		if name == "e.json" {
			content = files[name]
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, stderr, err := run("", "convert", "--check", folder); err == nil || !strings.Contains(err.Error(), "2 of these would change") || !strings.Contains(stderr, "a.yaml: line 1: AWSManagedControlPlane is controlplane") {
		t.Errorf("the check says %v, %s", err, stderr)
	}
	runs(t, "convert", folder)
	for name, want := range files {
		if got, err := os.ReadFile(filepath.Join(folder, name)); err != nil || string(got) != want {
			t.Errorf("%s is %q, %v", name, got, err)
		}
	}
	runs(t, "convert", "--check", folder)
	if stdout, _, err := run(oldLine, "convert", "-"); err != nil || stdout != newLine {
		t.Errorf("it writes %q, %v", stdout, err)
	}
	if stdout, _, err := run(newLine, "convert", "--to", "v1beta2", "-"); err != nil || stdout != oldLine {
		t.Errorf("back it writes %q, %v", stdout, err)
	}
	if err := os.WriteFile(filepath.Join(folder, "broken.yaml"), []byte("a: [\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for says, args := range map[string][]string{"broken.yaml: ": {folder}, "no such file": {filepath.Join(folder, "none")}, "write v2beta1 or v1beta2": {"--to", "v3", "-"}, "requires at least 1 arg": {}} {
		if _, _, err := run("", append([]string{"convert"}, args...)...); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("it says %v, want %q", err, says)
		}
	}
}
