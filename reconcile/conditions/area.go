package conditions

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// WaitingForObservation is the reason of what can't be told before AWS was seen.
const WaitingForObservation = "WaitingForObservation"

// failureMark stands before the error of the latest attempt in a message.
const failureMark = "; latest attempt: "

// Area is one part of an object, of which a condition tells what is left to do.
type Area struct {
	// Type is the condition's.
	Type string
	// Pending and Failed are the reasons of what is still to be done, and of what
	// couldn't be. Pending is InProgress unless set, which also stands in place of Failed
	// while nothing has failed, and all that is left is to do or to wait for.
	Pending, Failed string
	// Undeleted is the reason of what couldn't be deleted; DeletingFailed unless set.
	Undeleted string
	// Also are further areas, which have no condition of their own.
	Also []string
	// Deleting tells that the object is to go, with all of its parts.
	Deleting bool
	// Failures are the errors of the latest attempts, by area.
	Failures map[string][]string
	// Acting tells that they are those of who acts. For all others they hold only while
	// something is left to do.
	Acting bool
}

// Condition returns what a plan amounts to in the area.
func (a Area) Condition(p plan.Plan) Condition {
	c := Condition{Type: a.Type, Severity: clusterv1.ConditionSeverityInfo}
	var parts []string
	pending, troubled := false, false
	for _, x := range p.Problems {
		if a.tells(x.Area) {
			troubled = true
			c.Reason, c.Severity = cmp.Or(c.Reason, x.Reason), clusterv1.ConditionSeverityError
			parts = append(parts, x.Summary)
		}
	}
	for _, w := range p.Waits {
		if a.tells(w.Area) {
			c.Reason = cmp.Or(c.Reason, w.Reason)
			parts = append(parts, "waiting for "+w.Summary)
		}
	}
	for _, x := range p.Actions {
		if a.tells(x.Area) {
			pending = true
			parts = append(parts, describe(x))
		}
	}
	switch {
	case a.Deleting:
		c.Reason = cmp.Or(c.Reason, infrav1.DeletingReason)
	case pending:
		c.Reason = cmp.Or(c.Reason, a.Pending, infrav1.InProgressReason)
	}
	if !troubled && c.Reason == a.Failed {
		c.Reason = infrav1.InProgressReason
		if a.Deleting {
			c.Reason = infrav1.DeletingReason
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
	c.Message = Shorten(parts)
	if failure != "" {
		c.Message = strings.TrimPrefix(c.Message+failureMark+failure, "; ")
		c.Severity = clusterv1.ConditionSeverityWarning
		switch {
		case a.Deleting:
			c.Reason = cmp.Or(a.Undeleted, infrav1.DeletingFailedReason)
		case c.Reason != WaitingForObservation:
			c.Reason = a.Failed
		}
	}
	return c
}

// describe tells of an action, and of what it waits for.
func describe(a plan.Action) string {
	if a.WaitsFor == "" {
		return a.Summary
	}
	return fmt.Sprintf("%s (waiting for %s)", a.Summary, a.WaitsFor)
}

// Shown is how many differences a condition lists.
const Shown = 4

// Shorten lists some of the parts, and tells how many more there are.
func Shorten(parts []string) string {
	if len(parts) <= Shown {
		return strings.Join(parts, "; ")
	}
	return fmt.Sprintf("%s; and %d more", strings.Join(parts[:Shown], "; "), len(parts)-Shown)
}

// failure returns the errors of the latest attempts.
func (a Area) failure(left bool) string {
	if !a.Acting && !left {
		return ""
	}
	failures := a.Failures[a.Type]
	for _, area := range a.Also {
		failures = slices.Concat(failures, a.Failures[area])
	}
	return strings.Join(failures, "; ")
}

func (a Area) tells(area string) bool { return area == a.Type || slices.Contains(a.Also, area) }

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
		ready.Message = Tell(ready.Message, c)
		ready.OK = false
	}
	return ready
}

// Tell adds to the message of Ready what a condition says, if anything.
func Tell(message string, c Condition) string {
	if c.Message == "" {
		return message
	}
	return strings.TrimPrefix(message+"\n* "+c.Type+": "+c.Message, "\n")
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
