package e2e

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

var keepScrapes = flag.Bool("keep-scrapes", false, "write what /metrics says into hack/monitoring/testdata, by which alerts and dashboard are judged")

// checkMonitoring has AWS refuse calls and a client ask for what isn't there, and looks whether
// /metrics has every series by which manifests/components/monitoring tells of it. What is evaluated
// of it, hack/monitoring tests.
func (w *world) checkMonitoring(ns string) {
	w.t.Helper()
	w.keep("first")
	if _, err := w.tryKubectl("", "get", "awsclusters", "-n", ns, "nobody"); err == nil {
		w.t.Error("there is a cluster named nobody")
	}
	for _, fault := range []emulator.Fault{{Service: "ec2", Code: "RequestLimitExceeded", Status: http.StatusServiceUnavailable, Count: 1}, {Service: "ec2", Code: "UnauthorizedOperation", Status: http.StatusForbidden, Count: 1}} {
		w.aws.Faults().Set(fault)
	}
	w.eventually("/metrics has what monitoring asks for", func(context.Context) error {
		text, err := w.ownMetrics()
		if err != nil {
			return err
		}
		return missing(text)
	})
	w.keep("second")
}

// missing says which metrics of the dashboard and the alerts aren't in the text, with the
// labels that they are selected by there.
func missing(text string) error {
	var names []string
	for _, file := range []string{"dashboard.json", "alerts.yaml"} {
		expressions, err := os.ReadFile(filepath.Join(suite.root, "manifests/components/monitoring", file))
		if err != nil {
			return err
		}
		for _, name := range regexp.MustCompile(`\b(?:aws|capa|apiserver|controller_runtime|workqueue|process)_\w+`).FindAllString(string(expressions), -1) {
			names = append(names, "^"+name+`[{ ]`)
		}
	}
	names = append(names, `^aws_api_requests_total\{.*error_code="UnauthorizedOperation"`, `^aws_api_throttles_total\{`, `^apiserver_request_total\{.*code="404"`, `^aws_events_connected\{.* 1$`)
	var absent []string
	for _, name := range names {
		if !regexp.MustCompile("(?m)" + name).MatchString(text) {
			absent = append(absent, name)
		}
	}
	if len(absent) > 0 {
		return fmt.Errorf("it has nothing like %s", strings.Join(absent, ", "))
	}
	return nil
}

func (w *world) keep(name string) {
	if !*keepScrapes {
		return
	}
	text, err := w.ownMetrics()
	must(w.t, err)
	must(w.t, os.WriteFile(filepath.Join(suite.root, "hack/monitoring/testdata", name+".prom"), []byte(text), 0o644))
}
