package awsmachinepool

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
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

func incidents(ops ...string) []incident {
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

// happens arms the incident in AWS, lets it happen, and the process die of it.
func (x incident) happens(w *world) {
	w.T.Helper()
	w.AWS.Configure(func(c *emulator.Config) { c.HideNewFor, c.HideNewFromWrites = x.hidden, x.hidden > 0 })
	service, name, _ := strings.Cut(x.op, ".")
	w.AWS.Faults().Set(emulator.Fault{ID: "death", Service: service, Operation: name, Count: 1, Mode: x.mode})
	w.settle("pool-1", w.hit)
	if x.dies {
		w.restart()
	}
}

// hit tells whether the incident happened.
func (w *world) hit() bool {
	for _, entry := range w.AWS.Log() {
		if entry.Fault == "death" {
			return true
		}
	}
	return false
}

func TestPoolIsMadeOnceHoweverTheProcessDies(t *testing.T) {
	for _, x := range incidents("ec2.CreateLaunchTemplate", "autoscaling.CreateAutoScalingGroup") {
		t.Run(x.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.pool("pool-1")
			x.happens(w)
			w.settle("pool-1", w.ready("pool-1", 2))
			w.rounds("pool-1", 5)
			counts := w.Resources()
			if n := counts["launch-template"]; n != 1 {
				t.Errorf("%d launch templates, want 1", n)
			}
			if n := len(w.versions("pool-1")); n != 1 {
				t.Errorf("%d versions, want 1", n)
			}
			if n := counts["instance"]; n != 2 {
				t.Errorf("%d instances, want 2", n)
			}
			w.delete("pool-1")
			w.nothingLeft()
		})
	}
}

func TestChangeIsRolledOutOnceHoweverTheProcessDies(t *testing.T) {
	for _, x := range incidents("ec2.CreateLaunchTemplateVersion", "autoscaling.StartInstanceRefresh") {
		t.Run(x.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.pool("pool-1")
			w.settle("pool-1", w.ready("pool-1", 2))
			w.Pass(time.Minute)
			w.change("pool-1", func(p *infrav1.AWSMachinePool) { p.Spec.AWSLaunchTemplate.InstanceType = "m5.xlarge" })
			x.happens(w)
			w.settle("pool-1", func() bool {
				list := w.refreshes("pool-1")
				return len(list) > 0 && list[0].Status == astypes.InstanceRefreshStatusSuccessful && w.ready("pool-1", 2)()
			})
			w.rounds("pool-1", 5)
			if n := len(w.refreshes("pool-1")); n != 1 {
				t.Errorf("%d instance refreshes, want 1", n)
			}
			if n := len(w.versions("pool-1")); n != 2 {
				t.Errorf("%d versions, want 2", n)
			}
			for _, i := range w.group("pool-1").Instances {
				if aws.ToString(i.InstanceType) != "m5.xlarge" {
					t.Errorf("instance %s is a %s", aws.ToString(i.InstanceId), aws.ToString(i.InstanceType))
				}
			}
		})
	}
}

func TestDeletionEndsHoweverTheProcessDies(t *testing.T) {
	for _, x := range incidents("autoscaling.DeleteAutoScalingGroup", "ec2.DeleteLaunchTemplate") {
		t.Run(x.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.pool("pool-1")
			w.settle("pool-1", w.ready("pool-1", 2))
			w.Must(w.Kube.Delete(context.Background(), w.get("pool-1")))
			x.happens(w)
			w.settle("pool-1", func() bool { return w.gone("pool-1") })
			w.nothingLeft()
		})
	}
}

// TestPoolDeletedRightAfterItsCreationGotLostLeavesNothing is the case in which
// nobody ever saw what was made.
func TestPoolDeletedRightAfterItsCreationGotLostLeavesNothing(t *testing.T) {
	for _, op := range []string{"ec2.CreateLaunchTemplate", "autoscaling.CreateAutoScalingGroup"} {
		for _, dies := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/dies=%v", op, dies), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.pool("pool-1")
				incident{op: op, mode: emulator.DropAfter, hidden: 30 * time.Second}.happens(w)
				w.Must(w.Kube.Delete(context.Background(), w.get("pool-1")))
				if dies {
					w.Pass(time.Second)
					w.restart()
				}
				w.settle("pool-1", func() bool { return w.gone("pool-1") })
				w.nothingLeft()
			})
		}
	}
}

// TestNewLeaderDeletesThePoolThatTheOldOneMadeLast is about a process that has
// looked at AWS for long, as a standby, when it begins to act; AWS still hides what
// the old leader made right before.
func TestNewLeaderDeletesThePoolThatTheOldOneMadeLast(t *testing.T) {
	for _, op := range []string{"ec2.CreateLaunchTemplate", "autoscaling.CreateAutoScalingGroup"} {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			leader, reconciler := w.Process, w.reconciler
			w.boot()
			standby, next := w.Process, w.reconciler
			standby.Mirror.Want("test", w.Session())
			w.Pass(5 * time.Minute)
			w.Process, w.reconciler = leader, reconciler
			w.pool("pool-1")
			incident{op: op, mode: emulator.DropAfter, hidden: 30 * time.Second}.happens(w)
			leader.Stop()
			w.Process, w.reconciler = standby, next
			w.Pass(time.Second)
			w.Must(w.Kube.Delete(context.Background(), w.get("pool-1")))
			w.settle("pool-1", func() bool { return w.gone("pool-1") })
			w.nothingLeft()
		})
	}
}
