package autoscaling

import (
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/launchtemplate"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// PlanRefresh returns what has outdated instances replaced: those launched from a
// version with another configuration than the one that the group launches now.
// Other user data alone doesn't outdate an instance.
//
// It follows from what AWS shows alone, so that no refresh is lost or doubled
// however the process ends: a refresh is begun if none began since the
// configuration has been what it is. So one that failed isn't repeated.
func PlanRefresh(w *Wanted, group *mirror.AutoScalingGroup, template *mirror.LaunchTemplate) plan.Plan {
	const area = infrav1.InstanceRefreshStartedCondition
	if group.Hooks == nil || len(template.Versions) == 0 || w.Spec.RefreshPreferences != nil && w.Spec.RefreshPreferences.Disable {
		return plan.Plan{}
	}
	target, ok := launched(w, template)
	if !ok {
		return plan.Plan{}
	}
	outdated := outdatedInstances(w, group, template, target)
	if outdated == 0 {
		return plan.Plan{}
	}
	current, since := group.Refresh, unchangedSince(w, template, target)
	begun := current != nil && (current.StartTime == nil || !current.StartTime.Before(since))
	switch {
	case group.Refreshing() && begun:
		return plan.Plan{} // AWS is at it: see Progress
	case group.Refreshing() && current.Status == astypes.InstanceRefreshStatusCancelling:
		return wait(area, infrav1.InstanceRefreshNotReadyReason, fmt.Sprintf("instance refresh %s, which is for an older version of the launch template, to end",
			aws.ToString(current.InstanceRefreshId)))
	case group.Refreshing():
		return plan.Plan{Actions: []plan.Action{cancel(group)}}
	case begun && current.Status != astypes.InstanceRefreshStatusSuccessful:
		return plan.Plan{Problems: []plan.Problem{{Area: area, Reason: infrav1.InstanceRefreshFailedReason, Summary: fmt.Sprintf(
			"instance refresh %s is %s%s, and %d instances are outdated; change the launch template, or start another refresh in AWS",
			aws.ToString(current.InstanceRefreshId), current.Status, because(current), outdated)}}}
	case begun:
		return plan.Plan{} // what it left, such as protected instances, it left on purpose
	}
	return plan.Plan{Actions: []plan.Action{start(w, group, outdated)}}
}

func wait(area, reason, summary string) plan.Plan {
	return plan.Plan{Waits: []plan.Wait{{Area: area, Reason: reason, Summary: summary}}}
}

func because(r *astypes.InstanceRefresh) string {
	if aws.ToString(r.StatusReason) == "" {
		return ""
	}
	return " (" + *r.StatusReason + ")"
}

// Progress says how far the refresh is that is going on; "" without one.
func Progress(group *mirror.AutoScalingGroup) string {
	if !group.Refreshing() {
		return ""
	}
	r := group.Refresh
	return fmt.Sprintf("instance refresh %s is %s, %d%% complete", aws.ToString(r.InstanceRefreshId), r.Status, aws.ToInt32(r.PercentageComplete))
}

// launched returns the version that the group launches: the index among Versions.
func launched(w *Wanted, template *mirror.LaunchTemplate) (int, bool) {
	if w.templateVersion() == latestVersion {
		return 0, true
	}
	return versionAt(template, w.templateVersion())
}

func versionAt(template *mirror.LaunchTemplate, number string) (int, bool) {
	for i, v := range template.Versions {
		if launchtemplate.Number(v.VersionNumber) == number {
			return i, true
		}
	}
	return 0, false
}

// outdatedInstances counts the instances with another configuration, those of
// another template among them. Of one whose version doesn't exist any more nobody
// can tell; it counts as current, because replacing it might be for nothing.
func outdatedInstances(w *Wanted, group *mirror.AutoScalingGroup, template *mirror.LaunchTemplate, target int) int {
	n := 0
	for _, i := range group.Instances {
		if i.LaunchTemplate == nil || ending(i.LifecycleState) {
			continue
		}
		if aws.ToString(i.LaunchTemplate.LaunchTemplateId) != aws.ToString(template.LaunchTemplateId) {
			n++
			continue
		}
		if at, ok := versionAt(template, aws.ToString(i.LaunchTemplate.Version)); ok && at != target && !w.alike(template, at, target) {
			n++
		}
	}
	return n
}

// alike tells whether instances of two versions needn't be replaced by each other. The
// key pair of a pool that names none is the cluster's, or the default: whoever changes that
// means the machines to come.
func (w *Wanted) alike(template *mirror.LaunchTemplate, a, b int) bool {
	var ignored []string
	if w.Spec.AWSLaunchTemplate.SSHKeyName == nil {
		ignored = append(ignored, launchtemplate.KeyName)
	}
	return launchtemplate.SameConfiguration(template.Versions[a].LaunchTemplateData, template.Versions[b].LaunchTemplateData, ignored...)
}

// ending tells that Auto Scaling is taking the instance out already.
func ending(s astypes.LifecycleState) bool {
	switch s {
	case astypes.LifecycleStateTerminating, astypes.LifecycleStateTerminatingWait, astypes.LifecycleStateTerminatingProceed,
		astypes.LifecycleStateTerminated, astypes.LifecycleStateDetaching, astypes.LifecycleStateDetached:
		return true
	}
	return false
}

// unchangedSince returns since when the configuration has been the target's: when
// the first of the versions in a row that are like it was made.
func unchangedSince(w *Wanted, template *mirror.LaunchTemplate, target int) time.Time {
	first := target
	for i := target + 1; i < len(template.Versions) && w.alike(template, i, target); i++ {
		first = i
	}
	return aws.ToTime(template.Versions[first].CreateTime)
}

// start begins a refresh. Asked for twice, AWS refuses the second time.
func start(w *Wanted, group *mirror.AutoScalingGroup, outdated int) plan.Action {
	in := &autoscaling.StartInstanceRefreshInput{AutoScalingGroupName: group.AutoScalingGroupName, Strategy: astypes.RefreshStrategyRolling}
	if p := w.Spec.RefreshPreferences; p != nil {
		if p.Strategy != nil {
			in.Strategy = astypes.RefreshStrategy(*p.Strategy)
		}
		in.Preferences = &astypes.RefreshPreferences{InstanceWarmup: shorter(p.InstanceWarmup), MinHealthyPercentage: shorter(p.MinHealthyPercentage),
			MaxHealthyPercentage: shorter(p.MaxHealthyPercentage)}
	}
	return plan.Action{Key: "instance-refresh", Area: infrav1.PostLaunchTemplateUpdateOperationCondition, Verb: plan.Create, Operation: "autoscaling.StartInstanceRefresh",
		Input: in, Summary: fmt.Sprintf("start an instance refresh of Auto Scaling group %s, which has %d outdated instances", w.Name, outdated)}
}

// cancel ends a refresh that was begun for an older version.
func cancel(group *mirror.AutoScalingGroup) plan.Action {
	return plan.Action{Key: "old-instance-refresh", Area: infrav1.PreLaunchTemplateUpdateCheckCondition, Verb: plan.Delete, Operation: "autoscaling.CancelInstanceRefresh",
		Input: &autoscaling.CancelInstanceRefreshInput{AutoScalingGroupName: group.AutoScalingGroupName},
		Summary: fmt.Sprintf("cancel instance refresh %s of Auto Scaling group %s, which is for an older version of the launch template",
			aws.ToString(group.Refresh.InstanceRefreshId), aws.ToString(group.AutoScalingGroupName))}
}
