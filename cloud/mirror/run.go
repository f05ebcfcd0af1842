package mirror

import (
	"context"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// busyDelays are the times between looks at rows that AWS is changing: the
// shortest transitions (addresses, security groups) end within seconds, a NAT
// gateway or a load balancer takes minutes, and a look more changes nothing.
var busyDelays = []time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 30 * time.Second}

// schedule is when a table is to be read next. A zero time means never.
type schedule struct {
	sweepAt time.Time
	// busyAt is the next look at busy rows, busyStep its place in busyDelays.
	busyAt   time.Time
	busyStep int
	// busyResets counts the changes that began the delays anew.
	busyResets int
	polling    bool
	// detailsAt is when missing details are due, detailRetryAt when they may be
	// tried again after a failure.
	detailsAt, detailRetryAt time.Time
	detailing                bool
	// turnAt is when the next row's details are read again; turn is the row that
	// had its turn.
	turnAt time.Time
	turn   string
	// hints wait for their look, which is due at hintAt.
	hints   map[string]*hinted
	hintAt  time.Time
	looking bool
}

// Run sweeps all scopes until ctx ends: each table at its period, busy rows more
// often, details in turn. It returns when its reads have ended.
func (m *Mirror) Run(ctx context.Context) {
	var jobs sync.WaitGroup
	defer jobs.Wait()
	for ctx.Err() == nil {
		next := m.startDue(ctx, &jobs)
		var timer clock.Timer
		var expired <-chan time.Time
		if !next.IsZero() {
			timer = m.clock.NewTimer(next.Sub(m.clock.Now()))
			expired = timer.C()
		}
		select {
		case <-ctx.Done():
		case <-m.wake:
		case <-expired:
		}
		if timer != nil {
			timer.Stop()
		}
	}
}

// startDue starts what is due, and returns when the next thing will be.
func (m *Mirror) startDue(ctx context.Context, jobs *sync.WaitGroup) time.Time {
	next := earlier(m.endPassing(), m.forgetScopes())
	m.scopesMu.RLock()
	scopes := slices.Collect(maps.Values(m.scopes))
	m.scopesMu.RUnlock()
	for _, ss := range scopes {
		ss.mu.Lock()
		for _, t := range ss.tables {
			next = earlier(next, m.startTable(ctx, ss, t, jobs))
		}
		ss.mu.Unlock()
	}
	return next
}

// startTable starts what is due in one table. The caller holds the lock. What is
// under way already wakes Run when it ends. A table that nobody wants is not read, and
// forgotten after a while.
func (m *Mirror) startTable(ctx context.Context, ss *scopeState, t *tableState, jobs *sync.WaitGroup) (next time.Time) {
	now := m.clock.Now()
	due := func(at time.Time, inProgress bool, start func()) {
		if at.IsZero() || inProgress {
			return
		}
		if now.Before(at) {
			next = earlier(next, at)
			return
		}
		start()
	}
	if t.wanted.all == 0 {
		due(t.forgetAt(m), false, func() { ss.forget(t) })
		return next
	}
	if t.table.byName() {
		return m.startNamed(ctx, ss, t, func(f *flight) { jobs.Go(func() { <-f.done }) })
	}
	due(t.sweepAt, t.flight != nil, func() {
		f := m.launch(ctx, ss, t)
		jobs.Go(func() { <-f.done })
	})
	due(t.busyAt, t.polling, func() {
		t.polling = true
		jobs.Go(func() { m.poll(ctx, ss, t) })
	})
	due(t.hintAt, t.looking, func() {
		t.looking, t.hintAt = true, time.Time{}
		jobs.Go(func() { m.look(ctx, ss, t) })
	})
	due(t.detailsAt, t.detailing || t.flight != nil, func() {
		jobs.Go(func() { m.readMissingDetails(ctx, ss, t, math.MaxInt) })
	})
	due(t.turnAt, t.detailing || t.flight != nil, func() {
		t.detailing = true
		t.turnAt = now.Add(m.options.Jitter(m.period(t)))
		next = earlier(next, t.turnAt)
		jobs.Go(func() { m.readDetailsInTurn(ctx, ss, t) })
	})
	return next
}

// poll looks once at the busy rows of a table, all in one call.
func (m *Mirror) poll(ctx context.Context, ss *scopeState, t *tableState) {
	ss.mu.Lock()
	ids := t.attended(func(_ string, do toDo) bool { return do.busy })
	resets := t.busyResets
	ss.mu.Unlock()
	if len(ids) > 0 {
		ctx, cancel := context.WithTimeout(ctx, m.options.ListTimeout)
		// A failure shows in the next sweep; until then there is the next look.
		_ = m.lookup(ctx, ss, t, ids)
		cancel()
	}
	ss.mu.Lock()
	t.polling = false
	if t.busyResets == resets && !t.busyAt.IsZero() { // nothing changed
		t.busyStep = min(t.busyStep+1, len(busyDelays)-1)
		t.busyAt = m.clock.Now().Add(busyDelays[t.busyStep])
	}
	ss.mu.Unlock()
	m.poke()
}

// plan sets, after an edit, when busy rows and missing details are due.
func (t *tableState) plan(e *edit) {
	busy, details, turn, held := false, time.Time{}, false, time.Time{}
	for id, do := range t.attention {
		if do.busy {
			busy, held = true, later(held, t.meta[id].heldUntil)
		}
		if do.undetailed {
			details = earlier(details, later(t.meta[id].detailAt, t.detailRetryAt, e.now))
		}
		turn = turn || do.detailed
	}
	t.detailsAt = details
	switch {
	case !turn:
		t.turnAt = time.Time{}
	case t.turnAt.IsZero():
		t.turnAt = e.now.Add(e.m.options.Jitter(e.m.period(t)))
	}
	switch {
	case !busy:
		t.busyAt, t.busyStep = time.Time{}, 0
	case t.busyAt.IsZero() || e.touchesBusy():
		t.busyStep = 0
		t.busyResets++
		// What a look shows while a write is held isn't believed: it would be wasted.
		t.busyAt = later(e.now.Add(busyDelays[0]), held)
	case e.complete: // the listing was a look
		t.busyAt = e.now.Add(busyDelays[t.busyStep])
	}
}

// touchesBusy tells that the edit changed a busy row, or made one busy.
func (e *edit) touchesBusy() bool {
	for _, c := range e.changes {
		if c.New != nil && e.t.table.busy(c.New) {
			return true
		}
	}
	return false
}

// scheduleSweep sets the next sweep after a listing that began at the moment.
// After failures it comes sooner, and later with each.
func (t *tableState) scheduleSweep(m *Mirror, began time.Time) {
	period := m.period(t)
	if t.failures > 0 {
		period = min(period, m.options.RetryAfter<<min(t.failures-1, 10))
	}
	t.sweepAt = began.Add(m.options.Jitter(period))
}

func (m *Mirror) period(t *tableState) time.Duration {
	if rest := m.options.Periods[t.table.kind()]; rest > 0 {
		return rest
	}
	if rest := t.table.rest(); rest > 0 {
		return rest
	}
	return m.options.Rest
}

// earlier returns the earlier of two times; zero stands for never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func later(times ...time.Time) time.Time {
	var latest time.Time
	for _, t := range times {
		if t.After(latest) {
			latest = t
		}
	}
	return latest
}
