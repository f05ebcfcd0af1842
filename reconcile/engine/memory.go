package engine

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// Memory is what a process knows of an object from one pass to the next. One object is
// reconciled once at a time, so that nobody else uses it.
type Memory struct {
	uid types.UID
	// Holds keep what failed, or was done a moment ago, from being done again at once.
	Holds plan.Holds
	// Tried is when a creation was last asked for.
	Tried time.Time
	// Deleting is when the object was first seen to be deleted. (Its own time is by
	// another clock, and in whole seconds.)
	Deleting time.Time
	// Own is the kind's.
	Own any
	// identity is what was last told of the identity's trouble.
	identity string
}

// memories are what is known of each object.
type memories[T Object] struct {
	mu  sync.Mutex
	all map[client.ObjectKey]*Memory
	// latest are the objects as last written here: the cache may be older.
	latest map[client.ObjectKey]T
}

// memory returns what is known of an object.
func (e *Engine[T]) memory(obj T) *Memory {
	s, key := &e.memories, client.ObjectKeyFromObject(obj)
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.all[key]
	if m == nil || m.uid != obj.GetUID() {
		m = &Memory{uid: obj.GetUID()}
		if e.kind.Remember != nil {
			m.Own = e.kind.Remember()
		}
		if s.all == nil {
			s.all = map[client.ObjectKey]*Memory{}
		}
		s.all[key] = m
	}
	if m.Deleting.IsZero() && !obj.GetDeletionTimestamp().IsZero() {
		m.Deleting = e.Clock.Now()
	}
	return m
}

// get returns the object as the cache has it, or as it was written here if that is
// newer: a journal that the cache doesn't show yet must not be overlooked.
func (e *Engine[T]) get(ctx context.Context, key client.ObjectKey) (T, error) {
	obj := e.kind.New()
	if err := e.Client.Get(ctx, key, obj); err != nil {
		return obj, err
	}
	s := &e.memories
	s.mu.Lock()
	defer s.mu.Unlock()
	if mine, ok := s.latest[key]; ok {
		if mine.GetUID() == obj.GetUID() && newer(mine.GetResourceVersion(), obj.GetResourceVersion()) {
			return mine.DeepCopyObject().(T), nil
		}
		delete(s.latest, key)
	}
	return obj, nil
}

// newer tells whether a resourceVersion comes after another one.
func newer(a, b string) bool { return len(a) > len(b) || len(a) == len(b) && a > b }

func (e *Engine[T]) remember(obj T) {
	s := &e.memories
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.latest == nil {
		s.latest = map[client.ObjectKey]T{}
	}
	s.latest[client.ObjectKeyFromObject(obj)] = obj.DeepCopyObject().(T)
}

// forget drops what is known of an object that is gone, or somebody else's.
func (e *Engine[T]) forget(key client.ObjectKey) {
	e.index.remove(key)
	s := &e.memories
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.all[key]; m != nil {
		e.Mirror.LetGo(string(m.uid))
	}
	delete(s.latest, key)
	delete(s.all, key)
}
