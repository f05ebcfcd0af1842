// Package conditions writes what a projection says of the parts of an object, in
// both forms that Cluster API's tools read: metav1 conditions, and the older ones
// with a severity. It knows no clock: a condition that changed has no time until
// Stamp gives it one.
package conditions

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// ReadyReason is the reason of conditions that are true and name none.
const ReadyReason = "Ready"

// Condition is what is said of one part.
type Condition struct {
	// Type names the part, for example VpcReady.
	Type string
	// OK makes the condition true.
	OK bool
	// Reason is needed where the condition isn't true.
	Reason string
	// Severity is for the older form of a condition that isn't true.
	Severity clusterv1.ConditionSeverity
	Message  string
}

// Modern is the condition as a metav1 condition. It keeps the time of the one in
// before that has the same status.
func (c Condition) Modern(before []metav1.Condition, generation int64) metav1.Condition {
	m := metav1.Condition{Type: c.Type, Status: metav1.ConditionTrue, Reason: ReadyReason, Message: c.Message, ObservedGeneration: generation}
	if !c.OK {
		m.Status = metav1.ConditionFalse
	}
	// Of Paused, both states have a reason of their own.
	if !c.OK || c.Type == infrav1.PausedCondition {
		m.Reason = c.Reason
	}
	if last := meta.FindStatusCondition(before, c.Type); last != nil && last.Status == m.Status {
		m.LastTransitionTime = last.LastTransitionTime
	}
	return m
}

// Old is the condition in the older form; it keeps the time likewise.
func (c Condition) Old(before clusterv1.Conditions) clusterv1.Condition {
	o := clusterv1.Condition{Type: clusterv1.ConditionType(c.Type), Status: corev1.ConditionTrue}
	if !c.OK {
		o.Status, o.Reason, o.Severity, o.Message = corev1.ConditionFalse, c.Reason, c.Severity, c.Message
	}
	for _, last := range before {
		if last.Type == o.Type && last.Status == o.Status {
			o.LastTransitionTime = last.LastTransitionTime
		}
	}
	return o
}

// MoreSevere tells whether a is worse than b.
func MoreSevere(a, b clusterv1.ConditionSeverity) bool {
	rank := []clusterv1.ConditionSeverity{clusterv1.ConditionSeverityInfo, clusterv1.ConditionSeverityWarning, clusterv1.ConditionSeverityError}
	return slices.Index(rank, a) > slices.Index(rank, b)
}

// Stamp gives the time to the conditions that changed, as it is stored.
func Stamp(obj Object, now metav1.Time) {
	now = now.Rfc3339Copy()
	modern, old := obj.GetConditions(), obj.GetV1Beta1Conditions()
	for i := range modern {
		if modern[i].LastTransitionTime.IsZero() {
			modern[i].LastTransitionTime = now
		}
	}
	for i := range old {
		if old[i].LastTransitionTime.IsZero() {
			old[i].LastTransitionTime = now
		}
	}
	obj.SetV1Beta1Conditions(old)
}
