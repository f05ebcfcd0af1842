package conditions

import (
	"testing"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

func TestOnlyWhatFailedIsCalledFailed(t *testing.T) {
	const area, failed = "SubnetsReady", "SubnetsReconciliationFailed"
	act := plan.Plan{Actions: []plan.Action{{Area: area, Summary: "create subnet a"}}}
	wait := plan.Plan{Waits: []plan.Wait{{Area: area, Reason: failed, Summary: "the VPC"}}}
	problem := plan.Plan{Problems: []plan.Problem{{Area: area, Reason: failed, Summary: "no room"}}}
	for name, c := range map[string]struct {
		plan     plan.Plan
		failures map[string][]string
		deleting bool
		want     string
	}{
		"to be done":            {plan: act, want: infrav1.InProgressReason},
		"waited for":            {plan: wait, want: infrav1.InProgressReason},
		"a problem":             {plan: problem, want: failed},
		"an attempt failed":     {plan: act, failures: map[string][]string{area: {"UnauthorizedOperation"}}, want: failed},
		"waited for by the end": {plan: wait, deleting: true, want: infrav1.DeletingReason},
	} {
		t.Run(name, func(t *testing.T) {
			got := Area{Type: area, Failed: failed, Deleting: c.deleting, Failures: c.failures}.Condition(c.plan)
			if got.OK || got.Reason != c.want {
				t.Errorf("the condition is %+v, want reason %s", got, c.want)
			}
		})
	}
}

func TestReadyTellsOnlyOfWhatHasSomethingToSay(t *testing.T) {
	ready := Summary(Condition{Type: "A", Reason: infrav1.DeletedReason}, Condition{Type: "B", Reason: infrav1.DeletingReason, Message: "delete VPC vpc-1"})
	if ready.OK || ready.Message != "* B: delete VPC vpc-1" {
		t.Errorf("Ready is %+v", ready)
	}
}
