package conditions

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// failureMark stands before the error of the latest attempt in a message.
const failureMark = "; latest attempt: "

// Area is one part of an object, of which a condition tells what is left to do.
type Area struct {
	// Type is the condition's.
	Type string
	// Pending and Failed are the reasons of what is still to be done, and of what
	// couldn't be.
	Pending, Failed string
	// Deleting tells that the object is to go, with all of its parts.
	Deleting bool
	// Failures are the errors of the latest attempts, by area; nil where nobody here
	// made any, so that what the object says of them still holds.
	Failures map[string][]string
	// Before are the object's conditions.
	Before []metav1.Condition
}

// Condition returns what a plan amounts to in the area.
func (a Area) Condition(p plan.Plan) Condition {
	c := Condition{Type: a.Type, Severity: clusterv1.ConditionSeverityInfo}
	var parts []string
	for _, x := range p.Problems {
		if x.Area == a.Type {
			c.Reason, c.Severity = cmp.Or(c.Reason, x.Reason), clusterv1.ConditionSeverityError
			parts = append(parts, x.Summary)
		}
	}
	for _, w := range p.Waits {
		if w.Area == a.Type {
			c.Reason = cmp.Or(c.Reason, w.Reason)
			parts = append(parts, "waiting for "+w.Summary)
		}
	}
	for _, x := range p.Actions {
		if x.Area == a.Type {
			c.Reason = cmp.Or(c.Reason, a.Pending)
			parts = append(parts, x.Summary)
		}
	}
	failure := a.failure(len(parts) > 0)
	if len(parts) == 0 && failure == "" {
		if a.Deleting {
			c.Reason = infrav1.DeletedReason
			return c
		}
		return Condition{Type: a.Type, OK: true}
	}
	if a.Deleting && len(p.Waits) == 0 {
		c.Reason = infrav1.DeletingReason
	}
	c.Message = strings.Join(parts, "; ")
	if failure != "" {
		c.Message = strings.TrimPrefix(c.Message+failureMark+failure, "; ")
		c.Severity, c.Reason = clusterv1.ConditionSeverityWarning, a.Failed
		if a.Deleting {
			c.Reason = infrav1.DeletingFailedReason
		}
	}
	return c
}

// failure returns the errors of the latest attempts. Where nobody here made any,
// the condition's own still holds while something is left to do.
func (a Area) failure(left bool) string {
	if a.Failures != nil {
		return strings.Join(a.Failures[a.Type], "; ")
	}
	if c := meta.FindStatusCondition(a.Before, a.Type); left && c != nil && c.Status == metav1.ConditionFalse {
		_, failure, _ := strings.Cut(c.Message, failureMark)
		return failure
	}
	return ""
}

// Summary returns the condition Ready, which is true when all are.
func Summary(list ...Condition) Condition {
	ready := Condition{Type: infrav1.ReadyCondition, OK: true}
	for _, c := range list {
		if c.OK {
			continue
		}
		if ready.OK || MoreSevere(c.Severity, ready.Severity) {
			ready.Reason, ready.Severity = c.Reason, c.Severity
		}
		ready.Message = strings.TrimPrefix(ready.Message+"\n* "+c.Type+": "+c.Message, "\n")
		ready.OK = false
	}
	return ready
}

// Object is an object with conditions in both forms.
type Object interface {
	GetConditions() []metav1.Condition
	SetConditions([]metav1.Condition)
	GetV1Beta1Conditions() clusterv1.Conditions
	SetV1Beta1Conditions(clusterv1.Conditions)
}

// Replace replaces the object's conditions of the types in both forms, and keeps
// them in the order of their types. A condition whose status didn't change keeps
// its time.
func Replace(obj Object, list []Condition, types []string, generation int64) {
	before, old := obj.GetConditions(), obj.GetV1Beta1Conditions()
	next := slices.DeleteFunc(slices.Clone(before), func(c metav1.Condition) bool { return slices.Contains(types, c.Type) })
	kept := slices.DeleteFunc(slices.Clone(old), func(c clusterv1.Condition) bool { return slices.Contains(types, string(c.Type)) })
	for _, c := range list {
		next, kept = append(next, c.Modern(before, generation)), append(kept, c.Old(old))
	}
	slices.SortFunc(next, func(a, b metav1.Condition) int { return cmp.Compare(a.Type, b.Type) })
	slices.SortFunc(kept, func(a, b clusterv1.Condition) int { return cmp.Compare(a.Type, b.Type) })
	obj.SetConditions(next)
	obj.SetV1Beta1Conditions(kept)
}

// Stored returns a condition as an object has it; false when it has none.
func Stored(obj Object, kind string) (Condition, bool) {
	m := meta.FindStatusCondition(obj.GetConditions(), kind)
	if m == nil {
		return Condition{}, false
	}
	c := Condition{Type: kind, OK: m.Status == metav1.ConditionTrue, Reason: m.Reason, Message: m.Message, Severity: clusterv1.ConditionSeverityInfo}
	for _, o := range obj.GetV1Beta1Conditions() {
		if string(o.Type) == kind && o.Severity != "" {
			c.Severity = o.Severity
		}
	}
	return c, true
}
