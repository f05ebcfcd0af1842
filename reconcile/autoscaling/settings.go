package autoscaling

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// What Auto Scaling takes for a hook that doesn't say.
// https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PutLifecycleHook.html
const (
	defaultHookTimeout = time.Hour
	defaultHookResult  = string(infrav1.LifecycleHookAbandon)
)

func hookSpecification(h *infrav1.AWSLifecycleHook) astypes.LifecycleHookSpecification {
	return astypes.LifecycleHookSpecification{LifecycleHookName: aws.String(h.Name), LifecycleTransition: aws.String(string(h.LifecycleTransition)),
		HeartbeatTimeout: hookTimeout(h), DefaultResult: (*string)(h.DefaultResult), NotificationTargetARN: h.NotificationTargetARN,
		RoleARN: h.RoleARN, NotificationMetadata: h.NotificationMetadata}
}

func hookTimeout(h *infrav1.AWSLifecycleHook) *int32 {
	if h.Timeout() == 0 {
		return nil
	}
	return seconds(h.Timeout())
}

// hooks makes the group's hooks those of the spec. Before they were read nobody
// knows what is missing.
func hooks(w *Wanted, group *mirror.AutoScalingGroup) []plan.Action {
	if group.Hooks == nil {
		return nil
	}
	var actions []plan.Action
	for i := range w.Spec.AWSLifecycleHooks {
		h := &w.Spec.AWSLifecycleHooks[i]
		at := slices.IndexFunc(group.Hooks, func(have astypes.LifecycleHook) bool { return aws.ToString(have.LifecycleHookName) == h.Name })
		switch {
		case at < 0:
			actions = append(actions, putHook(group, h, nil, plan.Create))
		case hookDiffers(h, &group.Hooks[at]):
			actions = append(actions, putHook(group, h, &group.Hooks[at], plan.Update))
		}
	}
	for _, have := range group.Hooks {
		name := aws.ToString(have.LifecycleHookName)
		if slices.ContainsFunc(w.Spec.AWSLifecycleHooks, func(h infrav1.AWSLifecycleHook) bool { return h.Name == name }) {
			continue
		}
		actions = append(actions, plan.Action{Key: "hook/" + name, Area: infrav1.LifecycleHookReadyCondition, Verb: plan.Delete,
			Operation: "autoscaling.DeleteLifecycleHook",
			Input:     &autoscaling.DeleteLifecycleHookInput{AutoScalingGroupName: group.AutoScalingGroupName, LifecycleHookName: have.LifecycleHookName},
			Summary:   fmt.Sprintf("delete life-cycle hook %s of Auto Scaling group %s", name, w.Name)})
	}
	return actions
}

// putHook makes a hook or changes one. What a changed one no longer wants is
// emptied: left out, it would stay.
func putHook(group *mirror.AutoScalingGroup, h *infrav1.AWSLifecycleHook, have *astypes.LifecycleHook, verb plan.Verb) plan.Action {
	s := hookSpecification(h)
	in := &autoscaling.PutLifecycleHookInput{AutoScalingGroupName: group.AutoScalingGroupName, LifecycleHookName: s.LifecycleHookName,
		LifecycleTransition: s.LifecycleTransition, HeartbeatTimeout: s.HeartbeatTimeout, DefaultResult: s.DefaultResult,
		NotificationTargetARN: s.NotificationTargetARN, RoleARN: s.RoleARN, NotificationMetadata: s.NotificationMetadata}
	if have != nil {
		if in.HeartbeatTimeout == nil {
			in.HeartbeatTimeout = seconds(defaultHookTimeout)
		}
		if in.DefaultResult == nil {
			in.DefaultResult = aws.String(defaultHookResult)
		}
		if in.NotificationTargetARN == nil && aws.ToString(have.NotificationTargetARN) != "" {
			in.NotificationTargetARN = aws.String("")
		}
	}
	return plan.Action{Key: "hook/" + h.Name, Area: infrav1.LifecycleHookReadyCondition, Verb: verb, Operation: "autoscaling.PutLifecycleHook", Input: in,
		Summary: fmt.Sprintf("%s life-cycle hook %s of Auto Scaling group %s", map[plan.Verb]string{plan.Create: "create", plan.Update: "set"}[verb],
			h.Name, aws.ToString(group.AutoScalingGroupName))}
}

func hookDiffers(h *infrav1.AWSLifecycleHook, have *astypes.LifecycleHook) bool {
	timeout, result := defaultHookTimeout, defaultHookResult
	if h.Timeout() != 0 {
		timeout = h.Timeout()
	}
	if h.DefaultResult != nil {
		result = string(*h.DefaultResult)
	}
	return string(h.LifecycleTransition) != aws.ToString(have.LifecycleTransition) || *seconds(timeout) != aws.ToInt32(have.HeartbeatTimeout) ||
		result != aws.ToString(have.DefaultResult) || aws.ToString(h.NotificationTargetARN) != aws.ToString(have.NotificationTargetARN) ||
		h.RoleARN != nil && *h.RoleARN != aws.ToString(have.RoleARN) ||
		h.NotificationMetadata != nil && *h.NotificationMetadata != aws.ToString(have.NotificationMetadata)
}

// allProcesses are the processes of a group that can be suspended.
// https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-suspend-resume-processes.html
var allProcesses = []string{"AddToLoadBalancer", "AlarmNotification", "AZRebalance", "HealthCheck", "InstanceRefresh", "Launch",
	"ReplaceUnhealthy", "ScheduledActions", "Terminate"}

// suspended returns the processes that the spec wants to stand, in order.
func suspended(spec *infrav1.SuspendProcesses) []string {
	switch {
	case spec == nil:
		return nil
	case spec.All:
		return allProcesses
	case spec.Processes == nil:
		return nil
	}
	p := spec.Processes
	wanted := map[string]*bool{"AddToLoadBalancer": p.AddToLoadBalancer, "AlarmNotification": p.AlarmNotification, "AZRebalance": p.AZRebalance,
		"HealthCheck": p.HealthCheck, "InstanceRefresh": p.InstanceRefresh, "Launch": p.Launch, "ReplaceUnhealthy": p.ReplaceUnhealthy,
		"ScheduledActions": p.ScheduledActions, "Terminate": p.Terminate}
	return slices.DeleteFunc(slices.Clone(allProcesses), func(name string) bool { return !aws.ToBool(wanted[name]) })
}

// processes suspends and resumes. Processes that AWS suspended itself, because
// launches fail all the time, are resumed too, as the spec doesn't suspend them.
func processes(w *Wanted, group *mirror.AutoScalingGroup) []plan.Action {
	want := suspended(w.Spec.SuspendProcesses)
	var have []string
	for _, p := range group.SuspendedProcesses {
		have = append(have, aws.ToString(p.ProcessName))
	}
	var actions []plan.Action
	if missing := without(want, have); len(missing) > 0 {
		actions = append(actions, plan.Action{Key: "suspended-processes", Area: infrav1.ASGReadyCondition, Verb: plan.Update, Operation: "autoscaling.SuspendProcesses",
			Input:   &autoscaling.SuspendProcessesInput{AutoScalingGroupName: group.AutoScalingGroupName, ScalingProcesses: missing},
			Summary: fmt.Sprintf("suspend processes %s of Auto Scaling group %s", strings.Join(missing, ", "), w.Name)})
	}
	if extra := without(have, want); len(extra) > 0 {
		actions = append(actions, plan.Action{Key: "resumed-processes", Area: infrav1.ASGReadyCondition, Verb: plan.Update, Operation: "autoscaling.ResumeProcesses",
			Input:   &autoscaling.ResumeProcessesInput{AutoScalingGroupName: group.AutoScalingGroupName, ScalingProcesses: extra},
			Summary: fmt.Sprintf("resume processes %s of Auto Scaling group %s", strings.Join(extra, ", "), w.Name)})
	}
	return actions
}

func without(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(other, s) })
}
