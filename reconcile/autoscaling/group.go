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
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// resourceType is that of groups in calls about tags.
const resourceType = "auto-scaling-group"

// PlanGroup returns what makes the group as it has to be. templateID is the launch
// template's.
func PlanGroup(w *Wanted, group *mirror.AutoScalingGroup, templateID string) []plan.Action {
	if group == nil {
		return []plan.Action{create(w, templateID)}
	}
	var actions []plan.Action
	if a := update(w, group, templateID); a != nil {
		actions = append(actions, *a)
	}
	actions = append(actions, processes(w, group)...)
	actions = append(actions, hooks(w, group)...)
	return append(actions, tags(w, group)...)
}

// create is idempotent because names of groups are unique.
func create(w *Wanted, templateID string) plan.Action {
	smallest, largest := w.Spec.Sizes()
	in := &autoscaling.CreateAutoScalingGroupInput{
		AutoScalingGroupName: aws.String(w.Name), MinSize: aws.Int32(smallest), MaxSize: aws.Int32(largest), DesiredCapacity: w.Desired,
		VPCZoneIdentifier: aws.String(strings.Join(w.Subnets, ",")), CapacityRebalance: aws.Bool(w.Spec.CapacityRebalance),
		DefaultCooldown: seconds(w.Spec.CoolDown()), DefaultInstanceWarmup: seconds(w.Spec.InstanceWarmup()), Tags: tagList(w.Name, w.Tags),
	}
	in.LaunchTemplate, in.MixedInstancesPolicy = launches(w, templateID)
	for i := range w.Spec.AWSLifecycleHooks {
		in.LifecycleHookSpecificationList = append(in.LifecycleHookSpecificationList, hookSpecification(&w.Spec.AWSLifecycleHooks[i]))
	}
	return plan.Action{Key: "group", Area: infrav1.ASGReadyCondition, Verb: plan.Create, Operation: "autoscaling.CreateAutoScalingGroup", Input: in,
		Summary: fmt.Sprintf("create Auto Scaling group %s (%s instances, subnets %s)", w.Name, sizes(w), strings.Join(w.Subnets, ", "))}
}

func sizes(w *Wanted) string {
	smallest, largest := w.Spec.Sizes()
	if w.Desired == nil {
		return fmt.Sprintf("%d to %d", smallest, largest)
	}
	return fmt.Sprintf("%d of %d to %d", *w.Desired, smallest, largest)
}

func seconds(d time.Duration) *int32 { return aws.Int32(int32(d / time.Second)) }

// tagList returns tags of a group. They aren't propagated: the launch template
// tags instances, and the two would take turns at it.
func tagList(group string, tags map[string]string) []astypes.Tag {
	var list []astypes.Tag
	for _, key := range names.SortedKeys(tags) {
		list = append(list, astypes.Tag{Key: aws.String(key), Value: aws.String(tags[key]), PropagateAtLaunch: aws.Bool(false),
			ResourceId: aws.String(group), ResourceType: aws.String(resourceType)})
	}
	return list
}

// launches returns what the group launches: one kind of instance, or a mix.
func launches(w *Wanted, templateID string) (*astypes.LaunchTemplateSpecification, *astypes.MixedInstancesPolicy) {
	template := &astypes.LaunchTemplateSpecification{LaunchTemplateId: aws.String(templateID), Version: aws.String(w.templateVersion())}
	mix := w.Spec.MixedInstancesPolicy
	if mix == nil {
		return template, nil
	}
	policy := &astypes.MixedInstancesPolicy{LaunchTemplate: &astypes.LaunchTemplate{LaunchTemplateSpecification: template}}
	for _, o := range mix.Overrides {
		policy.LaunchTemplate.Overrides = append(policy.LaunchTemplate.Overrides, astypes.LaunchTemplateOverrides{InstanceType: aws.String(o.InstanceType)})
	}
	if d := mix.InstancesDistribution; d != nil {
		policy.InstancesDistribution = &astypes.InstancesDistribution{
			OnDemandBaseCapacity: shorter(d.OnDemandBaseCapacity), OnDemandPercentageAboveBaseCapacity: shorter(d.OnDemandPercentageAboveBaseCapacity),
			OnDemandAllocationStrategy: text(string(d.OnDemandAllocationStrategy)), SpotAllocationStrategy: text(string(d.SpotAllocationStrategy)),
		}
	}
	return nil, policy
}

func shorter(n *int64) *int32 {
	if n == nil {
		return nil
	}
	return aws.Int32(int32(*n))
}

func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// update sets all that differs in one call; nil when nothing does.
func update(w *Wanted, group *mirror.AutoScalingGroup, templateID string) *plan.Action {
	in := &autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: group.AutoScalingGroupName}
	var what []string
	smallest, largest := w.Spec.Sizes()
	number := func(name string, into **int32, want int32, have *int32) {
		if have == nil || *have != want {
			*into, what = aws.Int32(want), append(what, fmt.Sprintf("%s to %d", name, want))
		}
	}
	number("the smallest size", &in.MinSize, smallest, group.MinSize)
	number("the largest size", &in.MaxSize, largest, group.MaxSize)
	if w.Desired != nil {
		number("the size", &in.DesiredCapacity, *w.Desired, group.DesiredCapacity)
	}
	number("the cool-down", &in.DefaultCooldown, *seconds(w.Spec.CoolDown()), group.DefaultCooldown)
	number("the instances' warm-up", &in.DefaultInstanceWarmup, *seconds(w.Spec.InstanceWarmup()), group.DefaultInstanceWarmup)
	if w.Spec.CapacityRebalance != aws.ToBool(group.CapacityRebalance) {
		in.CapacityRebalance = aws.Bool(w.Spec.CapacityRebalance)
		what = append(what, fmt.Sprintf("capacity rebalancing to %t", w.Spec.CapacityRebalance))
	}
	if len(w.Subnets) > 0 && !sameSet(w.Subnets, subnetsOf(group)) {
		in.VPCZoneIdentifier = aws.String(strings.Join(w.Subnets, ","))
		what = append(what, "the subnets to "+strings.Join(w.Subnets, ", "))
	}
	if templateID != "" && launchesDiffer(w, group, templateID) {
		in.LaunchTemplate, in.MixedInstancesPolicy = launches(w, templateID)
		what = append(what, "what is launched")
	}
	if len(what) == 0 {
		return nil
	}
	return &plan.Action{Key: "group", Area: infrav1.ASGReadyCondition, Verb: plan.Update, Operation: "autoscaling.UpdateAutoScalingGroup", Input: in,
		Summary: fmt.Sprintf("set of Auto Scaling group %s %s", w.Name, strings.Join(what, ", "))}
}

func subnetsOf(group *mirror.AutoScalingGroup) []string {
	var ids []string
	for id := range strings.SplitSeq(aws.ToString(group.VPCZoneIdentifier), ",") {
		if id = strings.TrimSpace(id); id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}

// launchesDiffer compares what was asked for; AWS adds defaults to a mix.
func launchesDiffer(w *Wanted, group *mirror.AutoScalingGroup, templateID string) bool {
	have := templateOf(group)
	_, want := launches(w, templateID)
	if aws.ToString(have.LaunchTemplateId) != templateID || aws.ToString(have.Version) != w.templateVersion() ||
		(want == nil) != (group.MixedInstancesPolicy == nil) {
		return true
	}
	if want == nil {
		return false
	}
	if !slices.EqualFunc(want.LaunchTemplate.Overrides, group.MixedInstancesPolicy.LaunchTemplate.Overrides,
		func(a, b astypes.LaunchTemplateOverrides) bool {
			return aws.ToString(a.InstanceType) == aws.ToString(b.InstanceType)
		}) {
		return true
	}
	d, has := want.InstancesDistribution, group.MixedInstancesPolicy.InstancesDistribution
	if d == nil || has == nil {
		return d != nil
	}
	return differs(d.OnDemandBaseCapacity, has.OnDemandBaseCapacity) || differs(d.OnDemandPercentageAboveBaseCapacity, has.OnDemandPercentageAboveBaseCapacity) ||
		differs(d.OnDemandAllocationStrategy, has.OnDemandAllocationStrategy) || differs(d.SpotAllocationStrategy, has.SpotAllocationStrategy)
}

// differs tells whether something is wanted and is otherwise.
func differs[T comparable](want, have *T) bool {
	return want != nil && (have == nil || *want != *have)
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

func tags(w *Wanted, group *mirror.AutoScalingGroup) []plan.Action {
	have := mirror.AutoScalingGroups.Tags(group)
	var actions []plan.Action
	if missing := names.Missing(w.Tags, have); len(missing) > 0 {
		action := tagGroup(w.Name, missing)
		action.By = w.Owner.Before(have)
		actions = append(actions, action)
	}
	removed := map[string]string{}
	for _, key := range w.Removed {
		if value, there := have[key]; there {
			removed[key] = value
		}
	}
	if len(removed) > 0 {
		actions = append(actions, plan.Action{Key: "group-removed-tags", Area: AreaSettings, Verb: plan.Update, Operation: "autoscaling.DeleteTags",
			Input:   &autoscaling.DeleteTagsInput{Tags: tagList(w.Name, removed)},
			Summary: fmt.Sprintf("delete tags %s of Auto Scaling group %s", strings.Join(names.SortedKeys(removed), ", "), w.Name)})
	}
	return actions
}

func tagGroup(name string, tags map[string]string) plan.Action {
	_, claims := tags[names.TagUID]
	return plan.Action{Key: "group-tags", Area: AreaSettings, Verb: plan.Update, Operation: "autoscaling.CreateOrUpdateTags", Claims: claims,
		Input:   &autoscaling.CreateOrUpdateTagsInput{Tags: tagList(name, tags)},
		Summary: fmt.Sprintf("tag Auto Scaling group %s with %s", name, strings.Join(names.SortedKeys(tags), ", "))}
}

// ClaimGroup puts the UID of the object that has the group now on it.
func ClaimGroup(group *mirror.AutoScalingGroup, owner names.Owner) plan.Action {
	return tagGroup(aws.ToString(group.AutoScalingGroupName), owner.Identity())
}

// DeleteGroup deletes the group and its instances.
func DeleteGroup(group *mirror.AutoScalingGroup) plan.Action {
	return plan.Action{Key: "group", Area: infrav1.ASGReadyCondition, Verb: plan.Delete, Operation: "autoscaling.DeleteAutoScalingGroup",
		Input:   &autoscaling.DeleteAutoScalingGroupInput{AutoScalingGroupName: group.AutoScalingGroupName, ForceDelete: aws.Bool(true)},
		Summary: fmt.Sprintf("delete Auto Scaling group %s and its %d instances", aws.ToString(group.AutoScalingGroupName), len(group.Instances))}
}
