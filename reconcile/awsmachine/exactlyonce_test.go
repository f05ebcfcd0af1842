package awsmachine

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// TestLaunchHappensOnceHoweverTheProcessDies counts the instances that were ever
// made.
func TestLaunchHappensOnceHoweverTheProcessDies(t *testing.T) {
	for _, s := range settings {
		for _, x := range incidents(s.launch, s.skip) {
			t.Run(s.name+"/"+x.String(), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, s.cluster)
				before := w.Resources()
				x.set(w)
				s.create(w, "m1")
				x.strike(w, "m1")
				w.settle("m1", w.ready("m1"))
				w.Pass(time.Minute) // so that nothing is hidden any more
				w.oneInstance("m1")
				w.delete("m1")
				w.nothingLeft(before)
			})
		}
	}
}

// TestDeletionEndsHoweverTheProcessDies breaks off deletions.
func TestDeletionEndsHoweverTheProcessDies(t *testing.T) {
	for _, s := range settings {
		for _, x := range incidents(s.delete, s.skip) {
			t.Run(s.name+"/"+x.String(), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, s.cluster)
				before := w.Resources()
				s.create(w, "m1")
				w.settle("m1", w.ready("m1"))
				x.set(w)
				w.Must(w.Kube.Delete(context.Background(), w.get("m1")))
				x.strike(w, "m1")
				w.settle("m1", func() bool { return w.gone("m1") })
				w.nothingLeft(before)
			})
		}
	}
}

// TestBootstrapDataIsRemovedHoweverTheProcessDies breaks off the removal of what a
// machine that has joined doesn't need any more.
func TestBootstrapDataIsRemovedHoweverTheProcessDies(t *testing.T) {
	for _, s := range settings {
		if s.plain {
			continue
		}
		remove := s.delete[len(s.delete)-1]
		for _, x := range incidents([]string{remove}, s.skip) {
			t.Run(s.name+"/"+x.String(), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, s.cluster)
				before := w.Resources()
				s.create(w, "m1")
				w.settle("m1", w.ready("m1"))
				x.set(w)
				w.joined("m1")
				x.strike(w, "m1")
				w.settle("m1", func() bool {
					now := w.Resources()
					return now["secret"]+now["parameter"]+now["object"] == before["secret"]+before["parameter"]+before["object"] && w.ready("m1")()
				})
				w.delete("m1")
				w.nothingLeft(before)
			})
		}
	}
}

// TestCorrectionsEndHoweverTheProcessDies breaks off changes of tags and security
// groups of a running instance.
func TestCorrectionsEndHoweverTheProcessDies(t *testing.T) {
	for _, x := range incidents([]string{"ec2.CreateTags", "ec2.DeleteTags", "ec2.ModifyNetworkInterfaceAttribute"}, 0) {
		t.Run(x.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			before := w.Resources()
			w.machine("m1", plainData, func(obj *infrav1.AWSMachine, _ *clusterv1.Machine) {
				obj.Spec.AdditionalTags = infrav1.Tags{"old": "1"}
			})
			w.settle("m1", w.ready("m1"))
			x.set(w)
			obj, group := w.get("m1"), w.cluster().Status.NetworkStatus.SecurityGroups[infrav1.SecurityGroupControlPlane].ID
			obj.Spec.AdditionalTags = infrav1.Tags{"new": "2"}
			obj.Spec.AdditionalSecurityGroups = []infrav1.AWSResourceReference{{ID: aws.String(group)}}
			w.Must(w.Kube.Update(context.Background(), obj))
			x.strike(w, "m1")
			w.settle("m1", func() bool {
				list := w.instances() // none while AWS hides it
				return len(list) == 1 && instance.Tag(list[0].Tags, "new") == "2" && instance.Tag(list[0].Tags, "old") == "" &&
					len(list[0].SecurityGroups) == 3 && w.ready("m1")()
			})
			w.delete("m1")
			w.nothingLeft(before)
		})
	}
}

// TestMachineDeletedRightAfterItsLaunchGotLostLeavesNoInstance is the case in
// which nobody ever saw the instance's id.
func TestMachineDeletedRightAfterItsLaunchGotLostLeavesNoInstance(t *testing.T) {
	for _, mode := range []string{emulator.DropAfter, answered} {
		for _, dies := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/dies=%v", mode, dies), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				before := w.Resources()
				incident{op: "ec2.RunInstances", mode: mode, dies: dies, hidden: 30 * time.Second}.set(w)
				w.machine("m1")
				w.settle("m1", w.hit)
				w.Must(w.Kube.Delete(context.Background(), w.get("m1")))
				if dies {
					w.Pass(time.Second)
					w.restart()
				} else {
					w.Ending = nil
				}
				w.settle("m1", func() bool { return w.gone("m1") })
				w.nothingLeft(before)
				if n := w.made(); n != 1 {
					t.Errorf("%d instances were made, want 1", n)
				}
			})
		}
	}
}

// oneInstance checks that one instance was ever made, and that it alone is behind
// the load balancer if the machine is of the control plane.
func (w *world) oneInstance(name string) {
	w.T.Helper()
	if n := len(w.instances()); n != 1 || w.made() != 1 {
		w.T.Errorf("%d instances run, %d were made; want 1", n, w.made())
	}
	want := 0
	if _, ok := w.get(name).Labels[clusterv1.MachineControlPlaneLabel]; ok {
		want = 1
	}
	balanced := append(w.targets(), w.balanced()...)
	if len(balanced) != want || want == 1 && balanced[0] != aws.ToString(w.get(name).Spec.InstanceID) {
		w.T.Errorf("the load balancer holds %v", balanced)
	}
}

// nothingLeft compares what there is with what there was before the machine.
func (w *world) nothingLeft(before map[string]int) {
	w.T.Helper()
	w.Pass(time.Minute) // so that nothing is hidden, nor on its way out, any more
	if n := len(w.instances()); n > 0 {
		w.T.Errorf("%d instances are left", n)
	}
	for kind, n := range w.Resources() {
		if n != before[kind] {
			w.T.Errorf("%d of %s are there, want %d", n, kind, before[kind])
		}
	}
	if balanced := append(w.targets(), w.balanced()...); len(balanced) > 0 {
		w.T.Errorf("the load balancer still holds %v", balanced)
	}
}
