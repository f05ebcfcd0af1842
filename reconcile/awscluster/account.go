package awscluster

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/network"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// recordAccount notes, before anything is done, in which account it is: from then on
// another account shows nothing of the object, and nothing as gone. Where a journal
// is written, its update says so, too.
func (p *pass) recordAccount(ctx context.Context, ready []plan.Action) error {
	if p.obj.Status.AccountID != "" || slices.ContainsFunc(ready, func(a plan.Action) bool { return a.Journal }) {
		return nil
	}
	next := p.obj.DeepCopy()
	next.Status.AccountID = p.session.Scope.Account
	if err := p.updateStatus(ctx, next); err != nil {
		return err
	}
	*p.obj = *next
	return nil
}

// neverInAWS tells that nothing can have been made for an object: it never had a
// session, and nothing is recorded.
func neverInAWS(obj *infrav1.AWSCluster) bool {
	return obj.Status.AccountID == "" && obj.Spec.Network.VPC.ID == "" && len(obj.Status.PendingCreations) == 0 && !obj.Provisioned() &&
		!meta.IsStatusConditionTrue(obj.Status.Conditions, infrav1.PrincipalCredentialRetrievedCondition)
}

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
	return plan.Plan{Problems: []plan.Problem{{Area: network.AreaVPC, Reason: infrav1.VpcReconciliationFailedReason, Summary: fmt.Sprintf(
		"VPC %s, which the spec records, isn't in %s; set spec.identityRef to an identity of its account, or, if it is gone there too, remove the finalizer",
		n.VPC.ID, v.snap.Scope)}}}, true
}
