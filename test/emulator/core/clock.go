package core

import (
	"sync"
	"time"
)

// Clock is the emulator's idea of time: transitions, token buckets, hiding, latency and session expiry all follow it.
type Clock interface {
	Now() time.Time
	// After delivers once d has passed on this clock.
	After(d time.Duration) <-chan time.Time
}

var (
	_ Clock = wallClock{}
	_ Clock = (*FakeClock)(nil)
)

type wallClock struct{}

func (wallClock) Now() time.Time                         { return time.Now() }
func (wallClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// FakeClock stands still until Advance moves it.
type FakeClock struct {
	mu      sync.Mutex
	now     time.Time
	waiters []fakeWaiter
}

type fakeWaiter struct {
	due  time.Time
	done chan time.Time
}

// NewFakeClock returns a clock that shows the given time.
func NewFakeClock(now time.Time) *FakeClock { return &FakeClock{now: now} }

// Now is the time the clock shows.
func (c *FakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// After delivers when Advance reaches d from now.
func (c *FakeClock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	done := make(chan time.Time, 1)
	if d <= 0 {
		done <- c.now
		return done
	}
	c.waiters = append(c.waiters, fakeWaiter{due: c.now.Add(d), done: done})
	return done
}

// Waiting is how many After calls have not been delivered yet.
func (c *FakeClock) Waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.waiters)
}

// Advance moves the clock and delivers what falls due.
func (c *FakeClock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	var left []fakeWaiter
	for _, waiter := range c.waiters {
		if waiter.due.After(c.now) {
			left = append(left, waiter)
			continue
		}
		waiter.done <- c.now
	}
	c.waiters = left
}
