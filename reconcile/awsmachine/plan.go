package awsmachine

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bootstrap"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// areaBootstrap is the area of removing bootstrap data. No condition reports on
// it: a machine is none the worse for it.
const areaBootstrap = "BootstrapData"

// launchKey is the key of the launch.
const launchKey = "instance"

// view is a machine as a snapshot shows it. It is made once, for what one snapshot shows.
type view struct {
	Intent
	snap *mirror.Snapshot
	// row is the instance, nil while none is to be seen.
	row *ec2types.Instance
	// foreign is the instance that the object names and that isn't its own, nil for none.
	foreign *instance.Found
	plan    plan.Plan
}

func observe(in Intent, snap *mirror.Snapshot) *view {
	v := &view{Intent: in, snap: snap}
	v.former = in.learn(snap)
	found := v.find()
	v.row = found.Own()
	if found.Row != nil && v.row == nil {
		v.foreign = &found
	}
	return v
}

// Plan returns what is left to do so that AWS matches the intent. For an object
// that is being deleted, that is what is left to be deleted.
func Plan(in Intent, snap *mirror.Snapshot) plan.Plan {
	v := observe(in, snap)
	v.make()
	return v.plan
}

// Wants are what the machine is judged by.
func (v *view) Wants() []mirror.Interest { return mirror.Whole(v.Kinds()...) }

// Unseen are those of them that were never listed: without some, nothing is known of the
// machine, without others, nothing of what belongs to it.
func (v *view) Unseen() (needed, wished []mirror.Interest) {
	return v.snap.Unseen(mirror.Whole(v.lifeKinds()...)), v.snap.Unseen(mirror.Whole(v.partKinds()...))
}

// Plan is what is left to do.
func (v *view) Plan() plan.Plan { return v.plan }

// make plans.
func (v *view) make() {
	v.plan = plan.Plan{}
	if v.groundless() {
		v.plan.Wait(infrav1.InstanceReadyCondition, infrav1.WaitingForClusterInfrastructureReason, "the cluster's infrastructure")
		return
	}
	if !v.sees(infrav1.InstanceReadyCondition, v.lifeKinds()) {
		return
	}
	switch {
	case v.deleting():
		v.planDelete()
	case v.row == nil:
		v.planMissing()
	default:
		v.planInstance()
	}
	if !v.deleting() {
		v.plan.ClaimsFirst()
	}
}

// learn returns the UIDs that the object had before: its instance tells.
func (in *Intent) learn(snap *mirror.Snapshot) []string {
	in.former = in.Machine.Status.FormerUIDs
	id := instance.RecordedID(&in.Machine.Spec)
	if row, ok := mirror.Get(snap, mirror.Instances, id); ok && id != "" && !in.pooled() && instance.ClaimOf(id, row.Tags, in.owner(), true).Ours() {
		return in.owner().Learn(ownership.Resource{ID: id, Tags: instance.TagMap(row.Tags)})
	}
	return in.former
}

// Former are the UIDs that the object had before.
func (v *view) Former() []string { return v.former }

// contested tells that others claim the instance as well, or that nobody knows yet who
// does: what was known of it last holds.
func (v *view) contested() bool {
	return v.row == nil && v.foreign != nil && v.foreign.Claim.Undecided && v.Machine.Provisioned() && !v.deleting()
}

// find returns the machine's instance, and whose it is.
func (v *view) find() instance.Found {
	if v.pooled() {
		return v.findMember()
	}
	return instance.Find(&v.Machine.Spec, v.owner(), v.snap)
}

// groundless tells that the machine has nothing to stand on yet, for which AWS
// need not be seen.
func (v *view) groundless() bool {
	return !v.deleting() && (v.Infra == nil || !v.Infra.Provisioned) && instance.RecordedID(&v.Machine.Spec) == ""
}

func (v *view) unseen(kinds []mirror.Kind) mirror.Kind {
	for _, kind := range kinds {
		if !v.snap.Seen(kind) {
			return kind
		}
	}
	return ""
}

// sees tells whether tables were seen, without which nothing is done in an area. It
// waits for the one that wasn't.
func (v *view) sees(area string, kinds []mirror.Kind) bool {
	kind := v.unseen(kinds)
	if kind == "" {
		return true
	}
	summary := "the first complete listing of " + string(kind)
	if err := v.snap.Err(kind); err != nil {
		summary += ", which fails: " + cloud.Classify(err).Message
	}
	v.plan.Wait(area, conditions.WaitingForObservation, summary)
	return false
}

// running tells that the instance runs.
func (v *view) running() bool {
	return v.row != nil && instance.State(v.row) == infrav1.InstanceStateRunning
}

// failed tells that the machine had a failure from which it doesn't recover. That its
// instance was gone is none any more when the instance is seen again.
func (v *view) failed() bool {
	d := v.Machine.Status.Deprecated
	return d != nil && d.V1Beta1 != nil && d.V1Beta1.FailureReason != nil && (*d.V1Beta1.FailureReason != updateError || !v.alive())
}

// alive tells that the instance is there and not about to end.
func (v *view) alive() bool { return v.row != nil && !instance.Ended(v.row) }

// missing tells that the recorded instance isn't to be seen.
func (v *view) missing() bool {
	return v.row == nil && v.foreign == nil && instance.RecordedID(&v.Machine.Spec) != ""
}

// astray tells that nobody knows in which account the cluster is, as after a move: what
// isn't to be seen may be in another one.
func (v *view) astray() bool { return v.Infra != nil && !v.Infra.External && v.Infra.Account == "" }

// vanished tells that the recorded instance is proven to be gone.
func (v *view) vanished() bool {
	return v.missing() && !v.astray() &&
		v.snap.AbsentSince(mirror.Instances.Kind, v.Started.Add(v.snap.Grace))
}

// planMissing launches the instance, unless there was one already.
func (v *view) planMissing() {
	const area = infrav1.InstanceReadyCondition
	id := instance.RecordedID(&v.Machine.Spec)
	switch {
	case v.contested():
		v.plan.Problem(area, infrav1.InstanceForeignReason, "instance %s belongs to %s; nothing is changed of it until that is decided, or the other object is gone", id, v.foreign.Claim.Of)
	case v.foreign != nil:
		v.plan.Problem(area, infrav1.InstanceForeignReason, "instance %s, which spec.instanceID names, belongs to %s, so that nothing is read or changed of it; "+
			"delete this object, which leaves the instance alone, or delete the Machine to have an instance made", id, v.foreign.Claim.Of)
	case v.pooled() && id == "":
		v.plan.Problem(area, infrav1.InstanceNotFoundReason, "the machine belongs to a pool and names no instance in spec.instanceID; delete it: the pool makes those of its instances")
	case v.vanished():
		v.plan.Problem(area, infrav1.InstanceNotFoundReason, "instance %s doesn't exist any more; delete the Machine to have another one", id)
	case id != "":
		v.plan.Wait(area, infrav1.InstanceNotFoundReason, fmt.Sprintf("instance %s, which AWS doesn't show, to appear or to be proven gone", id))
	case v.failed():
		v.plan.Problem(area, infrav1.InstanceProvisionFailedReason, "the machine has failed and is not launched again; delete the Machine to have another one")
	case v.Owner == nil || v.Owner.Spec.Bootstrap.DataSecretName == nil:
		v.plan.Wait(area, infrav1.WaitingForBootstrapDataReason, "the Machine's bootstrap data")
	case v.InLine:
		v.plan.Wait(area, infrav1.InstanceProvisionStartedReason, "its turn: AWS lets few launches through at a time")
	case v.Bootstrap == nil && len(v.Failures[area]) > 0:
		v.plan.Wait(area, infrav1.InstanceProvisionFailedReason, "the next attempt to launch")
	case v.Infra.NodesWait(v.version(), false) != "":
		v.plan.Wait(area, infrav1.WaitingForControlPlaneVersionReason, v.Infra.NodesWait(v.version(), false))
	case v.Bootstrap == nil:
		v.plan.Wait(area, infrav1.WaitingForBootstrapDataReason, "the bootstrap data in Secret "+*v.Owner.Spec.Bootstrap.DataSecretName)
	default:
		v.planLaunch()
	}
	if v.vanished() || v.failed() {
		v.removeBootstrapData()
	}
}

// planInstance puts right what differs, and tells what state the instance is in.
func (v *view) planInstance() {
	const area = infrav1.InstanceReadyCondition
	id, state := aws.ToString(v.row.InstanceId), instance.State(v.row)
	switch state {
	case infrav1.InstanceStateRunning:
		if said := v.announced(); said != nil && said.Reason == infrav1.SpotInterruptionReason {
			v.plan.Wait(area, said.Reason, "instance "+id+" to end: "+said.Message)
		}
	case infrav1.InstanceStatePending:
		v.plan.Wait(area, infrav1.InstanceNotReadyReason, "instance "+id+" to run")
	case infrav1.InstanceStateStopping, infrav1.InstanceStateStopped:
		v.plan.Problem(area, infrav1.InstanceStoppedReason, "instance %s is %s; somebody stopped it: start it, or delete the Machine to have another one", id, state)
	case infrav1.InstanceStateShuttingDown, infrav1.InstanceStateTerminated:
		v.plan.Problem(area, infrav1.InstanceTerminatedReason, "instance %s is %s%s; delete the Machine to have another one", id, state, because(v.row))
	default:
		v.plan.Problem(area, infrav1.InstanceNotReadyReason, "instance %s is in the state %q, which is unknown here", id, state)
	}
	if v.joined() || v.failed() || instance.Ended(v.row) {
		v.removeBootstrapData()
	}
	if instance.Ended(v.row) || v.Infra == nil || v.pooled() {
		return
	}
	v.planDrift()
	v.reclaimHost()
	if state == infrav1.InstanceStateRunning {
		v.planAddress()
		v.planBalancing(id)
	}
}

// because returns AWS's reason for the instance's state.
func because(i *ec2types.Instance) string {
	if i.StateReason == nil || aws.ToString(i.StateReason.Message) == "" {
		return ""
	}
	return " (" + *i.StateReason.Message + ")"
}

func (v *view) planDrift() {
	v.plan.Add(instance.Drift(v.row, instance.Wanted{Tags: v.tags(), Removed: v.removedTags(), Groups: v.groups(), Spec: &v.Machine.Spec})...)
}

// groups returns the security groups of the instance, none while they aren't known.
func (v *view) groups() []string {
	const area = infrav1.SecurityGroupsReadyCondition
	if !v.sees(area, v.groupKinds()) {
		return nil
	}
	groups, waits, err := instance.Groups(&v.Machine.Spec, v.Infra, v.controlPlane(), v.Living, v.snap)
	switch {
	case err != nil:
		v.plan.Problem(area, infrav1.SecurityGroupsFailedReason, "%s", err)
	case waits != "":
		v.plan.Wait(area, infrav1.SecurityGroupsFailedReason, waits)
	}
	return groups
}

// removeBootstrapData removes what is recorded of the data in AWS: it holds
// credentials for joining the cluster.
func (v *view) removeBootstrapData() {
	if v.pooled() {
		return // the pool's launch template holds it
	}
	v.removeSecrets()
	v.removeObject()
}

// removeSecrets removes the recorded secrets. Of what the object was before it was moved
// it removes what AWS proves.
func (v *view) removeSecrets() {
	s, count, former := v.recorded()
	s.Area = areaBootstrap
	for part := range count {
		switch key := s.Key(part); {
		case v.Removed[key]:
		case !former || v.Proven[key]:
			v.plan.Add(s.Delete(part))
		default:
			v.plan.Wait(areaBootstrap, conditions.WaitingForObservation, "whose secret "+bootstrap.SecretName(s.Backend, s.Prefix, part)+" is")
		}
	}
}

// planDelete takes the instance out of the load balancers and ends it.
func (v *view) planDelete() {
	const area = infrav1.InstanceReadyCondition
	if v.pooled() {
		v.planLeave()
		return
	}
	if v.Awaited != "" {
		v.plan.Wait(area, infrav1.DeletingReason, v.Awaited)
	}
	if v.missing() && v.astray() {
		v.plan.Wait(area, infrav1.DeletingReason, "the account of the AWSCluster to be known (its status.accountID), where instance "+instance.RecordedID(&v.Machine.Spec)+" may still run")
		return
	}
	v.removeBootstrapData()
	if v.missing() && !v.vanished() {
		v.plan.Wait(area, infrav1.DeletingReason, "instance "+instance.RecordedID(&v.Machine.Spec)+", which AWS doesn't show, to be proven gone")
	}
	if v.row == nil {
		v.releaseHost()
		v.releaseAddress()
		return
	}
	id := aws.ToString(v.row.InstanceId)
	switch instance.State(v.row) {
	case infrav1.InstanceStateTerminated:
		v.releaseHost()
		v.releaseAddress()
		return
	case infrav1.InstanceStateShuttingDown:
		v.plan.Wait(area, infrav1.DeletingReason, "instance "+id+" to end")
		return
	}
	first := ""
	if !v.leaveBalancers(id) {
		first = "its leaving the load balancer"
	}
	v.plan.Add(plan.Action{Key: launchKey, Area: area, Verb: plan.Delete, Operation: "ec2.TerminateInstances",
		Input: &ec2.TerminateInstancesInput{InstanceIds: []string{id}}, Summary: "terminate instance " + id, WaitsFor: first})
}
