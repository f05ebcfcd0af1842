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
	// questionsBurst and questionsRate (a second) bound the questions that an identity
	// puts to AWS in a region. A thousand machines that are alike ask ten; who writes
	// ever other names must not use up the request rate of the account.
	questionsBurst = 20
	questionsRate  = 1
)

// ErrTooManyQuestions tells that so much was asked lately that AWS isn't asked now.
var ErrTooManyQuestions = errors.New("too many different things were asked about lately")

// allowance bounds the calls for answers that aren't known, per identity and region.
type allowance struct {
	clock   clock.PassiveClock
	mu      sync.Mutex
	buckets map[string]*rate.Limiter
}

func newAllowance(c clock.PassiveClock) *allowance {
	return &allowance{clock: c, buckets: map[string]*rate.Limiter{}}
}

// of returns a context whose questions the session's allowance bounds.
func (a *allowance) of(ctx context.Context, s *cloud.Session) context.Context {
	return cloud.WithAllowance(ctx, func() error {
		a.mu.Lock()
		defer a.mu.Unlock()
		key := s.Scope.String() + "/" + s.Identity
		bucket := a.buckets[key]
		if bucket == nil {
			bucket = rate.NewLimiter(questionsRate, questionsBurst)
			a.buckets[key] = bucket
		}
		if !bucket.AllowN(a.clock.Now(), 1) {
			return ErrTooManyQuestions
		}
		return nil
	})
}
