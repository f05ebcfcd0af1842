package build

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// toolchain is the go command together with the versions that hack/go.mod selects.
type toolchain struct {
	hack     string
	versions versions
	// digest covers hack/go.mod, hack/go.sum and the version of Go.
	digest string
}

func newToolchain(ctx context.Context, repo string) (*toolchain, error) {
	tc := &toolchain{hack: filepath.Join(repo, "hack")}
	hash := sha256.New()
	for _, name := range []string{"go.mod", "go.sum"} {
		raw, err := os.ReadFile(filepath.Join(tc.hack, name))
		if err != nil {
			return nil, fmt.Errorf("the repository's hack module: %w", err)
		}
		hash.Write(raw)
		if name == "go.mod" {
			if tc.versions, err = parseVersions(string(raw)); err != nil {
				return nil, err
			}
		}
	}
	goVersion, err := tc.output(ctx, "env", "GOVERSION", "GOOS", "GOARCH")
	if err != nil {
		return nil, err
	}
	hash.Write(goVersion)
	tc.digest = hex.EncodeToString(hash.Sum(nil))
	return tc, nil
}

// parseVersions finds the versions to stamp in a go.mod.
func parseVersions(gomod string) (versions, error) {
	var v versions
	for _, line := range strings.Split(gomod, "\n") {
		fields := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require "))
		if len(fields) < 2 || !strings.HasPrefix(fields[1], "v") {
			continue
		}
		switch fields[0] {
		case "k8s.io/kubernetes":
			v.kubernetes = fields[1]
		case "sigs.k8s.io/cluster-api":
			v.clusterAPI = fields[1]
		}
	}
	if v.kubernetes == "" || v.clusterAPI == "" {
		return v, fmt.Errorf("hack/go.mod requires no k8s.io/kubernetes or no sigs.k8s.io/cluster-api: restore both lines")
	}
	return v, nil
}

// stamp is what a target's binary was made from.
func (tc *toolchain) stamp(t target) string {
	return fmt.Sprintf("%s %s %s", tc.digest, t.pkg, t.ldflags(tc.versions))
}

// build compiles a target in the module at dir. Everything is linked statically.
func (tc *toolchain) build(ctx context.Context, dir string, t target, output string, p progress) error {
	// The go command writes through a link: without this it would overwrite the prebuilt binary that a link stood for.
	if info, err := os.Lstat(output); err == nil && info.Mode()&os.ModeSymlink != 0 {
		if err := os.Remove(output); err != nil {
			return fmt.Errorf("replace the link %s: %w", output, err)
		}
	}
	args := []string{"build", "-C", dir, "-v", "-o", output}
	if flags := t.ldflags(tc.versions); flags != "" {
		args = append(args, "-ldflags", flags)
	}
	if t.gcflags != "" {
		args = append(args, "-gcflags", t.gcflags)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, t.pkg)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	watched := &lineCounter{}
	cmd.Stdout, cmd.Stderr = watched, watched
	stop := p.every(15*time.Second, watched.describe)
	defer stop()
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", t.pkg, err, watched.tail(4096))
	}
	return nil
}

// moduleDir is where the sources of a module of go.mod are.
func (tc *toolchain) moduleDir(ctx context.Context, module string) (string, error) {
	raw, err := tc.output(ctx, "mod", "download", "-json", module)
	if err != nil {
		return "", err
	}
	var found struct{ Dir string }
	if err := json.Unmarshal(raw, &found); err != nil {
		return "", fmt.Errorf("read the answer of go mod download: %w", err)
	}
	return found.Dir, nil
}

func (tc *toolchain) output(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = tc.hack
	var failure bytes.Buffer
	cmd.Stderr = &failure
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, failure.String())
	}
	return out, nil
}

// progress prints what a long job is doing.
type progress struct {
	out    io.Writer
	prefix string
	begin  time.Time
}

// every prints a line each interval until the returned function is called.
func (p progress) every(interval time.Duration, describe func() string) (stop func()) {
	done := make(chan struct{})
	var finished sync.WaitGroup
	finished.Go(func() {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				fmt.Fprintf(p.out, "%s ... %s, %s\n", p.prefix, time.Since(p.begin).Round(time.Second), describe())
			}
		}
	})
	return func() { close(done); finished.Wait() }
}

// lineCounter keeps what the go command says; with -v that is one line for each package compiled.
type lineCounter struct {
	mu     sync.Mutex
	text   bytes.Buffer
	lines  int
	latest string
}

func (l *lineCounter) Write(chunk []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines += bytes.Count(chunk, []byte("\n"))
	if line := strings.TrimSpace(string(chunk)); line != "" {
		l.latest = line[strings.LastIndexByte(line, '\n')+1:]
	}
	return l.text.Write(chunk)
}

func (l *lineCounter) describe() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lines == 0 {
		return "linking or loading"
	}
	return fmt.Sprintf("%d packages compiled, last %s", l.lines, l.latest)
}

// tail is the end of the output, at most n bytes.
func (l *lineCounter) tail(n int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	raw := l.text.Bytes()
	return string(raw[max(0, len(raw)-n):])
}
