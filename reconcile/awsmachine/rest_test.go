package awsmachine

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
)

// TestThousandMachinesAtRestCostOneListingPerSweep counts the calls of ten sweeps,
// in each of which every machine is reconciled too, as by a resync.
func TestThousandMachinesAtRestCostOneListingPerSweep(t *testing.T) {
	w := newWorld(t)
	const machines, sweeps, page = 1000, 10, 1000
	var names []string
	for i := range machines {
		names = append(names, fmt.Sprintf("m%d", i))
		w.machine(names[i], plainData)
	}
	w.reconcileAll(names)
	w.Pass(3 * time.Second)
	w.reconcileAll(names)
	for _, name := range names {
		if !w.ready(name)() {
			t.Fatal(w.describe(name))
		}
	}
	w.Pass(time.Minute)
	w.Elapse(time.Minute)
	versions := w.versions(names)
	w.AWS.ResetCounts()
	for range sweeps {
		w.Elapse(mirror.Instances.Rest)
		w.reconcileAll(names)
	}
	counts := w.AWS.Counts()
	instances, types := counts["ec2.DescribeInstances"], counts["ec2.DescribeInstanceTypes"]
	t.Logf("%d machines, %d sweeps: %v", machines, sweeps, counts)
	pages := (machines + page - 1) / page
	if instances == 0 || instances+types > sweeps*2*pages {
		t.Errorf("%d sweeps of %d machines cost %d calls, want at most %d: %v", sweeps, machines, instances+types, sweeps*2*pages, counts)
	}
	for operation := range counts {
		if !isRead(operation) {
			t.Errorf("at rest AWS was changed by %s", operation)
		}
	}
	for name, version := range w.versions(names) {
		if versions[name] != version {
			t.Errorf("%s was written at rest", name)
		}
	}
}

func (w *world) reconcileAll(names []string) {
	w.T.Helper()
	for _, name := range names {
		_, err := w.reconcile(name)
		w.Must(err)
	}
}

// versions returns the resource versions of machines.
func (w *world) versions(names []string) map[string]string {
	w.T.Helper()
	versions := map[string]string{}
	for _, name := range names {
		versions[name] = w.get(name).ResourceVersion
	}
	return versions
}

func isRead(operation string) bool {
	_, name, _ := strings.Cut(operation, ".")
	return strings.HasPrefix(name, "Describe") || strings.HasPrefix(name, "Get")
}
