package build

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const repo = "../../.."

func TestVersionsComeFromGoMod(t *testing.T) {
	cases := []struct {
		name, gomod string
		want        versions
		wantErr     bool
	}{
		{"in a block", "require (\n\tk8s.io/kubernetes v1.36.3 // indirect\n\tsigs.k8s.io/cluster-api v1.14.2\n\tsigs.k8s.io/cluster-api/api v1.0.0\n)", versions{"v1.36.3", "v1.14.2"}, false},
		{"on single lines", "require k8s.io/kubernetes v1.2.3\nrequire sigs.k8s.io/cluster-api v4.5.6\n", versions{"v1.2.3", "v4.5.6"}, false},
		{"a tool line is no version", "tool sigs.k8s.io/cluster-api/core\nrequire k8s.io/kubernetes v1.2.3\n", versions{}, true},
		{"nothing", "", versions{}, true},
	}
	for _, c := range cases {
		got, err := parseVersions(c.gomod)
		if (err != nil) != c.wantErr || (err == nil && got != c.want) {
			t.Errorf("%s: got %v, %v", c.name, got, err)
		}
	}
}

// Cluster API reads the minor version from /version and refuses to start against a server that has none.
func TestKubernetesIsStampedWithItsVersion(t *testing.T) {
	flags := kubernetesFlags(versions{kubernetes: "v1.36.3"})
	for _, want := range []string{
		"-X k8s.io/component-base/version.gitVersion=v1.36.3", "-X k8s.io/component-base/version.gitMajor=1",
		"-X k8s.io/component-base/version.gitMinor=36", "-X k8s.io/component-base/version.gitTreeState=clean",
	} {
		if !strings.Contains(flags, want) {
			t.Errorf("%q lacks %q", flags, want)
		}
	}
}

func TestPrebuiltBinariesAreUsedAndNeverOverwritten(t *testing.T) {
	assets, bin := t.TempDir(), t.TempDir()
	asset := filepath.Join(assets, Etcd)
	if err := os.WriteFile(asset, []byte("prebuilt"), 0o755); err != nil {
		t.Fatal(err)
	}
	run := func(assets string) string {
		var out bytes.Buffer
		if err := Run(t.Context(), Options{Repo: repo, Bin: bin, Assets: assets, Only: []string{Etcd}, Out: &out}); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	if out := run(assets); !strings.Contains(out, "[1/1] etcd ... linked from "+asset) {
		t.Errorf("first run: %s", out)
	}
	if out := run(assets); !strings.Contains(out, "1 of 1 up to date") {
		t.Errorf("second run: %s", out)
	}
	if target, err := os.Readlink(filepath.Join(bin, Etcd)); err != nil || target != asset {
		t.Errorf("linked to %q, %v", target, err)
	}
}

func TestFailedBuildShowsTheCompilersWords(t *testing.T) {
	module := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module broken\n", "main.go": "package main\n\nfunc main() { undefinedName() }\n"} {
		if err := os.WriteFile(filepath.Join(module, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tc, err := newToolchain(t.Context(), repo)
	if err != nil {
		t.Fatal(err)
	}
	err = tc.build(t.Context(), module, target{name: "broken", pkg: ".", ldflags: noFlags}, filepath.Join(module, "out"), progress{out: &bytes.Buffer{}})
	if err == nil || !strings.Contains(err.Error(), "undefinedName") {
		t.Fatalf("got %v", err)
	}
}

func TestABuildReplacesALinkInsteadOfItsTarget(t *testing.T) {
	module := t.TempDir()
	asset, output := filepath.Join(module, "asset"), filepath.Join(module, "out")
	for name, text := range map[string]string{"go.mod": "module fine\n", "main.go": "package main\n\nfunc main() {}\n", "asset": "prebuilt"} {
		if err := os.WriteFile(filepath.Join(module, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := relink(asset, output); err != nil {
		t.Fatal(err)
	}
	tc, err := newToolchain(t.Context(), repo)
	if err != nil {
		t.Fatal(err)
	}
	if err := tc.build(t.Context(), module, target{name: "fine", pkg: ".", ldflags: noFlags}, output, progress{out: &bytes.Buffer{}}); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(asset)
	if err != nil || string(raw) != "prebuilt" {
		t.Fatalf("the prebuilt binary now holds %d bytes, %v", len(raw), err)
	}
}

func TestStampChangesWithWhatTheBinaryIsMadeOf(t *testing.T) {
	tc := &toolchain{digest: "a", versions: versions{"v1.36.3", "v1.14.2"}}
	base := tc.stamp(tools[1])
	newSum, newVersion := *tc, *tc
	newSum.digest = "b"
	newVersion.versions.kubernetes = "v1.36.4"
	for name, other := range map[string]string{"go.sum": newSum.stamp(tools[1]), "version": newVersion.stamp(tools[1]), "package": tc.stamp(tools[2])} {
		if other == base {
			t.Errorf("the stamp doesn't change with the %s", name)
		}
	}
}
