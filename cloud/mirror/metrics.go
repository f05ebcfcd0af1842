package mirror

import (
	"sync"
	"time"

	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/legacyregistry"
)

var (
	listingDuration = metrics.NewHistogramVec(&metrics.HistogramOpts{
		Name:           "aws_mirror_listing_duration_seconds",
		Help:           "Time to list one table of one account and region, all its pages, by how it ended.",
		Buckets:        []float64{.01, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		StabilityLevel: metrics.ALPHA,
	}, []string{"table", "result"})

	servedAge = metrics.NewHistogram(&metrics.HistogramOpts{
		Name:           "aws_mirror_served_age_seconds",
		Help:           "Age of the AWS state that an answer to a user was made from.",
		Buckets:        []float64{.1, .5, 1, 2, 5, 10, 30, 60, 120, 300, 900},
		StabilityLevel: metrics.ALPHA,
	})
)

var registerMetrics = sync.OnceFunc(func() { legacyregistry.MustRegister(listingDuration, servedAge) })

func observeListing(kind Kind, took time.Duration, err error) {
	result := "complete"
	if err != nil {
		result = "failed"
	}
	listingDuration.WithLabelValues(string(kind), result).Observe(took.Seconds())
}

// ObserveServed notes how old the facts were in an answer that was given.
func ObserveServed(age time.Duration) { servedAge.Observe(age.Seconds()) }
