package autoscaling

import (
	"slices"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// usualHealthy is MinHealthyPercentage if it isn't given.
const usualHealthy = 90

// refresh is an instance refresh; total is how many instances it replaces.
type refresh struct {
	types.InstanceRefresh
	total int
	// mayGo tells whether an instance may be terminated; nil where nobody has a say in that.
	mayGo func(instance string) bool
}

func (f *refresh) active() bool {
	return slices.Contains([]types.InstanceRefreshStatus{types.InstanceRefreshStatusPending, types.InstanceRefreshStatusInProgress,
		types.InstanceRefreshStatusCancelling}, f.Status)
}

// current is the refresh that is going on, or nil.
func (g *group) current() *refresh {
	for _, f := range g.refreshes {
		if f.active() {
			return f
		}
	}
	return nil
}

func startInstanceRefresh(r *core.Request, in *sdk.StartInstanceRefreshInput) (*sdk.StartInstanceRefreshOutput, error) {
	g, err := find(r, in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	if g.current() != nil {
		return nil, refuse("InstanceRefreshInProgress", "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh.")
	}
	if p := in.Preferences; p != nil {
		if v := core.Val(p.MinHealthyPercentage); v < 0 || v > 100 {
			return nil, refuse("ValidationError", "MinHealthyPercentage must be from 0 to 100")
		}
		if v := p.MaxHealthyPercentage; v != nil && (*v < 100 || *v > 200) {
			return nil, refuse("ValidationError", "MaxHealthyPercentage must be from 100 to 200")
		}
	}
	if want := in.DesiredConfiguration; want != nil {
		update := &sdk.UpdateAutoScalingGroupInput{AutoScalingGroupName: in.AutoScalingGroupName, LaunchTemplate: want.LaunchTemplate, MixedInstancesPolicy: want.MixedInstancesPolicy}
		if _, err := updateAutoScalingGroup(r, update); err != nil {
			return nil, err
		}
	}
	id := r.Hex(8) + "-" + r.Hex(4) + "-" + r.Hex(4) + "-" + r.Hex(4) + "-" + r.Hex(12)
	f := &refresh{InstanceRefresh: types.InstanceRefresh{InstanceRefreshId: &id, AutoScalingGroupName: g.AutoScalingGroupName, Status: types.InstanceRefreshStatusPending,
		StartTime: core.Ptr(r.Now()), Strategy: in.Strategy, Preferences: in.Preferences, DesiredConfiguration: in.DesiredConfiguration, PercentageComplete: core.Ptr(int32(0))}}
	if f.Strategy == "" {
		f.Strategy = types.RefreshStrategyRolling
	}
	g.mark(r, f)
	g.refreshes = append([]*refresh{f}, g.refreshes...)
	g.schedule(r.Region)
	r.Touch(id)
	return &sdk.StartInstanceRefreshOutput{InstanceRefreshId: &id}, nil
}

// mark chooses the members to replace: all, or with SkipMatching those of another launch template version.
func (g *group) mark(r *core.Request, f *refresh) {
	version := g.targetVersion(r)
	for _, m := range g.members {
		skip := f.Preferences != nil && core.Val(f.Preferences.SkipMatching) && m.version() == version
		m.outdated = !m.ending() && !skip
		if m.outdated {
			f.total++
		}
	}
	f.InstancesToUpdate = core.Ptr(int32(f.total))
}

// refresh carries the current instance refresh on; true asks for another step.
func (g *group) refresh(r *core.Region) bool {
	f := g.current()
	if f == nil {
		return false
	}
	old, ready := g.progress(r, f)
	f.InstancesToUpdate = core.Ptr(int32(len(old)))
	if f.total > 0 {
		f.PercentageComplete = core.Ptr(int32(100 * (f.total - len(old)) / f.total))
	}
	desired := int(*g.DesiredCapacity)
	switch {
	case g.deleting || f.Status == types.InstanceRefreshStatusCancelling:
		f.Status, f.EndTime = types.InstanceRefreshStatusCancelled, core.Ptr(r.Now())
		return false
	case len(old) == 0 && ready >= desired:
		f.Status, f.EndTime, f.PercentageComplete = types.InstanceRefreshStatusSuccessful, core.Ptr(r.Now()), core.Ptr(int32(100))
		return false
	case g.stands("InstanceRefresh"):
		return true
	}
	f.Status = types.InstanceRefreshStatusInProgress
	least := usualHealthy
	if f.Preferences != nil && f.Preferences.MinHealthyPercentage != nil {
		least = int(*f.Preferences.MinHealthyPercentage)
	}
	// At least one instance is replaced at a time, whatever the percentage.
	spare := max(1, desired-(desired*least+99)/100) - (desired - ready)
	for _, m := range old {
		if spare <= 0 || g.stands("Terminate") {
			break
		}
		if f.mayGo == nil || f.mayGo(*m.InstanceId) {
			m.terminate(r, g, "an instance refresh", true)
		}
		spare--
	}
	return true
}

// progress lists what is still to be replaced and counts what serves: members in service, new ones only once they are warm.
func (g *group) progress(r *core.Region, f *refresh) (old []*member, ready int) {
	warmup := core.Val(g.DefaultInstanceWarmup)
	if f.Preferences != nil && f.Preferences.InstanceWarmup != nil {
		warmup = *f.Preferences.InstanceWarmup
	}
	for _, m := range g.members {
		if m.ending() {
			continue
		}
		if m.outdated {
			old = append(old, m)
		}
		if m.is(types.LifecycleStateInService) && (m.outdated || !r.Now().Before(m.since.Add(time.Duration(warmup)*time.Second))) {
			ready++
		}
	}
	return old, ready
}

func describeInstanceRefreshes(r *core.Request, in *sdk.DescribeInstanceRefreshesInput) (*sdk.DescribeInstanceRefreshesOutput, error) {
	g, err := find(r, in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	found := []types.InstanceRefresh{}
	for _, f := range g.refreshes {
		if len(in.InstanceRefreshIds) == 0 || slices.Contains(in.InstanceRefreshIds, *f.InstanceRefreshId) {
			found = append(found, f.InstanceRefresh)
		}
	}
	page, token, err := core.PaginateList(r, found, core.Val(in.NextToken), pageSize(in.MaxRecords, usualGroups), mostGroups)
	if err != nil {
		return nil, refuse("InvalidNextToken", "The token '%s' is invalid", core.Val(in.NextToken))
	}
	return &sdk.DescribeInstanceRefreshesOutput{InstanceRefreshes: page, NextToken: core.Next(token)}, nil
}

func cancelInstanceRefresh(r *core.Request, in *sdk.CancelInstanceRefreshInput) (*sdk.CancelInstanceRefreshOutput, error) {
	g, err := find(r, in.AutoScalingGroupName)
	if err != nil {
		return nil, err
	}
	f := g.current()
	if f == nil {
		return nil, refuse("ActiveInstanceRefreshNotFound", "No in progress or pending Instance Refresh found for Auto Scaling group %s", *g.AutoScalingGroupName)
	}
	f.Status = types.InstanceRefreshStatusCancelling
	g.schedule(r.Region)
	return &sdk.CancelInstanceRefreshOutput{InstanceRefreshId: f.InstanceRefreshId}, nil
}
