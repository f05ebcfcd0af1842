package autoscaling

import (
	"slices"
	"sort"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/ec2"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/elbv2"
)

// schedule lets the group take its next step after the configured delay, unless one is due already.
func (g *group) schedule(r *core.Region) {
	if g.scheduled {
		return
	}
	g.scheduled = true
	r.After(r.Settings().AutoScalingDelay, func() {
		g.scheduled = false
		if of(r).groups.Get(*g.AutoScalingGroupName) == g {
			g.step(r)
		}
	})
}

// step brings the group one step closer to what is wanted, and schedules the next one while something is left to do.
func (g *group) step(r *core.Region) {
	for _, m := range append([]*member{}, g.members...) {
		g.follow(r, m)
	}
	again := g.scale(r)
	if g.refresh(r) {
		again = true
	}
	if g.deleting && len(g.members) == 0 {
		of(r).groups.Delete(*g.AutoScalingGroupName)
		return
	}
	if again {
		g.schedule(r)
	}
}

// follow carries a member on by the state of its instance.
func (g *group) follow(r *core.Region, m *member) {
	state, gone := ec2.Of(r).StateOf(*m.InstanceId)
	switch {
	case m.ending() && len(m.waiting) > 0:
	case m.ending() && (gone || state == ec2types.InstanceStateNameTerminated):
		g.members = slices.DeleteFunc(g.members, func(other *member) bool { return other == m })
		r.Emit(core.Event{Source: "aws.autoscaling", DetailType: "EC2 Instance Terminate Successful", Resources: []string{*g.AutoScalingGroupARN},
			Detail: map[string]any{"AutoScalingGroupName": *g.AutoScalingGroupName, "EC2InstanceId": *m.InstanceId}})
	case m.ending():
		if m.is(types.LifecycleStateTerminatingWait) {
			m.LifecycleState = types.LifecycleStateTerminatingProceed
		}
		m.terminate(r, g, "", false)
	case gone || state == ec2types.InstanceStateNameShuttingDown || state == ec2types.InstanceStateNameTerminated || state == ec2types.InstanceStateNameStopped ||
		state == ec2types.InstanceStateNameStopping:
		if g.stands("HealthCheck") {
			return
		}
		m.HealthStatus = core.Ptr("Unhealthy")
		if !g.stands("ReplaceUnhealthy") && !g.stands("Terminate") {
			m.terminate(r, g, "an instance was taken out of service in response to an EC2 health check", false)
		}
	case m.is(types.LifecycleStatePending, types.LifecycleStatePendingWait, types.LifecycleStatePendingProceed) && state == ec2types.InstanceStateNameRunning && len(m.waiting) == 0:
		m.LifecycleState, m.since = types.LifecycleStateInService, r.Now()
		if !g.stands("AddToLoadBalancer") {
			for _, arn := range g.TargetGroupARNs {
				elbv2.Attach(r, arn, *m.InstanceId)
			}
		}
		r.Emit(core.Event{Source: "aws.autoscaling", DetailType: "EC2 Instance Launch Successful", Resources: []string{*g.AutoScalingGroupARN},
			Detail: map[string]any{"AutoScalingGroupName": *g.AutoScalingGroupName, "EC2InstanceId": *m.InstanceId}})
	}
}

// stands says whether a process is suspended.
func (g *group) stands(process string) bool { return slices.Contains(g.suspended, process) }

// staying are the members that count towards the desired capacity.
func (g *group) staying() []*member {
	var out []*member
	for _, m := range g.members {
		if !m.ending() && !m.leaving {
			out = append(out, m)
		}
	}
	return out
}

// scale launches and terminates up or down to the desired capacity; true asks for another step.
func (g *group) scale(r *core.Region) (again bool) {
	staying, desired := g.staying(), int(*g.DesiredCapacity)
	for n := len(staying); n < desired && !g.stands("Launch"); n++ {
		if g.launch(r) != nil {
			return true
		}
	}
	inService := 0
	for _, m := range staying {
		if m.is(types.LifecycleStateInService) {
			inService++
		}
	}
	for _, m := range g.members {
		if m.leaving && !m.ending() && (inService >= desired || desired == 0) {
			m.terminate(r, g, "an instance was replaced before its interruption", true)
		}
	}
	if excess := len(staying) - desired; excess > 0 && !g.stands("Terminate") {
		for _, m := range g.victims(staying, excess) {
			m.terminate(r, g, "the capacity was reduced", true)
		}
	}
	return false
}

// victims chooses by the default termination policy: the fullest zone, then the oldest launch template version, then the oldest instance.
func (g *group) victims(staying []*member, n int) []*member {
	var out []*member
	left := slices.DeleteFunc(slices.Clone(staying), func(m *member) bool { return core.Val(m.ProtectedFromScaleIn) })
	for ; n > 0 && len(left) > 0; n-- {
		zones := map[string]int{}
		for _, m := range left {
			zones[*m.AvailabilityZone]++
		}
		sort.SliceStable(left, func(i, j int) bool {
			if a, b := zones[*left[i].AvailabilityZone], zones[*left[j].AvailabilityZone]; a != b {
				return a > b
			}
			return left[i].version() < left[j].version()
		})
		out, left = append(out, left[0]), left[1:]
	}
	return out
}

// version is the number of the launch template's version that the member was launched from.
func (m *member) version() int {
	number, err := strconv.Atoi(*m.LaunchTemplate.Version)
	if err != nil {
		return 0 // it is always a number
	}
	return number
}
