package loadbalancer

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// Attributes of load balancers that are kept as wanted.
const (
	attrCrossZone = "load_balancing.cross_zone.enabled"
)

func (s *State) observeV2() {
	rows := mirror.Select(s.snap, mirror.LoadBalancers, func(l *mirror.LoadBalancer) bool {
		return aws.ToString(l.LoadBalancerName) == s.Name()
	})
	if len(rows) == 0 {
		return
	}
	if row := rows[0]; s.adopt(aws.ToString(row.LoadBalancerArn), row.TagSet, aws.ToString(row.VpcId), string(row.Scheme)) {
		s.V2 = row
	}
}

func (s *State) tags() map[string]string {
	name := s.Name()
	if s.Classic() {
		name = ""
	}
	return s.Owner.Tags(name, names.RoleAPIServer, nil)
}

func (s *State) planV2() {
	groups := s.planTargetGroups()
	if s.V2 == nil {
		if s.lost() {
			s.problemLost()
			return
		}
		s.planCreateV2()
		s.planListeners(groups)
		return
	}
	s.planV2Drift()
	s.planListeners(groups)
	s.planStrayListeners()
	switch state := s.V2.State; {
	case state == nil || state.Code == elbv2types.LoadBalancerStateEnumActive || state.Code == elbv2types.LoadBalancerStateEnumActiveImpaired:
	case state.Code == elbv2types.LoadBalancerStateEnumFailed:
		s.problem("load balancer %s failed: %s", s.Name(), aws.ToString(state.Reason))
	default:
		s.wait(infrav1.WaitForDNSNameResolveReason, "load balancer "+s.Name()+" to be active")
	}
}

func (s *State) planCreateV2() {
	subnets, _ := s.subnetIDs()
	groups, _ := s.groupIDs()
	in := &elbv2.CreateLoadBalancerInput{
		Name: aws.String(s.Name()), Subnets: subnets, SecurityGroups: groups, Type: elbv2types.LoadBalancerTypeEnumNetwork,
		Scheme: elbv2types.LoadBalancerSchemeEnum(s.scheme()), Tags: tagList(s.tags()),
	}
	if s.IPv6 {
		in.IpAddressType = elbv2types.IpAddressTypeDualstack
	}
	s.add(plan.Action{Key: s.Key, Verb: plan.Create, Operation: "elasticloadbalancingv2.CreateLoadBalancer", Input: in,
		Summary: fmt.Sprintf("create %s load balancer %s", s.Spec.LoadBalancerType, s.Name()), WaitsFor: s.waits()})
}

// planV2Drift puts an existing load balancer right.
func (s *State) planV2Drift() {
	arn := s.V2.LoadBalancerArn
	update := func(name, operation, summary string, in any) {
		s.add(plan.Action{Key: s.Key + "/" + name, Verb: plan.Update, Operation: "elasticloadbalancingv2." + operation, Claims: claims(in),
			Input: in, Summary: fmt.Sprintf("set %s of load balancer %s", summary, s.Name())})
	}
	if missing := names.Missing(s.tags(), s.V2.TagSet); len(missing) > 0 {
		update("tags", "AddTags", "tags "+strings.Join(names.SortedKeys(missing), ", "),
			&elbv2.AddTagsInput{ResourceArns: []string{*arn}, Tags: tagList(missing)})
	}
	if subnets, waits := s.subnetIDs(); waits == "" && !same(subnets, zoneSubnets(s.V2)) {
		update("subnets", "SetSubnets", "subnets "+strings.Join(subnets, ", "),
			&elbv2.SetSubnetsInput{LoadBalancerArn: arn, Subnets: subnets})
	}
	// A network load balancer that was made without groups can never get any.
	if groups, waits := s.groupIDs(); waits == "" && len(s.V2.SecurityGroups) > 0 && !same(groups, s.V2.SecurityGroups) {
		update("security-groups", "SetSecurityGroups", "security groups "+strings.Join(groups, ", "),
			&elbv2.SetSecurityGroupsInput{LoadBalancerArn: arn, SecurityGroups: groups})
	}
	if changed := s.v2Attributes(); len(changed) > 0 {
		update("attributes", "ModifyLoadBalancerAttributes", "attributes",
			&elbv2.ModifyLoadBalancerAttributesInput{LoadBalancerArn: arn, Attributes: changed})
	}
}

func zoneSubnets(l *mirror.LoadBalancer) []string {
	var ids []string
	for _, z := range l.AvailabilityZones {
		ids = append(ids, aws.ToString(z.SubnetId))
	}
	return ids
}

// v2Attributes returns the attributes that differ. Before they have been read,
// none do.
func (s *State) v2Attributes() []elbv2types.LoadBalancerAttribute {
	if s.V2.Attributes == nil {
		return nil
	}
	want, have := strconv.FormatBool(s.Spec.CrossZoneLoadBalancing), cmp.Or(s.V2.Attributes[attrCrossZone], "false")
	if have == want {
		return nil
	}
	return []elbv2types.LoadBalancerAttribute{{Key: aws.String(attrCrossZone), Value: aws.String(want)}}
}

// planListeners plans a listener for each target group.
func (s *State) planListeners(groups []targetGroup) {
	for _, g := range groups {
		listener := s.listenerOn(g.listen)
		switch {
		case s.V2 != nil && s.V2.Listeners == nil:
			s.wait(infrav1.LoadBalancerFailedReason, "the listeners of load balancer "+s.Name()+" to be read")
			return
		case listener == nil:
			s.planCreateListener(g)
		case g.row != nil && forwardsTo(listener) != aws.ToString(g.row.TargetGroupArn):
			s.add(plan.Action{Key: fmt.Sprintf("%s/listener/%d", s.Key, g.listen), Verb: plan.Update,
				Operation: "elasticloadbalancingv2.ModifyListener",
				Input: &elbv2.ModifyListenerInput{ListenerArn: listener.ListenerArn, Port: aws.Int32(int32(g.listen)),
					Protocol: g.protocol, DefaultActions: forward(g.row.TargetGroupArn)},
				Summary: fmt.Sprintf("forward port %d of load balancer %s to target group %s", g.listen, s.Name(), g.name)})
		}
	}
}

func (s *State) planCreateListener(g targetGroup) {
	in := &elbv2.CreateListenerInput{Port: aws.Int32(int32(g.listen)), Protocol: g.protocol, Tags: tagList(s.tags())}
	waits := ""
	if s.V2 != nil {
		in.LoadBalancerArn = s.V2.LoadBalancerArn
	} else {
		waits = "load balancer " + s.Name()
	}
	if g.row != nil {
		in.DefaultActions = forward(g.row.TargetGroupArn)
	} else if waits == "" {
		waits = "target group " + g.name
	}
	s.add(plan.Action{Key: fmt.Sprintf("%s/listener/%d", s.Key, g.listen), Verb: plan.Create,
		Operation: "elasticloadbalancingv2.CreateListener", Input: in,
		Summary: fmt.Sprintf("create listener on port %d of load balancer %s", g.listen, s.Name()), WaitsFor: waits})
}

// planStrayListeners deletes listeners that are no longer wanted, and then the
// target groups behind them. What forwards somewhere else isn't ours.
func (s *State) planStrayListeners() {
	wanted := s.ports()
	for _, l := range s.V2.Listeners {
		port := int64(aws.ToInt32(l.Port))
		group, ok := mirror.Get(s.snap, mirror.TargetGroups, forwardsTo(&l))
		if slices.Contains(wanted, port) || !ok || !s.ours(group) {
			continue
		}
		s.add(plan.Action{Key: fmt.Sprintf("%s/listener/%d", s.Key, port), Verb: plan.Delete,
			Operation: "elasticloadbalancingv2.DeleteListener", Input: &elbv2.DeleteListenerInput{ListenerArn: l.ListenerArn},
			Summary: fmt.Sprintf("delete listener on port %d of load balancer %s", port, s.Name())})
	}
}

func (s *State) listenerOn(port int64) *elbv2types.Listener {
	if s.V2 == nil {
		return nil
	}
	for i := range s.V2.Listeners {
		if l := &s.V2.Listeners[i]; int64(aws.ToInt32(l.Port)) == port {
			return l
		}
	}
	return nil
}

func forward(groupARN *string) []elbv2types.Action {
	return []elbv2types.Action{{Type: elbv2types.ActionTypeEnumForward, TargetGroupArn: groupARN}}
}

// forwardsTo returns the ARN of the target group that a listener sends traffic to.
func forwardsTo(l *elbv2types.Listener) string {
	for _, a := range l.DefaultActions {
		if a.Type == elbv2types.ActionTypeEnumForward {
			return aws.ToString(a.TargetGroupArn)
		}
	}
	return ""
}

func tagList(tags map[string]string) []elbv2types.Tag {
	list := make([]elbv2types.Tag, 0, len(tags))
	for _, k := range names.SortedKeys(tags) {
		list = append(list, elbv2types.Tag{Key: aws.String(k), Value: aws.String(tags[k])})
	}
	return list
}
