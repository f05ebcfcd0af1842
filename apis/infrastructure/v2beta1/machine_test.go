package v2beta1

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
)

func TestConditionsOfTheOldFormLeaveAFailureAlone(t *testing.T) {
	reason := "UpdateError"
	machine := &AWSMachine{}
	machine.Status.Deprecated = &MachineDeprecatedStatus{V1Beta1: &MachineV1Beta1DeprecatedStatus{FailureReason: &reason}}
	want := clusterv1.Conditions{{Type: InstanceReadyCondition, Status: "True", Severity: "Info", Reason: "r", Message: "m", LastTransitionTime: metav1.Unix(1, 0)}}
	machine.SetV1Beta1Conditions(want)
	if got := machine.GetV1Beta1Conditions(); len(got) != 1 || got[0] != want[0] {
		t.Errorf("got %v, want %v", got, want)
	}
	machine.SetV1Beta1Conditions(nil)
	if d := machine.Status.Deprecated; d == nil || d.V1Beta1.FailureReason == nil || *d.V1Beta1.FailureReason != reason {
		t.Errorf("the failure is gone: %v", d)
	}
}

func TestNothingEmptyIsStoredForOlderContracts(t *testing.T) {
	condition := clusterv1.Conditions{{Type: "A", Status: "True"}}
	machine, template, pool := &AWSMachine{}, &AWSMachineTemplate{}, &AWSMachinePool{}
	for _, conditions := range []clusterv1.Conditions{condition, nil} {
		machine.SetV1Beta1Conditions(conditions)
		template.SetV1Beta1Conditions(conditions)
		pool.SetV1Beta1Conditions(conditions)
		for kind, got := range map[string]int{
			"machine":  len(machine.GetV1Beta1Conditions()),
			"template": len(template.GetV1Beta1Conditions()),
			"pool":     len(pool.GetV1Beta1Conditions()),
		} {
			if got != len(conditions) {
				t.Errorf("%s has %d conditions, want %d", kind, got, len(conditions))
			}
		}
	}
	if machine.Status.Deprecated != nil || template.Status.Deprecated != nil || pool.Status.Deprecated != nil {
		t.Error("an empty struct stays")
	}
}

func TestAnObservationIsSummedUpInOneCell(t *testing.T) {
	for want, observation := range map[string]*Observation{
		"":               nil,
		"3s":             {Age: "3s", Reason: "Throttled"},
		"5m (Throttled)": {Age: "5m", Stale: true, Reason: "Throttled"},
		"6m":             {Age: "6m", Stale: true},
	} {
		if got := observation.Summary(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestDurationsOfPoolsAreReadFromTheirText(t *testing.T) {
	text := func(s string) *string { return &s }
	spec := &AWSMachinePoolSpec{DefaultCoolDown: text("5m"), DefaultInstanceWarmup: text("soon")}
	hook := &AWSLifecycleHook{HeartbeatTimeout: text("172800s")}
	for name, got := range map[string][2]time.Duration{
		"cool-down":             {spec.CoolDown(), 5 * time.Minute},
		"one that is no number": {spec.InstanceWarmup(), 0},
		"hook":                  {hook.Timeout(), 48 * time.Hour},
		"hook without":          {(&AWSLifecycleHook{}).Timeout(), 0},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: got %s, want %s", name, got[0], got[1])
		}
	}
}

func TestSizesOfAPoolAreItsOwnOrNone(t *testing.T) {
	two, five := int32(2), int32(5)
	if smallest, largest := (&AWSMachinePoolSpec{MinSize: &two, MaxSize: &five}).Sizes(); smallest != 2 || largest != 5 {
		t.Errorf("got %d and %d", smallest, largest)
	}
	if smallest, largest := (&AWSMachinePoolSpec{}).Sizes(); smallest != 0 || largest != 0 {
		t.Errorf("got %d and %d", smallest, largest)
	}
}
