package apiserver

import (
	"errors"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/component-base/metrics/legacyregistry"
	ctrlmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
)

const metricsPath = "/metrics"

// serveAllMetrics has one endpoint tell everything: controllers, their queues and
// clients count in controller-runtime's registry, which the library's endpoint leaves out.
func serveAllMetrics(server *genericapiserver.GenericAPIServer) {
	mux := server.Handler.NonGoRestfulMux
	mux.Unregister(metricsPath)
	mux.Handle(metricsPath, promhttp.HandlerFor(prometheus.GathererFunc(gatherMetrics), promhttp.HandlerOpts{}))
}

// gatherMetrics gives the metrics of both registries. Queues of both kinds count under
// the same names, with other labels and help texts; the library's text stands.
func gatherMetrics() ([]*dto.MetricFamily, error) {
	families, err := legacyregistry.DefaultGatherer.Gather()
	controllers, failed := ctrlmetrics.Registry.Gather()
	known := map[string]*dto.MetricFamily{}
	for _, family := range families {
		known[family.GetName()] = family
	}
	for _, family := range controllers {
		switch same := known[family.GetName()]; {
		case same == nil:
			families = append(families, family)
		case !ofProcess(family.GetName()):
			same.Metric = append(same.Metric, family.Metric...)
		}
	}
	slices.SortFunc(families, func(a, b *dto.MetricFamily) int { return strings.Compare(a.GetName(), b.GetName()) })
	return families, errors.Join(err, failed)
}

// ofProcess tells metrics of the process, which both registries have.
func ofProcess(name string) bool {
	return strings.HasPrefix(name, "go_") || strings.HasPrefix(name, "process_")
}
