package cloud

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
	"k8s.io/utils/clock"
)

// Memo remembers AWS's answers to the questions of each identity in an account and
// region, so that any number of askers costs one call. What one identity was told, or
// was refused, says nothing to another. Make it with NewMemo.
type Memo[T any] struct {
	clock clock.PassiveClock
	times MemoTimes

	flights singleflight.Group
	mu      sync.Mutex
	known   map[string]memoized[T]
}

// MemoTimes are how long answers are good.
type MemoTimes struct {
	// Answer is how long an answer is kept, Failure how long an error.
	Answer, Failure time.Duration
	// Timeout bounds one call.
	Timeout time.Duration
}

type memoized[T any] struct {
	value T
	err   error
	at    time.Time
	until time.Time
}

// Asker is as whom AWS is asked, and where.
type Asker struct {
	Scope    Scope
	Identity string
}

// Asker is the session as an asker.
func (s *Session) Asker() Asker { return Asker{s.Scope, s.Identity} }

// NewMemo gives a memo that knows nothing. The clock is the real one if nil.
func NewMemo[T any](c clock.PassiveClock, times MemoTimes) *Memo[T] {
	if c == nil {
		c = clock.RealClock{}
	}
	return &Memo[T]{clock: c, times: times, known: map[string]memoized[T]{}}
}

// Get returns the answer to an asker's question, asking if it isn't known. Askers of the same
// question at the same time share one call. The error is ask's, or ctx's: then the
// call goes on, for those who come later.
func (m *Memo[T]) Get(ctx context.Context, asker Asker, question string, ask func(ctx context.Context) (T, error)) (T, error) {
	return m.GetYounger(ctx, asker, question, m.times.Answer, ask)
}

// GetYounger is Get for an answer that is no older than the age. An error is kept as
// long as ever, so that a missing thing isn't asked for at each look.
func (m *Memo[T]) GetYounger(ctx context.Context, asker Asker, question string, age time.Duration, ask func(ctx context.Context) (T, error)) (T, error) {
	key := asker.Scope.String() + "\x00" + asker.Identity + "\x00" + question
	if k, ok := m.recall(key, age); ok {
		return k.value, k.err
	}
	done := m.flights.DoChan(key, func() (any, error) {
		if k, ok := m.recall(key, age); ok { // a call ended since
			return k.value, k.err
		}
		if err := allowed(ctx); err != nil {
			var none T
			return none, err
		}
		// It is asked for everybody who waits, so nobody's context ends it.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), m.times.Timeout)
		defer cancel()
		value, err := ask(ctx)
		m.remember(key, value, err)
		return value, err
	})
	select {
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	case result := <-done:
		return result.Val.(T), result.Err
	}
}

// recall returns what is known and young enough.
func (m *Memo[T]) recall(key string, age time.Duration) (memoized[T], bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, ok := m.known[key]
	now := m.clock.Now()
	return k, ok && now.Before(k.until) && (k.err != nil || now.Sub(k.at) <= age)
}

type allowanceKey struct{}

// WithAllowance has each question that would cost a call ask first whether it may. What
// is refused isn't remembered; it fails with the error.
func WithAllowance(ctx context.Context, allow func() error) context.Context {
	return context.WithValue(ctx, allowanceKey{}, allow)
}

func allowed(ctx context.Context) error {
	if allow, ok := ctx.Value(allowanceKey{}).(func() error); ok {
		return allow()
	}
	return nil
}

func (m *Memo[T]) remember(key string, value T, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.clock.Now()
	for k, old := range m.known {
		if !now.Before(old.until) {
			delete(m.known, k)
		}
	}
	keep := m.times.Answer
	if err != nil {
		keep = m.times.Failure
	}
	m.known[key] = memoized[T]{value, err, now, now.Add(keep)}
}
