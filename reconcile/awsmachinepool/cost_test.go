package awsmachinepool

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
)

// TestPoolsAtRestCostTheSameForMany counts the calls of one pool and of twenty over
// the same number of sweeps, reconciliations included.
func TestPoolsAtRestCostTheSameForMany(t *testing.T) {
	w := newWorld(t)
	name := func(i int) string { return fmt.Sprintf("pool-%d", i) }
	settle := func(from, to int) {
		for i := from; i < to; i++ {
			w.pool(name(i))
			w.settle(name(i), w.ready(name(i), 2))
		}
		for i := range to {
			w.rounds(name(i), 3) // details of new rows are read in the sweep after
		}
	}
	// What the mirror's clock makes it sweep, and what reconciling asks for itself.
	calls := func(pools int) int {
		w.AWS.ResetCounts()
		for range 10 {
			w.AWSNow.Advance(14 * time.Second)
			w.Now.Step(14 * time.Second)
			for i := range pools {
				_, err := w.reconcile(name(i))
				w.Must(err)
			}
			w.swept()
		}
		w.changesNothing()
		total := 0
		for op, n := range w.AWS.Counts() {
			if strings.Contains(op, "AutoScaling") || strings.Contains(op, "LaunchTemplate") || strings.HasPrefix(op, "autoscaling.") || op == "ec2.DescribeImages" {
				total += n
			}
		}
		return total
	}
	settle(0, 1)
	one := calls(1)
	settle(1, 20)
	many := calls(20)
	t.Logf("calls in ten sweeps at rest: %d with one pool, %d with twenty", one, many)
	if one == 0 {
		t.Error("nothing was swept, so nothing was measured")
	}
	if many > one+one/10+2 {
		t.Errorf("twenty pools at rest cost %d calls, one costs %d: the cost must not grow with pools", many, one)
	}
}

// swept waits until the sweep that is due has shown its groups, and nothing more is
// asked of AWS: sweeps run beside, on a machine that may be busy.
func (w *world) swept() {
	const tick, still = 10 * time.Millisecond, 6
	due := func() bool {
		for _, scope := range w.Mirror.Scopes() {
			if w.Mirror.Snapshot(scope).Observed(mirror.AutoScalingGroups.Kind).Before(w.Now.Now()) {
				return true
			}
		}
		return false
	}
	for end := time.Now().Add(5 * time.Second); due() && time.Now().Before(end); {
		time.Sleep(tick)
	}
	before := w.AWS.Counts()
	for same := 0; same < still; same++ {
		time.Sleep(tick)
		if now := w.AWS.Counts(); !maps.Equal(now, before) {
			before, same = now, -1
		}
	}
}
