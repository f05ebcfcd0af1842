package process

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// pollInterval is how often an ending process is looked at: short beside any grace period, and one file read each.
const pollInterval = 20 * time.Millisecond

// Spec is a program to run.
type Spec struct {
	Name    string
	Command string
	Args    []string
	// Env is added to the environment of the caller, from which AWS_* and KUBECONFIG are left out: a local cluster must
	// not act on whatever the caller's shell happens to point at.
	Env []string
	// Log is the file that receives standard output and error. It is appended to.
	Log string
}

// Handle is a started program, or one found again.
type Handle struct {
	Identity
	Name string
	Log  string
	// exited is closed once a program that this process started ended. It is nil for one that was found again.
	exited chan struct{}
}

// Start runs a program in a session of its own, so that it neither ends with the caller nor gets its terminal's signals.
func Start(spec Spec) (*Handle, error) {
	if err := os.MkdirAll(filepath.Dir(spec.Log), 0o755); err != nil {
		return nil, fmt.Errorf("make the log folder of %s: %w", spec.Name, err)
	}
	log, err := os.OpenFile(spec.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", spec.Name, err)
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(spec.Command, spec.Args...)
	cmd.Env = append(neutral(os.Environ()), spec.Env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", spec.Name, err)
	}
	identity, err := Identify(cmd.Process.Pid)
	if err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return nil, fmt.Errorf("%s was started but cannot be identified: %w", spec.Name, err)
	}
	handle := &Handle{Identity: identity, Name: spec.Name, Log: spec.Log, exited: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(handle.exited)
	}()
	return handle, nil
}

// neutral is an environment without the variables that name clusters or AWS accounts.
func neutral(environment []string) []string {
	var kept []string
	for _, variable := range environment {
		if !strings.HasPrefix(variable, "AWS_") && !strings.HasPrefix(variable, "KUBECONFIG=") {
			kept = append(kept, variable)
		}
	}
	return kept
}

// Adopt makes a handle for a program that an earlier command started.
func Adopt(name, log string, identity Identity) *Handle {
	return &Handle{Identity: identity, Name: name, Log: log}
}

// WaitReady calls probe until it succeeds, the program ends, or the context does. While it waits it calls slow, if
// set, every few seconds with the last failure. The error carries the last lines of the log.
func (h *Handle) WaitReady(ctx context.Context, probe func(context.Context) error, slow func(waited time.Duration, last error)) error {
	const interval, slowInterval = 50 * time.Millisecond, 5 * time.Second
	begin, nextSlow := time.Now(), slowInterval
	for {
		last := probe(ctx)
		if last == nil {
			return nil
		}
		if !h.Alive() {
			return h.failure(fmt.Sprintf("%s ended while it was starting", h.Name))
		}
		if waited := time.Since(begin); slow != nil && waited > nextSlow {
			slow(waited, last)
			nextSlow += slowInterval
		}
		select {
		case <-ctx.Done():
			return h.failure(fmt.Sprintf("%s was not ready after %s: %v", h.Name, time.Since(begin).Round(time.Second), last))
		case <-h.exited:
			return h.failure(fmt.Sprintf("%s ended while it was starting", h.Name))
		case <-time.After(interval):
		}
	}
}

// failure is what plus the end of the log.
func (h *Handle) failure(what string) error {
	const lines = 15
	tail := Tail(h.Log, lines)
	if len(tail) == 0 {
		return fmt.Errorf("%s; its log %s is empty", what, h.Log)
	}
	return fmt.Errorf("%s; the last lines of %s:\n    %s", what, h.Log, strings.Join(tail, "\n    "))
}

// Stop asks the process to end and, after the grace period, ends it. It returns once the process is gone, and at once
// if this process is no longer there, whoever may have its pid now.
func Stop(ctx context.Context, id Identity, grace time.Duration) error {
	for _, step := range []struct {
		signal syscall.Signal
		wait   time.Duration
	}{{syscall.SIGTERM, grace}, {syscall.SIGKILL, 10 * time.Second}} {
		alive, err := id.signal(step.signal)
		if err != nil || !alive {
			return err
		}
		if waitGone(ctx, id, step.wait) {
			return nil
		}
	}
	return fmt.Errorf("process %d is still there after SIGKILL", id.PID)
}

func waitGone(ctx context.Context, id Identity, limit time.Duration) bool {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	for id.Alive() {
		select {
		case <-ctx.Done():
			return !id.Alive()
		case <-deadline.C:
			return !id.Alive()
		case <-time.After(pollInterval):
		}
	}
	return true
}

// Tail returns the last n non-empty lines of a file, or nothing if it cannot be read.
func Tail(path string, n int) []string {
	const window = 64 << 10
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return nil
	}
	start := max(0, info.Size()-window)
	buffer := make([]byte, info.Size()-start)
	read, _ := file.ReadAt(buffer, start)
	var lines []string
	for _, line := range strings.Split(string(buffer[:read]), "\n") {
		if strings.TrimSpace(line) != "" {
			lines = append(lines, line)
		}
	}
	return lines[max(0, len(lines)-n):]
}
