// Package perobject keeps what a process knows of objects beyond what they say.
package perobject

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
)

// Memories are what is known of each object. The zero Memories know nothing; losing
// them costs calls and time, never correctness.
type Memories[M any] struct {
	mu  sync.Mutex
	all map[types.UID]*M
}

// Of returns an object's memory. One object is reconciled once at a time, so that
// nobody else uses it.
func (m *Memories[M]) Of(uid types.UID) *M {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.all == nil {
		m.all = map[types.UID]*M{}
	}
	if m.all[uid] == nil {
		m.all[uid] = new(M)
	}
	return m.all[uid]
}

// Forget drops what is known of an object that is gone.
func (m *Memories[M]) Forget(uid types.UID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.all, uid)
}
