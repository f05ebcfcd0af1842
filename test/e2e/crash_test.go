package e2e

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

type emulatorConfig = emulator.Config

// kill is a boundary at which the process is ended by SIGKILL: before AWS acts
// (hold), or after it acted and before the answer arrived (hold-after).
type kill struct{ operation, mode string }

// creationKills are at the operations whose repetition would leave something
// behind, and at some that are harmless, for good measure; in the order in which
// each becomes possible.
var creationKills = []kill{
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
	{"CreateTargetGroup", emulator.HoldAfter},
	{"CreateLoadBalancer", emulator.HoldAfter},
	{"CreateListener", emulator.HoldAfter},
}

// deletionKills are the same for the way back.
var deletionKills = []kill{
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
	w.survive(creationKills, func() { w.apply(ns, quickStart("reference")) })
	w.waitReady(ns, "reference")
	if diff := cmp.Diff(want, w.inventory()); diff != "" {
		t.Errorf("after %d kills the account isn't as it would be without (-want +got):\n%s", len(creationKills), diff)
	}
	w.survive(deletionKills, func() { w.kubectl("delete", "cluster", "-n", ns, "reference", "--wait=false") })
	w.awsIsEmpty()
}

// survive begins something and ends the server at each boundary on its way.
func (w *world) survive(kills []kill, begin func()) {
	w.t.Helper()
	w.arm(kills)
	begin()
	for len(kills) > 0 {
		operation := kills[0].operation
		w.eventually(operation+" is in flight", func(context.Context) error { return w.inFlight(operation) })
		w.kill()
		// What was held before it had an effect now never has one: its client is gone.
		w.eventually("AWS notices that its client is gone", func(context.Context) error {
			if held := w.aws.Held(); len(held) > 0 {
				return fmt.Errorf("%d requests are held", len(held))
			}
			return nil
		})
		kills = kills[1:]
		w.arm(kills)
		w.startServer()
	}
}

// arm holds the operation of the first kill once, and keeps those of the later ones, which may be
// the same for another object, from happening before it is their turn.
func (w *world) arm(kills []kill) {
	w.aws.Faults().Clear()
	for i, k := range kills {
		if i == 0 {
			w.aws.Faults().Set(emulator.Fault{Operation: k.operation, Mode: k.mode, Count: 1})
			continue
		}
		w.aws.Faults().Set(emulator.Fault{Operation: k.operation, Mode: emulator.ErrorBefore, Code: "UnauthorizedOperation", Status: http.StatusForbidden})
	}
}

func (w *world) inFlight(operation string) error {
	held := w.aws.Held()
	for _, entry := range held {
		if entry.Operation == operation {
			return nil
		}
	}
	return fmt.Errorf("%d other requests are held", len(held))
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
