package cloud

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"k8s.io/component-base/version"
)

const (
	// attempts bounds how often one call is tried: twice again is enough to get
	// over one lost connection or throttle; longer waits are the callers' affair,
	// who can show them.
	attempts = 3
	// attemptTimeout ends an attempt that AWS doesn't answer. Its slowest answers
	// to the calls made here take a few seconds.
	attemptTimeout = 30 * time.Second
)

// apiOptions put the attempt middleware and the user agent into a client's stack.
func (l *Limiter) apiOptions(scope Scope) []func(*middleware.Stack) error {
	return []func(*middleware.Stack) error{
		awsmiddleware.AddUserAgentKeyValue("capa-apiserver", version.Get().GitVersion),
		func(stack *middleware.Stack) error {
			// Just before the signature: after the wait the signature would be old,
			// and the time to get credentials isn't the call's.
			return stack.Finalize.Insert(&attempt{limiter: l, scope: scope}, "Signing", middleware.Before)
		},
	}
}

// attempt takes each attempt of a call through the budget and counts it.
type attempt struct {
	limiter *Limiter
	scope   Scope
}

// ID names the middleware in the SDK's stack.
func (*attempt) ID() string { return "RequestBudget" }

// HandleFinalize waits for the budget, sends, and tells the limiter and the
// metrics what came back.
func (a *attempt) HandleFinalize(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
	middleware.FinalizeOutput, middleware.Metadata, error,
) {
	service, operation := serviceName(awsmiddleware.GetServiceID(ctx)), awsmiddleware.GetOperationName(ctx)
	scope := throttledIn(service, a.scope)
	clock := a.limiter.clock
	asked := clock.Now()
	ticket, err := a.limiter.Acquire(ctx, scope, service, operation)
	limiterWait.WithLabelValues(service, operation, PriorityOf(ctx).String()).Observe(clock.Since(asked).Seconds())
	if err != nil {
		return middleware.FinalizeOutput{}, middleware.Metadata{}, &notSentError{err}
	}

	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	sent := clock.Now()
	out, metadata, err := next.HandleFinalize(ctx, in)
	requestDuration.WithLabelValues(service, operation).Observe(clock.Since(sent).Seconds())
	var class Class
	var code string
	if err != nil {
		class, code, _ = kindOf(service, operation, err)
	}
	throttled := class == Throttled
	ticket.Done(throttled)
	if throttled {
		throttlesTotal.WithLabelValues(service, operation, scope.Account, scope.Region).Inc()
	}
	requestsTotal.WithLabelValues(service, operation, scope.Account, scope.Region,
		strconv.Itoa(status(metadata, err)), code).Inc()
	if err != nil {
		err = &attemptError{err: err, again: throttled || reads(operation) && passing(class)}
	}
	return out, metadata, err
}

// passing tells that the failure may be over at the next attempt.
func passing(c Class) bool { return c == Transient || c == Unreachable }

func status(metadata middleware.Metadata, err error) int {
	if err != nil {
		return statusOf(err)
	}
	if answer, ok := awsmiddleware.GetRawResponse(metadata).(*smithyhttp.Response); ok && answer.Response != nil {
		return answer.StatusCode
	}
	return http.StatusOK
}

// serviceName turns the SDK's service id into the short name of metrics.
func serviceName(id string) string {
	switch id {
	case "Elastic Load Balancing":
		return "elb"
	case "Elastic Load Balancing v2":
		return "elbv2"
	}
	return strings.ReplaceAll(strings.ToLower(id), " ", "-")
}

// attemptError carries to the retryer whether another attempt is harmless: AWS
// refused this one, or it only read. A mutation that got lost may have been
// carried out, and is never repeated behind its caller's back.
type attemptError struct {
	err   error
	again bool
}

func (e *attemptError) Error() string { return e.err.Error() }
func (e *attemptError) Unwrap() error { return e.err }

// newRetryer gives the SDK retryer of all our clients.
func newRetryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = attempts
		o.RateLimiter = ratelimit.None
		o.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) {
			base := 100 * time.Millisecond << min(attempt, 5)
			return base/2 + rand.N(base), nil
		})
		o.Retryables = []retry.IsErrorRetryable{retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
			var failed *attemptError
			return aws.BoolTernary(errors.As(err, &failed) && failed.again)
		})}
	})
}
