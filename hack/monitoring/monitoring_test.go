// Package monitoring evaluates the alerts and the dashboard of manifests/components/monitoring with
// Prometheus's own engine.
package monitoring

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/url"
	"os"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/template"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
	"go.yaml.in/yaml/v3"
)

const folder = "../../manifests/components/monitoring/"

// scrapes are what a server said one after the other, while it was at work and AWS refused a few calls; and
// apart is the time between them here. Written by test/e2e, TestWatchersLearnOfEndedInstances, with -keep-scrapes.
var scrapes = []string{"testdata/first.prom", "testdata/second.prom"}

const apart = 2 * time.Minute

// series are samples by the text of their labels.
type series map[string]*one

type one struct {
	labels  labels.Labels
	samples []chunks.Sample
}

// sample is a value at a time in milliseconds.
type sample struct {
	at    int64
	value float64
}

func (s sample) T() int64                      { return s.at }
func (s sample) ST() int64                     { return 0 }
func (s sample) F() float64                    { return s.value }
func (s sample) H() *histogram.Histogram       { return nil }
func (s sample) FH() *histogram.FloatHistogram { return nil }
func (s sample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s sample) Copy() chunks.Sample           { return s }

func (s series) add(of labels.Labels, at time.Duration, value float64) {
	if s[of.String()] == nil {
		s[of.String()] = &one{labels: of}
	}
	o := s[of.String()]
	o.samples = append(o.samples, sample{at.Milliseconds(), value})
}

// Querier makes the series what the engine asks.
func (s series) Querier(int64, int64) (storage.Querier, error) {
	return &storage.MockQuerier{SelectMockFunction: func(_ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
		found := &set{next: -1}
		for _, o := range s {
			if !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches(o.labels.Get(m.Name)) }) {
				found.all = append(found.all, storage.NewListSeries(o.labels, o.samples))
			}
		}
		return found
	}}, nil
}

type set struct {
	all  []storage.Series
	next int
}

func (s *set) Next() bool                      { s.next++; return s.next < len(s.all) }
func (s *set) At() storage.Series              { return s.all[s.next] }
func (*set) Err() error                        { return nil }
func (*set) Warnings() annotations.Annotations { return nil }

// scraped are the scrapes as Prometheus stores them with manifests/components/monitoring.
func scraped(t *testing.T) series {
	t.Helper()
	all := series{}
	for i, file := range scrapes {
		at := time.Duration(i) * apart
		text := read(t, file)
		target := []string{"job", "capa-apiserver", "namespace", "capa-system", "pod", "capa-apiserver-0"}
		all.add(labels.FromStrings(append(target, "__name__", "up")...), at, 1)
		p := textparse.NewPromParser(text, labels.NewSymbolTable(), false)
		for {
			entry, err := p.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			must(t, err)
			if entry != textparse.EntrySeries {
				continue
			}
			var of labels.Labels
			p.Labels(&of)
			b := labels.NewBuilder(of)
			for j := 0; j < len(target); j += 2 {
				b.Set(target[j], target[j+1])
			}
			_, _, value := p.Series()
			all.add(b.Labels(), at, value)
		}
	}
	return all
}

var engine = promql.NewEngine(promql.EngineOpts{MaxSamples: 1e6, Timeout: time.Minute, LookbackDelta: 5 * time.Minute})

func instant(t *testing.T, s series, expr string, at time.Duration) promql.Vector {
	t.Helper()
	q, err := engine.NewInstantQuery(context.Background(), s, nil, expr, time.UnixMilli(at.Milliseconds()))
	must(t, err)
	defer q.Close()
	result := q.Exec(context.Background())
	must(t, result.Err)
	vector, err := result.Vector()
	must(t, err)
	return slices.Clone(vector)
}

var placeholder = regexp.MustCompile(`\{\{\s*(\w+)\s*\}\}`)

func TestEveryPanelShowsSeriesOfARunningServer(t *testing.T) {
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr, LegendFormat string }
		}
	}
	must(t, json.Unmarshal(read(t, folder+"dashboard.json"), &dashboard))
	all := scraped(t)
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			shown := instant(t, all, target.Expr, apart)
			shown = slices.DeleteFunc(shown, func(s promql.Sample) bool { return math.IsNaN(s.F) })
			if len(shown) == 0 {
				t.Errorf("%q shows nothing of %s", panel.Title, target.Expr)
			}
			names := map[string]bool{}
			for _, s := range shown {
				name := placeholder.ReplaceAllStringFunc(target.LegendFormat, func(p string) string {
					label := placeholder.FindStringSubmatch(p)[1]
					if !s.Metric.Has(label) && label != "error_code" {
						t.Errorf("%q names its lines by %s, which %s hasn't", panel.Title, label, s.Metric)
					}
					return s.Metric.Get(label)
				})
				if names[name] {
					t.Errorf("%q has two lines named %q", panel.Title, name)
				}
				names[name] = true
			}
			t.Logf("%-28s %3d lines, such as %v", panel.Title, len(shown), first(shown))
		}
	}
}

func first(v promql.Vector) any {
	if len(v) == 0 {
		return nil
	}
	return v[0]
}

// bad is, for each alert, what makes it fire, in the notation of promtool's tests, with a sample a minute.
var bad = map[string][]string{
	"CapaApiserverDown":       {`up{job="capa-apiserver", pod="capa-apiserver-0"} 0x120`},
	"CapaApiserverNotClaimed": {`capa_registrar_claims{group="infrastructure.cluster.x-k8s.io", version="v2beta1", claimed="true"} 0x120`, `capa_registrar_claims{group="infrastructure.cluster.x-k8s.io", version="v2beta1", claimed="false"} 1x120`},
	"CapaApiserverErrors":     {`apiserver_request_total{job="capa-apiserver", code="503"} 0+10x120`, `apiserver_request_total{job="capa-apiserver", code="200"} 0+100x120`},
	"CapaStaleReads":          {`aws_mirror_served_age_seconds_bucket{le="60"} 0x120`, `aws_mirror_served_age_seconds_bucket{le="300"} 0+60x120`, `aws_mirror_served_age_seconds_bucket{le="+Inf"} 0+60x120`},
	"CapaAWSRefuses":          {`aws_api_requests_total{account="123456789012", region="us-east-1", service="ec2", operation="DescribeVpcs", status_code="403", error_code="UnauthorizedOperation"} 0+1x120`},
	"CapaAWSThrottles":        {`aws_api_throttles_total{account="123456789012", region="us-east-1", service="ec2", operation="RunInstances"} 0+30x120`},
	"CapaAWSFails":            {`aws_api_requests_total{account="123456789012", region="us-east-1", service="ec2", operation="DescribeVpcs", status_code="0"} 0+30x120`, `aws_api_requests_total{account="123456789012", region="us-east-1", service="ec2", operation="DescribeVpcs", status_code="200"} 0+30x120`},
	"CapaEventsDisconnected":  {`aws_events_connected{account="123456789012", region="us-east-1"} 0x120`},
	"CapaReconcileErrors":     {`controller_runtime_reconcile_errors_total{job="capa-apiserver", controller="awscluster"} 0+30x120`},
	"CapaMemory":              {`process_resident_memory_bytes{job="capa-apiserver", pod="capa-apiserver-0"} 1.9e9x120`},
}

func made(t *testing.T, lines []string) series {
	t.Helper()
	all := series{}
	for _, line := range lines {
		of, values, err := parser.ParseSeriesDesc(line)
		must(t, err)
		for i, v := range values {
			all.add(of, time.Duration(i)*time.Minute, v.Value)
		}
	}
	return all
}

func TestEveryAlertFiresWhenItShouldAndIsSilentOtherwise(t *testing.T) {
	var rule struct{ Spec yaml.Node }
	must(t, yaml.NewDecoder(bytes.NewReader(read(t, folder+"alerts.yaml"))).Decode(&rule))
	text, err := yaml.Marshal(&rule.Spec)
	must(t, err)
	groups, errs := rulefmt.Parse(text, false, model.UTF8Validation)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	healthy := scraped(t)
	alerts := 0
	for _, g := range groups.Groups {
		for _, r := range g.Rules {
			alerts++
			t.Run(r.Alert, func(t *testing.T) {
				if bad[r.Alert] == nil {
					t.Fatal("nothing says when it fires")
				}
				hold := time.Duration(r.For)
				s := made(t, bad[r.Alert])
				// Rates need a window first; from then on it has to hold.
				for at := 30 * time.Minute; at <= 30*time.Minute+hold; at += time.Minute {
					firing := instant(t, s, r.Expr, at)
					if len(firing) != 1 {
						t.Fatalf("after %s it has %v, want one series", at, firing)
					}
					if at == 30*time.Minute {
						told(t, r.Annotations["summary"], firing[0])
					}
				}
				// The errors of the scrapes were made for them, and wouldn't go on for so long.
				if r.Alert != "CapaAWSRefuses" && r.Alert != "CapaAWSThrottles" {
					if firing := instant(t, healthy, r.Expr, apart); len(firing) > 0 {
						t.Errorf("it fires for a server that is well: %v", firing)
					}
				}
			})
		}
	}
	if alerts != len(bad) {
		t.Errorf("there are %d alerts, and %d are told when they fire", alerts, len(bad))
	}
}

// told fails for a text that doesn't come out, or with holes.
func told(t *testing.T, text string, sample promql.Sample) {
	t.Helper()
	data := template.AlertTemplateData(sample.Metric.Map(), nil, "", sample)
	const values = `{{$labels := .Labels}}{{$value := .Value}}`
	out, err := template.NewTemplateExpander(context.Background(), values+text, "summary", data, 0, nil, &url.URL{}, []string{"missingkey=error"}).Expand()
	if err != nil {
		t.Errorf("%s: %v", text, err)
	}
	t.Log(out)
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, err)
	return text
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
