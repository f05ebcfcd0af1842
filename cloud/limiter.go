package cloud

import (
	"context"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// Limiter is the request budget of this process: a bucket per account, region
// and API action, sized as AWS's own and shrunk by its throttles. Everything
// that talks to AWS shares one.
type Limiter struct {
	clock clock.WithDelayedExecution
	// limits gives the bucket of an operation; tests give smaller ones.
	limits func(service, operation string) Limit

	mu      sync.Mutex
	buckets map[bucketKey]*bucket
}

type bucketKey struct {
	scope           Scope
	service, bucket string
}

// NewLimiter gives a limiter with full buckets. A nil limits means LimitOf.
func NewLimiter(c clock.WithDelayedExecution, limits func(service, operation string) Limit) *Limiter {
	if limits == nil {
		limits = LimitOf
	}
	return &Limiter{clock: c, limits: limits, buckets: map[bucketKey]*bucket{}}
}

// Acquire waits until one request may be sent and returns its ticket. It fails
// only with ctx's error.
func (l *Limiter) Acquire(ctx context.Context, scope Scope, service, operation string) (*Ticket, error) {
	b := l.bucket(scope, service, operation)
	at, err := b.acquire(ctx)
	if err != nil {
		return nil, err
	}
	return &Ticket{bucket: b, at: at}, nil
}

func (l *Limiter) bucket(scope Scope, service, operation string) *bucket {
	spec := l.limits(service, operation)
	name := spec.Bucket
	if name == "" {
		name = operation
	}
	key := bucketKey{scope, service, name}
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.buckets[key]
	if b == nil {
		b = newBucket(l.clock, spec)
		l.buckets[key] = b
	}
	return b
}

// Ticket is the right to send one request.
type Ticket struct {
	bucket *bucket
	at     time.Time
}

// Done tells the limiter what became of the request.
func (t *Ticket) Done(throttled bool) {
	if throttled {
		t.bucket.throttled(t.at)
		return
	}
	t.bucket.answered()
}
