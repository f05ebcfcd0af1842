package facts

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/time/rate"
	"k8s.io/utils/clock"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

const (
	// questionsBurst and questionsRate (a second) bound the questions that a namespace's
	// objects put to AWS as an identity in a region. A thousand machines that are alike ask
	// ten; who writes ever other names must use up neither the request rate of the account
	// nor what others may ask.
	questionsBurst = 20
	questionsRate  = 1
)

// ErrTooManyQuestions tells that so much was asked lately that AWS isn't asked now.
var ErrTooManyQuestions = errors.New("too many different things were asked about lately")

type namespaceKey struct{}

// WithNamespace has questions counted as those of a namespace's objects.
func WithNamespace(ctx context.Context, namespace string) context.Context {
	return context.WithValue(ctx, namespaceKey{}, namespace)
}

// allowance bounds the calls for answers that aren't known, per namespace, identity and
// region.
type allowance struct {
	clock   clock.PassiveClock
	mu      sync.Mutex
	buckets map[asker]*rate.Limiter
}

// asker is who asks.
type asker struct {
	scope               cloud.Scope
	identity, namespace string
}

func newAllowance(c clock.PassiveClock) *allowance {
	return &allowance{clock: c, buckets: map[asker]*rate.Limiter{}}
}

// of returns a context whose questions the session's allowance bounds.
func (a *allowance) of(ctx context.Context, s *cloud.Session) context.Context {
	return cloud.WithAllowance(ctx, func() error { return a.take(ctx, s) })
}

// take is one question more of whoever asks.
func (a *allowance) take(ctx context.Context, s *cloud.Session) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	namespace, _ := ctx.Value(namespaceKey{}).(string)
	key := asker{s.Scope, s.Identity, namespace}
	bucket := a.buckets[key]
	if bucket == nil {
		bucket = rate.NewLimiter(questionsRate, questionsBurst)
		a.buckets[key] = bucket
	}
	if !bucket.AllowN(a.clock.Now(), 1) {
		return ErrTooManyQuestions
	}
	return nil
}
