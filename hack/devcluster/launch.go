package devcluster

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/controlplane"
	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/process"
)

// startTimeout is generous: a loaded two-core machine takes about 20 s for the slowest process.
const startTimeout = 2 * time.Minute

// launch is one run of "up".
type launch struct {
	Options
	layout   layout
	state    *state
	out      *printer
	chosen   map[string]bool
	certs    *controlplane.Certificates
	started  atomic.Int32
	clusters readyClusters
}

// program is a process to have running, and how to see that it is ready.
type program struct {
	name  string
	args  []string
	env   []string
	ready func(context.Context) error
	// where is shown to the user: an address.
	where string
	// binary is which one it runs, if not that of its name; debugger is the command line before that, if it is debugged.
	binary   string
	debugger []string
}

// command is what is run: the binary, or the debugger with it.
func (l *launch) command(p program) (binary string, command []string) {
	binary = l.layout.binary(cmp.Or(p.binary, p.name))
	if len(p.debugger) == 0 {
		return binary, append([]string{binary}, p.args...)
	}
	return binary, slices.Concat(p.debugger, []string{binary, "--"}, p.args)
}

// ensure has the program running and ready: it leaves one alone that already is, restarts one whose binary or
// arguments changed, and starts one that is missing.
func (l *launch) ensure(ctx context.Context, p program) (string, error) {
	binary, command := l.command(p)
	mark, err := fingerprint(binary, command[1:], p.env)
	if err != nil {
		return "", err
	}
	how := "started"
	if old, known := l.state.find(p.name); known && old.Alive() {
		if old.Fingerprint == mark {
			return l.await(ctx, p, process.Adopt(p.name, old.Log, old.Identity), "already running")
		}
		if err := process.Stop(ctx, old.Identity, graceOf(p.name)); err != nil {
			return "", err
		}
		how = "restarted: its binary or arguments changed"
	} else if known {
		how = "restarted: it had died"
	}
	handle, err := process.Start(process.Spec{Name: p.name, Command: command[0], Args: command[1:], Env: p.env, Log: l.layout.log(p.name)})
	if err != nil {
		return "", err
	}
	l.started.Add(1)
	err = l.state.put(record{
		Name: p.name, Identity: handle.Identity, Fingerprint: mark, Command: command,
		Log: handle.Log, Started: time.Now().UTC(),
	})
	if err != nil {
		return "", err
	}
	return l.await(ctx, p, handle, how)
}

func (l *launch) await(ctx context.Context, p program, handle *process.Handle, how string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	err := handle.WaitReady(ctx, p.ready, func(waited time.Duration, last error) {
		l.out.line("  %-32s waiting for %s: %s", p.name, waited.Round(time.Second), firstLine(last))
	})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s, pid %d, %s", how, handle.PID, p.where), nil
}

// running says whether the program is there as it should be.
func (l *launch) running(p program) bool {
	binary, command := l.command(p)
	mark, err := fingerprint(binary, command[1:], p.env)
	if err != nil {
		return false
	}
	old, known := l.state.find(p.name)
	return known && old.Fingerprint == mark && old.Alive()
}

// fingerprint changes when the binary, its arguments or its environment do. Of the binary the first bytes and the size
// are read: they hold Go's build id, which is a digest of the whole.
func fingerprint(binary string, args, env []string) (string, error) {
	const head = 64 << 10
	file, err := os.Open(binary)
	if err != nil {
		return "", fmt.Errorf("%w; run \"devcluster build\" first", err)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	if _, err := io.CopyN(hash, file, head); err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read %s: %w", binary, err)
	}
	fmt.Fprintf(hash, "%d\x00%s\x00%s", info.Size(), strings.Join(args, "\x00"), strings.Join(env, "\x00"))
	return hex.EncodeToString(hash.Sum(nil)), nil
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
