package network

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

var seenAt = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

const ownedTag = names.TagOwnedPrefix + "c1"

func tags(kv ...string) []ec2types.Tag {
	var list []ec2types.Tag
	for i := 0; i < len(kv); i += 2 {
		list = append(list, ec2types.Tag{Key: aws.String(kv[i]), Value: aws.String(kv[i+1])})
	}
	return list
}

func ours() []ec2types.Tag { return tags(ownedTag, names.Owned, names.TagUID, "u") }

// with returns a snapshot in which every table of a network was seen, with the VPC
// vpc-1 of the cluster c1.
func seen() *mirror.Snapshot {
	s := mirror.NewSnapshot(cloud.Scope{Account: "1", Region: "us-east-1"})
	s = mirror.With[ec2types.Subnet](s, mirror.Subnets, seenAt)
	s = mirror.With[ec2types.InternetGateway](s, mirror.InternetGateways, seenAt)
	s = mirror.With[ec2types.EgressOnlyInternetGateway](s, mirror.EgressOnlyInternetGateways, seenAt)
	s = mirror.With[ec2types.CarrierGateway](s, mirror.CarrierGateways, seenAt)
	s = mirror.With[ec2types.NatGateway](s, mirror.NATGateways, seenAt)
	s = mirror.With[ec2types.Address](s, mirror.Addresses, seenAt)
	s = mirror.With[ec2types.RouteTable](s, mirror.RouteTables, seenAt)
	s = mirror.With[ec2types.VpcEndpoint](s, mirror.VPCEndpoints, seenAt)
	s = mirror.With[ec2types.SecurityGroup](s, mirror.SecurityGroups, seenAt)
	s = mirror.With(s, mirror.AvailabilityZones, seenAt,
		ec2types.AvailabilityZone{ZoneName: aws.String("a"), ZoneType: aws.String("availability-zone")},
		ec2types.AvailabilityZone{ZoneName: aws.String("b"), ZoneType: aws.String("availability-zone")},
		ec2types.AvailabilityZone{ZoneName: aws.String("edge"), ZoneType: aws.String("local-zone"), ParentZoneName: aws.String("a")})
	return mirror.With(s, mirror.VPCs, seenAt, mirror.VPC{Vpc: ec2types.Vpc{VpcId: aws.String("vpc-1"), CidrBlock: aws.String("10.0.0.0/16"), Tags: ours()}})
}

func testOwner() Intent {
	var in Intent
	in.Owner.Cluster, in.Owner.UID, in.Owner.Kind, in.Owner.Namespace, in.Owner.Name = "c1", "u", "AWSCluster", "default", "c1"
	in.Region = "us-east-1"
	return in
}

func row(id, zone, v4, v6 string, dns64 bool) ec2types.Subnet {
	r := ec2types.Subnet{SubnetId: aws.String(id), VpcId: aws.String("vpc-1"), AvailabilityZone: aws.String(zone), Tags: ours(), EnableDns64: aws.Bool(dns64),
		AssignIpv6AddressOnCreation: aws.Bool(true)}
	if v4 != "" {
		r.CidrBlock = aws.String(v4)
	}
	if v6 != "" {
		r.Ipv6CidrBlockAssociationSet = []ec2types.SubnetIpv6CidrBlockAssociation{{Ipv6CidrBlock: aws.String(v6),
			Ipv6CidrBlockState: &ec2types.SubnetCidrBlockState{State: ec2types.SubnetCidrBlockStateCodeAssociated}}}
	}
	return r
}

func table(subnet string, routes ...ec2types.Route) ec2types.RouteTable {
	return ec2types.RouteTable{RouteTableId: aws.String("rtb-" + subnet), VpcId: aws.String("vpc-1"), Tags: ours(), Routes: routes,
		Associations: []ec2types.RouteTableAssociation{{SubnetId: aws.String(subnet), RouteTableAssociationId: aws.String("a-" + subnet)}}}
}

func TestDNS64OnlyWhereNAT64IsTheWayOut(t *testing.T) {
	nat64 := ec2types.Route{DestinationIpv6CidrBlock: aws.String(nat64Block), NatGatewayId: aws.String("nat-1")}
	for _, c := range []struct {
		name   string
		v4     string
		on     bool
		routes []ec2types.Route
		// want is what DNS64 is set to, nil for not at all.
		want *bool
	}{
		{"off in a dual-stack subnet", "10.0.1.0/24", false, nil, nil},
		{"switched off where an earlier version switched it on", "10.0.1.0/24", true, nil, aws.Bool(false)},
		{"left alone where its route is there, too", "10.0.1.0/24", true, []ec2types.Route{nat64}, nil},
		{"on in a subnet without IPv4", "", false, nil, aws.Bool(true)},
		{"kept in a subnet without IPv4", "", true, []ec2types.Route{nat64}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := testOwner()
			in.Spec.VPC.ID, in.Spec.VPC.IPv6 = "vpc-1", &infrav1.IPv6{CidrBlock: "2001:db8::/56"}
			in.Spec.Subnets = infrav1.Subnets{{ID: "private", AvailabilityZone: "a", CidrBlock: c.v4, IPv6CidrBlock: "2001:db8:0:1::/64", IsIPv6: true},
				{ID: "public", AvailabilityZone: "a", CidrBlock: "10.0.2.0/24", IsPublic: true}}
			snap := mirror.With(seen(), mirror.Subnets, seenAt, row("subnet-p", "a", c.v4, "2001:db8:0:1::/64", c.on), row("subnet-q", "a", "10.0.2.0/24", "", false))
			snap = mirror.With(snap, mirror.RouteTables, seenAt, table("subnet-p", c.routes...), table("subnet-q"))
			var got *bool
			s := Observe(in, snap)
			for _, a := range s.Plan().Actions {
				if in, ok := a.Input.(*ec2.ModifySubnetAttributeInput); ok && in.EnableDns64 != nil {
					got = in.EnableDns64.Value
				}
			}
			if (got == nil) != (c.want == nil) || got != nil && *got != *c.want {
				t.Errorf("DNS64 is set to %v, want %v", aws.ToBool(got), aws.ToBool(c.want))
			}
			routed := slices.ContainsFunc(s.wantedRoutes(s.Subnets[0]), func(r route) bool { return r.destination == nat64Block })
			if routed != (c.v4 == "") {
				t.Errorf("a route to NAT64 is wanted: %v", routed)
			}
		})
	}
}

func TestSubnetsWithoutIPv4AreMadeSo(t *testing.T) {
	in := testOwner()
	in.Spec.VPC.ID, in.Spec.VPC.IPv6 = "vpc-1", &infrav1.IPv6{CidrBlock: "2001:db8::/56"}
	in.Spec.Subnets = infrav1.Subnets{{ID: "subnet-zone-1-private", AvailabilityZone: "a", IPv6CidrBlock: "2001:db8:0:1::/64", IsIPv6: true},
		{ID: "public", AvailabilityZone: "a", CidrBlock: "10.0.2.0/24", IsPublic: true}}
	p := Observe(in, seen()).Plan()
	for _, a := range p.Actions {
		if in, ok := a.Input.(*ec2.CreateSubnetInput); ok && (in.CidrBlock == nil) != aws.ToBool(in.Ipv6Native) {
			t.Errorf("%s: block %v, native %v", a.Summary, in.CidrBlock, in.Ipv6Native)
		}
	}
	if !slices.ContainsFunc(p.Actions, func(a plan.Action) bool {
		return a.Key == "subnet/subnet-zone-1-private" && a.Operation == "ec2.CreateSubnet"
	}) {
		t.Errorf("a subnet of that name isn't made: %+v", p.Problems)
	}
}

func TestFailureDomainsAreTheRegionsOwnZones(t *testing.T) {
	local := infrav1.ZoneTypeLocalZone
	in := testOwner()
	in.Spec.VPC.ID = "vpc-1"
	in.Spec.Subnets = infrav1.Subnets{{ID: "public", AvailabilityZone: "a", CidrBlock: "10.0.1.0/24", IsPublic: true}, {ID: "private", AvailabilityZone: "a", CidrBlock: "10.0.2.0/24"},
		{ID: "edge", AvailabilityZone: "edge", CidrBlock: "10.0.3.0/24", ZoneType: &local, ParentZoneName: aws.String("a")}}
	snap := mirror.With(seen(), mirror.Subnets, seenAt, row("subnet-1", "a", "10.0.1.0/24", "", false), row("subnet-2", "a", "10.0.2.0/24", "", false),
		row("subnet-3", "edge", "10.0.3.0/24", "", false))
	for _, disabled := range []bool{true, false} {
		domains := Observe(in, snap).FailureDomains([]string{"a"}, disabled)
		if len(domains) != 1 || domains[0].Name != "a" || !aws.ToBool(domains[0].ControlPlane) {
			t.Errorf("load balancer disabled %v: failure domains %+v", disabled, domains)
		}
	}
}

func TestTargetsHaveIPv6OnlyWhereEveryControlPlaneHas(t *testing.T) {
	for _, c := range []struct {
		name    string
		private []bool
		want    bool
	}{{"all", []bool{true, true}, true}, {"one lacks it", []bool{true, false}, false}} {
		in := testOwner()
		in.Spec.VPC.ID, in.Spec.VPC.IPv6 = "vpc-1", &infrav1.IPv6{CidrBlock: "2001:db8::/56"}
		for i, v6 := range c.private {
			in.Spec.Subnets = append(in.Spec.Subnets, infrav1.SubnetSpec{ID: string(rune('p' + i)), AvailabilityZone: "a", IsIPv6: v6})
		}
		if got := Observe(in, seen()).TargetsIPv6(); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// TestAnAddressSettlesItsOwnZoneOnly: of the zones a and b, b's address was asked for,
// and one address is to be seen.
func TestAnAddressSettlesItsOwnZoneOnly(t *testing.T) {
	for name, c := range map[string]struct {
		zone    string
		asked   []string
		blocked bool
	}{
		"it is b's, and a's was refused":             {"b", []string{addressKey + "a"}, false},
		"it is a's, and b's isn't to be seen yet":    {"a", nil, true},
		"it has no zone, and may not be b's":         {"", nil, true},
		"it was for a zone that needs none any more": {"c", nil, true},
	} {
		in := testOwner()
		in.Spec.VPC.ID = "vpc-1"
		in.Spec.Subnets = infrav1.Subnets{
			{ID: "public-a", AvailabilityZone: "a", CidrBlock: "10.0.1.0/24", IsPublic: true}, {ID: "private-a", AvailabilityZone: "a", CidrBlock: "10.0.2.0/24"},
			{ID: "public-b", AvailabilityZone: "b", CidrBlock: "10.0.3.0/24", IsPublic: true}, {ID: "private-b", AvailabilityZone: "b", CidrBlock: "10.0.4.0/24"}}
		in.Journal = []plan.Entry{{Key: addressKey + "b", Operation: "ec2.AllocateAddress", Since: seenAt}}
		snap := mirror.With(seen(), mirror.Addresses, seenAt, ec2types.Address{AllocationId: aws.String("eipalloc-1"), PublicIp: aws.String("192.0.2.1"),
			Tags: tags(ownedTag, names.Owned, names.TagUID, "u", names.TagRole, names.RoleCommon, names.TagZone, c.zone)})
		s := Observe(in, snap)
		var asked []string
		for _, a := range s.Plan().Actions {
			if a.Operation == "ec2.AllocateAddress" {
				asked = append(asked, a.Key)
			}
		}
		if !slices.Equal(asked, c.asked) || len(s.Blocked()) > 0 != c.blocked {
			t.Errorf("%s: addresses are asked for %v, and waited for %v", name, asked, s.Blocked())
		}
	}
}

func TestAnAddressThatOthersUseBlocksNothing(t *testing.T) {
	for name, c := range map[string]struct {
		address ec2types.Address
		blocks  bool
	}{
		"by its tags, on an instance":            {ec2types.Address{InstanceId: aws.String("i-1"), Tags: tags(ownedTag, names.Owned, names.TagRole, names.RoleCommon)}, false},
		"by its tags, on an interface":           {ec2types.Address{NetworkInterfaceId: aws.String("eni-1"), Tags: tags(ownedTag, names.Owned, names.TagRole, names.RoleCommon)}, false},
		"of this object, on an instance":         {ec2types.Address{InstanceId: aws.String("i-1"), Tags: append(ours(), tags(names.TagRole, names.RoleCommon)...)}, false},
		"of this object, on what isn't seen yet": {ec2types.Address{NetworkInterfaceId: aws.String("eni-1"), Tags: append(ours(), tags(names.TagRole, names.RoleCommon)...)}, true},
	} {
		in := testOwner()
		in.Spec.VPC.ID = "vpc-1"
		in.Spec.Subnets = infrav1.Subnets{{ID: "public-a", AvailabilityZone: "a", CidrBlock: "10.0.1.0/24", IsPublic: true}, {ID: "private-a", AvailabilityZone: "a", CidrBlock: "10.0.2.0/24"}}
		c.address.AllocationId, c.address.AssociationId = aws.String("eipalloc-1"), aws.String("eipassoc-1")
		s := Observe(in, mirror.With(seen(), mirror.Addresses, seenAt, c.address))
		asked := slices.ContainsFunc(s.Plan().Actions, func(a plan.Action) bool { return a.Operation == "ec2.AllocateAddress" })
		if asked == c.blocks {
			t.Errorf("%s: an address is asked for: %v", name, asked)
		}
		released := slices.ContainsFunc(s.PlanDelete("").Actions, func(a plan.Action) bool { return a.Operation == "ec2.ReleaseAddress" })
		if own := mirror.Addresses.Tags(&c.address)[names.TagUID] == in.Owner.UID; released && !own {
			t.Errorf("%s: it is released", name)
		}
	}
}
