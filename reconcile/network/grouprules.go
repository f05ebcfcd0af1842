package network

import (
	"fmt"
	"net/netip"
	"slices"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// apiServerPort is where the API servers of the control plane listen; load
// balancers may listen elsewhere.
const apiServerPort = 6443

// wanted collects the rules of a group, and what they still wait for.
type wanted struct {
	state *State
	rules ruleSet
	waits string
}

// wantedRules returns the ingress rules of a role's group. As long as waits says
// something, the rules are not complete.
func (s *State) wantedRules(role infrav1.SecurityGroupRole) (rules ruleSet, waits string) {
	w := &wanted{state: s, rules: ruleSet{}}
	switch role {
	case infrav1.SecurityGroupBastion:
		w.bastion()
	case infrav1.SecurityGroupControlPlane:
		w.controlPlane()
	case infrav1.SecurityGroupNode:
		w.node()
	case infrav1.SecurityGroupAPIServerLB:
		w.apiServerLB()
	case infrav1.SecurityGroupLB:
		w.lb()
	case infrav1.SecurityGroupEKSNodeAdditional:
		w.ssh()
		w.users(w.state.Spec.AdditionalControlPlaneIngressRules)
	}
	return w.rules, w.waits
}

func (w *wanted) bastion() {
	if b := w.state.Groups.Bastion; b != nil && !b.DisableIngressRules {
		w.tcp("SSH", 22, 22).blocks(w.usable(b.AllowedCIDRBlocks))
	}
}

// usable leaves IPv6 blocks out where the network has no IPv6.
func (w *wanted) usable(blocks []string) []string {
	if w.state.IPv6() {
		return blocks
	}
	var v4 []string
	for _, b := range blocks {
		if prefix, err := netip.ParsePrefix(b); err == nil && prefix.Addr().Is4() {
			v4 = append(v4, b)
		}
	}
	return v4
}

func (w *wanted) controlPlane() {
	w.cni()
	w.tcp("Kubernetes API", apiServerPort, apiServerPort).
		roles(infrav1.SecurityGroupAPIServerLB, infrav1.SecurityGroupControlPlane, infrav1.SecurityGroupNode)
	w.tcp("etcd", 2379, 2379).roles(infrav1.SecurityGroupControlPlane)
	w.tcp("etcd peer", 2380, 2380).roles(infrav1.SecurityGroupControlPlane)
	w.ssh()
	w.users(w.state.Spec.AdditionalControlPlaneIngressRules)
}

func (w *wanted) node() {
	w.cni()
	ports := w.tcp("Node Port Services", 30000, 32767)
	if blocks := w.state.Spec.NodePortIngressRuleCidrBlocks; len(blocks) > 0 {
		ports.blocks(blocks)
	} else {
		ports.blocks([]string{anyIPv4})
		if w.state.IPv6() {
			w.tcp("Node Port Services IPv6", 30000, 32767).blocks([]string{anyIPv6})
		}
	}
	w.tcp("Kubelet API", 10250, 10250).roles(infrav1.SecurityGroupControlPlane, infrav1.SecurityGroupNode)
	w.ssh()
	w.users(w.state.Spec.AdditionalNodeIngressRules)
}

func (w *wanted) ssh() {
	if w.state.Groups.Bastion != nil {
		w.tcp("SSH", 22, 22).roles(infrav1.SecurityGroupBastion)
	}
}

func (w *wanted) cni() {
	cni := w.state.Spec.CNI
	if cni == nil {
		return
	}
	for _, r := range cni.CNIIngressRules {
		w.source(r.Description, r.Protocol, port(r.FromPort), port(r.ToPort)).
			roles(infrav1.SecurityGroupControlPlane, infrav1.SecurityGroupNode)
	}
}

// apiServerLB lets kubelets reach the load balancer, and whom the user names.
func (w *wanted) apiServerLB() {
	var users []infrav1.IngressRule
	for _, lb := range w.state.Groups.LoadBalancers {
		users = append(users, lb.IngressRules...)
	}
	w.kubelets(len(users) > 0)
	if len(users) > 0 {
		w.users(users)
		return
	}
	apiPort := w.apiPort()
	w.tcp("Kubernetes API", apiPort, apiPort).blocks([]string{anyIPv4})
	if w.state.IPv6() {
		w.tcp("Kubernetes API IPv6", apiPort, apiPort).blocks([]string{anyIPv6})
	}
}

func (w *wanted) apiPort() int32 { return int32(w.state.Groups.APIPort) }

// kubelets come from inside the VPC, or by way of the NAT gateways when the load
// balancer faces the internet. In a user's VPC without NAT gateways nobody here
// knows where from: all are let in unless the user said whom to let in.
func (w *wanted) kubelets(restricted bool) {
	s, api := w.state, w.tcp("Kubernetes API", w.apiPort(), w.apiPort())
	lbs := s.Groups.LoadBalancers
	if len(lbs) > 0 && lbs[0].Scheme != nil && *lbs[0].Scheme == infrav1.ELBSchemeInternal {
		api.vpc()
		return
	}
	switch {
	case s.Unmanaged && len(s.usersNATAddresses()) > 0:
		api.natAddresses()
	case s.Unmanaged && restricted:
	case s.Unmanaged || len(s.natZones()) == 0:
		api.any()
	default:
		api.natAddresses()
	}
}

// lb opens the instances to a network load balancer, which doesn't hide behind
// a group of its own.
func (w *wanted) lb() {
	first := true
	for _, lb := range w.state.Groups.LoadBalancers {
		if lb.LoadBalancerType != infrav1.LoadBalancerTypeNLB {
			continue
		}
		open := func(description string, port int32) {
			if lb.PreserveClientIP {
				w.tcp(description, port, port).any()
				return
			}
			w.tcp(description, port, port).vpc()
		}
		if first {
			open("Allow NLB traffic to the control plane instances.", w.apiPort())
			first = false
		}
		for _, l := range lb.AdditionalListeners {
			open(fmt.Sprintf("Allow NLB traffic to the control plane instances on port %d.", l.Port), int32(l.Port))
		}
	}
}

// users adds rules of the spec. One without a source lets the control plane in.
func (w *wanted) users(rules []infrav1.IngressRule) {
	for _, r := range rules {
		src := w.source(r.Description, string(r.Protocol), port(r.FromPort), port(r.ToPort))
		switch {
		case r.NatGatewaysIPsSource:
			src.natAddresses()
		case len(r.CidrBlocks)+len(r.IPv6CidrBlocks) > 0:
			src.blocks(r.CidrBlocks)
			src.blocks(r.IPv6CidrBlocks)
		case len(r.SourceSecurityGroupIDs)+len(r.SourceSecurityGroupRoles) == 0:
			src.roles(infrav1.SecurityGroupControlPlane)
		default:
			for _, id := range r.SourceSecurityGroupIDs {
				w.rules.add(src.rule.with(fromGroup, id), r.Description)
			}
			src.roles(r.SourceSecurityGroupRoles...)
		}
	}
}

// source is a rule that lacks its sources.
type source struct {
	*wanted
	rule        rule
	description string
}

func (w *wanted) tcp(description string, from, to int32) source {
	return w.source(description, "tcp", from, to)
}

func (w *wanted) source(description, protocol string, from, to int32) source {
	return source{wanted: w, rule: newRule(protocol, from, to), description: description}
}

func (s source) blocks(blocks []string) {
	for _, b := range blocks {
		kind := fromIPv4
		if prefix, err := netip.ParsePrefix(b); err == nil && prefix.Addr().Is6() {
			kind = fromIPv6
		}
		s.rules.add(s.rule.with(kind, b), s.description)
	}
}

func (s source) any() {
	s.blocks([]string{anyIPv4})
	if s.state.IPv6() {
		s.blocks([]string{anyIPv6})
	}
}

func (s source) vpc() {
	vpc := &s.state.Record.VPC
	if vpc.CidrBlock == "" {
		s.waits = waitVPC
		return
	}
	s.blocks([]string{vpc.CidrBlock})
	s.blocks(s.state.furtherBlocks())
	if s.state.IPv6() {
		if vpc.IPv6.CidrBlock == "" {
			s.waits = "the VPC's IPv6 block"
			return
		}
		s.blocks([]string{vpc.IPv6.CidrBlock})
	}
}

func (s source) roles(roles ...infrav1.SecurityGroupRole) {
	for _, role := range roles {
		id := s.state.GroupID(role)
		if s.state.Groups.EKS != "" && !slices.Contains(s.state.Roles(), role) {
			continue // what EKS's own groups let in is EKS's to say
		}
		if id == "" {
			s.waits = "security group " + string(role)
			continue
		}
		s.rules.add(s.rule.with(fromGroup, id), s.description)
	}
}

func (s source) natAddresses() {
	addresses, complete := s.state.plannedNATAddresses()
	if !complete {
		s.waits = "the addresses of the NAT gateways"
	}
	for _, a := range addresses {
		s.blocks([]string{a + "/32"})
	}
}

func port(p *int64) int32 {
	if p == nil {
		return 0
	}
	return int32(*p)
}
