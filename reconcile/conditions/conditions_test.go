package conditions

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

func TestOnlyWhatChangedGetsANewTime(t *testing.T) {
	then := metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	before := []metav1.Condition{{Type: "A", Status: metav1.ConditionTrue, LastTransitionTime: then}}
	oldBefore := clusterv1.Conditions{{Type: "A", Status: corev1.ConditionTrue, LastTransitionTime: then}}
	for name, c := range map[string]struct {
		condition Condition
		keeps     bool
	}{
		"still true":   {Condition{Type: "A", OK: true}, true},
		"now false":    {Condition{Type: "A", Reason: "Broken", Message: "it broke"}, false},
		"never before": {Condition{Type: "B", OK: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			modern, old := c.condition.Modern(before, 7), c.condition.Old(oldBefore)
			if kept := modern.LastTransitionTime.Equal(&then); kept != c.keeps {
				t.Errorf("the time is kept: %v, want %v", kept, c.keeps)
			}
			if kept := old.LastTransitionTime.Equal(&then); kept != c.keeps {
				t.Errorf("the time of the older form is kept: %v, want %v", kept, c.keeps)
			}
			if modern.ObservedGeneration != 7 || modern.Reason == "" {
				t.Errorf("the condition is %+v, want generation 7 and a reason", modern)
			}
		})
	}
}

func TestBothStatesOfPausedHaveTheirReason(t *testing.T) {
	for _, c := range []Condition{{Type: infrav1.PausedCondition, OK: true, Reason: "Paused"}, {Type: infrav1.PausedCondition, Reason: "NotPaused"}} {
		if got := c.Modern(nil, 1).Reason; got != c.Reason {
			t.Errorf("reason %s, want %s", got, c.Reason)
		}
	}
}

func TestStampLeavesTimesThatAreThere(t *testing.T) {
	then, now := metav1.NewTime(time.Unix(100, 0)), metav1.NewTime(time.Unix(200, 500))
	obj := &infrav1.AWSMachine{}
	obj.Status.Conditions = []metav1.Condition{{Type: "A", LastTransitionTime: then}, {Type: "B"}}
	obj.Status.Deprecated = &infrav1.MachineDeprecatedStatus{V1Beta1: &infrav1.MachineV1Beta1DeprecatedStatus{
		Conditions: []infrav1.V1Beta1Condition{{Type: "A", LastTransitionTime: then}, {Type: "B"}}}}
	Stamp(obj, now)
	modern, old := obj.Status.Conditions, obj.Status.Deprecated.V1Beta1.Conditions
	for i, want := range []int64{100, 200} {
		if modern[i].LastTransitionTime.Unix() != want || old[i].LastTransitionTime.Unix() != want {
			t.Errorf("times are %s and %s, want %d", modern[i].LastTransitionTime, old[i].LastTransitionTime, want)
		}
	}
}
