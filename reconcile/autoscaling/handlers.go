package autoscaling

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/launchtemplate"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// Handlers carry out the actions of this package, and those of the launch templates.
func Handlers() []plan.Handler {
	return slices.Concat(launchtemplate.Handlers(), groupHandlers(), settingHandlers(), refreshHandlers())
}

func groupHandlers() []plan.Handler {
	return []plan.Handler{
		plan.Call("CreateAutoScalingGroup", (*autoscaling.Client).CreateAutoScalingGroup, writeGroup, mirror.AutoScalingGroups.Kind),
		plan.Call("UpdateAutoScalingGroup", (*autoscaling.Client).UpdateAutoScalingGroup, writeUpdate, mirror.AutoScalingGroups.Kind),
		plan.Custom("DeleteAutoScalingGroup", deleteGroup, func(w *plan.Writer, in *autoscaling.DeleteAutoScalingGroupInput, _ *autoscaling.DeleteAutoScalingGroupOutput) {
			modify(w, in.AutoScalingGroupName, func(g *mirror.AutoScalingGroup) { g.Status = aws.String("Delete in progress") })
		}, mirror.AutoScalingGroups.Kind),
	}
}

func modify(w *plan.Writer, name *string, change func(*mirror.AutoScalingGroup)) {
	plan.Modify(w, mirror.AutoScalingGroups, aws.ToString(name), change)
}

// writeGroup notes the new group. AWS's answer is empty; its ARN and instances come
// with the next look.
func writeGroup(w *plan.Writer, in *autoscaling.CreateAutoScalingGroupInput, _ *autoscaling.CreateAutoScalingGroupOutput) {
	row := mirror.AutoScalingGroup{AutoScalingGroup: astypes.AutoScalingGroup{AutoScalingGroupName: in.AutoScalingGroupName, MinSize: in.MinSize,
		MaxSize: in.MaxSize, DesiredCapacity: in.DesiredCapacity, VPCZoneIdentifier: in.VPCZoneIdentifier, CapacityRebalance: in.CapacityRebalance,
		DefaultCooldown: in.DefaultCooldown, DefaultInstanceWarmup: in.DefaultInstanceWarmup, LaunchTemplate: in.LaunchTemplate,
		MixedInstancesPolicy: in.MixedInstancesPolicy}}
	if row.DesiredCapacity == nil {
		row.DesiredCapacity = in.MinSize
	}
	row.Tags = describedTags(nil, in.Tags)
	plan.Put(w, mirror.AutoScalingGroups, row)
}

func describedTags(have []astypes.TagDescription, tags []astypes.Tag) []astypes.TagDescription {
	for _, t := range tags {
		have = slices.DeleteFunc(have, func(d astypes.TagDescription) bool { return aws.ToString(d.Key) == aws.ToString(t.Key) })
		have = append(have, astypes.TagDescription{Key: t.Key, Value: t.Value, PropagateAtLaunch: t.PropagateAtLaunch, ResourceId: t.ResourceId, ResourceType: t.ResourceType})
	}
	return have
}

func writeUpdate(w *plan.Writer, in *autoscaling.UpdateAutoScalingGroupInput, _ *autoscaling.UpdateAutoScalingGroupOutput) {
	modify(w, in.AutoScalingGroupName, func(g *mirror.AutoScalingGroup) {
		set(&g.MinSize, in.MinSize)
		set(&g.MaxSize, in.MaxSize)
		set(&g.DesiredCapacity, in.DesiredCapacity)
		set(&g.DefaultCooldown, in.DefaultCooldown)
		set(&g.DefaultInstanceWarmup, in.DefaultInstanceWarmup)
		set(&g.CapacityRebalance, in.CapacityRebalance)
		set(&g.VPCZoneIdentifier, in.VPCZoneIdentifier)
		if in.LaunchTemplate != nil || in.MixedInstancesPolicy != nil {
			g.LaunchTemplate, g.MixedInstancesPolicy = in.LaunchTemplate, in.MixedInstancesPolicy
		}
	})
}

func set[T any](into **T, value *T) {
	if value != nil {
		*into = value
	}
}

// deleteGroup deletes a group. Auto Scaling calls a group that is gone a wrong
// parameter, so it is looked for before that is believed.
func deleteGroup(ctx context.Context, s *cloud.Session, in *autoscaling.DeleteAutoScalingGroupInput) (*autoscaling.DeleteAutoScalingGroupOutput, error) {
	out, err := s.AutoScaling.DeleteAutoScalingGroup(ctx, in)
	if !cloud.Is(err, cloud.InvalidParameter) {
		return out, err
	}
	found, lookErr := s.AutoScaling.DescribeAutoScalingGroups(ctx, &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{*in.AutoScalingGroupName}})
	if lookErr == nil && len(found.AutoScalingGroups) == 0 {
		return out, nil
	}
	return out, err
}

func settingHandlers() []plan.Handler {
	return []plan.Handler{
		plan.Call("SuspendProcesses", (*autoscaling.Client).SuspendProcesses, func(w *plan.Writer, in *autoscaling.SuspendProcessesInput, _ *autoscaling.SuspendProcessesOutput) {
			modify(w, in.AutoScalingGroupName, func(g *mirror.AutoScalingGroup) {
				for _, name := range in.ScalingProcesses {
					g.SuspendedProcesses = append(g.SuspendedProcesses, astypes.SuspendedProcess{ProcessName: aws.String(name)})
				}
			})
		}, mirror.AutoScalingGroups.Kind),
		plan.Call("ResumeProcesses", (*autoscaling.Client).ResumeProcesses, func(w *plan.Writer, in *autoscaling.ResumeProcessesInput, _ *autoscaling.ResumeProcessesOutput) {
			modify(w, in.AutoScalingGroupName, func(g *mirror.AutoScalingGroup) {
				g.SuspendedProcesses = slices.DeleteFunc(g.SuspendedProcesses, func(p astypes.SuspendedProcess) bool {
					return slices.Contains(in.ScalingProcesses, aws.ToString(p.ProcessName))
				})
			})
		}, mirror.AutoScalingGroups.Kind),
		plan.Call("PutLifecycleHook", (*autoscaling.Client).PutLifecycleHook, func(w *plan.Writer, in *autoscaling.PutLifecycleHookInput, _ *autoscaling.PutLifecycleHookOutput) {
			modify(w, in.AutoScalingGroupName, func(g *mirror.AutoScalingGroup) {
				g.Hooks = append(withoutHook(g.Hooks, in.LifecycleHookName), hookOf(in))
			})
		}, mirror.AutoScalingGroups.Kind),
		plan.Call("DeleteLifecycleHook", (*autoscaling.Client).DeleteLifecycleHook, func(w *plan.Writer, in *autoscaling.DeleteLifecycleHookInput, _ *autoscaling.DeleteLifecycleHookOutput) {
			modify(w, in.AutoScalingGroupName, func(g *mirror.AutoScalingGroup) { g.Hooks = withoutHook(g.Hooks, in.LifecycleHookName) })
		}, mirror.AutoScalingGroups.Kind),
		plan.Call("TagAutoScalingGroup", (*autoscaling.Client).CreateOrUpdateTags, func(w *plan.Writer, in *autoscaling.CreateOrUpdateTagsInput, _ *autoscaling.CreateOrUpdateTagsOutput) {
			modify(w, in.Tags[0].ResourceId, func(g *mirror.AutoScalingGroup) { g.Tags = describedTags(g.Tags, in.Tags) })
		}, mirror.AutoScalingGroups.Kind),
		plan.Call("UntagAutoScalingGroup", (*autoscaling.Client).DeleteTags, func(w *plan.Writer, in *autoscaling.DeleteTagsInput, _ *autoscaling.DeleteTagsOutput) {
			modify(w, in.Tags[0].ResourceId, func(g *mirror.AutoScalingGroup) {
				g.Tags = slices.DeleteFunc(g.Tags, func(d astypes.TagDescription) bool {
					return slices.ContainsFunc(in.Tags, func(t astypes.Tag) bool { return aws.ToString(t.Key) == aws.ToString(d.Key) })
				})
			})
		}, mirror.AutoScalingGroups.Kind),
	}
}

func withoutHook(hooks []astypes.LifecycleHook, name *string) []astypes.LifecycleHook {
	return slices.DeleteFunc(hooks, func(h astypes.LifecycleHook) bool { return aws.ToString(h.LifecycleHookName) == aws.ToString(name) })
}

// hookOf is the hook that a call makes, with Auto Scaling's defaults.
func hookOf(in *autoscaling.PutLifecycleHookInput) astypes.LifecycleHook {
	h := astypes.LifecycleHook{AutoScalingGroupName: in.AutoScalingGroupName, LifecycleHookName: in.LifecycleHookName, LifecycleTransition: in.LifecycleTransition,
		HeartbeatTimeout: in.HeartbeatTimeout, DefaultResult: in.DefaultResult, NotificationTargetARN: in.NotificationTargetARN, RoleARN: in.RoleARN,
		NotificationMetadata: in.NotificationMetadata}
	if h.HeartbeatTimeout == nil {
		h.HeartbeatTimeout = seconds(defaultHookTimeout)
	}
	if h.DefaultResult == nil {
		h.DefaultResult = aws.String(defaultHookResult)
	}
	return h
}

func refreshHandlers() []plan.Handler {
	return []plan.Handler{
		plan.Custom("StartInstanceRefresh", startRefresh, func(w *plan.Writer, in *autoscaling.StartInstanceRefreshInput, out *astypes.InstanceRefresh) {
			modify(w, in.AutoScalingGroupName, func(g *mirror.AutoScalingGroup) { g.Refresh = out })
		}, mirror.AutoScalingGroups.Kind),
		plan.Call("CancelInstanceRefresh", (*autoscaling.Client).CancelInstanceRefresh, func(w *plan.Writer, in *autoscaling.CancelInstanceRefreshInput, _ *autoscaling.CancelInstanceRefreshOutput) {
			modify(w, in.AutoScalingGroupName, func(g *mirror.AutoScalingGroup) {
				if g.Refresh != nil {
					g.Refresh.Status = astypes.InstanceRefreshStatusCancelling
				}
			})
		}, mirror.AutoScalingGroups.Kind),
	}
}

// startRefresh begins a refresh, and returns the one that is going on: where AWS
// refuses a second one, that which an earlier attempt began, or somebody else. When
// it began is AWS's to say: it is compared with other times of AWS.
func startRefresh(ctx context.Context, s *cloud.Session, in *autoscaling.StartInstanceRefreshInput) (*astypes.InstanceRefresh, error) {
	out, err := s.AutoScaling.StartInstanceRefresh(ctx, in)
	if err != nil && !cloud.IsAlreadyExists(err) {
		return nil, err
	}
	list, readErr := s.AutoScaling.DescribeInstanceRefreshes(ctx,
		&autoscaling.DescribeInstanceRefreshesInput{AutoScalingGroupName: in.AutoScalingGroupName, MaxRecords: aws.Int32(1)})
	switch {
	case readErr == nil && len(list.InstanceRefreshes) > 0:
		return &list.InstanceRefreshes[0], nil
	case err != nil:
		return nil, err
	}
	return &astypes.InstanceRefresh{InstanceRefreshId: out.InstanceRefreshId, AutoScalingGroupName: in.AutoScalingGroupName,
		Status: astypes.InstanceRefreshStatusPending}, nil
}
