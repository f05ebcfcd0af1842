package awsmachine

import (
	"github.com/aws/aws-sdk-go-v2/aws"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/autoscaling"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
)

// pooled tells that the machine stands for an instance of a pool's Auto Scaling
// group, which makes it, tags it and holds it to what the launch template says.
func (in *Intent) pooled() bool { return in.Machine.PoolName() != "" }

// poolsGroup is the group of the machine's pool; nothing unless it is the pool's own.
func (v *view) poolsGroup() autoscaling.Claimed[mirror.AutoScalingGroup] {
	if v.Pool == nil {
		return autoscaling.Claimed[mirror.AutoScalingGroup]{}
	}
	return autoscaling.FindGroup(v.snap, v.Pool.Spec.ProviderID, autoscaling.OwnerOf(v.Pool, v.Infra, v.Living))
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
		v.wait(area, infrav1.DeletingReason, "instance "+id+" to end")
	case member != nil:
		v.add(autoscaling.TerminateMember(launchKey, area, aws.ToString(member.InstanceId)))
	}
}

// leaveKinds returns the tables that the end of a machine of a pool is judged by,
// besides that of instances.
func (in *Intent) leaveKinds() []mirror.Kind {
	if !in.deleting() || !in.pooled() {
		return nil
	}
	return []mirror.Kind{mirror.AutoScalingGroups.Kind}
}
