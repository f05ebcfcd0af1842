package apiserver

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/mux"
	clientmetrics "k8s.io/client-go/tools/metrics"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
)

// One scrape has what the library counts, what controllers and their queues count, and
// what clients of the host count, without any series twice.
func TestOneEndpointHasTheMetricsOfControllersQueuesAndClients(t *testing.T) {
	plain := workqueue.NewTypedRateLimitingQueueWithConfig(workqueue.DefaultTypedControllerRateLimiter[string](),
		workqueue.TypedRateLimitingQueueConfig[string]{Name: "plain"})
	t.Cleanup(plain.ShutDown)
	plain.Add("x")
	prioritized := priorityqueue.New[string]("prioritized")
	t.Cleanup(prioritized.ShutDown)
	prioritized.Add("x")
	clientmetrics.RequestResult.Increment(t.Context(), "200", http.MethodGet, "host")

	server := &genericapiserver.GenericAPIServer{Handler: &genericapiserver.APIServerHandler{NonGoRestfulMux: mux.NewPathRecorderMux("test")}}
	serveAllMetrics(server)
	answer := httptest.NewRecorder()
	server.Handler.NonGoRestfulMux.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, metricsPath, nil))
	if answer.Code != http.StatusOK {
		t.Fatalf("answered %d: %s", answer.Code, answer.Body)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"go_goroutines", "process_start_time_seconds", "workqueue_adds_total", "rest_client_requests_total",
	} {
		if families[name] == nil {
			t.Errorf("%s is missing", name)
		}
	}
	queues, series := map[string]bool{}, map[string]bool{}
	for name, family := range families {
		for _, m := range family.Metric {
			key := fmt.Sprint(name, m.Label)
			if series[key] {
				t.Errorf("%s is there twice", key)
			}
			series[key] = true
			for _, label := range m.Label {
				if label.GetName() == "name" && strings.HasPrefix(name, "workqueue_") {
					queues[label.GetValue()] = true
				}
			}
		}
	}
	if !queues["plain"] || !queues["prioritized"] {
		t.Errorf("queues are %v", queues)
	}
}
