package autoscaling

import (
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/ec2"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/elbv2"
)

// targetVersion is the version of the launch template that new instances get, 0 if it can't be found.
func (g *group) targetVersion(r *core.Request) int {
	spec := g.template()
	version, _, _, err := ec2.Of(r.Region).TemplateVersion(r, spec.LaunchTemplateId, nil, core.Val(spec.Version))
	if err != nil {
		return 0
	}
	return int(version)
}

// managed finds the group and member of an instance.
func managed(r *core.Request, id string) (*group, *member, error) {
	for _, g := range of(r.Region).groups.All() {
		for _, m := range g.members {
			if *m.InstanceId == id {
				return g, m, nil
			}
		}
	}
	return nil, nil, refuse("ValidationError", "Instance Id not found - No managed instance found for instance ID: %s", id)
}

func (g *group) decrement() error {
	if *g.DesiredCapacity <= *g.MinSize {
		return refuse("ValidationError", "Currently, desiredSize equals minSize (%d). Terminating instance without replacement will violate group's min size constraint. "+
			"Either set shouldDecrementDesiredCapacity flag to false or lower group's min size.", *g.MinSize)
	}
	g.DesiredCapacity = core.Ptr(*g.DesiredCapacity - 1)
	return nil
}

func terminateInstanceInAutoScalingGroup(r *core.Request, in *sdk.TerminateInstanceInAutoScalingGroupInput) (*sdk.TerminateInstanceInAutoScalingGroupOutput, error) {
	g, m, err := managed(r, core.Val(in.InstanceId))
	if err != nil {
		return nil, err
	}
	if core.Val(in.ShouldDecrementDesiredCapacity) && !m.ending() {
		if err := g.decrement(); err != nil {
			return nil, err
		}
	}
	m.terminate(r.Region, g, "user request", true)
	g.schedule(r.Region)
	return &sdk.TerminateInstanceInAutoScalingGroupOutput{Activity: &g.activities[0]}, nil
}

func detachInstances(r *core.Request, in *sdk.DetachInstancesInput) (*sdk.DetachInstancesOutput, error) {
	g, err := find(r, in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	for _, id := range in.InstanceIds {
		of, _, err := managed(r, id)
		if err != nil || of != g {
			return nil, refuse("ValidationError", "The instance %s is not part of Auto Scaling group %s.", id, *g.AutoScalingGroupName)
		}
		if core.Val(in.ShouldDecrementDesiredCapacity) {
			if err := g.decrement(); err != nil {
				return nil, err
			}
		}
		g.members = slices.DeleteFunc(g.members, func(m *member) bool { return *m.InstanceId == id })
		g.note(r.Region, types.ScalingActivityStatusCodeSuccessful, "Detaching EC2 instance: "+id, "user request")
	}
	g.schedule(r.Region)
	return &sdk.DetachInstancesOutput{Activities: g.activities[:min(len(in.InstanceIds), len(g.activities))]}, nil
}

func setInstanceProtection(r *core.Request, in *sdk.SetInstanceProtectionInput) (*sdk.SetInstanceProtectionOutput, error) {
	for _, id := range in.InstanceIds {
		_, m, err := managed(r, id)
		if err != nil {
			return nil, err
		}
		m.ProtectedFromScaleIn = core.Ptr(core.Val(in.ProtectedFromScaleIn))
	}
	return nil, nil
}

func describeAutoScalingInstances(r *core.Request, in *sdk.DescribeAutoScalingInstancesInput) (*sdk.DescribeAutoScalingInstancesOutput, error) {
	found := []types.AutoScalingInstanceDetails{}
	for _, g := range of(r.Region).groups.All() {
		for _, m := range g.members {
			if len(in.InstanceIds) > 0 && !slices.Contains(in.InstanceIds, *m.InstanceId) {
				continue
			}
			found = append(found, types.AutoScalingInstanceDetails{AutoScalingGroupName: g.AutoScalingGroupName, InstanceId: m.InstanceId, AvailabilityZone: m.AvailabilityZone,
				HealthStatus: m.HealthStatus, LifecycleState: core.Ptr(string(m.LifecycleState)), ProtectedFromScaleIn: m.ProtectedFromScaleIn,
				InstanceType: m.InstanceType, LaunchTemplate: m.LaunchTemplate, ImageId: m.ImageId})
		}
	}
	page, token, err := core.PaginateList(r, found, core.Val(in.NextToken), pageSize(in.MaxRecords, usualGroups), usualGroups)
	if err != nil {
		return nil, refuse("InvalidNextToken", "The token '%s' is invalid", core.Val(in.NextToken))
	}
	return &sdk.DescribeAutoScalingInstancesOutput{AutoScalingInstances: page, NextToken: core.Next(token)}, nil
}

func describeScalingActivities(r *core.Request, in *sdk.DescribeScalingActivitiesInput) (*sdk.DescribeScalingActivitiesOutput, error) {
	found := []types.Activity{}
	for _, row := range of(r.Region).groups.Rows() {
		if in.AutoScalingGroupName == nil || row.ID == *in.AutoScalingGroupName {
			found = append(found, row.Value.activities...)
		}
	}
	page, token, err := core.PaginateList(r, found, core.Val(in.NextToken), pageSize(in.MaxRecords, mostActivities), mostActivities)
	if err != nil {
		return nil, refuse("InvalidNextToken", "The token '%s' is invalid", core.Val(in.NextToken))
	}
	return &sdk.DescribeScalingActivitiesOutput{Activities: page, NextToken: core.Next(token)}, nil
}

func attachLoadBalancerTargetGroups(r *core.Request, in *sdk.AttachLoadBalancerTargetGroupsInput) (*sdk.AttachLoadBalancerTargetGroupsOutput, error) {
	g, err := find(r, in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	for _, arn := range in.TargetGroupARNs {
		if !elbv2.Exists(r.Region, arn) {
			return nil, refuse("ValidationError", "Provided Target Groups may not be valid. Please ensure they exist and try again.")
		}
	}
	for _, arn := range in.TargetGroupARNs {
		if slices.Contains(g.TargetGroupARNs, arn) {
			continue
		}
		g.TargetGroupARNs = append(slices.Clone(g.TargetGroupARNs), arn)
		for _, m := range g.members {
			if m.is(types.LifecycleStateInService) {
				elbv2.Attach(r.Region, arn, *m.InstanceId)
			}
		}
	}
	return nil, nil
}

func detachLoadBalancerTargetGroups(r *core.Request, in *sdk.DetachLoadBalancerTargetGroupsInput) (*sdk.DetachLoadBalancerTargetGroupsOutput, error) {
	g, err := find(r, in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	for _, arn := range in.TargetGroupARNs {
		g.TargetGroupARNs = slices.DeleteFunc(slices.Clone(g.TargetGroupARNs), func(have string) bool { return have == arn })
		for _, m := range g.members {
			elbv2.Detach(r.Region, arn, *m.InstanceId)
		}
	}
	return nil, nil
}

func describeLoadBalancerTargetGroups(r *core.Request, in *sdk.DescribeLoadBalancerTargetGroupsInput) (*sdk.DescribeLoadBalancerTargetGroupsOutput, error) {
	g, err := find(r, in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	out := &sdk.DescribeLoadBalancerTargetGroupsOutput{LoadBalancerTargetGroups: []types.LoadBalancerTargetGroupState{}}
	for _, arn := range g.TargetGroupARNs {
		out.LoadBalancerTargetGroups = append(out.LoadBalancerTargetGroups, types.LoadBalancerTargetGroupState{LoadBalancerTargetGroupARN: &arn, State: core.Ptr("InService")})
	}
	return out, nil
}
