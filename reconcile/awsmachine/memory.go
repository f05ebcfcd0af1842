package awsmachine

import (
	"time"

	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// memory is what this process knows of an object beyond what the object says.
// Losing it costs calls and time, never correctness.
type memory struct {
	// stored are the digests of bootstrap data that was stored, storedAt when.
	stored   map[string]string
	storedAt map[string]time.Time
	// proven are the keys of secrets that the object had before it was moved.
	proven map[string]bool
	// removed are the keys of bootstrap data that is certainly gone.
	removed map[string]bool
	// visible is when AWS must be showing what was stored, so that it is certain whether
	// it was removed.
	visible time.Time
	// lost is the reason that was told of an instance that is lost; "" while it isn't.
	lost string
	// tried is when a launch was last asked for.
	tried time.Time
	holds plan.Holds
}

// ready returns the memory with its maps made.
func (m *memory) ready() *memory {
	if m.stored == nil {
		m.stored, m.storedAt, m.removed, m.proven = map[string]string{}, map[string]time.Time{}, map[string]bool{}, map[string]bool{}
	}
	return m
}
