package awscluster

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

// TestNewLeaderDoesNotMakeAgainWhatTheOldOneMade is about a process that has looked
// at AWS for long, as a standby, when it begins to act; right before, the old leader
// has made and recorded something that AWS still hides.
func TestNewLeaderDoesNotMakeAgainWhatTheOldOneMade(t *testing.T) {
	whole := newWorld(t, newCluster())
	whole.create()
	want := whole.Resources()
	for _, recorded := range []string{"VPC", "subnets"} {
		t.Run(recorded, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, newCluster())
			standby := w.standby()
			w.AWS.Configure(func(c *emulator.Config) { c.HideNewFor = 30 * time.Second })
			w.settle(func() bool {
				n := w.get().Spec.Network
				return n.VPC.ID != "" && (recorded == "VPC" || len(n.Subnets) > 0 && n.Subnets[0].ResourceID != "")
			})
			w.takeOver(standby)
			w.create()
			w.Pass(time.Minute)
			if diff := cmp.Diff(want, w.Resources()); diff != "" {
				t.Errorf("the account isn't as one leader would have left it (-want +got):\n%s", diff)
			}
		})
	}
}

// TestNewLeaderDeletesWhatTheOldOneMadeLast is the same for a cluster that is deleted
// at that moment.
func TestNewLeaderDeletesWhatTheOldOneMadeLast(t *testing.T) {
	for _, op := range []string{"elbv2.CreateTargetGroup", "ec2.CreateSecurityGroup", "ec2.CreateNatGateway", "ec2.CreateVpc"} {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, newCluster())
			standby := w.standby()
			w.AWS.Configure(func(c *emulator.Config) { c.HideNewFor = 30 * time.Second })
			w.settle(func() bool { return w.AWS.Counts()[op] > 0 })
			w.takeOver(standby)
			if err := w.Kube.Delete(context.Background(), w.get()); err != nil {
				t.Fatal(err)
			}
			w.settle(w.gone)
			w.Pass(time.Minute)
			if left := w.Resources(); len(left) > 0 {
				t.Errorf("left are %v", left)
			}
		})
	}
}

// standby starts a process beside the one that acts, which only watches AWS.
func (w *world) standby() *world {
	w.T.Helper()
	leader, reconciler := w.Process, w.reconciler
	w.boot()
	session, err := w.Sessions.For(context.Background(), cloud.Site{Region: testRegion})
	if err != nil {
		w.T.Fatal(err)
	}
	w.Mirror.Want("test", session)
	w.Pass(5 * time.Minute)
	standby := &world{World: &enginetest.World{Process: w.Process}, reconciler: w.reconciler}
	w.Process, w.reconciler = leader, reconciler
	return standby
}

// takeOver ends the process that acted, and lets the standby act.
func (w *world) takeOver(standby *world) {
	w.Stop()
	w.Process, w.reconciler = standby.Process, standby.reconciler
}
