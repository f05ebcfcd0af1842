package awsmachine

import (
	"github.com/aws/aws-sdk-go-v2/aws"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/autoscaling"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
)

// tagGroupName is the tag by which Auto Scaling tells whose instance it is; nobody else
// may write it.
const tagGroupName = "aws:autoscaling:groupName"

// pooled tells that the machine stands for an instance of a pool's Auto Scaling
// group, which makes it, tags it and holds it to what the launch template says.
func (in *Intent) pooled() bool { return in.Machine.PoolName() != "" }

// poolsGroup is the group of the machine's pool; nothing unless it is the pool's own.
func (v *view) poolsGroup() ownership.Claimed[mirror.AutoScalingGroup] {
	if v.Pool == nil {
		return ownership.Claimed[mirror.AutoScalingGroup]{}
	}
	return autoscaling.FindGroup(v.snap, v.Pool.Spec.ProviderID, autoscaling.OwnerOf(v.Pool, v.Infra, v.Living))
}

// findMember returns the instance that the machine stands for. It is the machine's
// where the pool's own group has it, or had it: only AWS writes which group launched it.
func (v *view) findMember() instance.Found {
	id := instance.RecordedID(&v.Machine.Spec)
	row, ok := mirror.Get(v.snap, mirror.Instances, id)
	if !ok {
		return instance.Found{}
	}
	group := v.poolsGroup()
	if autoscaling.FindMember(group, id) != nil {
		return instance.Found{Row: row, Claim: ownership.Claim{Verdict: ownership.Ours}}
	}
	if v.Pool == nil {
		return instance.Found{Row: row, Claim: ownership.Claim{Of: "a pool that isn't there"}}
	}
	owner := autoscaling.OwnerOf(v.Pool, v.Infra, v.Living)
	_, foreign := group.Foreign()
	if name := instance.Tag(row.Tags, tagGroupName); foreign || name != owner.Name {
		return instance.Found{Row: row, Claim: ownership.Claim{Of: "no instance of the group of AWSMachinePool " + v.Pool.Name}}
	}
	return instance.Found{Row: row, Claim: owner.Claim(ownership.Resource{ID: id, Tags: instance.TagMap(row.Tags)})}
}

// planLeave ends the instance through its group. One that the pool's group hasn't any
// more is gone, or somebody took it out to keep it, or it never was the pool's.
func (v *view) planLeave() {
	const area = infrav1.InstanceReadyCondition
	id := instance.RecordedID(&v.Machine.Spec)
	member := autoscaling.FindMember(v.poolsGroup(), id)
	switch {
	case v.row != nil && instance.State(v.row) == infrav1.InstanceStateTerminated:
	case v.row != nil && instance.State(v.row) == infrav1.InstanceStateShuttingDown,
		member != nil && autoscaling.Leaving(*member):
		v.plan.Wait(area, infrav1.DeletingReason, "instance "+id+" to end")
	case member != nil:
		v.plan.Add(autoscaling.TerminateMember(launchKey, area, aws.ToString(member.InstanceId)))
	}
}

// leaveKinds returns the tables that a machine of a pool is judged by, besides that of
// instances.
func (in *Intent) leaveKinds() []mirror.Kind {
	if !in.pooled() {
		return nil
	}
	return []mirror.Kind{mirror.AutoScalingGroups.Kind}
}
