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

var asking = Asker{Scope{Account: "111122223333", Region: "us-east-1"}, "controller"}

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
		if got, err := m.GetYounger(t.Context(), asking, "q", younger, ask); got != want || err != nil {
			t.Errorf("got %d, %v, want %d", got, err, want)
		}
	}
	var group sync.WaitGroup
	for range 100 {
		group.Go(func() { _, _ = m.Get(t.Context(), asking, "q", ask) })
	}
	group.Wait()
	get(1, time.Hour)
	now.Step(30 * time.Minute)
	get(1, time.Hour)
	get(2, time.Minute)
	now.Step(2 * time.Hour)
	get(3, 3*time.Hour) // no longer than it is kept
	if _, err := m.Get(t.Context(), Asker{Scope: Scope{Account: "444455556666"}}, "q", ask); err != nil || calls.Load() != 4 {
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
		if _, err := m.GetYounger(t.Context(), asking, "q", 0, ask); !errors.Is(err, broken) {
			t.Fatalf("got %v", err)
		}
	}
	now.Step(11 * time.Second)
	if got, err := m.Get(t.Context(), asking, "q", ask); got != 2 || err != nil {
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
	if _, err := m.Get(ctx, asking, "q", ask); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(release)
	<-done
	never := func(context.Context) (int64, error) { return 0, errors.New("asked again") }
	if got, err := m.Get(t.Context(), asking, "q", never); got != 7 || err != nil {
		t.Errorf("got %d, %v", got, err)
	}
}

func TestAnswersAndErrorsStayWithTheirIdentity(t *testing.T) {
	m := newTestMemo(clocktesting.NewFakeClock(time.Now()))
	refused := errors.New("refused")
	dev := Asker{asking.Scope, "AWSClusterRoleIdentity/dev"}
	get := func(a Asker, answer int64, err error) (int64, error) {
		return m.Get(t.Context(), a, "q", func(context.Context) (int64, error) { return answer, err })
	}
	if _, err := get(dev, 0, refused); !errors.Is(err, refused) {
		t.Fatal(err)
	}
	for range 2 {
		if got, err := get(asking, 1, nil); got != 1 || err != nil {
			t.Errorf("what %s was refused is answered to %s with %d, %v", dev.Identity, asking.Identity, got, err)
		}
		if _, err := get(dev, 2, nil); !errors.Is(err, refused) {
			t.Errorf("%s gets %v, want its own error", dev.Identity, err)
		}
	}
}

func TestIdentitiesAtOnceShareNoCall(t *testing.T) {
	m := newTestMemo(clocktesting.NewFakeClock(time.Now()))
	release := make(chan struct{})
	var calls atomic.Int64
	var group sync.WaitGroup
	for _, identity := range []string{"a", "b"} {
		group.Go(func() {
			_, _ = m.Get(t.Context(), Asker{asking.Scope, identity}, "q", func(context.Context) (int64, error) {
				if calls.Add(1) == 2 {
					close(release)
				}
				<-release
				return 0, nil
			})
		})
	}
	group.Wait()
}
