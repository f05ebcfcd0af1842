package awsmachinepool

import (
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/autoscaling"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// areas are the conditions of a pool, with the reasons of what is still to be done
// and of what couldn't be. The first two make up Ready while there is no group.
var areas = []conditions.Area{
	{Type: areaTemplate, Failed: infrav1.LaunchTemplateReconcileFailedReason},
	groupArea,
	{Type: infrav1.PreLaunchTemplateUpdateCheckCondition, Failed: infrav1.PreLaunchTemplateUpdateCheckFailedReason},
	{Type: infrav1.PostLaunchTemplateUpdateOperationCondition, Failed: infrav1.PostLaunchTemplateUpdateOperationFailedReason},
	{Type: infrav1.InstanceRefreshStartedCondition, Pending: infrav1.InstanceRefreshNotReadyReason, Failed: infrav1.InstanceRefreshFailedReason},
	{Type: infrav1.LifecycleHookReadyCondition, Failed: infrav1.LifecycleHookUpdateFailedReason},
	{Type: areaCapacity, Pending: infrav1.InstanceProvisionStartedReason, Failed: infrav1.InstanceProvisionFailedReason},
	{Type: autoscaling.AreaSettings, Failed: infrav1.PoolSettingsFailedReason},
}

// groupArea is the condition of the group.
var groupArea = conditions.Area{Type: areaGroup, Failed: infrav1.ASGProvisionFailedReason}

// needed is how many of the areas every pool has a condition of.
const needed = 2

// projected are the conditions that a projection decides on; all others in the
// status are somebody else's.
func projected() []string {
	types := []string{infrav1.ReadyCondition}
	for _, a := range areas {
		types = append(types, a.Type)
	}
	return types
}

// conditions returns the conditions that the plan amounts to, Ready among them.
func (v *view) conditions() []conditions.Condition {
	var list []conditions.Condition
	for i, a := range areas {
		if i >= needed && !v.shows(a.Type) {
			continue
		}
		list = append(list, v.condition(a))
	}
	return append(list, v.ready(list[:needed]))
}

// ready tells whether the pool can be built on. Once it has a group, the group alone
// decides: whoever replaces what isn't ready would replace good instances because of
// a tag that can't be set.
func (v *view) ready(list []conditions.Condition) conditions.Condition {
	if v.serving() {
		return conditions.Condition{Type: infrav1.ReadyCondition, OK: true}
	}
	if stored, ok := conditions.Stored(v.Pool, infrav1.ReadyCondition); ok && v.missing() {
		return stored
	}
	return conditions.Summary(list...)
}

// serving tells that the group is there to stay.
func (v *view) serving() bool {
	return !v.deleting() && v.group != nil && !autoscaling.Deleting(v.group)
}

// foreign tells that the group's name is somebody else's.
func (v *view) foreign() bool {
	_, foreign := v.underGroup.Foreign()
	return foreign
}

// missing tells that a recorded group isn't to be seen, and not proven to be gone, or that
// others claim it as well.
func (v *view) missing() bool {
	return !v.deleting() && v.group == nil && v.recordedARN() != "" && (v.underGroup.Undecided() || !v.foreign() && (!v.vanished() || v.elsewhere() != ""))
}

func (v *view) condition(a conditions.Area) conditions.Condition {
	// What the template has to hold is known only to who acts; for all others, what
	// the object says of it holds.
	if a.Type == areaTemplate && !v.Acting && !v.deleting() {
		if c, ok := conditions.Stored(v.Pool, a.Type); ok {
			return c
		}
	}
	a.Deleting, a.Failures, a.Acting = v.deleting(), v.Failures, v.Acting
	switch {
	case a.Type == areaTemplate && v.template == nil:
		a.Pending, a.Failed = infrav1.LaunchTemplateNotFoundReason, infrav1.LaunchTemplateCreateFailedReason
	case a.Type == areaGroup && v.group == nil:
		a.Pending = infrav1.ASGNotFoundReason
	case a.Type == infrav1.LifecycleHookReadyCondition:
		a.Failed = hookReason(v.plan)
	}
	c := a.Condition(v.plan)
	if c.OK && a.Type == infrav1.InstanceRefreshStartedCondition && v.group != nil {
		c.Message = autoscaling.Progress(v.group)
	}
	return c
}

// hookReason tells what was to be done with a hook.
func hookReason(p plan.Plan) string {
	for _, a := range p.Actions {
		switch {
		case a.Area == infrav1.LifecycleHookReadyCondition && a.Verb == plan.Create:
			return infrav1.LifecycleHookCreationFailedReason
		case a.Area == infrav1.LifecycleHookReadyCondition && a.Verb == plan.Delete:
			return infrav1.LifecycleHookDeletionFailedReason
		}
	}
	return infrav1.LifecycleHookUpdateFailedReason
}

// shows tells whether a condition has something to tell of the pool: one without
// hooks or refreshes needs none of theirs.
func (v *view) shows(area string) bool {
	if v.deleting() {
		return false
	}
	if v.plan.Troubled(area) || len(v.Failures[area]) > 0 {
		return true
	}
	for _, a := range v.plan.Actions {
		if a.Area == area && area != autoscaling.AreaSettings {
			return true
		}
	}
	switch area {
	case infrav1.LifecycleHookReadyCondition:
		return len(v.Pool.Spec.AWSLifecycleHooks) > 0 && v.group != nil
	case areaCapacity, autoscaling.AreaSettings:
		return false
	}
	return v.group != nil && v.group.Refresh != nil
}
