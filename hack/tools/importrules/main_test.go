package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writeModule lays out a module in which registry/store imports cloud.
func writeModule(t *testing.T, rules string) (rulesFile, dir string) {
	t.Helper()
	dir = t.TempDir()
	files := map[string]string{
		"go.mod":                  "module example.org/product\n\ngo 1.26.0\n",
		"cloud/cloud.go":          "package cloud\n\n// Up says that AWS answers.\nconst Up = true\n",
		"registry/store/store.go": "package store\n\nimport \"example.org/product/cloud\"\n\n// Live mirrors Up.\nconst Live = cloud.Up\n",
		"rules.yaml":              rules,
	}
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "rules.yaml"), dir
}

func TestARealModuleIsHeldToItsRules(t *testing.T) {
	const cloud = "rules:\n- {packages: cloud/..., why: leaf}\n"
	rulesFile, dir := writeModule(t, cloud+"- {packages: registry/..., may: [cloud], why: storage}\n")
	if err := run(rulesFile, dir); err != nil {
		t.Errorf("an allowed import is refused: %v", err)
	}
	rulesFile, dir = writeModule(t, cloud+"- {packages: registry/..., why: storage}\n")
	err := run(rulesFile, dir)
	if err == nil || !strings.Contains(err.Error(), "1 import(s) break") {
		t.Errorf("got error %v, want one breach", err)
	}
}

func TestAModuleThatDoesNotLoadIsNotPassed(t *testing.T) {
	rulesFile, dir := writeModule(t, "rules:\n- {packages: ./..., why: all}\n")
	if err := os.Remove(filepath.Join(dir, "cloud/cloud.go")); err != nil {
		t.Fatal(err)
	}
	if err := run(rulesFile, dir); err == nil || !strings.Contains(err.Error(), "example.org/product/cloud") {
		t.Errorf("got error %v, want one that names the missing package", err)
	}
}
