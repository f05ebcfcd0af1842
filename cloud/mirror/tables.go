package mirror

import (
	"cmp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// What hardly ever changes is hardly ever read: AWS opens a zone a few times a
// year, and a region less often; opting in to one is a person's decision, who
// can wait for an hour.
const (
	zonesRest   = 6 * time.Hour
	regionsRest = time.Hour
)

// The tables of a network.
var (
	// AvailabilityZones holds all zones, those that the account has not opted in to
	// and local and wavelength zones included: look at OptInStatus and ZoneType.
	AvailabilityZones = &Table[ec2types.AvailabilityZone]{
		Kind: "ec2/availability-zone",
		ID:   func(z *ec2types.AvailabilityZone) string { return aws.ToString(z.ZoneName) },
		Tags: noTags[ec2types.AvailabilityZone],
		VPC:  noVPC[ec2types.AvailabilityZone],
		List: listZones,
		Rest: zonesRest,
	}
	// Regions holds all regions, those that the account has not opted in to
	// included: look at OptInStatus.
	Regions = &Table[ec2types.Region]{
		Kind: "ec2/region",
		ID:   func(r *ec2types.Region) string { return aws.ToString(r.RegionName) },
		Tags: noTags[ec2types.Region],
		VPC:  noVPC[ec2types.Region],
		List: listRegions,
		Rest: regionsRest,
	}
	VPCs = &Table[VPC]{
		Kind:     "ec2/vpc",
		ID:       func(v *VPC) string { return aws.ToString(v.VpcId) },
		Tags:     func(v *VPC) map[string]string { return tagMap(v.Tags) },
		VPC:      func(v *VPC) string { return aws.ToString(v.VpcId) },
		List:     listVPCs,
		ByID:     vpcsByID,
		Details:  vpcDetails,
		Detailed: func(v *VPC) bool { return v.DNSHostnames != nil && v.DNSSupport != nil },
		Carry: func(known, read *VPC) {
			read.DNSHostnames = cmp.Or(read.DNSHostnames, known.DNSHostnames)
			read.DNSSupport = cmp.Or(read.DNSSupport, known.DNSSupport)
			read.New = known.New
		},
	}
	Subnets = &Table[ec2types.Subnet]{
		Kind: "ec2/subnet",
		ID:   func(s *ec2types.Subnet) string { return aws.ToString(s.SubnetId) },
		Tags: func(s *ec2types.Subnet) map[string]string { return tagMap(s.Tags) },
		VPC:  func(s *ec2types.Subnet) string { return aws.ToString(s.VpcId) },
		List: listSubnets,
		ByID: subnetsByID,
		Busy: func(s *ec2types.Subnet) bool { return s.State == ec2types.SubnetStatePending },
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
		List: listInternetGateways,
		ByID: internetGatewaysByID,
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
		List: listEgressOnlyGateways,
		ByID: egressOnlyGatewaysByID,
	}
	// NATGateways holds deleted ones too, for as long as AWS shows them: look at State.
	NATGateways = &Table[ec2types.NatGateway]{
		Kind: "ec2/nat-gateway",
		ID:   func(g *ec2types.NatGateway) string { return aws.ToString(g.NatGatewayId) },
		Tags: func(g *ec2types.NatGateway) map[string]string { return tagMap(g.Tags) },
		VPC:  func(g *ec2types.NatGateway) string { return aws.ToString(g.VpcId) },
		Busy: func(g *ec2types.NatGateway) bool {
			return g.State == ec2types.NatGatewayStatePending || g.State == ec2types.NatGatewayStateDeleting
		},
		List: listNATGateways,
		ByID: natGatewaysByID,
	}
	Addresses = &Table[ec2types.Address]{
		Kind: "ec2/address",
		ID:   func(a *ec2types.Address) string { return aws.ToString(a.AllocationId) },
		Tags: func(a *ec2types.Address) map[string]string { return tagMap(a.Tags) },
		VPC:  noVPC[ec2types.Address],
		List: listAddresses,
		ByID: addressesByID,
	}
	RouteTables = &Table[ec2types.RouteTable]{
		Kind: "ec2/route-table",
		ID:   func(r *ec2types.RouteTable) string { return aws.ToString(r.RouteTableId) },
		Tags: func(r *ec2types.RouteTable) map[string]string { return tagMap(r.Tags) },
		VPC:  func(r *ec2types.RouteTable) string { return aws.ToString(r.VpcId) },
		List: listRouteTables,
		ByID: routeTablesByID,
	}
	// CarrierGateways hold those that are deleted too: look at State.
	CarrierGateways = &Table[ec2types.CarrierGateway]{
		Kind: "ec2/carrier-gateway",
		ID:   func(g *ec2types.CarrierGateway) string { return aws.ToString(g.CarrierGatewayId) },
		Tags: func(g *ec2types.CarrierGateway) map[string]string { return tagMap(g.Tags) },
		VPC:  func(g *ec2types.CarrierGateway) string { return aws.ToString(g.VpcId) },
		List: listCarrierGateways,
		ByID: carrierGatewaysByID,
		Busy: func(g *ec2types.CarrierGateway) bool {
			return g.State == ec2types.CarrierGatewayStatePending || g.State == ec2types.CarrierGatewayStateDeleting
		},
	}
	// VPCEndpoints holds the gateway and interface endpoints of VPCs.
	VPCEndpoints = &Table[ec2types.VpcEndpoint]{
		Kind: "ec2/vpc-endpoint",
		ID:   func(e *ec2types.VpcEndpoint) string { return aws.ToString(e.VpcEndpointId) },
		Tags: func(e *ec2types.VpcEndpoint) map[string]string { return tagMap(e.Tags) },
		VPC:  func(e *ec2types.VpcEndpoint) string { return aws.ToString(e.VpcId) },
		List: listVPCEndpoints,
		ByID: vpcEndpointsByID,
		Busy: func(e *ec2types.VpcEndpoint) bool {
			state := strings.ToLower(string(e.State))
			return state == "pending" || state == "deleting"
		},
	}
	SecurityGroups = &Table[ec2types.SecurityGroup]{
		Kind: "ec2/security-group",
		ID:   func(g *ec2types.SecurityGroup) string { return aws.ToString(g.GroupId) },
		Tags: func(g *ec2types.SecurityGroup) map[string]string { return tagMap(g.Tags) },
		VPC:  func(g *ec2types.SecurityGroup) string { return aws.ToString(g.VpcId) },
		List: listSecurityGroups,
		ByID: securityGroupsByID,
	}
	ClassicLoadBalancers = &Table[ClassicLoadBalancer]{
		Kind:     "elb/load-balancer",
		ID:       func(l *ClassicLoadBalancer) string { return aws.ToString(l.LoadBalancerName) },
		Tags:     func(l *ClassicLoadBalancer) map[string]string { return l.TagSet },
		VPC:      func(l *ClassicLoadBalancer) string { return aws.ToString(l.VPCId) },
		Complete: classicTags, Batch: elbTagBatch,
		Completed: func(l *ClassicLoadBalancer) bool { return l.TagSet != nil },
		Detailed:  func(l *ClassicLoadBalancer) bool { return l.Attributes != nil },
		List:      listClassic,
		ByID:      classicByID,
		Details:   classicDetails,
		Carry: func(known, read *ClassicLoadBalancer) {
			read.TagSet = orKnown(read.TagSet, known.TagSet)
			read.Attributes = cmp.Or(read.Attributes, known.Attributes)
		},
	}
	LoadBalancers = &Table[LoadBalancer]{
		Kind:     "elbv2/load-balancer",
		ID:       loadBalancerARN,
		List:     listLoadBalancers,
		Tags:     func(l *LoadBalancer) map[string]string { return l.TagSet },
		VPC:      func(l *LoadBalancer) string { return aws.ToString(l.VpcId) },
		Complete: loadBalancerTags, Batch: elbTagBatch,
		Completed: func(l *LoadBalancer) bool { return l.TagSet != nil },
		Detailed:  func(l *LoadBalancer) bool { return l.Listeners != nil },
		ByID:      loadBalancersByID,
		Details:   loadBalancerDetails,
		Busy: func(l *LoadBalancer) bool {
			return l.State != nil && l.State.Code == elbv2types.LoadBalancerStateEnumProvisioning
		},
		Carry: func(known, read *LoadBalancer) {
			read.TagSet = orKnown(read.TagSet, known.TagSet)
			read.Attributes = orKnown(read.Attributes, known.Attributes)
			if read.Listeners == nil {
				read.Listeners = known.Listeners
			}
		},
	}
	TargetGroups = &Table[TargetGroup]{
		Kind:     "elbv2/target-group",
		ID:       targetGroupARN,
		List:     listTargetGroups,
		Tags:     func(g *TargetGroup) map[string]string { return g.TagSet },
		VPC:      func(g *TargetGroup) string { return aws.ToString(g.VpcId) },
		Complete: targetGroupTags, Batch: elbTagBatch,
		Completed: func(g *TargetGroup) bool { return g.TagSet != nil },
		Detailed:  func(g *TargetGroup) bool { return g.Targets != nil },
		ByID:      targetGroupsByID,
		Details:   targetGroupDetails,
		Carry: func(known, read *TargetGroup) {
			read.TagSet = orKnown(read.TagSet, known.TagSet)
			read.Attributes = orKnown(read.Attributes, known.Attributes)
			if read.Targets == nil {
				read.Targets = known.Targets
			}
		},
	}
)

// NetworkTables are all that a cluster's network is made of.
var NetworkTables = []Resource{
	AvailabilityZones, Regions, VPCs, Subnets, InternetGateways, EgressOnlyInternetGateways, CarrierGateways,
	NATGateways, Addresses, RouteTables, VPCEndpoints, SecurityGroups, ClassicLoadBalancers, LoadBalancers, TargetGroups,
}

// NetworkKinds are the tables that tell the state of an AWSCluster: the network's
// without regions and zones, which say what could be and not what is.
var NetworkKinds = []Kind{
	VPCs.Kind, Subnets.Kind, InternetGateways.Kind, EgressOnlyInternetGateways.Kind, CarrierGateways.Kind, NATGateways.Kind,
	Addresses.Kind, RouteTables.Kind, VPCEndpoints.Kind, SecurityGroups.Kind,
	ClassicLoadBalancers.Kind, LoadBalancers.Kind, TargetGroups.Kind,
}

// VPCContents are the tables each of whose rows lies in a VPC, from its creation to
// its end.
var VPCContents = []Kind{
	Subnets.Kind, CarrierGateways.Kind, NATGateways.Kind, RouteTables.Kind, VPCEndpoints.Kind, SecurityGroups.Kind,
	ClassicLoadBalancers.Kind, LoadBalancers.Kind, TargetGroups.Kind,
}

// orKnown returns what was read, or what was known where it was not read.
func orKnown(read, known map[string]string) map[string]string {
	if read == nil {
		return known
	}
	return read
}

func noTags[T any](*T) map[string]string { return nil }

func noVPC[T any](*T) string { return "" }

func tagMap(tags []ec2types.Tag) map[string]string {
	m := make(map[string]string, len(tags))
	for _, t := range tags {
		m[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return m
}
