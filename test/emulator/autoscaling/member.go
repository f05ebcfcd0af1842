package autoscaling

import (
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/ec2"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/elbv2"
)

// Transitions that hooks hold up.
const (
	launching   = "autoscaling:EC2_INSTANCE_LAUNCHING"
	terminating = "autoscaling:EC2_INSTANCE_TERMINATING"
)

// member is an instance of a group.
type member struct {
	types.Instance
	subnet  string
	spot    bool
	since   time.Time // in service since
	waiting map[string]time.Time
	// leaving members are replaced first and terminated then; outdated ones are what an instance refresh replaces.
	leaving, outdated bool
}

func (m *member) is(states ...types.LifecycleState) bool {
	for _, state := range states {
		if m.LifecycleState == state {
			return true
		}
	}
	return false
}

// ending says whether the member is on its way out.
func (m *member) ending() bool {
	return m.is(types.LifecycleStateTerminating, types.LifecycleStateTerminatingWait, types.LifecycleStateTerminatingProceed)
}

// request is the launch of one more instance of the group in a subnet.
func (g *group) request(r *core.Region, subnet string, spot bool) *ec2.Launch {
	spec := g.template()
	in := &ec2.Launch{MinCount: core.Ptr(int32(1)), MaxCount: core.Ptr(int32(1)), SubnetId: &subnet,
		LaunchTemplate: &ec2types.LaunchTemplateSpecification{LaunchTemplateId: spec.LaunchTemplateId, Version: spec.Version}}
	if spec.LaunchTemplateId == nil {
		in.LaunchTemplate.LaunchTemplateName = spec.LaunchTemplateName
	}
	if policy := g.MixedInstancesPolicy; policy != nil && policy.LaunchTemplate != nil && len(policy.LaunchTemplate.Overrides) > 0 {
		in.InstanceType = ec2types.InstanceType(core.Val(g.override(r, subnet)))
	}
	if spot {
		in.InstanceMarketOptions = &ec2types.InstanceMarketOptionsRequest{MarketType: ec2types.MarketTypeSpot}
		if d := g.MixedInstancesPolicy.InstancesDistribution; core.Val(d.SpotMaxPrice) != "" {
			in.InstanceMarketOptions.SpotOptions = &ec2types.SpotMarketOptions{MaxPrice: d.SpotMaxPrice}
		}
	}
	tags := []ec2types.Tag{}
	for _, tag := range g.tags {
		if core.Val(tag.PropagateAtLaunch) {
			tags = append(tags, ec2types.Tag{Key: tag.Key, Value: tag.Value})
		}
	}
	if len(tags) > 0 {
		in.TagSpecifications = []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeInstance, Tags: tags}}
	}
	return in
}

// override is the first instance type of the policy that the subnet's zone has capacity for.
func (g *group) override(r *core.Region, subnet string) *string {
	overrides := g.MixedInstancesPolicy.LaunchTemplate.Overrides
	for _, override := range overrides {
		if ec2.Of(r).HasCapacity(r, core.Val(override.InstanceType), subnet) {
			return override.InstanceType
		}
	}
	return overrides[0].InstanceType
}

// wantsSpot says whether the next instance of a mixed group is a spot instance.
func (g *group) wantsSpot() bool {
	if g.MixedInstancesPolicy == nil || g.MixedInstancesPolicy.InstancesDistribution == nil {
		return false
	}
	d, onDemand := g.MixedInstancesPolicy.InstancesDistribution, 0
	for _, m := range g.members {
		if !m.spot && !m.ending() {
			onDemand++
		}
	}
	share, base := 100, int(core.Val(d.OnDemandBaseCapacity))
	if d.OnDemandPercentageAboveBaseCapacity != nil {
		share = int(*d.OnDemandPercentageAboveBaseCapacity)
	}
	wanted := base + (max(0, int(*g.DesiredCapacity)-base)*share+99)/100
	return onDemand >= wanted
}

// launch starts one more instance in the subnet with the fewest.
func (g *group) launch(r *core.Region) error {
	n, request := ec2.Of(r), r.System("autoscaling", "RunInstances")
	subnet, spot := g.emptiest(), g.wantsSpot()
	in := g.request(r, subnet, spot)
	reservation, err := n.Launch(request, in)
	if err != nil {
		g.note(r, types.ScalingActivityStatusCodeFailed, "Launching a new EC2 instance.", err.Error())
		return err
	}
	spec := g.template()
	version, _, _, err := n.TemplateVersion(request, spec.LaunchTemplateId, nil, core.Val(spec.Version))
	if err != nil {
		return err
	}
	for _, i := range n.Reservation(reservation) {
		m := &member{subnet: subnet, spot: spot, waiting: map[string]time.Time{}, Instance: types.Instance{
			InstanceId: i.InstanceId, AvailabilityZone: i.Placement.AvailabilityZone, AvailabilityZoneId: i.Placement.AvailabilityZoneId,
			InstanceType: core.Ptr(string(i.InstanceType)), ImageId: i.ImageId, HealthStatus: core.Ptr("Healthy"), LifecycleState: types.LifecycleStatePending,
			ProtectedFromScaleIn: core.Ptr(core.Val(g.NewInstancesProtectedFromScaleIn)), LaunchTemplate: &types.LaunchTemplateSpecification{
				LaunchTemplateId: spec.LaunchTemplateId, LaunchTemplateName: spec.LaunchTemplateName, Version: core.Ptr(strconv.FormatInt(version, 10))}}}
		g.members = append(g.members, m)
		n.TagByAWS(*i.InstanceId, map[string]string{"aws:autoscaling:groupName": *g.AutoScalingGroupName,
			"aws:ec2launchtemplate:id": *spec.LaunchTemplateId, "aws:ec2launchtemplate:version": *m.LaunchTemplate.Version})
		g.note(r, types.ScalingActivityStatusCodeSuccessful, "Launching a new EC2 instance: "+*i.InstanceId, "")
		g.hold(r, m, launching, types.LifecycleStatePendingWait)
	}
	return nil
}

// emptiest is the subnet with the fewest members that stay.
func (g *group) emptiest() string {
	count := map[string]int{}
	for _, m := range g.members {
		if !m.ending() {
			count[m.subnet]++
		}
	}
	best := ""
	for _, id := range g.subnets() {
		if best == "" || count[id] < count[best] {
			best = id
		}
	}
	return best
}

// hold makes a member wait for the hooks of a transition; it says whether there are any.
func (g *group) hold(r *core.Region, m *member, transition string, state types.LifecycleState) bool {
	for _, hook := range g.hooks {
		if *hook.LifecycleTransition != transition {
			continue
		}
		until := time.Duration(*hook.HeartbeatTimeout) * time.Second
		m.waiting[*hook.LifecycleHookName] = r.Now().Add(until)
		m.LifecycleState = state
		r.After(until, func() { g.expire(r, m, hook) })
		kind := "EC2 Instance-launch Lifecycle Action"
		if transition == terminating {
			kind = "EC2 Instance-terminate Lifecycle Action"
		}
		r.Emit(core.Event{Source: "aws.autoscaling", DetailType: kind, Resources: []string{*g.AutoScalingGroupARN}, Detail: map[string]any{
			"AutoScalingGroupName": *g.AutoScalingGroupName, "EC2InstanceId": *m.InstanceId, "LifecycleHookName": *hook.LifecycleHookName,
			"LifecycleTransition": transition, "NotificationMetadata": core.Val(hook.NotificationMetadata)}})
	}
	return len(m.waiting) > 0
}

// expire ends a hook that nobody completed with its default result.
func (g *group) expire(r *core.Region, m *member, hook types.LifecycleHook) {
	if due, waits := m.waiting[*hook.LifecycleHookName]; waits && !r.Now().Before(due) {
		g.proceed(r, m, *hook.LifecycleHookName, *hook.DefaultResult)
	}
}

// proceed ends a hook. An abandoned launch ends in the instance's termination.
func (g *group) proceed(r *core.Region, m *member, hook, result string) {
	delete(m.waiting, hook)
	if result == "ABANDON" && m.is(types.LifecycleStatePendingWait) {
		m.terminate(r, g, "a lifecycle action was abandoned", false)
	}
	g.schedule(r)
}

// terminate takes a member out; with hooks it waits for them first.
func (m *member) terminate(r *core.Region, g *group, why string, hooks bool) {
	if m.ending() {
		if hooks {
			return
		}
	} else {
		m.LifecycleState, m.waiting = types.LifecycleStateTerminating, map[string]time.Time{}
		g.note(r, types.ScalingActivityStatusCodeSuccessful, "Terminating EC2 instance: "+*m.InstanceId, why)
		for _, arn := range g.TargetGroupARNs {
			elbv2.Detach(r, arn, *m.InstanceId)
		}
	}
	if hooks && g.hold(r, m, terminating, types.LifecycleStateTerminatingWait) {
		return
	}
	m.waiting = map[string]time.Time{}
	ec2.Of(r).Terminate(r, *m.InstanceId, ec2types.StateReason{Code: core.Ptr("Client.UserInitiatedShutdown"),
		Message: core.Ptr("Client.UserInitiatedShutdown: User initiated shutdown")})
}

// mostActivities is how many activities a group remembers.
const mostActivities = 100

// note adds a line to the group's activities.
func (g *group) note(r *core.Region, status types.ScalingActivityStatusCode, what, detail string) {
	now := r.Now()
	activity := types.Activity{ActivityId: core.Ptr(fmt.Sprintf("%s-%s", r.Hex(8), r.Hex(12))), AutoScalingGroupName: g.AutoScalingGroupName, StartTime: &now, EndTime: &now,
		StatusCode: status, Description: &what, Progress: core.Ptr(int32(100)), Cause: core.Ptr("At " + now.UTC().Format(time.RFC3339) + " " + detail)}
	if status == types.ScalingActivityStatusCodeFailed {
		activity.StatusMessage = &detail
	}
	g.activities = append([]types.Activity{activity}, g.activities...)
	if len(g.activities) > mostActivities {
		g.activities = g.activities[:mostActivities]
	}
}
