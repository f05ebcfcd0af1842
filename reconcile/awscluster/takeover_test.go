package awscluster

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/capa-apiserver/capa-apiserver/test/emulator"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

// TestNewLeaderDoesNotMakeAgainWhatTheOldOneMade is about a process that has looked
// at AWS for long, as a standby, when it begins to act; right before, the old leader
// has made and recorded something that AWS still hides.
func TestNewLeaderDoesNotMakeAgainWhatTheOldOneMade(t *testing.T) {
	whole := newWorld(t, newCluster())
	whole.create()
	want := whole.resources()
	for _, recorded := range []string{"VPC", "subnets"} {
		t.Run(recorded, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, newCluster())
			standby := w.standby()
			w.aws.Configure(func(c *emulator.Config) { c.HideNewFor = 30 * time.Second })
			w.settle(func() bool {
				n := w.get().Spec.Network
				return n.VPC.ID != "" && (recorded == "VPC" || len(n.Subnets) > 0 && n.Subnets[0].ResourceID != "")
			})
			w.takeOver(standby)
			w.create()
			w.pass(time.Minute)
			if diff := cmp.Diff(want, w.resources()); diff != "" {
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
			w.aws.Configure(func(c *emulator.Config) { c.HideNewFor = 30 * time.Second })
			w.settle(func() bool { return w.aws.Counts()[op] > 0 })
			w.takeOver(standby)
			if err := w.kube.Delete(context.Background(), w.get()); err != nil {
				t.Fatal(err)
			}
			w.settle(w.gone)
			w.pass(time.Minute)
			if left := w.resources(); len(left) > 0 {
				t.Errorf("left are %v", left)
			}
		})
	}
}

// standby starts a process beside the one that acts, which only watches AWS.
func (w *world) standby() *process {
	w.t.Helper()
	leader := w.process
	w.boot()
	session, err := w.sessions.For(context.Background(), cloud.Site{Namespace: "default", Region: testRegion})
	if err != nil {
		w.t.Fatal(err)
	}
	w.mirror.Watch(session)
	w.pass(5 * time.Minute)
	standby := w.process
	w.process = leader
	return standby
}

// takeOver ends the process that acted, and lets the standby act.
func (w *world) takeOver(standby *process) {
	w.process.stop()
	w.process = standby
}
