package network

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
)

// ruledNetwork is a network whose groups all exist; each has its role as its id.
func ruledNetwork(change func(*State)) *State {
	nlb := &infrav1.AWSLoadBalancerSpec{LoadBalancerType: infrav1.LoadBalancerTypeNLB}
	s := &State{Intent: Intent{Groups: Groups{LoadBalancers: []*infrav1.AWSLoadBalancerSpec{nlb}, APIPort: 443}},
		snap: mirror.NewSnapshot(cloud.Scope{}), SecurityGroups: map[infrav1.SecurityGroupRole]*ec2types.SecurityGroup{},
		NATGateways: map[string]*ec2types.NatGateway{
			"a": {NatGatewayAddresses: []ec2types.NatGatewayAddress{{PublicIp: aws.String("192.0.2.7")}}}},
		Subnets: []*Subnet{{Spec: &infrav1.SubnetSpec{AvailabilityZone: "a"}}}}
	s.Record.VPC.CidrBlock = "10.0.0.0/16"
	change(s)
	for _, role := range s.Roles() {
		s.SecurityGroups[role] = &ec2types.SecurityGroup{GroupId: aws.String(string(role))}
	}
	return s
}

func TestRulesOfEachRole(t *testing.T) {
	internal := infrav1.ELBSchemeInternal
	calico := &infrav1.CNISpec{CNIIngressRules: []infrav1.CNIIngressRule{
		{Description: "bgp", Protocol: "tcp", FromPort: aws.Int64(179), ToPort: aws.Int64(179)},
		{Description: "ipip", Protocol: "4", FromPort: aws.Int64(-1), ToPort: aws.Int64(65535)}}}
	for _, c := range []struct {
		name   string
		role   infrav1.SecurityGroupRole
		change func(*State)
		want   []string
	}{
		{"control plane", infrav1.SecurityGroupControlPlane, func(s *State) { s.Spec.CNI = calico }, []string{
			"protocol 4 from controlplane", "protocol 4 from node", "tcp/179 from controlplane", "tcp/179 from node", "tcp/2379 from controlplane",
			"tcp/2380 from controlplane", "tcp/6443 from apiserver-lb", "tcp/6443 from controlplane", "tcp/6443 from node"}},
		{"control plane with a rule without a source", infrav1.SecurityGroupControlPlane, func(s *State) {
			s.Spec.AdditionalControlPlaneIngressRules = []infrav1.IngressRule{{Protocol: "tcp", FromPort: aws.Int64(9), ToPort: aws.Int64(9)}}
		}, []string{"tcp/9 from controlplane", "tcp/2379 from controlplane", "tcp/2380 from controlplane",
			"tcp/6443 from apiserver-lb", "tcp/6443 from controlplane", "tcp/6443 from node"}},
		{"node", infrav1.SecurityGroupNode, func(*State) {}, []string{
			"tcp/10250 from controlplane", "tcp/10250 from node", "tcp/30000-32767 from 0.0.0.0/0"}},
		{"node with IPv6 and a bastion", infrav1.SecurityGroupNode, func(s *State) {
			s.Spec.VPC.IPv6, s.Groups.Bastion = &infrav1.IPv6{}, &infrav1.Bastion{Enabled: true}
		}, []string{"tcp/22 from bastion", "tcp/10250 from controlplane", "tcp/10250 from node", "tcp/30000-32767 from 0.0.0.0/0", "tcp/30000-32767 from ::/0"}},
		{"node ports for some", infrav1.SecurityGroupNode, func(s *State) { s.Spec.NodePortIngressRuleCidrBlocks = []string{"192.0.2.0/24"} }, []string{
			"tcp/10250 from controlplane", "tcp/10250 from node", "tcp/30000-32767 from 192.0.2.0/24"}},
		{"bastion without IPv6", infrav1.SecurityGroupBastion, func(s *State) {
			s.Groups.Bastion = &infrav1.Bastion{Enabled: true, AllowedCIDRBlocks: []string{"0.0.0.0/0", "::/0"}}
		}, []string{"tcp/22 from 0.0.0.0/0"}},
		{"load balancer", infrav1.SecurityGroupAPIServerLB, func(*State) {}, []string{"tcp/443 from 0.0.0.0/0", "tcp/443 from 192.0.2.7/32"}},
		{"load balancer for some", infrav1.SecurityGroupAPIServerLB, func(s *State) {
			s.Groups.LoadBalancers[0].IngressRules = []infrav1.IngressRule{{Protocol: "tcp", FromPort: aws.Int64(443), ToPort: aws.Int64(443), CidrBlocks: []string{"198.51.100.0/24"}}}
		}, []string{"tcp/443 from 192.0.2.7/32", "tcp/443 from 198.51.100.0/24"}},
		{"internal load balancer", infrav1.SecurityGroupAPIServerLB, func(s *State) { s.Groups.LoadBalancers[0].Scheme = &internal }, []string{
			"tcp/443 from 0.0.0.0/0", "tcp/443 from 10.0.0.0/16"}},
		{"what a network load balancer sends", infrav1.SecurityGroupLB, func(s *State) {
			s.Groups.LoadBalancers[0].AdditionalListeners = []infrav1.AdditionalListenerSpec{{Port: 8443}}
		}, []string{"tcp/443 from 10.0.0.0/16", "tcp/8443 from 10.0.0.0/16"}},
		{"what a network load balancer sends for its clients", infrav1.SecurityGroupLB, func(s *State) {
			s.Groups.LoadBalancers[0].PreserveClientIP = true
		}, []string{"tcp/443 from 0.0.0.0/0"}},
		{"nothing for a classic load balancer", infrav1.SecurityGroupLB, func(s *State) {
			s.Groups.LoadBalancers[0].LoadBalancerType = infrav1.LoadBalancerTypeClassic
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			rules, waits := ruledNetwork(c.change).wantedRules(c.role)
			if waits != "" {
				t.Errorf("waits for %s", waits)
			}
			var got []string
			for _, r := range rules.sorted() {
				got = append(got, r.describe())
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("rules\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

func TestRulesThatNameAMissingGroupWait(t *testing.T) {
	s := ruledNetwork(func(*State) {})
	delete(s.SecurityGroups, infrav1.SecurityGroupNode)
	if _, waits := s.wantedRules(infrav1.SecurityGroupControlPlane); waits != "security group node" {
		t.Errorf("waits for %q", waits)
	}
	delete(s.NATGateways, "a")
	if _, waits := s.wantedRules(infrav1.SecurityGroupAPIServerLB); waits != "the addresses of the NAT gateways" {
		t.Errorf("waits for %q", waits)
	}
}

func TestRulesAreTheSameHoweverAWSPutsThem(t *testing.T) {
	together := []ec2types.IpPermission{{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22),
		IpRanges: []ec2types.IpRange{{CidrIp: aws.String("10.0.0.0/8"), Description: aws.String("x")}, {CidrIp: aws.String("192.0.2.0/24")}}}}
	apart := []ec2types.IpPermission{
		{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22), IpRanges: []ec2types.IpRange{{CidrIp: aws.String("192.0.2.0/24")}}},
		{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22), IpRanges: []ec2types.IpRange{{CidrIp: aws.String("10.1.2.3/8")}}}}
	if rest := rulesOf(together).minus(rulesOf(apart)); len(rest) > 0 {
		t.Errorf("they differ by %v", rest)
	}
	ports := rulesOf([]ec2types.IpPermission{{IpProtocol: aws.String("4"), FromPort: aws.Int32(-1), ToPort: aws.Int32(-1), UserIdGroupPairs: []ec2types.UserIdGroupPair{{GroupId: aws.String("sg-1")}}}})
	none := rulesOf([]ec2types.IpPermission{{IpProtocol: aws.String("4"), UserIdGroupPairs: []ec2types.UserIdGroupPair{{GroupId: aws.String("sg-1")}}}})
	if rest := ports.minus(none); len(rest) > 0 {
		t.Errorf("ports of a protocol without ports make a difference: %v", rest)
	}
	if n := len(rulesOf(apart).permissions()); n != 1 {
		t.Errorf("%d permissions for one range of ports", n)
	}
}
