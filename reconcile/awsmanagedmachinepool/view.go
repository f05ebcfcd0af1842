package awsmanagedmachinepool

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"k8s.io/apimachinery/pkg/api/equality"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/autoscaling"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ekschild"
	"github.com/capa-apiserver/capa-apiserver/reconcile/iamrole"
	"github.com/capa-apiserver/capa-apiserver/reconcile/launchtemplate"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/nodegroup"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// areaRole is the condition that tells of the role of the nodes.
const areaRole = infrav1.IAMNodegroupRolesReadyCondition

// view is a pool as a snapshot shows it.
type view struct {
	Intent
	snap          *mirror.Snapshot
	role          *iamrole.State
	underTemplate ownership.Claimed[mirror.LaunchTemplate]
	nodegroup     *nodegroup.State
	todo          plan.Plan
	// misplaced tells that the subnets of a node group that isn't there can't be.
	misplaced bool
}

func observe(in Intent, snap *mirror.Snapshot) *view {
	v := &view{Intent: in, snap: snap}
	v.role = iamrole.Observe(in.role(), snap)
	if in.made() {
		v.underTemplate = launchtemplate.Find(snap, in.templateName(), aws.ToString(in.Pool.Status.LaunchTemplateID), in.owner())
	}
	wanted := in.nodegroup(snap, v.role, v.template())
	v.nodegroup = nodegroup.Observe(wanted, snap)
	switch {
	case in.deleting():
		v.todo = v.planDelete()
	case !in.started():
		v.todo.Wait(nodegroup.Area, infrav1.WaitingForEKSControlPlaneReason, "the control plane "+in.ControlPlane.Name)
	default:
		v.plan(wanted)
	}
	return v
}

// plan makes the role and the launch template first, then the node group, whose nodes follow.
func (v *view) plan(wanted nodegroup.Intent) {
	if v.nodegroup.Own() == nil && v.nodegroup.Trespass(&v.todo, nodegroup.Area, nodegroup.Failed) {
		return
	}
	// The role of nodes that are there is the user's to look after, unless it was made.
	if v.nodegroup.Own() == nil || v.MakeRoles {
		v.todo.Join(v.role.Plan())
	}
	v.planTemplate()
	if v.nodegroup.Own() == nil || v.namesSubnets() { // else it keeps those that it has
		var err error
		if wanted.Subnets, err = v.subnets(v.snap); err != nil {
			v.misplaced = v.nodegroup.Own() == nil
			if v.namesSubnets() {
				err = fmt.Errorf("%w: spec.subnetIDs can't be changed, so make another AWSManagedMachinePool and refer to it", err)
			}
			v.todo.Problem(nodegroup.Area, nodegroup.Failed, "%s", err)
			wanted.WaitsFor = cmp.Or(wanted.WaitsFor, "its subnets")
		}
	}
	if v.templatePending() {
		wanted.RotationWaitsFor = cmp.Or(wanted.RotationWaitsFor, "the launch template")
		if t := wanted.Template; t.ID == "" {
			wanted.WaitsFor = cmp.Or(wanted.WaitsFor, "the launch template")
		}
	}
	if waits := v.planGiven(); waits != "" {
		wanted.WaitsFor, wanted.RotationWaitsFor = cmp.Or(wanted.WaitsFor, waits), cmp.Or(wanted.RotationWaitsFor, waits)
	}
	if problem := v.outOfBounds(); problem != "" {
		v.todo.Problem(nodegroup.Area, nodegroup.Failed, "%s", problem)
	}
	v.nodegroup = nodegroup.Observe(wanted, v.snap)
	v.todo.Join(v.nodegroup.Plan())
	v.todo.ClaimsFirst()
}

// planDelete deletes the node group, and then what was made for it.
func (v *view) planDelete() (p plan.Plan) {
	if !ekschild.Sees(v.snap, &p, nodegroup.Area, "EKS cluster "+v.nodegroup.Cluster, "eks:DescribeCluster", v.clusterRow()) {
		return p
	}
	p = v.nodegroup.PlanDelete()
	after := v.role.PlanDelete()
	if own := v.underTemplate.Own(); own != nil {
		after.Add(launchtemplate.Delete(own))
	}
	if !p.Done() {
		for i := range after.Actions {
			after.Actions[i].WaitsFor = cmp.Or(after.Actions[i].WaitsFor, "the end of the node group")
		}
	}
	p.Join(after)
	return p
}

// groundless tells that nothing can be done yet, for which AWS need not be seen.
func (v *view) groundless() bool { return !v.deleting() && !v.started() }

// Wants are what the pool is judged by.
func (v *view) Wants() []mirror.Interest {
	if v.groundless() {
		return nil
	}
	return slices.Concat(v.nodegroup.Wants(), v.others())
}

// others are what the pool hangs on in AWS.
func (v *view) others() []mirror.Interest {
	kinds := v.templateTables()
	if v.deleting() {
		return slices.Concat(v.roleRows(), []mirror.Interest{v.clusterRow()}, mirror.Whole(kinds...))
	}
	kinds = append(kinds, mirror.AutoScalingGroups.Kind)
	if v.namesSubnets() {
		kinds = append(kinds, mirror.Subnets.Kind, mirror.VPCs.Kind)
	}
	slices.Sort(kinds)
	return slices.Concat(v.role.Wants(), []mirror.Interest{v.clusterRow()}, mirror.Whole(slices.Compact(kinds)...))
}

// roleRows tell of a role that goes with the pool.
func (v *view) roleRows() []mirror.Interest {
	if !v.MakeRoles {
		return nil
	}
	return v.role.Wants()
}

// Unseen are those of them that weren't read yet.
func (v *view) Unseen() (needed, wished []mirror.Interest) {
	if v.groundless() {
		return nil, nil
	}
	return v.snap.Unseen(v.nodegroup.Intent.Wants()), v.snap.Unseen(v.others())
}

// Plan is what is left to do.
func (v *view) Plan() plan.Plan { return v.todo }

// Former are the UIDs that the object had before: the tags of its node group and its launch
// template tell.
func (v *view) Former() []string {
	former := slices.Clone(v.Pool.Status.FormerUIDs)
	learn := func(tags map[string]string) {
		if uid := tags[names.TagUID]; uid != "" && uid != string(v.Pool.UID) && !slices.Contains(former, uid) {
			former = append(former, uid)
		}
	}
	if own := v.nodegroup.Own(); own != nil {
		learn(own.Tags)
	}
	if own := v.underTemplate.Own(); own != nil {
		learn(mirror.LaunchTemplates.Tags(own))
	}
	slices.Sort(former)
	return former
}

// Record writes the role's name, to which the node group is bound, the instances, and the
// user's tags as they were put on.
func (v *view) Record(into *infrav1.AWSManagedMachinePool) bool {
	if v.deleting() {
		return false
	}
	spec, tags := v.Pool.Spec.DeepCopy(), v.appliedTags()
	if v.started() && spec.RoleName == "" {
		spec.RoleName = v.roleName()
	}
	if v.nodegroup.Group != nil || v.nodegroup.GroupGone() {
		spec.ProviderIDList = autoscaling.ProviderIDs(v.nodegroup.Group)
	}
	if equality.Semantic.DeepEqual(*spec, v.Pool.Spec) && names.AppliedTags(into) == tags {
		return false
	}
	into.Spec = *spec
	names.SetAppliedTags(into, tags)
	return true
}

// appliedTags are the users' tags that the object remembers: those that are wanted, and
// others until they are gone.
func (v *view) appliedTags() string {
	own := v.nodegroup.Own()
	if own == nil {
		return names.AppliedTags(v.Pool)
	}
	there := []map[string]string{own.Tags}
	if g := v.nodegroup.Group; g != nil {
		there = append(there, mirror.AutoScalingGroups.Tags(g))
	}
	if t := v.underTemplate.Own(); t != nil {
		there = append(there, mirror.LaunchTemplates.Tags(t))
	}
	return names.Remember(v.Pool, v.owner().UserTags(), v.removedTags(), there...)
}

// Status writes the status.
func (v *view) Status(into *infrav1.AWSManagedMachinePool) {
	status := &into.Status
	if !v.groundless() && (!v.nodegroup.Seen() || v.cluster(v.snap).Claim.Undecided) && len(status.Conditions) > 1 {
		v.unseen(into) // what it says holds until AWS is seen, and whose the cluster is
		return
	}
	serving := v.nodegroup.Serving() && !v.deleting()
	if status.Ready = serving; serving {
		status.Initialization = &infrav1.Initialization{Provisioned: aws.Bool(true)}
	}
	if v.nodegroup.Group != nil || v.nodegroup.GroupGone() || v.nodegroup.Row == nil && v.nodegroup.Seen() {
		status.Replicas = int32(len(autoscaling.Members(v.nodegroup.Group)))
	}
	if own := v.underTemplate.Own(); own != nil {
		status.LaunchTemplateID = own.LaunchTemplateId
		status.LaunchTemplateVersion = aws.String(launchtemplate.Number(own.LatestVersionNumber))
	}
	status.Nodegroup = v.state()
	status.Update = showUpdate(v.nodegroup.Updates.Current)
	v.conditions(into)
}

// state is what EKS says of the node group.
func (v *view) state() *infrav1.NodegroupState {
	own := v.nodegroup.Own()
	if own == nil {
		return nil
	}
	s := &infrav1.NodegroupState{Status: string(own.Status), Version: aws.ToString(own.Version), ReleaseVersion: aws.ToString(own.ReleaseVersion),
		AMIType: string(own.AmiType), AutoScalingGroup: v.nodegroup.GroupName()}
	if own.Health != nil {
		for _, issue := range own.Health.Issues {
			s.Issues = append(s.Issues, infrav1.NodegroupIssue{Code: string(issue.Code), Message: aws.ToString(issue.Message), ResourceIDs: slices.Clone(issue.ResourceIds)})
		}
	}
	return s
}
