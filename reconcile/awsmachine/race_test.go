package awsmachine

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// TestTwoProcessesAtTheSameTimeMakeOneInstanceForEachMachine has two processes,
// each of which takes itself for the leader, work on the same objects from their
// creation to their end, with answers lost and new ids hidden.
func TestTwoProcessesAtTheSameTimeMakeOneInstanceForEachMachine(t *testing.T) {
	for _, s := range settings {
		for _, lost := range append(append([]string{""}, s.launch...), s.delete...) {
			t.Run(s.name+"/lost "+lost, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, s.cluster)
				before := w.Resources()
				w.beside()
				if lost != "" {
					incident{op: lost, mode: emulator.DropAfter, hidden: 30 * time.Second}.set(w)
				}
				var names []string
				for i := range 5 {
					names = append(names, fmt.Sprintf("m%d", i))
					s.create(w, names[i])
				}
				w.race(names, w.ready)
				w.Pass(time.Minute)
				if n := len(w.instances()); n != len(names) || w.made() != len(names) {
					t.Errorf("%d instances run, %d were made; want %d", n, w.made(), len(names))
				}
				for _, name := range names {
					w.Must(w.Kube.Delete(context.Background(), w.get(name)))
				}
				w.race(names, func(name string) func() bool { return func() bool { return w.gone(name) } })
				w.nothingLeft(before)
			})
		}
	}
}

// race has all processes reconcile all machines at the same time until each is done.
func (w *world) race(names []string, done func(string) func() bool) {
	w.T.Helper()
	for range 120 {
		var all sync.WaitGroup
		for _, p := range append(w.others, w.process) {
			for _, name := range names {
				all.Go(func() { _, _ = p.reconcile(name) })
			}
		}
		all.Wait()
		left := 0
		for _, name := range names {
			if !done(name)() {
				left++
			}
		}
		if left == 0 {
			return
		}
		w.Pass(3 * time.Second)
	}
	w.T.Fatalf("it never settled\n%s", w.describe(names[0]))
}

// standby starts a process that watches AWS and acts on nothing yet.
func (w *world) standby() *process {
	w.T.Helper()
	p := w.beside()
	session, err := p.its.Sessions.For(context.Background(), cloud.Site{Region: testRegion})
	w.Must(err)
	p.its.Mirror.Want("test", session)
	w.Pass(5 * time.Minute)
	return p
}

// takeOver ends the process that acted, and lets the standby act.
func (w *world) takeOver(p *process) {
	w.World.Stop()
	w.process, w.World.Process, w.others, w.Others = p, p.its, nil, nil
}

// TestNewLeaderDoesNotMissWhatTheOldOneLaunched is about a process that has looked
// at AWS for long when it begins to act, right after another one has launched.
func TestNewLeaderDoesNotMissWhatTheOldOneLaunched(t *testing.T) {
	for _, mode := range []string{emulator.DropAfter, answered} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			before := w.Resources()
			p := w.standby()
			incident{op: "ec2.RunInstances", mode: mode, hidden: 30 * time.Second}.set(w)
			w.machine("m1")
			w.settle("m1", w.hit)
			w.Must(w.Kube.Delete(context.Background(), w.get("m1")))
			w.takeOver(p)
			w.settle("m1", func() bool { return w.gone("m1") })
			w.nothingLeft(before)
		})
	}
}

// TestNewLeaderDoesNotTakeAHiddenInstanceForGone is the same where the id was
// recorded: two listings that miss it prove nothing so soon.
func TestNewLeaderDoesNotTakeAHiddenInstanceForGone(t *testing.T) {
	w := newWorld(t)
	p := w.standby()
	w.AWS.Configure(func(c *emulator.Config) { c.HideNewFor = 30 * time.Second })
	w.machine("m1", plainData)
	w.settle("m1", func() bool { return w.get("m1").Spec.InstanceID != nil })
	o := observer(w)
	o.Sessions, o.Mirror = p.its.Sessions, p.its.Mirror
	w.takeOver(p)
	for range 10 {
		_, err := w.reconcile("m1")
		w.Must(err)
		if obj := w.get("m1"); failed(&obj.Status) {
			t.Fatalf("the machine is taken for failed:\n%s", w.describe("m1"))
		}
		w.Must(o.Refresh(context.Background(), w.get("m1"), 0))
		if shown, _ := o.Project(context.Background(), w.get("m1")); failed(&shown.Status) {
			t.Fatalf("another replica shows the machine as failed: %+v", shown.Status.Conditions)
		}
		w.Pass(3 * time.Second)
	}
	w.settle("m1", w.ready("m1"))
}

func failed(status *infrav1.AWSMachineStatus) bool {
	return status.Deprecated != nil && status.Deprecated.V1Beta1 != nil && status.Deprecated.V1Beta1.FailureReason != nil
}

// TestReadsThatLagBehindMakeNothingTwice has the process read each object as it was
// one read before, all the time.
func TestReadsThatLagBehindMakeNothingTwice(t *testing.T) {
	for _, s := range settings {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, s.cluster)
			before := w.Resources()
			w.process.behind = map[client.ObjectKey]*infrav1.AWSMachine{}
			w.AWS.Configure(func(c *emulator.Config) { c.HideNewFor = 30 * time.Second })
			s.create(w, "m1")
			w.settle("m1", w.ready("m1"))
			w.Pass(time.Minute)
			w.oneInstance("m1")
			if n := w.AWS.Counts()["ec2.RunInstances"]; n != 1 {
				t.Errorf("%d launches were asked for, want 1", n)
			}
			w.delete("m1")
			w.nothingLeft(before)
		})
	}
}
