package elbv2

import (
	"fmt"
	"net/netip"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/ec2"
)

// target is one registration.
type target struct {
	types.TargetDescription
	registered time.Time
	draining   bool
}

// checkInstance says why an instance can't be a target of the group.
func (g *targetGroup) checkInstance(r *core.Request, id string) error {
	vpc, running, found := ec2.Of(r.Region).Running(id)
	switch {
	case !found:
		return refuse("InvalidTarget", "The following targets are not valid instances: '%s'", id)
	case !running:
		return refuse("InvalidTarget", "The following targets are not in a running state and cannot be registered: '%s'", id)
	case g.IpAddressType == types.TargetGroupIpAddressTypeEnumIpv6 && !ec2.Of(r.Region).HasPrimaryIPv6(id):
		return refuse("InvalidTarget", "The following targets do not have a primary IPv6 address: '%s'", id)
	case vpc != *g.VpcId:
		return refuse("InvalidTarget", "The following targets are not in the target group VPC '%s': '%s'", *g.VpcId, id)
	}
	return nil
}

func registerTargets(r *core.Request, in *sdk.RegisterTargetsInput) (*sdk.RegisterTargetsOutput, error) {
	g, err := findGroup(r, in.TargetGroupArn)
	if err != nil {
		return nil, err
	}
	for _, wanted := range in.Targets {
		if _, err := netip.ParseAddr(core.Val(wanted.Id)); g.TargetType == types.TargetTypeEnumIp && err != nil {
			return nil, refuse("ValidationError", "The IP address '%s' is not a valid IPv4 or IPv6 address", core.Val(wanted.Id))
		}
		if g.TargetType != types.TargetTypeEnumInstance {
			continue
		}
		if err := g.checkInstance(r, core.Val(wanted.Id)); err != nil {
			return nil, err
		}
	}
	for _, wanted := range in.Targets {
		if wanted.Port == nil {
			wanted.Port = g.Port
		}
		g.targets = append(g.without(wanted), target{TargetDescription: wanted, registered: r.Now()})
	}
	return nil, nil
}

// without lists the targets but the one with this id and port; without a port, but all with this id.
func (g *targetGroup) without(gone types.TargetDescription) []target {
	var out []target
	for _, have := range g.targets {
		if core.Val(have.Id) != core.Val(gone.Id) || (gone.Port != nil && core.Val(have.Port) != *gone.Port) {
			out = append(out, have)
		}
	}
	return out
}

// Attach registers an instance for another service, if the target group exists.
func Attach(r *core.Region, arn, instanceID string) {
	if g := of(r).groups.Get(arn); g != nil {
		wanted := types.TargetDescription{Id: &instanceID, Port: g.Port}
		g.targets = append(g.without(wanted), target{TargetDescription: wanted, registered: r.Now()})
	}
}

// Detach lets an instance drain for another service.
func Detach(r *core.Region, arn, instanceID string) {
	g := of(r).groups.Get(arn)
	if g == nil {
		return
	}
	for i := range g.targets {
		g.targets[i].draining = g.targets[i].draining || core.Val(g.targets[i].Id) == instanceID
	}
	g.drain(r)
}

// Exists says whether there is such a target group.
func Exists(r *core.Region, arn string) bool { return of(r).groups.Get(arn) != nil }

// drain takes draining targets out after the deletion delay.
func (g *targetGroup) drain(r *core.Region) {
	r.After(r.Settings().DeletionDelay, func() {
		var kept []target
		for _, have := range g.targets {
			if !have.draining {
				kept = append(kept, have)
			}
		}
		g.targets = kept
	})
}

// forget takes a terminated instance out of all target groups, as ELB does by itself.
func forget(r *core.Region, event core.Event) {
	if event.DetailType != "EC2 Instance State-change Notification" || event.Detail["state"] != "terminated" {
		return
	}
	id, _ := event.Detail["instance-id"].(string)
	for _, g := range of(r).groups.All() {
		g.targets = g.without(types.TargetDescription{Id: &id})
	}
}

func deregisterTargets(r *core.Request, in *sdk.DeregisterTargetsInput) (*sdk.DeregisterTargetsOutput, error) {
	g, err := findGroup(r, in.TargetGroupArn)
	if err != nil {
		return nil, err
	}
	for _, gone := range in.Targets {
		kept := len(g.without(gone))
		if kept == len(g.targets) {
			return nil, refuse("InvalidTarget", "The following targets are not registered: '%s'", core.Val(gone.Id))
		}
		for i := range g.targets {
			if core.Val(g.targets[i].Id) == core.Val(gone.Id) && (gone.Port == nil || core.Val(g.targets[i].Port) == *gone.Port) {
				g.targets[i].draining = true
			}
		}
	}
	g.drain(r.Region)
	return nil, nil
}

func describeTargetHealth(r *core.Request, in *sdk.DescribeTargetHealthInput) (*sdk.DescribeTargetHealthOutput, error) {
	g, err := findGroup(r, in.TargetGroupArn)
	if err != nil {
		return nil, err
	}
	used := of(r.Region).uses("", *g.TargetGroupArn)
	out := &sdk.DescribeTargetHealthOutput{TargetHealthDescriptions: []types.TargetHealthDescription{}}
	for _, have := range g.targets {
		if len(in.Targets) > 0 && !named(have, in.Targets) {
			continue
		}
		described := have.TargetDescription
		out.TargetHealthDescriptions = append(out.TargetHealthDescriptions, types.TargetHealthDescription{
			Target: &described, HealthCheckPort: core.Ptr(fmt.Sprint(core.Val(have.Port))), TargetHealth: have.health(r, used, g.TargetType)})
	}
	return out, nil
}

func named(have target, list []types.TargetDescription) bool {
	for _, wanted := range list {
		if core.Val(wanted.Id) == core.Val(have.Id) && (wanted.Port == nil || *wanted.Port == core.Val(have.Port)) {
			return true
		}
	}
	return false
}

func (t target) health(r *core.Request, used bool, kind types.TargetTypeEnum) *types.TargetHealth {
	_, running, _ := ec2.Of(r.Region).Running(core.Val(t.Id))
	switch {
	case kind == types.TargetTypeEnumInstance && !running && !t.draining:
		return &types.TargetHealth{State: types.TargetHealthStateEnumUnused, Reason: types.TargetHealthReasonEnumInvalidState,
			Description: core.Ptr("Target is in the stopped state")}
	case t.draining:
		return &types.TargetHealth{State: types.TargetHealthStateEnumDraining, Reason: types.TargetHealthReasonEnumDeregistrationInProgress}
	case !used:
		return &types.TargetHealth{State: types.TargetHealthStateEnumUnused, Reason: types.TargetHealthReasonEnumNotInUse}
	case r.Now().Before(t.registered.Add(r.Config.TargetHealthDelay)):
		return &types.TargetHealth{State: types.TargetHealthStateEnumInitial, Reason: types.TargetHealthReasonEnumRegistrationInProgress}
	default:
		return &types.TargetHealth{State: types.TargetHealthStateEnumHealthy}
	}
}
