package core

import "time"

// Wait is what an operation returns as its error to be run again: when Region.Wake is called, when something happens by itself, and at the
// latest at Until. Long polls are made of it.
type Wait struct{ Until time.Time }

func (w *Wait) Error() string { return "the operation waits until " + w.Until.String() }

// pause is the time until a waiting operation is run again.
type pause struct {
	woken <-chan struct{}
	pause time.Duration
}

func (w *world) pauseUntil(until time.Time) *pause {
	if len(w.events) > 0 && w.events[0].due.Before(until) {
		until = w.events[0].due
	}
	return &pause{woken: w.woken, pause: until.Sub(w.clock.Now())}
}

// Wake lets all waiting operations look again.
func (r *Region) Wake() { r.world.wake() }

func (w *world) wake() {
	close(w.woken)
	w.woken = make(chan struct{})
}
