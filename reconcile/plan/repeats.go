package plan

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"
)

const (
	// firstRepeat and lastRepeat bound the time until an action that AWS carried out
	// is done once more, when it is planned again unchanged.
	firstRepeat, lastRepeat = time.Second, 10 * time.Minute
	// quiet is after what time an action that is planned again is a new one: sweeps
	// find out within a minute what others undo.
	quiet = 3 * time.Minute
	// fight is from how many times on something is told to be undone again and again.
	fight = 3
)

// repeat is what is known of an action that AWS carried out.
type repeat struct {
	times       int
	last, until time.Time
}

// over tells that so much time went by that doing it again is nothing special.
func (r repeat) over(now time.Time) bool { return now.Sub(r.last) > max(quiet, 4*r.until.Sub(r.last)) }

// fingerprint tells actions apart that do something else to the same resource.
type fingerprint [sha256.Size]byte

func fingerprintOf(a Action) fingerprint {
	input, _ := json.Marshal(a.Input) // what can't be told apart is taken for the same
	// A token makes one request of several; asked for anew, the same has another one.
	if fields := map[string]json.RawMessage{}; json.Unmarshal(input, &fields) == nil && len(fields["ClientToken"]) > 0 {
		delete(fields, "ClientToken")
		input, _ = json.Marshal(fields)
	}
	return sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s", a.Key, a.Operation, input))
}

// Did notes that AWS carried an action out. Planned again unchanged, because AWS
// doesn't show it or because somebody undid it, it waits longer each time.
func (h *Holds) Did(a Action, now time.Time) {
	h.Release(a.Key)
	for f, r := range h.done {
		if r.over(now) {
			delete(h.done, f)
		}
	}
	if h.done == nil {
		h.done = map[fingerprint]repeat{}
	}
	f := fingerprintOf(a)
	times := h.done[f].times
	h.done[f] = repeat{times: times + 1, last: now, until: now.Add(min(firstRepeat<<min(times, 10), lastRepeat))}
}

// Ready returns those of the actions that may be carried out now: that neither
// failed nor were done a moment ago.
func (h *Holds) Ready(actions []Action, now time.Time) []Action {
	var ready []Action
	h.repeated = nil
	for _, a := range actions {
		r := h.done[fingerprintOf(a)]
		if now.Before(r.until) {
			held := hold{until: r.until, area: a.Area}
			if r.times >= fight {
				held.message = fmt.Sprintf("AWS did it %d times (%s), and each time it was undone again, by %s; it is done again more and more rarely",
					r.times, a.Operation, cmp.Or(a.By, "something else that manages the same"))
			}
			h.repeated = append(h.repeated, held)
			continue
		}
		if !h.Held(a.Key, now) {
			ready = append(ready, a)
		}
	}
	return ready
}
