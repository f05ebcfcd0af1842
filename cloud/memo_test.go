package cloud

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"
)

var memoScope = Scope{Account: "111122223333", Region: "us-east-1"}

func newTestMemo(now *clocktesting.FakeClock) *Memo[int64] {
	return NewMemo[int64](now, MemoTimes{Answer: time.Hour, Failure: 10 * time.Second, Timeout: time.Minute})
}

func TestAnyNumberOfAskersCostOneCall(t *testing.T) {
	now := clocktesting.NewFakeClock(time.Now())
	m := newTestMemo(now)
	var calls atomic.Int64
	ask := func(context.Context) (int64, error) { return calls.Add(1), nil }
	get := func(want int64, younger time.Duration) {
		t.Helper()
		if got, err := m.GetYounger(t.Context(), memoScope, "q", younger, ask); got != want || err != nil {
			t.Errorf("got %d, %v, want %d", got, err, want)
		}
	}
	var group sync.WaitGroup
	for range 100 {
		group.Go(func() { _, _ = m.Get(t.Context(), memoScope, "q", ask) })
	}
	group.Wait()
	get(1, time.Hour)
	now.Step(30 * time.Minute)
	get(1, time.Hour)
	get(2, time.Minute)
	now.Step(2 * time.Hour)
	get(3, 3*time.Hour) // no longer than it is kept
	if _, err := m.Get(t.Context(), Scope{Account: "444455556666"}, "q", ask); err != nil || calls.Load() != 4 {
		t.Errorf("another account cost %d calls, %v", calls.Load(), err)
	}
}

func TestAFailureIsAnsweredFromMemoryForAWhile(t *testing.T) {
	now := clocktesting.NewFakeClock(time.Now())
	m := newTestMemo(now)
	calls, broken := int64(0), errors.New("denied")
	ask := func(context.Context) (int64, error) {
		if calls++; calls == 1 {
			return 0, broken
		}
		return calls, nil
	}
	for range 10 {
		if _, err := m.GetYounger(t.Context(), memoScope, "q", 0, ask); !errors.Is(err, broken) {
			t.Fatalf("got %v", err)
		}
	}
	now.Step(11 * time.Second)
	if got, err := m.Get(t.Context(), memoScope, "q", ask); got != 2 || err != nil {
		t.Errorf("afterwards: %d, %v", got, err)
	}
}

func TestWhoeverLeavesDoesNotEndTheCall(t *testing.T) {
	m := newTestMemo(clocktesting.NewFakeClock(time.Now()))
	release, done := make(chan struct{}), make(chan struct{})
	ask := func(ctx context.Context) (int64, error) {
		<-release
		defer close(done)
		return 7, ctx.Err()
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Get(ctx, memoScope, "q", ask); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(release)
	<-done
	never := func(context.Context) (int64, error) { return 0, errors.New("asked again") }
	if got, err := m.Get(t.Context(), memoScope, "q", never); got != 7 || err != nil {
		t.Errorf("got %d, %v", got, err)
	}
}
