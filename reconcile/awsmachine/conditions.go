package awsmachine

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

const (
	// readyReason is the reason of conditions that are true.
	readyReason = "Ready"
	// failureMark stands before the error of the latest attempt in a message.
	failureMark = "; latest attempt: "
)

// condition is one condition, in the terms of both forms.
type condition struct {
	kind   string
	ok     bool
	reason string
	// severity is for the old form, for a condition that isn't true.
	severity clusterv1.ConditionSeverity
	message  string
}

// projected are the conditions that a projection decides on; all others in the
// status are somebody else's.
var projected = []string{infrav1.ReadyCondition, infrav1.InstanceReadyCondition, infrav1.SecurityGroupsReadyCondition, infrav1.ELBAttachedCondition}

// failedReasons are the reasons of what was to be done and is not.
var failedReasons = map[string]string{
	infrav1.InstanceReadyCondition:       infrav1.InstanceProvisionFailedReason,
	infrav1.SecurityGroupsReadyCondition: infrav1.SecurityGroupsFailedReason,
	infrav1.ELBAttachedCondition:         infrav1.ELBAttachFailedReason,
}

// areas returns the conditions of the machine; all of them make up Ready.
func (v *view) areas() []string {
	areas := []string{infrav1.InstanceReadyCondition}
	if v.row == nil {
		return areas
	}
	areas = append(areas, infrav1.SecurityGroupsReadyCondition)
	if v.controlPlane() {
		areas = append(areas, infrav1.ELBAttachedCondition)
	}
	return areas
}

// conditions returns the conditions that the plan amounts to, Ready among them.
func (v *view) conditions() []condition {
	var list []condition
	ready := condition{kind: infrav1.ReadyCondition, ok: true}
	for _, area := range v.areas() {
		c := v.area(area)
		list = append(list, c)
		if c.ok {
			continue
		}
		if ready.ok || moreSevere(c.severity, ready.severity) {
			ready.reason, ready.severity = c.reason, c.severity
		}
		ready.message = strings.TrimPrefix(ready.message+"\n* "+c.kind+": "+c.message, "\n")
		ready.ok = false
	}
	return append(list, ready)
}

// area returns the condition of one area.
func (v *view) area(area string) condition {
	c := condition{kind: area, severity: clusterv1.ConditionSeverityInfo}
	var parts []string
	for _, x := range v.plan.Problems {
		if x.Area == area {
			c.reason, c.severity = cmp.Or(c.reason, x.Reason), clusterv1.ConditionSeverityError
			parts = append(parts, x.Summary)
		}
	}
	for _, w := range v.plan.Waits {
		if w.Area == area {
			c.reason = cmp.Or(c.reason, w.Reason)
			parts = append(parts, "waiting for "+w.Summary)
		}
	}
	for _, a := range v.plan.Actions {
		if a.Area == area {
			c.reason = cmp.Or(c.reason, v.pendingReason(area, a))
			parts = append(parts, a.Summary)
		}
	}
	failure := v.lastFailure(area, len(parts) > 0)
	switch {
	case v.deleting() && len(parts) == 0 && failure == "":
		c.reason = infrav1.DeletedReason
		return c
	case v.deleting():
		c.reason = infrav1.DeletingReason
	case len(parts) == 0 && failure == "":
		return condition{kind: area, ok: true}
	}
	c.message = strings.Join(parts, "; ")
	if failure != "" {
		c.message = strings.TrimPrefix(c.message+failureMark+failure, "; ")
		c.severity = clusterv1.ConditionSeverityWarning
		if c.reason != ReasonWaitingForObservation {
			c.reason = failedReasons[area]
		}
		if v.deleting() {
			c.reason = infrav1.DeletingFailedReason
			if area == infrav1.ELBAttachedCondition {
				c.reason = infrav1.ELBDetachFailedReason
			}
		}
	}
	return c
}

// pendingReason tells a launch under way from something to be put right.
func (v *view) pendingReason(area string, a plan.Action) string {
	if area == infrav1.InstanceReadyCondition && a.Verb == plan.Create {
		return infrav1.InstanceProvisionStartedReason
	}
	return failedReasons[area]
}

// lastFailure returns the error of the latest attempt in an area. Where no attempt
// was made here, what the object says of the latest one still holds while
// something is left to do.
func (v *view) lastFailure(area string, left bool) string {
	if v.Failures != nil {
		return strings.Join(v.Failures[area], "; ")
	}
	if c := meta.FindStatusCondition(v.Machine.Status.Conditions, area); left && c != nil && c.Status == metav1.ConditionFalse {
		_, failure, _ := strings.Cut(c.Message, failureMark)
		return failure
	}
	return ""
}

func moreSevere(a, b clusterv1.ConditionSeverity) bool {
	rank := []clusterv1.ConditionSeverity{clusterv1.ConditionSeverityInfo, clusterv1.ConditionSeverityWarning, clusterv1.ConditionSeverityError}
	return slices.Index(rank, a) > slices.Index(rank, b)
}

// setConditions replaces the projected conditions in both forms. A condition whose
// status didn't change keeps its time.
func setConditions(status *infrav1.AWSMachineStatus, conditions []condition, generation int64) {
	replaceConditions(status, conditions, projected, generation)
}

func replaceConditions(status *infrav1.AWSMachineStatus, conditions []condition, kinds []string, generation int64) {
	object := &infrav1.AWSMachine{Status: *status}
	before, old := status.Conditions, object.GetV1Beta1Conditions()
	next := slices.DeleteFunc(slices.Clone(before), func(c metav1.Condition) bool { return slices.Contains(kinds, c.Type) })
	kept := slices.DeleteFunc(slices.Clone(old), func(c clusterv1.Condition) bool { return slices.Contains(kinds, string(c.Type)) })
	for _, c := range conditions {
		next, kept = append(next, c.modern(before, generation)), append(kept, c.old(old))
	}
	slices.SortFunc(next, func(a, b metav1.Condition) int { return cmp.Compare(a.Type, b.Type) })
	slices.SortFunc(kept, func(a, b clusterv1.Condition) int { return cmp.Compare(a.Type, b.Type) })
	object.SetV1Beta1Conditions(kept)
	status.Conditions, status.Deprecated = next, object.Status.Deprecated
}

func (c condition) modern(before []metav1.Condition, generation int64) metav1.Condition {
	m := metav1.Condition{Type: c.kind, Status: metav1.ConditionTrue, Reason: readyReason, Message: c.message, ObservedGeneration: generation}
	if !c.ok {
		m.Status, m.Reason = metav1.ConditionFalse, c.reason
	}
	if c.kind == infrav1.PausedCondition {
		m.Reason = c.reason
	}
	if last := meta.FindStatusCondition(before, c.kind); last != nil && last.Status == m.Status {
		m.LastTransitionTime = last.LastTransitionTime
	}
	return m
}

func (c condition) old(before clusterv1.Conditions) clusterv1.Condition {
	o := clusterv1.Condition{Type: clusterv1.ConditionType(c.kind), Status: corev1.ConditionTrue}
	if !c.ok {
		o.Status, o.Reason, o.Severity, o.Message = corev1.ConditionFalse, c.reason, c.severity, c.message
	}
	for _, last := range before {
		if last.Type == o.Type && last.Status == o.Status {
			o.LastTransitionTime = last.LastTransitionTime
		}
	}
	return o
}

// Stamp gives the time to the conditions that changed.
func Stamp(status *infrav1.AWSMachineStatus, now metav1.Time) {
	now = now.Rfc3339Copy() // as it is stored
	for i := range status.Conditions {
		if status.Conditions[i].LastTransitionTime.IsZero() {
			status.Conditions[i].LastTransitionTime = now
		}
	}
	if d := status.Deprecated; d != nil && d.V1Beta1 != nil {
		for i := range d.V1Beta1.Conditions {
			if d.V1Beta1.Conditions[i].LastTransitionTime.IsZero() {
				d.V1Beta1.Conditions[i].LastTransitionTime = now
			}
		}
	}
}

// setPaused says whether the object is paused.
func setPaused(status *infrav1.AWSMachineStatus, paused bool, generation int64) {
	c := condition{kind: infrav1.PausedCondition, ok: paused, reason: clusterv1.NotPausedReason, severity: clusterv1.ConditionSeverityInfo}
	if paused {
		c.reason = clusterv1.PausedReason
		c.message = "the Cluster's spec.paused or the annotation " + clusterv1.PausedAnnotation + " keeps everything as it is"
	}
	if last := meta.FindStatusCondition(status.Conditions, infrav1.PausedCondition); last != nil && (last.Status == metav1.ConditionTrue) == paused {
		return // a new generation alone is no reason to write it
	}
	replaceConditions(status, []condition{c}, []string{infrav1.PausedCondition}, generation)
}

// setNotReady says why nothing can be done for the machine at all.
func setNotReady(status *infrav1.AWSMachineStatus, reason, message string, generation int64) {
	c := condition{kind: infrav1.ReadyCondition, reason: reason, severity: clusterv1.ConditionSeverityError, message: message}
	replaceConditions(status, []condition{c}, []string{infrav1.ReadyCondition}, generation)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// past tells a summary as what was done.
func past(summary string) string {
	verb, rest, _ := strings.Cut(summary, " ")
	if form, ok := pastForms[verb]; ok {
		return fmt.Sprintf("%s %s", form, rest)
	}
	return summary
}

// pastForms are the verbs with which summaries begin, as they are told later.
var pastForms = map[string]string{
	"create": "Created", "delete": "Deleted", "set": "Set", "tag": "Tagged", "register": "Registered", "deregister": "Deregistered",
	"terminate": "Terminated",
}
