package awsmachine

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// incident is what goes wrong at one call.
type incident struct {
	op   string
	mode string
	// dies tells that the process ends.
	dies bool
	// hidden is how long AWS hides what it made.
	hidden time.Duration
}

func incidents(ops []string) []incident {
	var list []incident
	for _, op := range ops {
		for _, mode := range []string{emulator.DropBefore, emulator.DropAfter} {
			for _, dies := range []bool{true, false} {
				for _, hidden := range []time.Duration{0, 30 * time.Second} {
					list = append(list, incident{op, mode, dies, hidden})
				}
			}
		}
	}
	return list
}

func (x incident) String() string {
	life := "the process lives on"
	if x.dies {
		life = "the process dies"
	}
	return fmt.Sprintf("%s/%s/%s/hidden for %s", x.op, x.mode, life, x.hidden)
}

// set arms the incident in AWS.
func (x incident) set(w *world) {
	w.aws.Configure(func(c *emulator.Config) { c.HideNewFor, c.HideNewFromWrites = x.hidden, x.hidden > 0 })
	service, name, _ := strings.Cut(x.op, ".")
	w.aws.Faults().Set(emulator.Fault{ID: "death", Service: service, Operation: name, Count: 1, Mode: x.mode})
}

// hit tells whether the incident happened.
func (w *world) hit() bool {
	for _, entry := range w.aws.Log() {
		if entry.Fault == "death" {
			return true
		}
	}
	return false
}

// TestLaunchHappensOnceHoweverTheProcessDies counts the instances that were ever
// made.
func TestLaunchHappensOnceHoweverTheProcessDies(t *testing.T) {
	for _, x := range incidents(launchCalls) {
		t.Run(x.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			before := w.resources()
			x.set(w)
			w.machine("m1", controlPlane)
			w.settle("m1", w.hit)
			if x.dies {
				w.restart()
			}
			w.settle("m1", w.ready("m1"))
			w.pass(time.Minute) // so that nothing is hidden any more
			if n := len(w.instances()); n != 1 || w.made() != 1 {
				t.Errorf("%d instances run, %d were made; want 1", n, w.made())
			}
			if targets := w.targets(); len(targets) != 1 || targets[0] != aws.ToString(w.get("m1").Spec.InstanceID) {
				t.Errorf("the load balancer holds %v", targets)
			}
			w.delete("m1")
			w.nothingLeft(before)
		})
	}
}

// TestDeletionEndsHoweverTheProcessDies breaks off deletions.
func TestDeletionEndsHoweverTheProcessDies(t *testing.T) {
	for _, x := range incidents(deleteCalls) {
		t.Run(x.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			before := w.resources()
			w.machine("m1", controlPlane)
			w.settle("m1", w.ready("m1"))
			x.set(w)
			w.must(w.kube.Delete(context.Background(), w.get("m1")))
			w.settle("m1", w.hit)
			if x.dies {
				w.restart()
			}
			w.settle("m1", func() bool { return w.gone("m1") })
			w.nothingLeft(before)
		})
	}
}

// TestMachineDeletedRightAfterItsLaunchGotLostLeavesNoInstance is the case in
// which nobody ever saw the instance's id.
func TestMachineDeletedRightAfterItsLaunchGotLostLeavesNoInstance(t *testing.T) {
	for _, dies := range []bool{true, false} {
		t.Run(fmt.Sprintf("dies=%v", dies), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			before := w.resources()
			incident{op: "ec2.RunInstances", mode: emulator.DropAfter, hidden: 30 * time.Second}.set(w)
			w.machine("m1")
			w.settle("m1", w.hit)
			w.must(w.kube.Delete(context.Background(), w.get("m1")))
			if dies {
				w.pass(time.Second)
				w.restart()
			}
			w.settle("m1", func() bool { return w.gone("m1") })
			w.nothingLeft(before)
			if n := w.made(); n != 1 {
				t.Errorf("%d instances were made, want 1", n)
			}
		})
	}
}

// nothingLeft compares what there is with what there was before the machine.
func (w *world) nothingLeft(before map[string]int) {
	w.t.Helper()
	if n := len(w.instances()); n > 0 {
		w.t.Errorf("%d instances are left", n)
	}
	for kind, n := range w.resources() {
		if n != before[kind] {
			w.t.Errorf("%d of %s are there, want %d", n, kind, before[kind])
		}
	}
}
