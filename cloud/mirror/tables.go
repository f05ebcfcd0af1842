package mirror

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// The tables of a network.
var (
	AvailabilityZones = &Table[ec2types.AvailabilityZone]{
		Kind: "ec2/availability-zone",
		ID:   func(z *ec2types.AvailabilityZone) string { return aws.ToString(z.ZoneName) },
		Tags: noTags[ec2types.AvailabilityZone],
		VPC:  noVPC[ec2types.AvailabilityZone],
	}
	Regions = &Table[ec2types.Region]{
		Kind: "ec2/region",
		ID:   func(r *ec2types.Region) string { return aws.ToString(r.RegionName) },
		Tags: noTags[ec2types.Region],
		VPC:  noVPC[ec2types.Region],
	}
	VPCs = &Table[VPC]{
		Kind: "ec2/vpc",
		ID:   func(v *VPC) string { return aws.ToString(v.VpcId) },
		Tags: func(v *VPC) map[string]string { return tagMap(v.Tags) },
		VPC:  func(v *VPC) string { return aws.ToString(v.VpcId) },
	}
	Subnets = &Table[ec2types.Subnet]{
		Kind: "ec2/subnet",
		ID:   func(s *ec2types.Subnet) string { return aws.ToString(s.SubnetId) },
		Tags: func(s *ec2types.Subnet) map[string]string { return tagMap(s.Tags) },
		VPC:  func(s *ec2types.Subnet) string { return aws.ToString(s.VpcId) },
	}
	InternetGateways = &Table[ec2types.InternetGateway]{
		Kind: "ec2/internet-gateway",
		ID:   func(g *ec2types.InternetGateway) string { return aws.ToString(g.InternetGatewayId) },
		Tags: func(g *ec2types.InternetGateway) map[string]string { return tagMap(g.Tags) },
		VPC: func(g *ec2types.InternetGateway) string {
			if len(g.Attachments) == 0 {
				return ""
			}
			return aws.ToString(g.Attachments[0].VpcId)
		},
	}
	EgressOnlyInternetGateways = &Table[ec2types.EgressOnlyInternetGateway]{
		Kind: "ec2/egress-only-internet-gateway",
		ID: func(g *ec2types.EgressOnlyInternetGateway) string {
			return aws.ToString(g.EgressOnlyInternetGatewayId)
		},
		Tags: func(g *ec2types.EgressOnlyInternetGateway) map[string]string { return tagMap(g.Tags) },
		VPC: func(g *ec2types.EgressOnlyInternetGateway) string {
			if len(g.Attachments) == 0 {
				return ""
			}
			return aws.ToString(g.Attachments[0].VpcId)
		},
	}
	NATGateways = &Table[ec2types.NatGateway]{
		Kind: "ec2/nat-gateway",
		ID:   func(g *ec2types.NatGateway) string { return aws.ToString(g.NatGatewayId) },
		Tags: func(g *ec2types.NatGateway) map[string]string { return tagMap(g.Tags) },
		VPC:  func(g *ec2types.NatGateway) string { return aws.ToString(g.VpcId) },
		Busy: func(g *ec2types.NatGateway) bool {
			return g.State == ec2types.NatGatewayStatePending || g.State == ec2types.NatGatewayStateDeleting
		},
	}
	Addresses = &Table[ec2types.Address]{
		Kind: "ec2/address",
		ID:   func(a *ec2types.Address) string { return aws.ToString(a.AllocationId) },
		Tags: func(a *ec2types.Address) map[string]string { return tagMap(a.Tags) },
		VPC:  noVPC[ec2types.Address],
	}
	RouteTables = &Table[ec2types.RouteTable]{
		Kind: "ec2/route-table",
		ID:   func(r *ec2types.RouteTable) string { return aws.ToString(r.RouteTableId) },
		Tags: func(r *ec2types.RouteTable) map[string]string { return tagMap(r.Tags) },
		VPC:  func(r *ec2types.RouteTable) string { return aws.ToString(r.VpcId) },
	}
	SecurityGroups = &Table[ec2types.SecurityGroup]{
		Kind: "ec2/security-group",
		ID:   func(g *ec2types.SecurityGroup) string { return aws.ToString(g.GroupId) },
		Tags: func(g *ec2types.SecurityGroup) map[string]string { return tagMap(g.Tags) },
		VPC:  func(g *ec2types.SecurityGroup) string { return aws.ToString(g.VpcId) },
	}
	ClassicLoadBalancers = &Table[ClassicLoadBalancer]{
		Kind:     "elb/load-balancer",
		ID:       func(l *ClassicLoadBalancer) string { return aws.ToString(l.LoadBalancerName) },
		Tags:     func(l *ClassicLoadBalancer) map[string]string { return l.TagSet },
		VPC:      func(l *ClassicLoadBalancer) string { return aws.ToString(l.VPCId) },
		Detailed: func(l *ClassicLoadBalancer) bool { return l.Attributes != nil },
	}
	LoadBalancers = &Table[LoadBalancer]{
		Kind:     "elbv2/load-balancer",
		ID:       func(l *LoadBalancer) string { return aws.ToString(l.LoadBalancerArn) },
		Tags:     func(l *LoadBalancer) map[string]string { return l.TagSet },
		VPC:      func(l *LoadBalancer) string { return aws.ToString(l.VpcId) },
		Detailed: func(l *LoadBalancer) bool { return l.Attributes != nil && l.Listeners != nil },
	}
	TargetGroups = &Table[TargetGroup]{
		Kind:     "elbv2/target-group",
		ID:       func(g *TargetGroup) string { return aws.ToString(g.TargetGroupArn) },
		Tags:     func(g *TargetGroup) map[string]string { return g.TagSet },
		VPC:      func(g *TargetGroup) string { return aws.ToString(g.VpcId) },
		Detailed: func(g *TargetGroup) bool { return g.Attributes != nil },
	}
)

func noTags[T any](*T) map[string]string { return nil }

func noVPC[T any](*T) string { return "" }

func tagMap(tags []ec2types.Tag) map[string]string {
	m := make(map[string]string, len(tags))
	for _, t := range tags {
		m[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return m
}
