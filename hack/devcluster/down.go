package devcluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/build"
	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/process"
)

// graceOf is how long a process may take to end by itself. kube-apiserver waits a minute for open watches when it is
// asked to stop; its data goes with the cluster, so there is nothing to wait for.
func graceOf(name string) time.Duration {
	if name == build.KubeAPIServer {
		return 2 * time.Second
	}
	return 10 * time.Second
}

// Down stops exactly what Up started in dir, last first, and removes what the cluster kept there. Logs and binaries stay.
func Down(ctx context.Context, dir string, out io.Writer) error {
	files, err := newLayout(dir, "")
	if err != nil {
		return err
	}
	unlock, err := process.Lock(ctx, files.lock(), func() { fmt.Fprintf(out, "Waiting for another devcluster command in %s.\n", files.dir) })
	if err != nil {
		return err
	}
	defer unlock()
	state, err := loadState(files.state())
	if err != nil {
		return err
	}
	records := state.processes()
	if len(records) == 0 {
		fmt.Fprintf(out, "Nothing of %s is running.\n", files.dir)
		return files.clear()
	}
	slices.SortStableFunc(records, func(a, b record) int { return stopOrder(a.Name) - stopOrder(b.Name) })
	var failures []error
	for _, r := range records {
		begin, alive := time.Now(), r.Alive()
		if err := process.Stop(ctx, r.Identity, graceOf(r.Name)); err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", r.Name, err))
			continue
		}
		if err := state.drop(r.Name); err != nil {
			return err
		}
		how := fmt.Sprintf("stopped in %.1fs", time.Since(begin).Seconds())
		if !alive {
			how = "was not running any more"
		}
		fmt.Fprintf(out, "  %-32s %s\n", r.Name, how)
	}
	if err := errors.Join(failures...); err != nil {
		return err
	}
	return files.clear()
}

// stopOrder is the reverse of the order in which components start.
func stopOrder(name string) int {
	return -slices.IndexFunc(components, func(c component) bool { return c.name == name })
}
