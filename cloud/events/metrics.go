package events

import (
	"sync"

	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/legacyregistry"
)

var (
	connected = metrics.NewGaugeVec(&metrics.GaugeOpts{
		Name:           "aws_events_connected",
		Help:           "1 while AWS's events of an account and region are received, 0 while they can't be.",
		StabilityLevel: metrics.ALPHA,
	}, []string{"account", "region"})

	failuresTotal = metrics.NewCounterVec(&metrics.CounterOpts{
		Name:           "aws_events_failures_total",
		Help:           "Attempts to set up, receive or remove events that failed, by the class of the error.",
		StabilityLevel: metrics.ALPHA,
	}, []string{"account", "region", "reason"})

	messagesTotal = metrics.NewCounterVec(&metrics.CounterOpts{
		Name:           "aws_events_messages_total",
		Help:           "Messages received, by what they tell; 'unreadable' are those that tell nothing.",
		StabilityLevel: metrics.ALPHA,
	}, []string{"account", "region", "detail_type"})

	delay = metrics.NewHistogram(&metrics.HistogramOpts{
		Name:           "aws_events_delay_seconds",
		Help:           "Time from what AWS says is the time of an event (in whole seconds) to its receipt.",
		Buckets:        []float64{.5, 1, 2, 5, 10, 30, 60, 300},
		StabilityLevel: metrics.ALPHA,
	})
)

var registerMetrics = sync.OnceFunc(func() {
	legacyregistry.MustRegister(connected, failuresTotal, messagesTotal, delay)
})
