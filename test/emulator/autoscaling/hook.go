package autoscaling

import (
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// completeHook fills in AWS's defaults.
func completeHook(group string, hook types.LifecycleHook) types.LifecycleHook {
	hook.AutoScalingGroupName = &group
	if hook.DefaultResult == nil {
		hook.DefaultResult = core.Ptr("ABANDON")
	}
	if hook.HeartbeatTimeout == nil {
		hook.HeartbeatTimeout = core.Ptr(int32(defaultHeartbeat))
	}
	hook.GlobalTimeout = core.Ptr(min(*hook.HeartbeatTimeout*100, 172800))
	return hook
}

func putLifecycleHook(r *core.Request, in *sdk.PutLifecycleHookInput) (*sdk.PutLifecycleHookOutput, error) {
	g, err := find(r, in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	if t := in.LifecycleTransition; t != nil && *t != launching && *t != terminating {
		return nil, refuse("ValidationError", "The lifecycle transition %s is not valid", *t)
	}
	if in.HeartbeatTimeout != nil && (*in.HeartbeatTimeout < 30 || *in.HeartbeatTimeout > 7200) {
		return nil, refuse("ValidationError", "HeartbeatTimeout must be from 30 to 7200 seconds")
	}
	for i, hook := range g.hooks {
		if *hook.LifecycleHookName != core.Val(in.LifecycleHookName) {
			continue
		}
		change(&hook.LifecycleTransition, in.LifecycleTransition)
		change(&hook.DefaultResult, in.DefaultResult)
		change(&hook.HeartbeatTimeout, in.HeartbeatTimeout)
		change(&hook.NotificationMetadata, in.NotificationMetadata)
		change(&hook.NotificationTargetARN, in.NotificationTargetARN)
		change(&hook.RoleARN, in.RoleARN)
		g.hooks[i] = completeHook(*g.AutoScalingGroupName, hook)
		return nil, nil
	}
	if in.LifecycleTransition == nil || core.Val(in.LifecycleHookName) == "" {
		return nil, refuse("ValidationError", "A new lifecycle hook needs a name and a transition")
	}
	if len(g.hooks) >= r.Config.Quota("lifecycleHooks", 50) {
		return nil, refuse("LimitExceeded", "The maximum number of lifecycle hooks has been reached")
	}
	g.hooks = append(g.hooks, completeHook(*g.AutoScalingGroupName, types.LifecycleHook{LifecycleHookName: in.LifecycleHookName, LifecycleTransition: in.LifecycleTransition,
		DefaultResult: in.DefaultResult, HeartbeatTimeout: in.HeartbeatTimeout, NotificationMetadata: in.NotificationMetadata,
		NotificationTargetARN: in.NotificationTargetARN, RoleARN: in.RoleARN}))
	return nil, nil
}

func deleteLifecycleHook(r *core.Request, in *sdk.DeleteLifecycleHookInput) (*sdk.DeleteLifecycleHookOutput, error) {
	g, err := find(r, in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	before := len(g.hooks)
	g.hooks = slices.DeleteFunc(g.hooks, func(h types.LifecycleHook) bool { return *h.LifecycleHookName == core.Val(in.LifecycleHookName) })
	if len(g.hooks) == before {
		return nil, refuse("ValidationError", "No Lifecycle Hook found with name: %s", core.Val(in.LifecycleHookName))
	}
	for _, m := range g.members {
		if _, waits := m.waiting[*in.LifecycleHookName]; waits {
			g.proceed(r.Region, m, *in.LifecycleHookName, "CONTINUE")
		}
	}
	return nil, nil
}

func describeLifecycleHooks(r *core.Request, in *sdk.DescribeLifecycleHooksInput) (*sdk.DescribeLifecycleHooksOutput, error) {
	g, err := find(r, in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	out := &sdk.DescribeLifecycleHooksOutput{LifecycleHooks: []types.LifecycleHook{}}
	for _, hook := range g.hooks {
		if len(in.LifecycleHookNames) == 0 || slices.Contains(in.LifecycleHookNames, *hook.LifecycleHookName) {
			out.LifecycleHooks = append(out.LifecycleHooks, hook)
		}
	}
	return out, nil
}

func completeLifecycleAction(r *core.Request, in *sdk.CompleteLifecycleActionInput) (*sdk.CompleteLifecycleActionOutput, error) {
	g, err := find(r, in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	for _, m := range g.members {
		if _, waits := m.waiting[core.Val(in.LifecycleHookName)]; waits && *m.InstanceId == core.Val(in.InstanceId) {
			g.proceed(r.Region, m, *in.LifecycleHookName, core.Val(in.LifecycleActionResult))
			return nil, nil
		}
	}
	return nil, refuse("ValidationError", "No active Lifecycle Action found with instance ID %s", core.Val(in.InstanceId))
}

var processes = []string{"Launch", "Terminate", "AddToLoadBalancer", "AlarmNotification", "AZRebalance", "HealthCheck", "InstanceRefresh", "ReplaceUnhealthy", "ScheduledActions"}

// named is the processes of a request, all if it names none.
func named(given []string) ([]string, error) {
	if len(given) == 0 {
		return processes, nil
	}
	for _, name := range given {
		if !slices.Contains(processes, name) {
			return nil, refuse("ValidationError", "Process %s is not one of %v", name, processes)
		}
	}
	return given, nil
}

func suspendProcesses(r *core.Request, in *sdk.SuspendProcessesInput) (*sdk.SuspendProcessesOutput, error) {
	g, err := find(r, in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	list, err := named(in.ScalingProcesses)
	if err != nil {
		return nil, err
	}
	for _, name := range list {
		if !slices.Contains(g.suspended, name) {
			g.suspended = append(g.suspended, name)
		}
	}
	return nil, nil
}

func resumeProcesses(r *core.Request, in *sdk.ResumeProcessesInput) (*sdk.ResumeProcessesOutput, error) {
	g, err := find(r, in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	list, err := named(in.ScalingProcesses)
	if err != nil {
		return nil, err
	}
	g.suspended = slices.DeleteFunc(g.suspended, func(name string) bool { return slices.Contains(list, name) })
	g.schedule(r.Region)
	return nil, nil
}
