package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

var keepScrapes = flag.Bool("keep-scrapes", false, "write what /metrics says into hack/monitoring/testdata, by which alerts and dashboard are judged")

// checkMonitoring has AWS refuse calls and clients ask for objects, until /metrics has every series by
// which manifests/components/monitoring tells of it, twice. What is evaluated of it, hack/monitoring tests.
func (w *world) checkMonitoring(ns string) {
	w.t.Helper()
	w.eventually("/metrics has what monitoring asks for", func(context.Context) error {
		text, err := w.provoked(ns)
		if err != nil {
			return err
		}
		w.keep("first", text)
		return missing(text)
	})
	first, err := w.ownMetrics()
	must(w.t, err)
	w.eventually("all of it goes on counting", func(context.Context) error {
		text, err := w.provoked(ns)
		if err != nil {
			return err
		}
		w.keep("second", text)
		for _, name := range counters {
			if total(text, name) <= total(first, name) {
				return fmt.Errorf("%s isn't more than before", name)
			}
		}
		return nil
	})
}

// counters are those that count only while something happens.
var counters = []string{`aws_mirror_served_age_seconds_count`, `aws_mirror_listing_duration_seconds_count`, `aws_api_throttles_total`,
	`aws_api_requests_total\{.*error_code="UnauthorizedOperation"`, `apiserver_request_total\{.*code="404"`}

// provoked is what /metrics says after AWS was asked, and refused some of it.
func (w *world) provoked(ns string) (string, error) {
	for _, fault := range []emulator.Fault{{Service: "ec2", Code: "RequestLimitExceeded", Status: http.StatusServiceUnavailable, Count: 1}, {Service: "ec2", Code: "UnauthorizedOperation", Status: http.StatusForbidden, Count: 1}} {
		w.aws.Faults().Set(fault)
	}
	w.kubectl("get", "awsclusters,awsmachines", "-n", ns)
	if _, err := w.tryKubectl("", "get", "awsclusters", "-n", ns, "nobody"); err == nil {
		return "", errors.New("there is a cluster named nobody")
	}
	return w.ownMetrics()
}

// total is the sum of all series whose lines begin so.
func total(text, begin string) (sum float64) {
	for _, line := range regexp.MustCompile("(?m)^"+begin+".* ([0-9.e+]+)$").FindAllStringSubmatch(text, -1) {
		value, err := strconv.ParseFloat(line[1], 64)
		if err == nil {
			sum += value
		}
	}
	return sum
}

var monitored = regexp.MustCompile(`\b(?:aws|capa|apiserver|controller_runtime|workqueue|process)_\w+`)

// namesIn are the metrics that the dashboard and the alerts name.
func namesIn() ([]string, error) {
	var names []string
	for _, file := range []string{"dashboard.json", "alerts.yaml"} {
		text, err := os.ReadFile(filepath.Join(suite.root, "manifests/components/monitoring", file))
		if err != nil {
			return nil, err
		}
		names = append(names, monitored.FindAllString(string(text), -1)...)
	}
	return names, nil
}

// missing says which of them aren't in what /metrics says, and which of the labels by which they are selected.
func missing(text string) error {
	names, err := namesIn()
	if err != nil {
		return err
	}
	names = append(append(names, counters...), `aws_events_connected\{.* 1$`)
	var absent []string
	for _, name := range names {
		if !regexp.MustCompile("(?m)^" + name).MatchString(text) {
			absent = append(absent, name)
		}
	}
	if len(absent) > 0 {
		return fmt.Errorf("it has nothing like %s", strings.Join(absent, ", "))
	}
	return nil
}

// keep writes what /metrics says of them.
func (w *world) keep(name, text string) {
	w.t.Helper()
	if !*keepScrapes {
		return
	}
	names, err := namesIn()
	must(w.t, err)
	wanted := regexp.MustCompile("^(# (TYPE|HELP) )?(" + strings.Join(names, "|") + `)(_\w+)?[ {]`)
	var kept strings.Builder
	for line := range strings.Lines(text) {
		if wanted.MatchString(line) {
			kept.WriteString(line)
		}
	}
	must(w.t, os.WriteFile(filepath.Join(suite.root, "hack/monitoring/testdata", name+".prom"), []byte(kept.String()), 0o644))
}
