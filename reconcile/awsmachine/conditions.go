package awsmachine

import (
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
)

// projected are the conditions that a projection decides on; all others in the
// status are somebody else's.
var projected = []string{infrav1.ReadyCondition, infrav1.InstanceReadyCondition, infrav1.SecurityGroupsReadyCondition, infrav1.ELBAttachedCondition,
	infrav1.DedicatedHostReleaseCondition, infrav1.PublicAddressReadyCondition}

// failedReasons are the reasons of what couldn't be done.
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
		ready.Message = conditions.Tell(ready.Message, c)
		ready.OK = false
	}
	if stored, ok := conditions.Stored(v.Machine, infrav1.ReadyCondition); ok && v.contested() {
		ready = stored
	}
	return append(list, ready)
}

// area returns the condition of one area.
func (v *view) area(area string) conditions.Condition {
	a := conditions.Area{Type: area, Failed: failedReasons[area], Deleting: v.deleting(), Failures: v.Failures, Acting: v.Acting}
	switch {
	case area == infrav1.InstanceReadyCondition && v.deleting():
		a.Also = []string{areaBootstrap}
	case area == infrav1.InstanceReadyCondition && v.row == nil:
		a.Pending = infrav1.InstanceProvisionStartedReason
	case area == infrav1.ELBAttachedCondition:
		a.Undeleted = infrav1.ELBDetachFailedReason
	case area == infrav1.DedicatedHostReleaseCondition:
		a.Undeleted = infrav1.DedicatedHostReleaseFailedReason
	}
	return a.Condition(v.plan)
}
