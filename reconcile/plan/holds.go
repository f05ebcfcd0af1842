package plan

import (
	"maps"
	"slices"
	"time"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

const (
	// firstHold and lastHold bound the time until a failed action is tried again,
	// whatever else happens meanwhile.
	firstHold, lastHold = time.Second, 2 * time.Minute
	// busyWait is the time until what AWS was busy for is tried again.
	busyWait = 5 * time.Second
	// lastWait bounds it for what is only waited for, lastDenied for what there is no right to: somebody gives
	// it, and then looks whether that helped.
	lastWait, lastDenied = 30 * time.Second, time.Minute
)

// Holds keep what failed from being tried again at once. The zero Holds hold
// nothing. Losing them costs calls and time, never correctness.
type Holds struct {
	// generation is the object's when it failed: another spec is another try.
	generation int64
	held       map[string]hold
	// done are the actions that AWS carried out, repeated those of the latest plan
	// that wait because of it.
	done     map[fingerprint]repeat
	repeated []hold
}

type hold struct {
	failures int
	until    time.Time
	area     string
	message  string
}

// Renew lets everything be tried that failed for an older generation.
func (h *Holds) Renew(generation int64) {
	if h.generation != generation {
		h.generation, h.held = generation, nil
	}
}

// Fail holds what is named by the key, longer each time.
func (h *Holds) Fail(key, area, message string, now time.Time) {
	h.fail(key, area, message, now, lastHold)
}

// Wait holds what AWS refuses only until something else has ended, which is looked at
// more often.
func (h *Holds) Wait(key, area, message string, now time.Time) {
	h.fail(key, area, message, now, lastWait)
}

// Took draws the usual consequence of a result: what failed is held, what AWS was busy
// for waits without having failed, and what was done is noted.
func (h *Holds) Took(r Result, now time.Time) {
	switch {
	case r.Outcome == Busy:
		h.Until(r.Action.Key, r.Action.Area, now.Add(busyWait))
	case r.Outcome == Failed && r.Err.Class == cloud.Unauthorized:
		h.fail(r.Action.Key, r.Action.Area, r.Err.Message, now, lastDenied)
	case r.Outcome == Failed, r.Outcome == Existed && r.Action.Verb != Delete:
		h.Fail(r.Action.Key, r.Action.Area, r.Err.Message, now)
	default:
		h.Did(r.Action, now)
	}
}

func (h *Holds) fail(key, area, message string, now time.Time, last time.Duration) {
	if h.held == nil {
		h.held = map[string]hold{}
	}
	failures := h.held[key].failures
	h.held[key] = hold{failures: failures + 1, until: now.Add(min(firstHold<<min(failures, 10), last)), area: area, message: message}
}

// Until holds what didn't fail, and is to be done once more later.
func (h *Holds) Until(key, area string, until time.Time) {
	if h.held == nil {
		h.held = map[string]hold{}
	}
	h.held[key] = hold{until: until, area: area}
}

// Release forgets a failure.
func (h *Holds) Release(key string) { delete(h.held, key) }

// ReleaseExcept forgets the failures of what isn't to be done any more.
func (h *Holds) ReleaseExcept(keep func(key string) bool) {
	for key := range h.held {
		if !keep(key) {
			delete(h.held, key)
		}
	}
}

// Held tells whether it isn't to be tried again yet.
func (h *Holds) Held(key string, now time.Time) bool {
	x, ok := h.held[key]
	return ok && now.Before(x.until)
}

// Left returns how long it isn't to be tried yet.
func (h *Holds) Left(key string, now time.Time) time.Duration {
	return max(h.held[key].until.Sub(now), 0)
}

// Next returns when the first may be tried again; zero when nothing is held.
func (h *Holds) Next() time.Time {
	var first time.Time
	for _, x := range h.all() {
		if first.IsZero() || x.until.Before(first) {
			first = x.until
		}
	}
	return first
}

// all returns what is held for any reason.
func (h *Holds) all() []hold { return slices.AppendSeq(slices.Clone(h.repeated), maps.Values(h.held)) }

// Failures returns what failed, by area, each area's in order.
func (h *Holds) Failures() map[string][]string {
	all := map[string][]string{}
	for _, x := range h.all() {
		if x.message != "" && !slices.Contains(all[x.area], x.message) {
			all[x.area] = append(all[x.area], x.message)
		}
	}
	for _, messages := range all {
		slices.Sort(messages)
	}
	return all
}
