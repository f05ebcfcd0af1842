package awsmachine

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

const (
	// firstHold and lastHold bound the time until a failed action is tried again,
	// whatever else happens meanwhile.
	firstHold, lastHold = time.Second, 2 * time.Minute
)

// memory is what this process knows of an object beyond what the object says.
// Losing it costs calls and time, never correctness.
type memory struct {
	// stored are the digests of bootstrap data that was stored, storedAt when.
	stored   map[string]string
	storedAt map[string]time.Time
	// removed are the keys of bootstrap data that is certainly gone.
	removed map[string]bool
	// lost is the reason that was told of an instance that is lost; "" while it isn't.
	lost string
	// tried is when a launch was last asked for.
	tried time.Time
	// held are the actions that failed, by key.
	held map[string]hold
	// generation is the object's when they failed: another spec is another try.
	generation int64
}

// hold keeps an action from being tried again at once.
type hold struct {
	failures int
	until    time.Time
	area     string
	message  string
}

// memories are the objects' by UID.
type memories struct {
	mu  sync.Mutex
	all map[types.UID]*memory
}

// of returns an object's memory. One object is reconciled once at a time, so that
// nobody else uses it.
func (m *memories) of(uid types.UID) *memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.all == nil {
		m.all = map[types.UID]*memory{}
	}
	if m.all[uid] == nil {
		m.all[uid] = &memory{stored: map[string]string{}, storedAt: map[string]time.Time{}, removed: map[string]bool{}, held: map[string]hold{}}
	}
	return m.all[uid]
}

func (m *memories) forget(uid types.UID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.all, uid)
}

// fail holds an action.
func (m *memory) fail(key, area, message string, now time.Time) {
	h := m.held[key]
	wait := min(firstHold<<min(h.failures, 10), lastHold)
	m.held[key] = hold{failures: h.failures + 1, until: now.Add(wait), area: area, message: message}
}

// next returns when the first of the held actions may be tried again; zero when
// none is held.
func (m *memory) next() time.Time {
	var first time.Time
	for _, h := range m.held {
		if first.IsZero() || h.until.Before(first) {
			first = h.until
		}
	}
	return first
}
