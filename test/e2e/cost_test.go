package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"
)

const (
	// mostCallsToCreate is the budget of one quick-start cluster, polling included.
	mostCallsToCreate = 60
	// usualCreation is about how long that takes. On a machine that takes longer, what AWS still makes is polled on, and
	// who reads meanwhile, as Cluster API and the garbage collector do, has facts that became old read again: each
	// table once more in each further such time.
	usualCreation = 10 * time.Second
	// fleet is how many clusters share the account in the comparison.
	fleet = 20
	// sweeps is over how many sweep periods calls are counted.
	sweeps = 6
	period = 5 * time.Second
)

// TestCreatingAClusterIsCheap counts every call to Ready: of the first cluster
// from the start of the server, the first look at the account included; of a
// further one from its apply.
func TestCreatingAClusterIsCheap(t *testing.T) {
	w := newWorld(t, "--sweep-period=10m")
	ns := w.namespace()
	for _, name := range []string{"first", "second"} {
		began := time.Now()
		w.apply(ns, quickStart(name))
		w.waitReady(ns, name)
		counts := w.aws.Counts()
		again := max(0, int(time.Since(began)/usualCreation)-1)
		total := 0
		for operation, n := range counts {
			if isRead(operation) {
				n = max(0, n-again)
			}
			total += n
		}
		t.Logf("creating the %s cluster took %d calls, without %d repetitions of each read: %s", name, total, again, pretty(counts))
		if total >= mostCallsToCreate {
			t.Errorf("creating the %s cluster took %d calls, want fewer than %d", name, total, mostCallsToCreate)
		}
		w.aws.ResetCounts()
	}
	w.kubectl("delete", "cluster", "-n", ns, "--all", "--wait=false")
	w.awsIsEmpty()
}

// TestRestCostsTheSameForManyClusters compares the calls of one cluster at rest
// with those of twenty in the same account and region, both counted over the
// same number of sweeps in one run.
func TestRestCostsTheSameForManyClusters(t *testing.T) {
	w := newWorld(t, "--sweep-period="+period.String())
	ns := w.namespace()
	smallNetwork := "network: {vpc: {availabilityZoneUsageLimit: 1}}"
	w.apply(ns, quickStartIn("rest-0", region, smallNetwork))
	w.waitReady(ns, "rest-0")
	one := w.callsAtRest()

	for i := 1; i < fleet; i++ {
		w.apply(ns, quickStartIn(fmt.Sprintf("rest-%d", i), region, smallNetwork))
	}
	for i := 1; i < fleet; i++ {
		w.waitReady(ns, fmt.Sprintf("rest-%d", i))
	}
	many := w.callsAtRest()
	if n := w.aws.Counts()["ec2.DescribeInstances"]; n > 0 {
		t.Errorf("instances, of which there are none, were listed %d times", n)
	}
	t.Logf("calls in %d sweeps at rest: %d for one cluster, %d for %d", sweeps, one, many, fleet)
	// Sweeps are jittered, so one more or less of each table may fall into a window.
	if tolerance := one/sweeps + 1; many > one+tolerance {
		t.Errorf("%d clusters at rest cost %d calls in %d sweeps, one costs %d: the cost must not grow with clusters", fleet, many, sweeps, one)
	}

	// An account and region that nobody needs any more costs nothing at all.
	w.apply(ns, quickStartIn("elsewhere", "eu-west-1", smallNetwork))
	w.waitReady(ns, "elsewhere")
	w.kubectl("delete", "cluster", "-n", ns, "--all", "--timeout="+patience.String())
	w.awsIsEmpty()
	w.eventually("sweeps end with the last object", func(context.Context) error {
		w.aws.ClearLog()
		time.Sleep(sweeps * period)
		if calls := w.aws.Log(); len(calls) > 0 {
			return fmt.Errorf("%d calls in %d sweeps, the last of them %s in %s", len(calls), sweeps, calls[len(calls)-1].Key(), calls[len(calls)-1].Region)
		}
		return nil
	})
}

// callsAtRest counts the calls of some sweeps, after what was set off has ended. The sweeps themselves are counted: on a
// busy machine they come late.
func (w *world) callsAtRest() int {
	w.t.Helper()
	w.awaitSweeps(2) // details of new rows are read in the sweep after
	w.awaitSweeps(sweeps)
	total := 0
	for operation, n := range w.aws.Counts() {
		total += n
		if !isRead(operation) {
			w.t.Errorf("at rest AWS was changed %d times by %s", n, operation)
		}
	}
	return total
}

// awaitSweeps counts calls anew for so many sweeps.
func (w *world) awaitSweeps(n int) {
	w.t.Helper()
	w.aws.ResetCounts()
	w.eventually(fmt.Sprintf("%d sweeps", n), func(context.Context) error {
		if swept := w.aws.Counts()["ec2.DescribeVpcs"]; swept < n {
			return fmt.Errorf("VPCs were listed %d times", swept)
		}
		return nil
	})
}
