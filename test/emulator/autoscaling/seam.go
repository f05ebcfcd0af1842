package autoscaling

import (
	sdk "github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// What other services need of groups. Those that EKS makes are requests of AWS's own.

// Creation is a request to make a group.
type Creation = sdk.CreateAutoScalingGroupInput

// Change is a request to change one.
type Change = sdk.UpdateAutoScalingGroupInput

// Create makes a group.
func Create(r *core.Request, in *Creation) error {
	_, err := createAutoScalingGroup(r, in)
	return err
}

// Update changes one.
func Update(r *core.Request, in *Change) error {
	_, err := updateAutoScalingGroup(r, in)
	return err
}

// Renew replaces a group's instances by those of another version of its launch template, each as soon as it may go.
func Renew(r *core.Request, name, version string, mayGo func(instance string) bool) error {
	g, err := find(r, &name)
	if err != nil {
		return err
	}
	wanted := &types.DesiredConfiguration{}
	if policy := g.MixedInstancesPolicy; policy != nil {
		changed, template, spec := *policy, *policy.LaunchTemplate, *policy.LaunchTemplate.LaunchTemplateSpecification
		spec.Version, spec.LaunchTemplateName = &version, nil
		template.LaunchTemplateSpecification, changed.LaunchTemplate = &spec, &template
		wanted.MixedInstancesPolicy = &changed
	} else {
		spec := *g.LaunchTemplate
		spec.Version, spec.LaunchTemplateName, wanted.LaunchTemplate = &version, nil, &spec
	}
	if _, err = startInstanceRefresh(r, &sdk.StartInstanceRefreshInput{AutoScalingGroupName: &name, DesiredConfiguration: wanted}); err == nil {
		g.current().mayGo = mayGo
	}
	return err
}

// StopRenewing leaves the instances that weren't replaced yet.
func StopRenewing(r *core.Region, name string) {
	if g := of(r).groups.Get(name); g != nil && g.current() != nil {
		f := g.current()
		f.Status, f.EndTime = types.InstanceRefreshStatusCancelled, core.Ptr(r.Now())
	}
}

// Delete takes a group away with its instances.
func Delete(r *core.Request, name string) error {
	_, err := deleteAutoScalingGroup(r, &sdk.DeleteAutoScalingGroupInput{AutoScalingGroupName: &name, ForceDelete: core.Ptr(true)})
	return err
}

// Standing is how a group stands.
type Standing struct {
	Desired, InService int
	// Renewing says whether instances are being replaced.
	Renewing bool
}

// StandingOf tells how a group stands, false if there is none.
func StandingOf(r *core.Region, name string) (Standing, bool) {
	g := of(r).groups.Get(name)
	if g == nil {
		return Standing{}, false
	}
	out := Standing{Desired: int(core.Val(g.DesiredCapacity)), Renewing: g.current() != nil}
	for _, m := range g.members {
		if m.is(types.LifecycleStateInService) {
			out.InService++
		}
	}
	return out, true
}
