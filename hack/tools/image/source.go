package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// source is what is built: a state of the repository.
type source struct {
	repo, version, commit string
	// clean tells that the repository holds nothing but the commit.
	clean bool
	// date is the commit's, so that the same source gives the same image.
	date time.Time
}

func newSource(ctx context.Context, repo, version string) (*source, error) {
	if !strings.HasPrefix(version, "v") || strings.Count(version, ".") < 2 {
		return nil, fmt.Errorf("--version=%s is no version; write it like v0.1.0", version)
	}
	s := &source{repo: repo, version: version}
	commit, err := s.output(ctx, "git", "log", "-1", "--format=%H %ct")
	if err != nil {
		return nil, err
	}
	hash, seconds, _ := strings.Cut(commit, " ")
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("the commit's date %q: %w", seconds, err)
	}
	changes, err := s.output(ctx, "git", "status", "--porcelain")
	if err != nil {
		return nil, err
	}
	s.commit, s.date, s.clean = hash, time.Unix(unix, 0).UTC(), changes == ""
	return s, nil
}

func (s *source) output(ctx context.Context, command string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, command, args...)
	cmd.Dir = s.repo
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", command, strings.Join(args, " "), err, &problems)
	}
	return strings.TrimSpace(string(out)), nil
}

// compile builds a command for a platform into a file.
func (s *source) compile(ctx context.Context, pkg string, platform v1.Platform, output string) error {
	absolute, err := filepath.Abs(output)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags="+s.flags(), "-o", absolute, pkg)
	cmd.Dir = s.repo
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOOS="+platform.OS, "GOARCH="+platform.Architecture)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", pkg, err, out)
	}
	return nil
}

// flags stamp the version in, which the command, /version and the User-Agent show.
func (s *source) flags() string {
	state := "dirty"
	if s.clean {
		state = "clean"
	}
	parts := strings.SplitN(strings.TrimPrefix(s.version, "v"), ".", 3)
	const pkg = "k8s.io/component-base/version."
	flags := []string{"-s", "-w"}
	for _, stamp := range [][2]string{
		{"gitVersion", s.version}, {"gitMajor", parts[0]}, {"gitMinor", parts[1]}, {"gitCommit", s.commit}, {"gitTreeState", state}, {"buildDate", s.date.Format(time.RFC3339)},
	} {
		flags = append(flags, "-X", pkg+stamp[0]+"="+stamp[1])
	}
	return strings.Join(flags, " ")
}
