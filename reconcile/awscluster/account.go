package awscluster

import (
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/network"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// planUnknownAccount says that AWS doesn't show what an object records that was moved
// or restored without its account: that is no proof that it is gone.
func (v *view) planUnknownAccount() (plan.Plan, bool) {
	n := &v.Cluster.Spec.Network
	recorded := n.VPC.InternetGatewayID != nil
	for i := range n.Subnets {
		recorded = recorded || n.Subnets[i].ResourceID != ""
	}
	_, shown := mirror.Get(v.snap, mirror.VPCs, n.VPC.ID) // also where it isn't the cluster's
	if v.Cluster.Status.AccountID != "" || n.VPC.ID == "" || !recorded || shown || !v.snap.Seen(v.kinds()...) {
		return plan.Plan{}, false
	}
	var p plan.Plan
	p.Problem(network.AreaVPC, infrav1.VpcReconciliationFailedReason,
		"VPC %s, which the spec records, isn't in %s; set spec.identityRef to an identity of its account, or, if it is gone there too, remove the finalizer", n.VPC.ID, v.snap.Scope)
	return p, true
}
