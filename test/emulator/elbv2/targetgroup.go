package elbv2

import (
	"fmt"
	"reflect"

	sdk "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/ec2"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/internal/balancing"
)

type targetGroup struct {
	types.TargetGroup
	asked      sdk.CreateTargetGroupInput
	attributes map[string]string
	targets    []target
}

// typeFor is the type of load balancer that a protocol belongs to.
func typeFor(p types.ProtocolEnum) types.LoadBalancerTypeEnum {
	switch p {
	case types.ProtocolEnumTcp, types.ProtocolEnumTls, types.ProtocolEnumUdp, types.ProtocolEnumTcpUdp:
		return types.LoadBalancerTypeEnumNetwork
	case types.ProtocolEnumGeneve:
		return types.LoadBalancerTypeEnumGateway
	}
	return types.LoadBalancerTypeEnumApplication
}

func application(p types.ProtocolEnum) bool {
	return typeFor(p) == types.LoadBalancerTypeEnumApplication
}

func networkProtocol(p types.ProtocolEnum) bool {
	return typeFor(p) == types.LoadBalancerTypeEnumNetwork
}

// genevePort is the only one of protocol GENEVE.
const genevePort = 6081

// createTargetGroup returns the target group that is there if it was made with the same settings.
func createTargetGroup(r *core.Request, in *sdk.CreateTargetGroupInput) (*sdk.CreateTargetGroupOutput, error) {
	s := of(r.Region)
	if err := balancing.CheckName("Target group", core.Val(in.Name)); err != nil {
		return nil, err
	}
	settings := *in
	settings.Tags = nil
	for _, g := range s.groups.All() {
		if *g.TargetGroupName != *in.Name {
			continue
		}
		if reflect.DeepEqual(g.asked, settings) {
			return &sdk.CreateTargetGroupOutput{TargetGroups: []types.TargetGroup{s.showGroup(g)}}, nil
		}
		return nil, refuse("DuplicateTargetGroupName", "A target group with the same name '%s' exists, but with different settings", *in.Name)
	}
	if err := balancing.CheckTags(plainTags(in.Tags)); err != nil {
		return nil, err
	}
	if err := withinQuota(r, s.groups.Len(), "targetGroups", 3000, "TooManyTargetGroups", "target groups"); err != nil {
		return nil, err
	}
	g, err := newTargetGroup(r, in)
	if err != nil {
		return nil, err
	}
	g.asked = settings
	s.groups.Put(*g.TargetGroupArn, g, r.Now())
	if err := s.tags.Add(plainTags(in.Tags), *g.TargetGroupArn); err != nil {
		return nil, err
	}
	r.Touch(*g.TargetGroupArn)
	return &sdk.CreateTargetGroupOutput{TargetGroups: []types.TargetGroup{s.showGroup(g)}}, nil
}

func newTargetGroup(r *core.Request, in *sdk.CreateTargetGroupInput) (*targetGroup, error) {
	g := &targetGroup{TargetGroup: types.TargetGroup{
		TargetGroupArn:  core.Ptr(r.ARN("elasticloadbalancing", fmt.Sprintf("targetgroup/%s/%s", *in.Name, r.Hex(16)))),
		TargetGroupName: in.Name, Protocol: in.Protocol, Port: in.Port, VpcId: in.VpcId, TargetType: in.TargetType,
		ProtocolVersion: in.ProtocolVersion, IpAddressType: in.IpAddressType,
	}}
	if g.TargetType == "" {
		g.TargetType = types.TargetTypeEnumInstance
	}
	if g.IpAddressType == "" {
		g.IpAddressType = types.TargetGroupIpAddressTypeEnumIpv4
	}
	if g.TargetType != types.TargetTypeEnumLambda {
		switch {
		case g.Protocol == "":
			return nil, refuse("ValidationError", "A protocol must be specified")
		case g.Port == nil || *g.Port < 1 || *g.Port > 65535:
			return nil, refuse("ValidationError", "A port from 1 to 65535 must be specified")
		case g.Protocol == types.ProtocolEnumGeneve && *g.Port != genevePort:
			return nil, refuse("ValidationError", "Port '%d' is not supported by protocol GENEVE, which uses port %d", *g.Port, genevePort)
		case g.VpcId == nil:
			return nil, refuse("ValidationError", "A VPC ID must be specified")
		case !ec2.Of(r.Region).HasVPC(r, *g.VpcId):
			return nil, refuse("ValidationError", "The VPC ID '%s' is not found", *g.VpcId)
		}
	}
	if application(g.Protocol) && g.ProtocolVersion == nil {
		g.ProtocolVersion = core.Ptr("HTTP1")
	}
	g.setHealthCheck(healthCheck{in.HealthCheckEnabled, in.HealthCheckProtocol, in.HealthCheckPort, in.HealthCheckPath, in.HealthCheckIntervalSeconds,
		in.HealthCheckTimeoutSeconds, in.HealthyThresholdCount, in.UnhealthyThresholdCount, in.Matcher}.withDefaults(!application(g.Protocol)))
	g.attributes = defaultGroupAttributes(g)
	return g, g.checkHealth()
}

// healthCheck is the part of a target group that ModifyTargetGroup changes.
type healthCheck struct {
	enabled                               *bool
	protocol                              types.ProtocolEnum
	port, path                            *string
	interval, timeout, healthy, unhealthy *int32
	matcher                               *types.Matcher
}

// withDefaults fills in what wasn't given, by the API reference of CreateTargetGroup.
func (h healthCheck) withDefaults(network bool) healthCheck {
	or := func(p **int32, value int32) {
		if *p == nil {
			*p = &value
		}
	}
	timeout, codes := int32(5), "200"
	if h.protocol == "" {
		h.protocol = types.ProtocolEnumHttp
		if network {
			h.protocol = types.ProtocolEnumTcp
		}
	}
	if network {
		timeout, codes = 10, "200-399"
		if h.protocol == types.ProtocolEnumHttp {
			timeout = 6
		}
	}
	or(&h.interval, 30)
	or(&h.timeout, timeout)
	or(&h.healthy, 5)
	or(&h.unhealthy, 2)
	if h.enabled == nil {
		h.enabled = core.Ptr(true)
	}
	if h.port == nil {
		h.port = core.Ptr("traffic-port")
	}
	if h.protocol != types.ProtocolEnumTcp {
		if h.path == nil {
			h.path = core.Ptr("/")
		}
		if h.matcher == nil {
			h.matcher = &types.Matcher{HttpCode: core.Ptr(codes)}
		}
	}
	return h
}

// setHealthCheck takes over what is given.
func (g *targetGroup) setHealthCheck(h healthCheck) {
	if h.enabled != nil {
		g.HealthCheckEnabled = h.enabled
	}
	if h.protocol != "" {
		g.HealthCheckProtocol = h.protocol
	}
	if h.port != nil {
		g.HealthCheckPort = h.port
	}
	if h.path != nil {
		g.HealthCheckPath = h.path
	}
	if h.interval != nil {
		g.HealthCheckIntervalSeconds = h.interval
	}
	if h.timeout != nil {
		g.HealthCheckTimeoutSeconds = h.timeout
	}
	if h.healthy != nil {
		g.HealthyThresholdCount = h.healthy
	}
	if h.unhealthy != nil {
		g.UnhealthyThresholdCount = h.unhealthy
	}
	if h.matcher != nil {
		g.Matcher = h.matcher
	}
}

func (g *targetGroup) checkHealth() error {
	for _, bound := range []struct {
		name        string
		value       *int32
		least, most int32
	}{
		{"Health check interval", g.HealthCheckIntervalSeconds, 5, 300},
		{"Health check timeout", g.HealthCheckTimeoutSeconds, 2, 120},
		{"Healthy threshold", g.HealthyThresholdCount, 2, 10},
		{"Unhealthy threshold", g.UnhealthyThresholdCount, 2, 10},
	} {
		if v := core.Val(bound.value); v < bound.least || v > bound.most {
			return refuse("ValidationError", "%s '%d' must be from %d to %d", bound.name, v, bound.least, bound.most)
		}
	}
	if *g.HealthCheckTimeoutSeconds >= *g.HealthCheckIntervalSeconds && application(g.Protocol) {
		return refuse("ValidationError", "Health check interval must be greater than the timeout")
	}
	if g.HealthCheckProtocol == types.ProtocolEnumTcp && (g.HealthCheckPath != nil || g.Matcher != nil) {
		return refuse("ValidationError", "Health check path and matcher can only be used with protocols HTTP and HTTPS")
	}
	return nil
}

// showGroup fills in which load balancers use the group.
func (s *state) showGroup(g *targetGroup) types.TargetGroup {
	out := g.TargetGroup
	out.LoadBalancerArns = []string{}
	for _, b := range s.balancers.All() {
		if s.uses(*b.LoadBalancerArn, *g.TargetGroupArn) {
			out.LoadBalancerArns = append(out.LoadBalancerArns, *b.LoadBalancerArn)
		}
	}
	return out
}

// uses says whether a listener of the load balancer forwards to the group; an empty load balancer means any.
func (s *state) uses(balancerARN, groupARN string) bool {
	return s.listeners.Any(func(l *listener) bool {
		if balancerARN != "" && *l.LoadBalancerArn != balancerARN {
			return false
		}
		for _, arn := range groupsOf(l.DefaultActions) {
			if arn == groupARN {
				return true
			}
		}
		return false
	})
}

func findGroup(r *core.Request, arn *string) (*targetGroup, error) {
	return byARN(r, &of(r.Region).groups, arn, "TargetGroupNotFound", "target groups")
}

func describeTargetGroups(r *core.Request, in *sdk.DescribeTargetGroupsInput) (*sdk.DescribeTargetGroupsOutput, error) {
	s := of(r.Region)
	rows, err := choose(r, &s.groups, in.TargetGroupArns, in.Names, func(g *targetGroup) string { return *g.TargetGroupName }, "TargetGroupNotFound", "target groups")
	if err != nil {
		return nil, err
	}
	if in.LoadBalancerArn != nil {
		if _, err := find(r, in.LoadBalancerArn); err != nil {
			return nil, err
		}
		used := rows[:0:0]
		for _, row := range rows {
			if s.uses(*in.LoadBalancerArn, row.ID) {
				used = append(used, row)
			}
		}
		rows = used
	}
	page, err := balancing.Paginate(r, rows, in.Marker, in.PageSize)
	out := &sdk.DescribeTargetGroupsOutput{TargetGroups: []types.TargetGroup{}, NextMarker: core.Next(page.Next)}
	for _, g := range page.Items {
		out.TargetGroups = append(out.TargetGroups, s.showGroup(g))
	}
	return out, err
}

func modifyTargetGroup(r *core.Request, in *sdk.ModifyTargetGroupInput) (*sdk.ModifyTargetGroupOutput, error) {
	g, err := findGroup(r, in.TargetGroupArn)
	if err != nil {
		return nil, err
	}
	changed := *g
	changed.setHealthCheck(healthCheck{in.HealthCheckEnabled, in.HealthCheckProtocol, in.HealthCheckPort, in.HealthCheckPath,
		in.HealthCheckIntervalSeconds, in.HealthCheckTimeoutSeconds, in.HealthyThresholdCount, in.UnhealthyThresholdCount, in.Matcher})
	if changed.HealthCheckProtocol == types.ProtocolEnumTcp && in.HealthCheckPath == nil && in.Matcher == nil {
		changed.HealthCheckPath, changed.Matcher = nil, nil
	}
	if err := changed.checkHealth(); err != nil {
		return nil, err
	}
	*g = changed
	return &sdk.ModifyTargetGroupOutput{TargetGroups: []types.TargetGroup{of(r.Region).showGroup(g)}}, nil
}

// deleteTargetGroup succeeds for one that isn't there.
func deleteTargetGroup(r *core.Request, in *sdk.DeleteTargetGroupInput) (*sdk.DeleteTargetGroupOutput, error) {
	s, arn := of(r.Region), core.Val(in.TargetGroupArn)
	if s.groups.Get(arn) == nil {
		return nil, nil
	}
	if s.uses("", arn) {
		return nil, refuse("ResourceInUse", "Target group '%s' is currently in use by a listener or a rule", arn)
	}
	s.groups.Delete(arn)
	s.tags.Forget(arn)
	return nil, nil
}
