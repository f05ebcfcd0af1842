// Package events learns from AWS of what happens to instances: an EventBridge rule
// puts events into an SQS queue, one per account and region, and whoever receives
// them has the mirror look at the rows they name. An event is a hint. Where there
// are none, the mirror's sweeps find the same a little later.
package events

import (
	"context"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
)

const (
	// tick is how often it is looked which accounts and regions objects need.
	tick = time.Second
	// idle is how long a queue stays that nobody needs. AWS doesn't give a deleted
	// queue's name away for a minute, so that the next cluster would have to wait.
	idle = time.Minute
)

// Options are what a Watcher is made of.
type Options struct {
	// Mirror takes the hints, and has the sessions.
	Mirror *mirror.Mirror
	// Needed returns the accounts and regions that objects need.
	Needed func() []cloud.Scope
	// Notify takes announcements; the same one may come twice.
	Notify func(cloud.Scope, Notice)
	// Report takes the reason why events aren't received, once for each reason.
	Report func(cloud.Scope, cloud.Error)
	// Prefix begins the names of queues and rules.
	Prefix string
	// Installation tells this installation's queues from those of others.
	Installation string
	// Clock is the real one if nil.
	Clock clock.WithDelayedExecution
}

// Watcher receives the events of all accounts and regions that objects need. One
// process runs it: a message goes to one of its receivers only, and what the
// objects show as a result reaches watchers through every replica.
type Watcher struct {
	Options
	pollers map[cloud.Scope]*running
}

// running is a poller at work.
type running struct {
	stop  chan struct{}
	ended chan struct{}
	// unneeded is since when nobody needs it; zero while somebody does.
	unneeded time.Time
	stopping bool
}

// New makes a watcher that does nothing yet.
func New(o Options) *Watcher {
	registerMetrics()
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	return &Watcher{Options: o, pollers: map[cloud.Scope]*running{}}
}

// Run works until ctx ends. Queues stay: the next process goes on with them.
func (w *Watcher) Run(ctx context.Context) {
	var jobs sync.WaitGroup
	defer jobs.Wait()
	for ctx.Err() == nil {
		w.adjust(ctx, &jobs)
		timer := w.Clock.NewTimer(tick)
		select {
		case <-ctx.Done():
		case <-timer.C():
		}
		timer.Stop()
	}
}

// adjust starts the pollers that are needed and ends the others.
func (w *Watcher) adjust(ctx context.Context, jobs *sync.WaitGroup) {
	needed := map[cloud.Scope]bool{}
	for _, scope := range w.Needed() {
		needed[scope] = true
		if w.pollers[scope] == nil {
			w.start(ctx, scope, jobs)
		}
	}
	now := w.Clock.Now()
	for scope, r := range w.pollers {
		switch {
		case r.stopping:
			select {
			case <-r.ended:
				delete(w.pollers, scope)
			default:
			}
		case needed[scope]:
			r.unneeded = time.Time{}
		case r.unneeded.IsZero():
			r.unneeded = now
		case now.Sub(r.unneeded) >= idle:
			r.stopping = true
			close(r.stop)
		}
	}
}

func (w *Watcher) start(ctx context.Context, scope cloud.Scope, jobs *sync.WaitGroup) {
	r := &running{stop: make(chan struct{}), ended: make(chan struct{})}
	w.pollers[scope] = r
	p := &poller{Options: &w.Options, place: placeOf(scope, w.Prefix, w.Installation)}
	jobs.Go(func() {
		defer close(r.ended)
		p.run(ctx, r.stop)
	})
}
