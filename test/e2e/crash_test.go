package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

type emulatorConfig = emulator.Config

// kills are the boundaries at which the process is ended by SIGKILL: before AWS
// acts, and after it acted but before the answer arrived. The operations are the
// ones whose repetition would leave something behind, and some that are
// harmless, for good measure.
var kills = []struct {
	operation string
	mode      string
}{
	{"CreateVpc", emulator.Hold},
	{"CreateVpc", emulator.HoldAfter},
	{"CreateInternetGateway", emulator.HoldAfter},
	{"AllocateAddress", emulator.Hold},
	{"AllocateAddress", emulator.HoldAfter},
	{"CreateSubnet", emulator.HoldAfter},
	{"CreateNatGateway", emulator.HoldAfter},
	{"CreateRouteTable", emulator.HoldAfter},
	{"CreateSecurityGroup", emulator.HoldAfter},
	{"AuthorizeSecurityGroupIngress", emulator.HoldAfter},
	{"CreateLoadBalancer", emulator.HoldAfter},
	{"CreateTargetGroup", emulator.HoldAfter},
	{"CreateListener", emulator.HoldAfter},
}

// deletionKills are the same for the way back.
var deletionKills = []struct {
	operation string
	mode      string
}{
	{"DeleteLoadBalancer", emulator.HoldAfter},
	{"ReleaseAddress", emulator.HoldAfter},
	{"DeleteVpc", emulator.HoldAfter},
}

// TestSIGKILLAtEveryBoundaryLeavesOneOfEverything builds one cluster and kills
// the server on the way, again and again; new ids stay hidden for a while, as in
// AWS.
func TestSIGKILLAtEveryBoundaryLeavesOneOfEverything(t *testing.T) {
	w := newWorld(t, "--creation-grace=5s", "--sweep-period=5s")
	ns := w.namespace()
	w.apply(ns, quickStart("reference"))
	w.waitReady(ns, "reference")
	want := w.inventory()
	w.deleteCluster(ns, "reference")

	w.aws.Configure(func(c *emulatorConfig) { c.HideNewFor = 3 * time.Second })
	for i, kill := range kills {
		w.aws.Faults().Set(emulator.Fault{ID: fmt.Sprint(i), Operation: kill.operation, Mode: kill.mode, Count: 1})
		if i == 0 {
			w.apply(ns, quickStart("reference"))
		}
		w.killWhenHeld(kill.operation)
	}
	w.waitReady(ns, "reference")
	if diff := cmp.Diff(want, w.inventory()); diff != "" {
		t.Errorf("after %d kills the account isn't as it would be without (-want +got):\n%s", len(kills), diff)
	}

	for i, kill := range deletionKills {
		w.aws.Faults().Set(emulator.Fault{ID: fmt.Sprint(i), Operation: kill.operation, Mode: kill.mode, Count: 1})
		if i == 0 {
			w.kubectl("delete", "cluster", "-n", ns, "reference", "--wait=false")
		}
		w.killWhenHeld(kill.operation)
	}
	w.awsIsEmpty()
}

// killWhenHeld ends the server while AWS holds its request, and starts it again.
func (w *world) killWhenHeld(operation string) {
	w.t.Helper()
	w.eventually(operation+" is in flight", func(context.Context) error {
		for _, entry := range w.aws.Held() {
			if entry.Operation == operation {
				return nil
			}
		}
		return fmt.Errorf("%d other requests are held", len(w.aws.Held()))
	})
	w.kill()
	w.aws.Faults().Clear()
	w.aws.Release()
	w.startServer()
}

// inventory counts what the account holds by type.
func (w *world) inventory() map[string]int {
	counts := map[string]int{}
	for _, r := range w.aws.Resources(account, region) {
		counts[r.Service+"/"+r.Type]++
	}
	return counts
}

// holdRepair keeps a repair from happening until it is let go.
func holdRepair(operation string) emulator.Fault {
	return emulator.Fault{Operation: operation, Mode: emulator.Hold}
}
