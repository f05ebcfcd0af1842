package devcluster

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// step is one part of bringing a cluster up.
type step struct {
	name string
	// after are steps that must have succeeded first. Names that are not among the steps don't count.
	after []string
	// run does it and says in a few words how it went.
	run func(ctx context.Context) (string, error)
}

// runSteps runs every step as soon as those before it are done, prints a line with the time each took, and ends at the
// first failure.
func runSteps(ctx context.Context, out *printer, steps []step) error {
	done := map[string]chan struct{}{}
	for _, s := range steps {
		done[s.name] = make(chan struct{})
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, s := range steps {
		group.Go(func() error {
			for _, name := range s.after {
				if done[name] == nil {
					continue
				}
				select {
				case <-done[name]:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			begin := time.Now()
			how, err := s.run(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			out.line("  %-32s %5.1fs  %s", s.name, time.Since(begin).Seconds(), how)
			close(done[s.name])
			return nil
		})
	}
	return group.Wait()
}

// printer writes whole lines from many goroutines.
type printer struct {
	mu  sync.Mutex
	out io.Writer
}

func (p *printer) line(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.out, format+"\n", args...)
}

// Write lets other packages print their own lines.
func (p *printer) Write(chunk []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(chunk)
}
