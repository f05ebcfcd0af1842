package awsfargateprofile

import (
	"cmp"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ekschild"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eksfargate"
	"github.com/capa-apiserver/capa-apiserver/reconcile/iamrole"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// areaRole is the condition that tells of the role of the pods' hosts.
const areaRole = infrav1.IAMFargateRolesReadyCondition

// view is a profile as a snapshot shows it.
type view struct {
	Intent
	snap    *mirror.Snapshot
	role    *iamrole.State
	profile *eksfargate.State
	todo    plan.Plan
}

func observe(in Intent, snap *mirror.Snapshot) *view {
	v := &view{Intent: in, snap: snap}
	v.role = iamrole.Observe(in.role(), snap)
	v.profile = eksfargate.Observe(in.profile(snap, v.role), snap)
	switch {
	case in.deleting():
		v.todo = v.planDelete()
	case !in.started():
		v.todo.Wait(eksfargate.Area, infrav1.WaitingForEKSControlPlaneReason, "the control plane "+in.ControlPlane.Name)
	case v.profile.Own() == nil && v.profile.Trespass(&v.todo, eksfargate.Area, eksfargate.FailedReason):
	default:
		// The role of a profile that is there is the user's to look after, unless it was made.
		if v.profile.Own() == nil || in.MakeRoles {
			v.todo.Join(v.role.Plan())
		}
		v.todo.Join(v.profile.Plan())
	}
	return v
}

// planDelete deletes the profile, and then the role that was made for it.
func (v *view) planDelete() (p plan.Plan) {
	if !ekschild.Sees(v.snap, &p, eksfargate.Area, "EKS cluster "+v.profile.Cluster, "eks:DescribeCluster", v.clusterRow()) {
		return p
	}
	p = v.profile.PlanDelete()
	role := v.role.PlanDelete()
	if !p.Done() {
		for i := range role.Actions {
			role.Actions[i].WaitsFor = cmp.Or(role.Actions[i].WaitsFor, "the end of the profile")
		}
	}
	p.Join(role)
	return p
}

// groundless tells that nothing can be done yet, for which AWS need not be seen.
func (v *view) groundless() bool { return !v.deleting() && !v.started() }

// Wants are what the profile is judged by.
func (v *view) Wants() []mirror.Interest {
	if v.groundless() {
		return nil
	}
	return slices.Concat(v.profile.Wants(), v.others())
}

// others are what the profile hangs on in AWS.
func (v *view) others() []mirror.Interest {
	if v.deleting() && !v.MakeRoles {
		return []mirror.Interest{v.clusterRow()}
	}
	return append(v.role.Wants(), v.clusterRow())
}

// Unseen are those of them that weren't read yet.
func (v *view) Unseen() (needed, wished []mirror.Interest) {
	if v.groundless() {
		return nil, nil
	}
	return v.snap.Unseen(v.profile.Wants()), v.snap.Unseen(v.others())
}

// Plan is what is left to do.
func (v *view) Plan() plan.Plan { return v.todo }

// Former are the UIDs that the object had before: the tags of its profile tell.
func (v *view) Former() []string {
	former := slices.Clone(v.Profile.Status.FormerUIDs)
	if own := v.profile.Own(); own != nil {
		if uid := own.Tags[names.TagUID]; uid != "" && uid != string(v.Profile.UID) && !slices.Contains(former, uid) {
			former = append(former, uid)
		}
	}
	slices.Sort(former)
	return former
}

// Record writes the role's name, to which the profile is bound, the user's tags as they were
// put on, and the Cluster as owner: with it the profile is deleted and moved.
func (v *view) Record(into *infrav1.AWSFargateProfile) bool {
	if v.deleting() {
		return false
	}
	changed := false
	if v.started() && into.Spec.RoleName == "" {
		into.Spec.RoleName, changed = v.roleName(), true
	}
	if tags := v.appliedTags(); names.AppliedTags(into) != tags {
		names.SetAppliedTags(into, tags)
		changed = true
	}
	ref := metav1.OwnerReference{APIVersion: clusterv1.GroupVersion.String(), Kind: clusterv1.ClusterKind, Name: v.Cluster.Name, UID: v.Cluster.UID}
	if !slices.ContainsFunc(into.OwnerReferences, func(r metav1.OwnerReference) bool { return r.UID == ref.UID }) {
		into.OwnerReferences = append(slices.DeleteFunc(slices.Clone(into.OwnerReferences), func(r metav1.OwnerReference) bool {
			return r.Kind == ref.Kind && r.Name == ref.Name // of before a move
		}), ref)
		changed = true
	}
	return changed
}

// areas are what the profile has conditions of.
var areas = []conditions.Area{
	{Type: areaRole, Failed: infrav1.IAMFargateRolesReconciliationFailedReason},
	{Type: eksfargate.Area, Pending: infrav1.EKSFargateCreatingReason, Failed: infrav1.EKSFargateReconciliationFailedReason},
}

// projected are the conditions that a projection decides on.
var projected = []string{infrav1.ReadyCondition, areaRole, eksfargate.Area, infrav1.EKSFargateCreatingCondition, infrav1.EKSFargateDeletingCondition}

// Status writes the status.
func (v *view) Status(into *infrav1.AWSFargateProfile) {
	status := &into.Status
	if !v.groundless() && (!v.profile.Seen() || v.cluster(v.snap).Claim.Undecided) && len(status.Conditions) > 1 {
		// What it says holds until AWS is seen, and whose the cluster is. Why it isn't has to be said.
		if len(v.Failures[eksfargate.Area]) > 0 {
			conditions.Replace(into, []conditions.Condition{v.condition(areas[1])}, []string{eksfargate.Area}, v.Profile.Generation)
		}
		return
	}
	status.Ready = v.profile.Active() && !v.deleting()
	var list []conditions.Condition
	for _, a := range areas {
		if a.Type != areaRole || !v.groundless() && !v.deleting() {
			list = append(list, v.condition(a))
		}
	}
	ready := conditions.Summary(list...)
	list = append(list, ready)
	for _, c := range []struct {
		kind, over string
		status     ekstypes.FargateProfileStatus
	}{
		{infrav1.EKSFargateCreatingCondition, infrav1.EKSFargateCreatedReason, ekstypes.FargateProfileStatusCreating},
		{infrav1.EKSFargateDeletingCondition, infrav1.EKSFargateDeletedReason, ekstypes.FargateProfileStatusDeleting},
	} {
		// These tell of what goes on, and stay false when it is over. (Existing tools know them so.)
		_, was := conditions.Stored(into, c.kind)
		if own := v.profile.Own(); own != nil && own.Status == c.status {
			list = append(list, conditions.Condition{Type: c.kind, OK: true})
		} else if was {
			list = append(list, conditions.Condition{Type: c.kind, Reason: c.over, Severity: clusterv1.ConditionSeverityInfo})
		}
	}
	conditions.Replace(into, list, projected, v.Profile.Generation)
	v.setFailure(into)
}

func (v *view) condition(a conditions.Area) conditions.Condition {
	a.Deleting, a.Failures, a.Acting = v.deleting(), v.Failures, v.Acting
	return a.Condition(v.todo)
}

// setFailure tells tools of the older contract of a profile that EKS couldn't make or delete.
func (v *view) setFailure(into *infrav1.AWSFargateProfile) {
	var reason, message *string
	if own := v.profile.Own(); own != nil && (own.Status == ekstypes.FargateProfileStatusCreateFailed || own.Status == ekstypes.FargateProfileStatusDeleteFailed) {
		reason, message = aws.String(infrav1.EKSFargateFailedReason), aws.String("Fargate profile "+v.profile.Name+" is "+string(own.Status))
	}
	if d := into.Status.Deprecated; d != nil && d.V1Beta1 != nil {
		d.V1Beta1.FailureReason, d.V1Beta1.FailureMessage = reason, message
	}
}
