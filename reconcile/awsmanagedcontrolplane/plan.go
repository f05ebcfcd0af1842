package awsmanagedcontrolplane

import (
	"slices"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eks"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eksparts"
	"github.com/capa-apiserver/capa-apiserver/reconcile/endpoint"
	"github.com/capa-apiserver/capa-apiserver/reconcile/foundation"
	"github.com/capa-apiserver/capa-apiserver/reconcile/iamrole"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// areaRole is the condition that tells of the role that EKS assumes.
const areaRole = controlplanev1.IAMControlPlaneRolesReadyCondition

// view is a control plane as a snapshot shows it.
type view struct {
	Intent
	*foundation.State
	role    *iamrole.State
	cluster *eks.State
	parts   *eksparts.State
	// endpoint is what is wanted at the cluster's endpoint, and facts what was seen there; nil where nobody looks.
	endpoint endpoint.Intent
	facts    *endpoint.Facts
	snap     *mirror.Snapshot
	todo     plan.Plan
}

func observe(in Intent, snap *mirror.Snapshot) *view {
	f := in.foundation()
	f.Owner.Former = in.former(snap)
	in.ControlPlane.Status.FormerUIDs = f.Owner.Former
	f.EKSForeign = eks.Of(in.ControlPlane, in.Living, snap).Foreign() != ""
	v := &view{Intent: in, snap: snap, State: foundation.Observe(f, snap)}
	v.role = iamrole.Observe(in.role(), snap)
	v.cluster = eks.Observe(in.cluster(v.Network, v.role), snap)
	v.roles, v.Intent.profiles = in.nodeRoles(snap)
	v.parts = eksparts.Observe(v.Intent.parts(v.cluster, snap.Scope.Account), snap)
	v.endpoint = v.endpointIntent(v.cluster, v.Network)
	if in.AtEndpoint != nil {
		facts := in.AtEndpoint(&v.endpoint)
		v.facts = &facts
	}
	v.todo = v.State.Plan(v.planOwn)
	return v
}

// former are the UIDs that the object had before, with what its EKS cluster tells: the
// object knows it by its endpoint.
func (in *Intent) former(snap *mirror.Snapshot) []string {
	owner := in.owner()
	owner.Cluster = in.ControlPlane.ClusterName()
	if row, ok := mirror.Get(snap, mirror.EKSClusters, owner.Cluster); ok && row.Endpoint != nil && eks.Host(*row.Endpoint) == eks.Host(in.ControlPlane.Spec.ControlPlaneEndpoint.Host) {
		return owner.Learn(ownership.Resource{ID: ownership.EKSCluster(owner.Cluster), Tags: row.Tags})
	}
	return owner.Former
}

// Plan returns what is left to do so that AWS matches the intent. For an object that is being
// deleted, that is what is left to be deleted.
func Plan(in Intent, snap *mirror.Snapshot) plan.Plan { return observe(in, snap).todo }

// Plan is what is left to do.
func (v *view) Plan() plan.Plan { return v.todo }

// planOwn plans the role and the cluster, or deletes them.
func (v *view) planOwn() (p plan.Plan, inside string) {
	if v.Deleting() {
		return v.planDelete()
	}
	if v.cluster.Own() == nil || v.MakeRoles {
		p.Join(v.role.Plan())
	}
	p.Join(v.cluster.Plan())
	if v.hasParts() {
		p.Join(v.parts.Plan())
	}
	if v.facts != nil {
		p.Join(v.endpoint.Plan(*v.facts))
	}
	return p, ""
}

// planDelete deletes the cluster first: what runs in it makes load balancers.
func (v *view) planDelete() (p plan.Plan, inside string) {
	p, inside = v.cluster.PlanDelete()
	balancers, left := v.PlanDeleteBalancers()
	role, provider := v.role.PlanDelete(), v.parts.PlanDelete()
	if inside != "" {
		for _, later := range []plan.Plan{balancers, role, provider} {
			for i := range later.Actions {
				if a := &later.Actions[i]; a.WaitsFor == "" {
					a.WaitsFor = "the end of " + inside
				}
			}
		}
		left = inside
	}
	p.Join(balancers)
	p.Join(role)
	p.Join(provider)
	return p, left
}

// rows are what the control plane is judged by of what is read by name.
func (v *view) rows() []mirror.Interest {
	rows := v.cluster.Wants()
	if v.cluster.Own() == nil && !v.Deleting() || v.MakeRoles {
		rows = append(rows, v.role.Wants()...)
	}
	return append(rows, v.partRows()...)
}

// Wants are what the control plane is judged by.
func (v *view) Wants() []mirror.Interest { return slices.Concat(v.State.Wants(), v.rows()) }

// Unseen are those of them that weren't read yet. Without what is read by name the network is
// looked after all the same.
func (v *view) Unseen() (needed, wished []mirror.Interest) {
	needed, wished = v.State.Unseen()
	return needed, append(wished, v.snap.Unseen(v.rows())...)
}
