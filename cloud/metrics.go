package cloud

import (
	"sync"

	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/legacyregistry"
)

var (
	requestsTotal = metrics.NewCounterVec(&metrics.CounterOpts{
		Name:           "aws_api_requests_total",
		Help:           "Attempts to call AWS, by the HTTP status of the answer (0 without one) and AWS's error code.",
		StabilityLevel: metrics.ALPHA,
	}, []string{"service", "operation", "account", "region", "status_code", "error_code"})

	requestDuration = metrics.NewHistogramVec(&metrics.HistogramOpts{
		Name:           "aws_api_request_duration_seconds",
		Help:           "Time from sending an attempt to its answer, without the wait for the budget.",
		Buckets:        []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		StabilityLevel: metrics.ALPHA,
	}, []string{"service", "operation"})

	throttlesTotal = metrics.NewCounterVec(&metrics.CounterOpts{
		Name:           "aws_api_throttles_total",
		Help:           "Attempts that AWS refused because there were too many.",
		StabilityLevel: metrics.ALPHA,
	}, []string{"service", "operation", "account", "region"})

	limiterWait = metrics.NewHistogramVec(&metrics.HistogramOpts{
		Name:           "aws_api_limiter_wait_seconds",
		Help:           "Time that an attempt waited for this process's request budget.",
		Buckets:        []float64{.001, .01, .1, .5, 1, 2.5, 5, 10, 30, 60},
		StabilityLevel: metrics.ALPHA,
	}, []string{"service", "operation", "priority"})
)

var registerMetrics = sync.OnceFunc(func() {
	legacyregistry.MustRegister(requestsTotal, requestDuration, throttlesTotal, limiterWait)
})

func (p Priority) String() string {
	switch p {
	case Interactive:
		return "interactive"
	case Upkeep:
		return "upkeep"
	default:
		return "background"
	}
}
