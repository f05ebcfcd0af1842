package elbv2

import (
	"reflect"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
	"github.com/capa-apiserver/capa-apiserver/test/emulator/internal/balancing"
)

type listener struct {
	types.Listener
	asked sdk.CreateListenerInput
}

// createListener returns the listener that is there if it was made with the same settings.
func createListener(r *core.Request, in *sdk.CreateListenerInput) (*sdk.CreateListenerOutput, error) {
	s := of(r.Region)
	b, err := find(r, in.LoadBalancerArn)
	if err != nil {
		return nil, err
	}
	settings := *in
	settings.Tags = nil
	count := 0
	for _, l := range s.listeners.All() {
		if *l.LoadBalancerArn != *b.LoadBalancerArn {
			continue
		}
		count++
		if core.Val(l.Port) != core.Val(in.Port) {
			continue
		}
		if reflect.DeepEqual(l.asked, settings) {
			return &sdk.CreateListenerOutput{Listeners: []types.Listener{l.Listener}}, nil
		}
		return nil, refuse("DuplicateListener", "A listener already exists on this port for this load balancer '%s'", *b.LoadBalancerArn)
	}
	if err := balancing.CheckTags(plainTags(in.Tags)); err != nil {
		return nil, err
	}
	if err := withinQuota(r, count, "listenersPerLoadBalancer", 50, "TooManyListeners", "listeners of load balancer '"+*b.LoadBalancerArn+"'"); err != nil {
		return nil, err
	}
	l := &listener{asked: settings, Listener: types.Listener{LoadBalancerArn: b.LoadBalancerArn, Port: in.Port, Protocol: in.Protocol,
		SslPolicy: in.SslPolicy, Certificates: in.Certificates, AlpnPolicy: in.AlpnPolicy, MutualAuthentication: in.MutualAuthentication}}
	if err := l.forward(r, b, in.DefaultActions); err != nil {
		return nil, err
	}
	arn := strings.Replace(*b.LoadBalancerArn, ":loadbalancer/", ":listener/", 1) + "/" + r.Hex(16)
	l.ListenerArn = &arn
	s.listeners.Put(arn, l, r.Now())
	r.Touch(arn)
	return &sdk.CreateListenerOutput{Listeners: []types.Listener{l.Listener}}, s.tags.Add(plainTags(in.Tags), arn)
}

// forward checks the listener against its load balancer and target groups, and takes the actions over in the form that AWS shows them.
func (l *listener) forward(r *core.Request, b *balancer, actions []types.Action) error {
	gateway := b.Type == types.LoadBalancerTypeEnumGateway
	switch {
	case gateway && (l.Port != nil || l.Protocol != ""):
		return refuse("ValidationError", "A port and a protocol cannot be specified for listeners of gateway load balancers")
	case !gateway && (core.Val(l.Port) < 1 || core.Val(l.Port) > 65535):
		return refuse("ValidationError", "A listener port from 1 to 65535 must be specified")
	case !gateway && l.Protocol == "":
		return refuse("ValidationError", "A listener protocol must be specified")
	case !gateway && typeFor(l.Protocol) != b.Type && b.network():
		return refuse("ValidationError", "Listener protocol '%s' must be one of 'UDP, TCP, TCP_UDP, TLS'", l.Protocol)
	case !gateway && typeFor(l.Protocol) != b.Type:
		return refuse("ValidationError", "Listener protocol '%s' must be one of 'HTTPS, HTTP'", l.Protocol)
	case len(actions) == 0:
		return refuse("ValidationError", "A listener must have a default action")
	case (l.Protocol == types.ProtocolEnumTls || l.Protocol == types.ProtocolEnumHttps) && len(l.Certificates) == 0:
		return refuse("CertificateNotFound", "A certificate must be specified for %s listeners", l.Protocol)
	}
	for _, arn := range groupsOf(actions) {
		g, err := findGroup(r, &arn)
		if err != nil {
			return err
		}
		if typeFor(g.Protocol) != b.Type {
			return refuse("IncompatibleProtocols", "The target group '%s' has protocol %s, which a %s load balancer cannot forward to", arn, g.Protocol, b.Type)
		}
		if core.Val(g.VpcId) != *b.VpcId {
			return refuse("InvalidConfigurationRequest", "The target group '%s' is not in the VPC of the load balancer", arn)
		}
		if g.IpAddressType == types.TargetGroupIpAddressTypeEnumIpv6 && b.IpAddressType == types.IpAddressTypeIpv4 {
			return refuse("InvalidConfigurationRequest", "The IPv6 target group '%s' can only be used with a dualstack load balancer", arn)
		}
		for _, other := range of(r.Region).showGroup(g).LoadBalancerArns {
			if other != *b.LoadBalancerArn {
				return refuse("TargetGroupAssociationLimit", "The following target groups cannot be associated with more than one load balancer: %s", arn)
			}
		}
	}
	l.DefaultActions = shownActions(actions)
	return nil
}

// groupsOf are the target groups that actions forward to.
func groupsOf(actions []types.Action) []string {
	var out []string
	for _, action := range actions {
		if action.ForwardConfig == nil && action.TargetGroupArn != nil {
			out = append(out, *action.TargetGroupArn)
		}
		if action.ForwardConfig != nil {
			for _, tuple := range action.ForwardConfig.TargetGroups {
				out = append(out, core.Val(tuple.TargetGroupArn))
			}
		}
	}
	return out
}

// shownActions adds the form that wasn't given: AWS shows a forward to one target group both ways.
func shownActions(actions []types.Action) []types.Action {
	out := append([]types.Action{}, actions...)
	for i, action := range out {
		if action.Type != types.ActionTypeEnumForward {
			continue
		}
		if action.ForwardConfig == nil {
			out[i].ForwardConfig = &types.ForwardActionConfig{TargetGroups: []types.TargetGroupTuple{{TargetGroupArn: action.TargetGroupArn, Weight: core.Ptr(int32(1))}},
				TargetGroupStickinessConfig: &types.TargetGroupStickinessConfig{Enabled: core.Ptr(false)}}
		} else if len(action.ForwardConfig.TargetGroups) == 1 {
			out[i].TargetGroupArn = action.ForwardConfig.TargetGroups[0].TargetGroupArn
		}
	}
	return out
}

func findListener(r *core.Request, arn *string) (*listener, error) {
	return byARN(r, &of(r.Region).listeners, arn, "ListenerNotFound", "listeners")
}

func describeListeners(r *core.Request, in *sdk.DescribeListenersInput) (*sdk.DescribeListenersOutput, error) {
	if in.LoadBalancerArn == nil && len(in.ListenerArns) == 0 {
		return nil, refuse("ValidationError", "Either a load balancer ARN or listener ARNs must be specified")
	}
	rows, err := choose(r, &of(r.Region).listeners, in.ListenerArns, nil, func(*listener) string { return "" }, "ListenerNotFound", "listeners")
	if err != nil {
		return nil, err
	}
	if in.LoadBalancerArn != nil {
		if _, err := find(r, in.LoadBalancerArn); err != nil {
			return nil, err
		}
		own := rows[:0:0]
		for _, row := range rows {
			if *row.Value.LoadBalancerArn == *in.LoadBalancerArn {
				own = append(own, row)
			}
		}
		rows = own
	}
	page, err := balancing.Paginate(r, rows, in.Marker, in.PageSize)
	out := &sdk.DescribeListenersOutput{Listeners: []types.Listener{}, NextMarker: core.Next(page.Next)}
	for _, l := range page.Items {
		out.Listeners = append(out.Listeners, l.Listener)
	}
	return out, err
}

func modifyListener(r *core.Request, in *sdk.ModifyListenerInput) (*sdk.ModifyListenerOutput, error) {
	l, err := findListener(r, in.ListenerArn)
	if err != nil {
		return nil, err
	}
	b, err := find(r, l.LoadBalancerArn)
	if err != nil {
		return nil, err
	}
	changed, actions := *l, l.DefaultActions
	if in.Port != nil {
		changed.Port = in.Port
	}
	if in.Protocol != "" {
		changed.Protocol = in.Protocol
	}
	if in.SslPolicy != nil {
		changed.SslPolicy = in.SslPolicy
	}
	if in.Certificates != nil {
		changed.Certificates = in.Certificates
	}
	if in.AlpnPolicy != nil {
		changed.AlpnPolicy = in.AlpnPolicy
	}
	if len(in.DefaultActions) > 0 {
		actions = in.DefaultActions
	}
	taken := of(r.Region).listeners.Any(func(other *listener) bool {
		return *other.LoadBalancerArn == *l.LoadBalancerArn && *other.ListenerArn != *l.ListenerArn && core.Val(other.Port) == core.Val(changed.Port)
	})
	if taken {
		return nil, refuse("DuplicateListener", "A listener already exists on this port for this load balancer '%s'", *b.LoadBalancerArn)
	}
	if err := changed.forward(r, b, actions); err != nil {
		return nil, err
	}
	*l = changed
	return &sdk.ModifyListenerOutput{Listeners: []types.Listener{l.Listener}}, nil
}

func deleteListener(r *core.Request, in *sdk.DeleteListenerInput) (*sdk.DeleteListenerOutput, error) {
	l, err := findListener(r, in.ListenerArn)
	if err != nil {
		return nil, err
	}
	of(r.Region).listeners.Delete(*l.ListenerArn)
	of(r.Region).tags.Forget(*l.ListenerArn)
	return nil, nil
}
