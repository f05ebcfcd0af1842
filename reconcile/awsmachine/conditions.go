package awsmachine

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

const (
	// failureMark stands before the error of the latest attempt in a message.
	failureMark = "; latest attempt: "
)

// projected are the conditions that a projection decides on; all others in the
// status are somebody else's.
var projected = []string{infrav1.ReadyCondition, infrav1.InstanceReadyCondition, infrav1.SecurityGroupsReadyCondition, infrav1.ELBAttachedCondition,
	infrav1.DedicatedHostReleaseCondition, infrav1.PublicAddressReadyCondition}

// failedReasons are the reasons of what was to be done and is not.
var failedReasons = map[string]string{
	infrav1.InstanceReadyCondition:        infrav1.InstanceProvisionFailedReason,
	infrav1.SecurityGroupsReadyCondition:  infrav1.SecurityGroupsFailedReason,
	infrav1.ELBAttachedCondition:          infrav1.ELBAttachFailedReason,
	infrav1.DedicatedHostReleaseCondition: infrav1.DedicatedHostReleaseFailedReason,
	infrav1.PublicAddressReadyCondition:   infrav1.PublicAddressFailedReason,
}

// areas returns the conditions of the machine.
func (v *view) areas() []string {
	areas := []string{infrav1.InstanceReadyCondition}
	if v.deleting() && v.ownHost() {
		areas = append(areas, infrav1.DedicatedHostReleaseCondition)
	}
	if v.ownAddress() && (v.row != nil || v.deleting()) {
		areas = append(areas, infrav1.PublicAddressReadyCondition)
	}
	if v.row == nil {
		return areas
	}
	areas = append(areas, infrav1.SecurityGroupsReadyCondition)
	if v.controlPlane() {
		areas = append(areas, infrav1.ELBAttachedCondition)
	}
	return areas
}

// makesReady tells whether Ready depends on an area. Once the instance was there, Ready
// says what has become of it, and nothing else: Cluster API shows it as the Machine's
// InfrastructureReady, and health checks replace machines by that.
func (v *view) makesReady(area string) bool {
	return area == infrav1.InstanceReadyCondition || v.deleting() || !v.Machine.Provisioned() && !v.running()
}

// conditions returns the conditions that the plan amounts to, Ready among them.
func (v *view) conditions() []conditions.Condition {
	var list []conditions.Condition
	ready := conditions.Condition{Type: infrav1.ReadyCondition, OK: true}
	for _, area := range v.areas() {
		c := v.area(area)
		list = append(list, c)
		if c.OK || !v.makesReady(area) {
			continue
		}
		if ready.OK || conditions.MoreSevere(c.Severity, ready.Severity) {
			ready.Reason, ready.Severity = c.Reason, c.Severity
		}
		ready.Message = strings.TrimPrefix(ready.Message+"\n* "+c.Type+": "+c.Message, "\n")
		ready.OK = false
	}
	return append(list, ready)
}

// area returns the condition of one area.
func (v *view) area(area string) conditions.Condition {
	c := conditions.Condition{Type: area, Severity: clusterv1.ConditionSeverityInfo}
	var parts []string
	for _, x := range v.plan.Problems {
		if x.Area == area {
			c.Reason, c.Severity = cmp.Or(c.Reason, x.Reason), clusterv1.ConditionSeverityError
			parts = append(parts, x.Summary)
		}
	}
	for _, w := range v.plan.Waits {
		if w.Area == area {
			c.Reason = cmp.Or(c.Reason, w.Reason)
			parts = append(parts, "waiting for "+w.Summary)
		}
	}
	for _, a := range v.plan.Actions {
		if a.Area == area || v.deleting() && area == infrav1.InstanceReadyCondition && a.Area == areaBootstrap {
			c.Reason = cmp.Or(c.Reason, v.pendingReason(area, a))
			parts = append(parts, a.Summary)
		}
	}
	failure := v.lastFailure(area, len(parts) > 0)
	switch {
	case v.deleting() && len(parts) == 0 && failure == "":
		c.Reason = infrav1.DeletedReason
		return c
	case v.deleting():
		c.Reason = infrav1.DeletingReason
	case len(parts) == 0 && failure == "":
		return conditions.Condition{Type: area, OK: true}
	}
	c.Message = strings.Join(parts, "; ")
	if failure != "" {
		c.Message = strings.TrimPrefix(c.Message+failureMark+failure, "; ")
		c.Severity = clusterv1.ConditionSeverityWarning
		if c.Reason != ReasonWaitingForObservation {
			c.Reason = failedReasons[area]
		}
		if v.deleting() {
			c.Reason = infrav1.DeletingFailedReason
			switch area {
			case infrav1.ELBAttachedCondition:
				c.Reason = infrav1.ELBDetachFailedReason
			case infrav1.DedicatedHostReleaseCondition:
				c.Reason = infrav1.DedicatedHostReleaseFailedReason
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
		failures := v.Failures[area]
		if v.deleting() && area == infrav1.InstanceReadyCondition {
			failures = slices.Concat(failures, v.Failures[areaBootstrap])
		}
		return strings.Join(failures, "; ")
	}
	if c := meta.FindStatusCondition(v.Machine.Status.Conditions, area); left && c != nil && c.Status == metav1.ConditionFalse {
		_, failure, _ := strings.Cut(c.Message, failureMark)
		return failure
	}
	return ""
}

// setConditions replaces the projected conditions in both forms. A condition whose
// status didn't change keeps its time.
func setConditions(status *infrav1.AWSMachineStatus, list []conditions.Condition, generation int64) {
	replaceConditions(status, list, projected, generation)
}

func replaceConditions(status *infrav1.AWSMachineStatus, list []conditions.Condition, kinds []string, generation int64) {
	object := &infrav1.AWSMachine{Status: *status}
	conditions.Replace(object, list, kinds, generation)
	*status = object.Status
}

// Stamp gives the time to the conditions that changed.
func Stamp(status *infrav1.AWSMachineStatus, now metav1.Time) {
	var old []infrav1.V1Beta1Condition
	if d := status.Deprecated; d != nil && d.V1Beta1 != nil {
		old = d.V1Beta1.Conditions
	}
	conditions.Stamp(status.Conditions, old, now)
}

// setPaused says whether the object is paused.
func setPaused(status *infrav1.AWSMachineStatus, paused bool, generation int64) {
	c := conditions.Condition{Type: infrav1.PausedCondition, OK: paused, Reason: clusterv1.NotPausedReason, Severity: clusterv1.ConditionSeverityInfo}
	if paused {
		c.Reason = clusterv1.PausedReason
		c.Message = "the Cluster's spec.paused or the annotation " + clusterv1.PausedAnnotation + " keeps everything as it is"
	}
	if last := meta.FindStatusCondition(status.Conditions, infrav1.PausedCondition); last != nil && (last.Status == metav1.ConditionTrue) == paused {
		return // a new generation alone is no reason to write it
	}
	replaceConditions(status, []conditions.Condition{c}, []string{infrav1.PausedCondition}, generation)
}

// setUnidentified says why there is no session with the cluster's identity.
func setUnidentified(status *infrav1.AWSMachineStatus, e *cloud.IdentityError, generation int64) {
	c := conditions.Condition{Type: e.Condition(), Reason: e.Reason, Severity: clusterv1.ConditionSeverityError, Message: e.Error()}
	replaceConditions(status, []conditions.Condition{c}, identityConditions, generation)
}

// setIdentified takes that back.
func setIdentified(status *infrav1.AWSMachineStatus) {
	replaceConditions(status, nil, identityConditions, 0)
}

// identityConditions are there only while one is false.
var identityConditions = []string{infrav1.PrincipalCredentialRetrievedCondition, infrav1.PrincipalUsageAllowedCondition}

// setNotReady says why nothing can be done for the machine at all.
func setNotReady(status *infrav1.AWSMachineStatus, reason, message string, generation int64) {
	c := conditions.Condition{Type: infrav1.ReadyCondition, Reason: reason, Severity: clusterv1.ConditionSeverityError, Message: message}
	replaceConditions(status, []conditions.Condition{c}, []string{infrav1.ReadyCondition}, generation)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
