package main

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// repository is a small one with a server that says its version.
func repository(t *testing.T) string {
	t.Helper()
	repo := t.TempDir()
	for path, text := range map[string]string{
		"go.mod":                     "module example.com/product\n\ngo 1.26.0\n",
		"cmd/capa-apiserver/main.go": "package main\n\nfunc main() { println(\"served\") }\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(repo, path)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(repo, path), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-qm", "all"}} {
		cmd := exec.CommandContext(t.Context(), "git", args...)
		cmd.Dir = repo
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	return repo
}

func makeImage(t *testing.T, repo string, args ...string) (folder string) {
	t.Helper()
	folder = filepath.Join(t.TempDir(), "image")
	if err := run(t.Context(), append([]string{"--repo=" + repo, "--version=v1.2.3", "--out=" + folder}, args...)); err != nil {
		t.Fatal(err)
	}
	return folder
}

func TestTwoBuildsOfOneSourceHaveOneDigest(t *testing.T) {
	repo := repository(t)
	first, err := os.ReadFile(filepath.Join(makeImage(t, repo), "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	// Another place, as another machine has it.
	moved := filepath.Join(t.TempDir(), "elsewhere")
	if err := os.Rename(repo, moved); err != nil {
		t.Fatal(err)
	}
	second, err := os.ReadFile(filepath.Join(makeImage(t, moved), "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	if string(first) != string(second) {
		t.Errorf("the digests differ:\n%s\n%s", first, second)
	}
}

func TestImagesSayWhatTheyAre(t *testing.T) {
	folder := makeImage(t, repository(t))
	for _, architecture := range []string{"amd64", "arm64"} {
		image, err := imageFor(folder, v1.Platform{OS: "linux", Architecture: architecture})
		if err != nil {
			t.Fatal(err)
		}
		config, err := image.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if config.Architecture != architecture || config.Config.User != "65532:65532" || config.Config.Entrypoint[0] != entrypoint ||
			config.Config.Labels["org.opencontainers.image.version"] != "v1.2.3" || len(config.Config.Labels["org.opencontainers.image.revision"]) != 40 {
			t.Errorf("%s: %+v", architecture, config)
		}
		var bill spdxDocument
		raw, err := os.ReadFile(filepath.Join(folder, "sbom-"+architecture+".spdx.json"))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, &bill); err != nil {
			t.Fatal(err)
		}
		if bill.Packages[0].Name != "example.com/product" || bill.Packages[0].Version != "v1.2.3" || bill.Packages[1].Name != "stdlib" {
			t.Errorf("%s is made of %+v", architecture, bill.Packages)
		}
	}
}

func TestUnpackedImageHoldsAServerThatRunsAndWhomItTrusts(t *testing.T) {
	root := filepath.Join(t.TempDir(), "root")
	makeImage(t, repository(t), "--unpack="+root)
	if out, err := exec.CommandContext(t.Context(), filepath.Join(root, entrypoint)).CombinedOutput(); err != nil || string(out) != "served\n" {
		t.Errorf("the server: %v, %q", err, out)
	}
	for path, want := range map[string]os.FileMode{entrypoint: 0o755, "/tmp": os.ModeDir | os.ModeSticky | 0o777, "/var/lib/capa-apiserver": os.ModeDir | 0o700, "/etc/passwd": 0o644} {
		info, err := os.Stat(filepath.Join(root, path))
		if err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	if info, err := os.Stat(filepath.Join(root, "/var/lib/capa-apiserver")); err == nil && os.Geteuid() == 0 {
		if owner := info.Sys().(*syscall.Stat_t).Uid; owner != user {
			t.Errorf("the folder of the data is %d's", owner)
		}
	}
	roots, err := os.ReadFile(filepath.Join(root, "/etc/ssl/certs/ca-certificates.crt"))
	if err != nil {
		t.Fatal(err)
	}
	amazon := false
	for block, rest := pem.Decode(roots); block != nil; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		amazon = amazon || strings.Contains(certificate.Subject.CommonName, "Amazon Root CA")
	}
	if !amazon {
		t.Error("it doesn't trust AWS")
	}
}

func TestImagesArePushed(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(testWriter{t}, "", 0))))
	defer server.Close()
	reference := strings.TrimPrefix(server.URL, "http://") + "/capa-apiserver:v1.2.3"
	makeImage(t, repository(t), "--push="+reference)
	ref, err := name.ParseReference(reference)
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Index(ref)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil || len(manifest.Manifests) != 2 {
		t.Errorf("pushed %+v, %v", manifest, err)
	}
}

type testWriter struct{ t *testing.T }

// Write logs a line.
func (w testWriter) Write(line []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(line)))
	return len(line), nil
}

func TestMistakesOfTheCommandLineSayWhatToWrite(t *testing.T) {
	for args, want := range map[string]string{
		"--out=x":                  "--version=v0.1.0",
		"--version=v1.0.0":         "--out=_run/image",
		"--version=latest --out=x": "write it like v0.1.0",
		"--version=v1.0.0 --out=x --platforms=a/b/c/d": "--platforms",
	} {
		folder := t.TempDir()
		t.Chdir(folder)
		if err := run(t.Context(), append(strings.Fields(args), "--repo="+repository(t))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want it to say %q", args, err, want)
		}
	}
}
