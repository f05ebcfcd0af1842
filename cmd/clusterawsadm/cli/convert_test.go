package cli

import (
	"os"
	"os/exec"
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
		content := oldLine
		if name == "e.json" {
			content = files[name]
		}
		written(t, folder, name, content)
	}
	if _, stderr, err := run("", "convert", "--check", folder); err == nil || !strings.Contains(err.Error(), "2 of these would change") || !strings.Contains(stderr, "a.yaml: line 1: AWSManagedControlPlane is controlplane") {
		t.Errorf("the check says %v, %s", err, stderr)
	}
	runs(t, "convert", folder)
	for name, want := range files {
		holds(t, filepath.Join(folder, name), want)
	}
	runs(t, "convert", "--check", folder)
	if stdout, _, err := run(oldLine, "convert", "-"); err != nil || stdout != newLine {
		t.Errorf("it writes %q, %v", stdout, err)
	}
	if stdout, _, err := run(newLine, "convert", "--to", "v1beta2", "-"); err != nil || stdout != oldLine {
		t.Errorf("back it writes %q, %v", stdout, err)
	}
	written(t, folder, "broken.yaml", "a: [\n")
	for says, args := range map[string][]string{"broken.yaml: ": {folder}, "no such file": {filepath.Join(folder, "none")}, "write v2beta1 or v1beta2": {"--to", "v3", "-"}, "requires at least 1 arg": {}} {
		if _, _, err := run("", append([]string{"convert"}, args...)...); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("it says %v, want %q", err, says)
		}
	}
}

// A process that may write to no file is what a full disk or a crash leaves of one: the write fails, or kills it.
func TestAFileSurvivesAWriteThatFails(t *testing.T) {
	const variable = "CONVERT_THIS_FILE"
	if path := os.Getenv(variable); path != "" {
		_, _, err := run("", "convert", path)
		t.Fatal(err)
	}
	path := written(t, t.TempDir(), "a.yaml", oldLine)
	child := exec.Command("sh", "-c", `ulimit -f 0 && exec "$0" -test.run "^$1$"`, os.Args[0], t.Name())
	child.Env = append(os.Environ(), variable+"="+path)
	if out, err := child.CombinedOutput(); err == nil || !strings.Contains(string(out), t.Name()) {
		t.Fatalf("it could write: %v\n%s", err, out)
	}
	holds(t, path, oldLine)
}

func TestLinksStayAndLeadToWhatIsRewritten(t *testing.T) {
	folder, elsewhere := t.TempDir(), t.TempDir()
	file, below := written(t, elsewhere, "a.txt", oldLine), written(t, elsewhere, "below/b.yaml", oldLine)
	linked(t, file, filepath.Join(folder, "a.yaml"))
	linked(t, filepath.Dir(below), filepath.Join(folder, "there"))
	linked(t, folder, filepath.Join(folder, ".hidden"))
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	_, stderr := runs(t, "convert", folder)
	if !strings.Contains(stderr, filepath.Join(folder, "there")+": the folder that this links to isn't looked into; name it too: clusterawsadm convert ") || strings.Contains(stderr, "hidden") {
		t.Errorf("it says %s", stderr)
	}
	holds(t, file, newLine)
	holds(t, below, oldLine)
	if after, err := os.Stat(file); err != nil || !os.SameFile(before, after) || after.Mode() != before.Mode() {
		t.Errorf("the file is another: %v, %v", after, err)
	}
	if link, err := os.Lstat(filepath.Join(folder, "a.yaml")); err != nil || link.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is %v, %v", link, err)
	}
	runs(t, "convert", filepath.Join(folder, "there"))
	holds(t, below, newLine)
}

// written is the path of a file that it writes.
func written(t *testing.T, folder, name, content string) string {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func linked(t *testing.T, to, at string) {
	t.Helper()
	if err := os.Symlink(to, at); err != nil {
		t.Fatal(err)
	}
}

func holds(t *testing.T, path, want string) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("%s is %q, %v", path, got, err)
	}
}
