package autoscaling

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// Leaving tells that an instance is on its way out of its group, or out.
// https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-lifecycle.html
func Leaving(i astypes.Instance) bool {
	state := string(i.LifecycleState)
	return strings.HasPrefix(state, "Terminat") || strings.HasPrefix(state, "Detach")
}

// Members are a group's instances in order, without those that are none any more.
func Members(group *mirror.AutoScalingGroup) []astypes.Instance {
	if group == nil {
		return nil
	}
	list := slices.DeleteFunc(slices.Clone(group.Instances), func(i astypes.Instance) bool {
		return i.LifecycleState == astypes.LifecycleStateTerminated || i.LifecycleState == astypes.LifecycleStateDetached
	})
	slices.SortFunc(list, func(a, b astypes.Instance) int {
		return slices.Compare([]string{aws.ToString(a.AvailabilityZone), aws.ToString(a.InstanceId)},
			[]string{aws.ToString(b.AvailabilityZone), aws.ToString(b.InstanceId)})
	})
	return list
}

// ProviderIDs name a group's members as nodes do. An instance that is ending stays among
// them until it has ended: Cluster API deletes the nodes of those that leave.
func ProviderIDs(group *mirror.AutoScalingGroup) []string {
	var ids []string
	for _, i := range Members(group) {
		ids = append(ids, ProviderID(i))
	}
	return ids
}

// ProviderID names a member as its node does.
func ProviderID(i astypes.Instance) string {
	return fmt.Sprintf("aws:///%s/%s", aws.ToString(i.AvailabilityZone), aws.ToString(i.InstanceId))
}

// FindMember returns the entry of an instance in a group that is the pool's own, nil
// where that has none: whatever group has it then, it isn't for this pool to end.
func FindMember(group ownership.Claimed[mirror.AutoScalingGroup], id string) *astypes.Instance {
	g := group.Own()
	if g == nil || placeOf(g, id) < 0 {
		return nil
	}
	return &g.Instances[placeOf(g, id)]
}

// placeOf returns where an instance stands in a group's list, -1 if it isn't there.
func placeOf(g *mirror.AutoScalingGroup, id string) int {
	return slices.IndexFunc(g.Instances, func(i astypes.Instance) bool { return aws.ToString(i.InstanceId) == id })
}

// TerminateMember ends an instance through its group, which replaces it: how many
// there are to be is for the MachinePool to say.
func TerminateMember(key, area, id string) plan.Action {
	return plan.Action{Key: key, Area: area, Verb: plan.Delete, Operation: "autoscaling.TerminateInstanceInAutoScalingGroup",
		Input:   &autoscaling.TerminateInstanceInAutoScalingGroupInput{InstanceId: aws.String(id), ShouldDecrementDesiredCapacity: aws.Bool(false)},
		Summary: "terminate instance " + id + " in its Auto Scaling group"}
}

// MemberHandlers carry out what is done to instances of groups.
func MemberHandlers() []plan.Handler {
	return []plan.Handler{plan.Custom("Terminate", terminateMember, writeLeaving, mirror.AutoScalingGroups.Kind)}
}

// writeLeaving notes that the instance is ending, or, without an activity, that it
// is in no group.
func writeLeaving(w *plan.Writer, in *autoscaling.TerminateInstanceInAutoScalingGroupInput, out *autoscaling.TerminateInstanceInAutoScalingGroupOutput) {
	id := aws.ToString(in.InstanceId)
	plan.ModifyAll(w, mirror.AutoScalingGroups, func(g *mirror.AutoScalingGroup) bool { return placeOf(g, id) >= 0 }, func(g *mirror.AutoScalingGroup) {
		place := placeOf(g, id)
		if out.Activity == nil {
			g.Instances = slices.Delete(slices.Clone(g.Instances), place, place+1)
			return
		}
		g.Instances = slices.Clone(g.Instances)
		g.Instances[place].LifecycleState = astypes.LifecycleStateTerminating
	})
}

// terminateMember ends an instance. Auto Scaling calls one that no group has a wrong
// parameter, so it is looked for before that is believed.
func terminateMember(ctx context.Context, s *cloud.Session,
	in *autoscaling.TerminateInstanceInAutoScalingGroupInput) (*autoscaling.TerminateInstanceInAutoScalingGroupOutput, error) {
	out, err := s.AutoScaling.TerminateInstanceInAutoScalingGroup(ctx, in)
	if !cloud.Is(err, cloud.InvalidParameter) {
		return out, err
	}
	found, lookErr := s.AutoScaling.DescribeAutoScalingInstances(ctx, &autoscaling.DescribeAutoScalingInstancesInput{InstanceIds: []string{aws.ToString(in.InstanceId)}})
	if lookErr == nil && len(found.AutoScalingInstances) == 0 {
		return &autoscaling.TerminateInstanceInAutoScalingGroupOutput{}, nil
	}
	return out, err
}
