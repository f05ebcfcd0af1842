package awsmanagedmachinepool

import (
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/launchtemplate"
	"github.com/capa-apiserver/capa-apiserver/reconcile/nodegroup"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// areas are what the pool has conditions of, and what is told by another one's.
var areas = []conditions.Area{
	{Type: areaRole, Failed: infrav1.IAMNodegroupRolesReconciliationFailedReason},
	{Type: areaTemplate, Failed: infrav1.LaunchTemplateReconcileFailedReason, Also: []string{launchtemplate.AreaSettings}},
	{Type: nodegroup.Area, Failed: nodegroup.Failed, Also: []string{nodegroup.AreaUpdating}},
}

// projected are the conditions that a projection decides on.
var projected = []string{infrav1.ReadyCondition, areaRole, areaTemplate, nodegroup.Area, nodegroup.AreaUpdating}

// shows tells whether there is a condition of an area.
func (v *view) shows(area string) bool {
	switch area {
	case areaRole:
		return !v.groundless() && !v.deleting()
	case areaTemplate:
		return v.made() && !v.groundless() && !v.deleting()
	}
	return true
}

func (v *view) conditions(into *infrav1.AWSManagedMachinePool) {
	var list []conditions.Condition
	for _, a := range areas {
		if v.shows(a.Type) {
			list = append(list, v.condition(a, v.settled()))
		}
	}
	list = append(list, conditions.Summary(list...))
	if v.nodegroup.Own() != nil && !v.deleting() {
		list = append(list, v.progress())
	}
	conditions.Replace(into, list, projected, v.Pool.Generation)
}

// unseen says why AWS isn't seen.
func (v *view) unseen(into *infrav1.AWSManagedMachinePool) {
	if len(v.Failures[nodegroup.Area]) > 0 {
		conditions.Replace(into, []conditions.Condition{v.condition(areas[len(areas)-1], v.todo)}, []string{nodegroup.Area}, v.Pool.Generation)
	}
}

func (v *view) condition(a conditions.Area, p plan.Plan) conditions.Condition {
	// What the template has to hold is known only to who acts; for all others, what the
	// object says of it holds.
	if a.Type == areaTemplate && !v.Acting {
		if c, ok := conditions.Stored(v.Pool, a.Type); ok {
			return c
		}
	}
	a.Deleting, a.Failures, a.Acting = v.deleting(), v.Failures, v.Acting
	return a.Condition(p)
}

// settled is the plan without the updates that are going their way: nodes that are replaced
// one after the other serve all the same.
func (v *view) settled() plan.Plan {
	if v.deleting() || len(v.Failures[nodegroup.AreaUpdating]) > 0 {
		return v.todo
	}
	return v.todo.Without(nodegroup.AreaUpdating)
}

// progress is true while EKS changes the node group, and has AWS's words where it couldn't.
func (v *view) progress() conditions.Condition {
	area := conditions.Area{Type: nodegroup.AreaUpdating, Failed: nodegroup.Failed, Failures: v.Failures, Acting: v.Acting}.Condition(v.todo)
	c := conditions.Condition{Type: nodegroup.AreaUpdating, Reason: controlplanev1.UpdatedReason, Severity: clusterv1.ConditionSeverityInfo}
	switch {
	case area.OK:
	case area.Severity == clusterv1.ConditionSeverityInfo:
		c.OK, c.Message = true, area.Message
	default:
		c = area
	}
	return c
}
