package cloud

import (
	"context"
	"math"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

const (
	// recovery is how long a rate takes from nothing back to the documented one.
	// AWS's own buckets fill within seconds; a minute is slow enough not to run
	// into the same throttle again at once when somebody else uses the account.
	recovery = time.Minute
	// floorShare is the share of the documented rate that throttles leave: so
	// small that the account's other users get through, but never nothing.
	floorShare = 1.0 / 32
	// growth is what one answer without throttle adds, under pressure, to a rate
	// that has to be learned; growthLimit bounds it in multiples of the first guess.
	growth      = 1.05
	growthLimit = 8
)

// bucket grants requests of one AWS bucket in order of arrival, alternating
// between the classes while both wait, so that each keeps half of the rate.
type bucket struct {
	clock clock.WithDelayedExecution
	spec  Limit

	mu     sync.Mutex
	tokens float64
	at     time.Time // when tokens was computed
	rate   float64   // the refill at that time
	target float64   // the refill to recover to
	cut    time.Time // when a throttle last halved the rate
	// pressed says that somebody had to wait since the rate last grew.
	pressed bool
	queues  [priorities][]*waiter
	turn    Priority
	timer   clock.Timer
}

type waiter struct {
	granted chan struct{}
	at      time.Time // when it was granted
	gone    bool
}

func newBucket(c clock.WithDelayedExecution, spec Limit) *bucket {
	return &bucket{clock: c, spec: spec, tokens: spec.Burst, at: c.Now(), rate: spec.Refill, target: spec.Refill}
}

// acquire waits for a token and returns when it was granted, or ctx's error.
func (b *bucket) acquire(ctx context.Context) (time.Time, error) {
	if err := ctx.Err(); err != nil {
		return time.Time{}, err
	}
	b.mu.Lock()
	b.refill()
	if b.tokens >= 1 && b.next() == nil {
		b.tokens--
		at := b.at
		b.mu.Unlock()
		return at, nil
	}
	b.pressed = true
	w := &waiter{granted: make(chan struct{})}
	class := PriorityOf(ctx)
	b.queues[class] = append(b.queues[class], w)
	b.dispatch()
	b.mu.Unlock()

	select {
	case <-w.granted:
		return w.at, nil
	case <-ctx.Done():
		b.abandon(w)
		return time.Time{}, ctx.Err()
	}
}

// abandon takes back a waiter, and its token if it was granted meanwhile.
func (b *bucket) abandon(w *waiter) {
	b.mu.Lock()
	defer b.mu.Unlock()
	w.gone = true
	if !w.at.IsZero() {
		b.tokens++
		b.dispatch()
	}
}

// throttled halves the rate for a request that was granted at the moment. The
// other requests that were under way when the rate was halved tell nothing new.
func (b *bucket) throttled(granted time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refill()
	if !granted.After(b.cut) && !b.cut.IsZero() {
		return
	}
	if b.spec.Learned {
		b.target = math.Max(b.rate*0.9, b.spec.Refill*floorShare)
	}
	b.rate = math.Max(b.rate/2, b.spec.Refill*floorShare)
	b.tokens = math.Min(b.tokens, 0)
	b.cut = b.at
	b.dispatch()
}

// answered raises a rate that has to be learned, if it held requests up.
func (b *bucket) answered() {
	if !b.spec.Learned {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.pressed {
		b.pressed = false
		b.refill()
		b.target = math.Min(b.target*growth, b.spec.Refill*growthLimit)
	}
}

// refill adds what time has brought: tokens, and rate up to the target.
func (b *bucket) refill() {
	now := b.clock.Now()
	elapsed := now.Sub(b.at).Seconds()
	if elapsed <= 0 {
		return
	}
	rate := b.rate
	if rate < b.target {
		rate = math.Min(b.target, rate+b.target*elapsed/recovery.Seconds())
	}
	b.tokens = math.Min(b.spec.Burst, b.tokens+(b.rate+rate)/2*elapsed)
	b.rate, b.at = rate, now
}

// dispatch grants what there is, and sets the timer for what there will be.
// The caller holds the lock.
func (b *bucket) dispatch() {
	b.refill()
	for b.tokens >= 1 {
		w := b.next()
		if w == nil {
			return
		}
		b.pop(w)
		b.tokens--
		w.at = b.at
		close(w.granted)
	}
	if b.next() == nil || b.timer != nil {
		return
	}
	// A microsecond more, so that rounding doesn't wake it just too early.
	wait := time.Duration((1-b.tokens)/b.rate*float64(time.Second)) + time.Microsecond
	b.timer = b.clock.AfterFunc(wait, func() {
		// A clock may call this with its own lock held.
		go func() {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.timer = nil
			b.dispatch()
		}()
	})
}

// next returns the waiter whose turn it is, or nil.
func (b *bucket) next() *waiter {
	for class, queue := range b.queues {
		for len(queue) > 0 && queue[0].gone {
			queue = queue[1:]
		}
		b.queues[class] = queue
	}
	for i := range Priority(priorities) {
		if queue := b.queues[(b.turn+i)%priorities]; len(queue) > 0 {
			return queue[0]
		}
	}
	return nil
}

// pop takes the waiter, the first of its queue, and passes the turn on.
func (b *bucket) pop(w *waiter) {
	for class, queue := range b.queues {
		if len(queue) > 0 && queue[0] == w {
			b.queues[class] = queue[1:]
			b.turn = (Priority(class) + 1) % priorities
			return
		}
	}
}
