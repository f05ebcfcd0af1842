package manifests

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// library are the metrics that the libraries below the server count, and Prometheus itself.
var library = []string{
	"up", "apiserver_request_total", "apiserver_request_duration_seconds", "controller_runtime_reconcile_total", "controller_runtime_reconcile_errors_total",
	"workqueue_depth", "process_resident_memory_bytes", "process_cpu_seconds_total",
}

var (
	nameOfMetric   = regexp.MustCompile(`(?s)metrics\.\w+Opts\{(.*?)\n\t*\}`)
	namePart       = regexp.MustCompile(`(Namespace|Subsystem|Name):\s*"(\w+)"`)
	metricInUse    = regexp.MustCompile(`\b([a-z]+(?:_[a-z0-9]+)+)\b\s*(?:\{|\[|\)|$| [<>=])|^absent\((up)\{|\b(up)\{`)
	grouped        = regexp.MustCompile(`\b(?:by|without) \([^)]*\)`)
	ofLabels       = regexp.MustCompile(`\{[^}]*\}`)
	suffixOfSeries = regexp.MustCompile(`_(bucket|sum|count)$`)
)

// counted are the metrics of this module, by name.
func counted(t *testing.T) []string {
	t.Helper()
	names := slices.Clone(library)
	for _, folder := range []string{"cloud", "apiserver", "reconcile", "admission"} {
		err := filepath.WalkDir(filepath.Join("../..", folder), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".go" {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, options := range nameOfMetric.FindAllStringSubmatch(string(text), -1) {
				parts := map[string]string{}
				for _, part := range namePart.FindAllStringSubmatch(options[1], -1) {
					parts[part[1]] = part[2]
				}
				names = append(names, strings.TrimLeft(parts["Namespace"]+"_"+parts["Subsystem"]+"_"+parts["Name"], "_"))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return names
}

// checkMetrics fails for what an expression names and nobody counts.
func checkMetrics(t *testing.T, at, expr string, known []string) {
	t.Helper()
	plain := ofLabels.ReplaceAllString(grouped.ReplaceAllString(expr, ""), "{")
	found := metricInUse.FindAllStringSubmatch(plain, -1)
	if len(found) == 0 {
		t.Errorf("%s: no metric is found in %s", at, expr)
	}
	for _, match := range found {
		name := match[1] + match[2] + match[3]
		if !slices.Contains(known, name) && !slices.Contains(known, suffixOfSeries.ReplaceAllString(name, "")) {
			t.Errorf("%s: nobody counts %s (%s)", at, name, expr)
		}
	}
}

func TestAlertsAndDashboardNameMetricsThatExist(t *testing.T) {
	known := counted(t)
	if !slices.Contains(known, "aws_api_requests_total") || !slices.Contains(known, "capa_registrar_claims") {
		t.Fatalf("the metrics of the code aren't found: %v", known)
	}
	alerts := 0
	for _, document := range documents(t, filepath.Join(folder, "components", "monitoring"))[filepath.Join(folder, "components", "monitoring", "alerts.yaml")] {
		groups, _, _ := unstructured.NestedSlice(document, "spec", "groups")
		for _, group := range groups {
			for _, rule := range group.(map[string]any)["rules"].([]any) {
				rule := rule.(map[string]any)
				alerts++
				checkMetrics(t, rule["alert"].(string), rule["expr"].(string), known)
				if text, err := os.ReadFile("../../docs/operations.md"); err != nil || !strings.Contains(string(text), "`"+rule["alert"].(string)+"`") {
					t.Errorf("docs/operations.md doesn't say what to do about %s", rule["alert"])
				}
			}
		}
	}
	if alerts == 0 {
		t.Error("there are no alerts")
	}
	text, err := os.ReadFile(filepath.Join(folder, "components", "monitoring", "dashboard.json"))
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	if len(dashboard.Panels) == 0 {
		t.Error("the dashboard is empty")
	}
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			checkMetrics(t, panel.Title, target.Expr, known)
		}
	}
}
