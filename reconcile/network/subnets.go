package network

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// observeSubnets matches the subnets of the record with those of the VPC, and
// records what AWS says of them.
func (s *State) observeSubnets() {
	rows := mirror.InVPC(s.snap, mirror.Subnets, s.VPCID())
	tables := mirror.InVPC(s.snap, mirror.RouteTables, s.VPCID())
	taken := map[string]bool{}
	for i := range s.Record.Subnets {
		spec := &s.Record.Subnets[i]
		sub := &Subnet{Spec: spec, Row: matchSubnet(spec, rows)}
		if sub.Row != nil {
			recordSubnet(spec, sub.Row)
			if s.Unmanaged {
				s.recordPublic(sub, tables)
				recordAssociation(sub)
			}
		}
		s.recordZone(spec)
		s.Subnets = append(s.Subnets, sub)
	}
	for _, sub := range s.Subnets {
		sub.Table = associatedTable(sub.ID(), tables)
		sub.Associated = sub.Table != nil
		if sub.Associated {
			taken[aws.ToString(sub.Table.RouteTableId)] = true
		}
	}
	for _, sub := range s.Subnets {
		if sub.Table == nil {
			sub.Table = s.spareTable(sub.Spec, tables, taken)
		}
		if sub.Table != nil {
			taken[aws.ToString(sub.Table.RouteTableId)] = true
			sub.Spec.RouteTableID = sub.Table.RouteTableId
		}
	}
}

// matchSubnet finds a subnet by its recorded id, else by its address blocks.
func matchSubnet(spec *infrav1.SubnetSpec, rows []*ec2types.Subnet) *ec2types.Subnet {
	for _, row := range rows {
		if id := aws.ToString(row.SubnetId); id == spec.ResourceID || id == spec.ID {
			return row
		}
	}
	for _, row := range rows {
		if spec.CidrBlock != "" && aws.ToString(row.CidrBlock) == spec.CidrBlock {
			return row
		}
	}
	for _, row := range rows {
		if spec.CidrBlock == "" && spec.IPv6CidrBlock != "" && subnetIPv6(row) == spec.IPv6CidrBlock {
			return row
		}
	}
	return nil
}

func subnetIPv6(row *ec2types.Subnet) string {
	for _, a := range row.Ipv6CidrBlockAssociationSet {
		if a.Ipv6CidrBlockState == nil {
			continue
		}
		switch a.Ipv6CidrBlockState.State {
		case ec2types.SubnetCidrBlockStateCodeAssociated, ec2types.SubnetCidrBlockStateCodeAssociating:
			return aws.ToString(a.Ipv6CidrBlock)
		}
	}
	return ""
}

func recordSubnet(spec *infrav1.SubnetSpec, row *ec2types.Subnet) {
	spec.ResourceID = aws.ToString(row.SubnetId)
	spec.AvailabilityZone = aws.ToString(row.AvailabilityZone)
	spec.CidrBlock = aws.ToString(row.CidrBlock)
	if block := subnetIPv6(row); block != "" {
		spec.IPv6CidrBlock, spec.IsIPv6 = block, true
	}
}

// recordPublic notes that a user's subnet is public: by its role tag, or because
// traffic leaves it by an internet or carrier gateway. In a managed VPC the spec
// says what is public, and a route that somebody bends makes no difference.
func (s *State) recordPublic(sub *Subnet, tables []*ec2types.RouteTable) {
	if mirror.Subnets.Tags(sub.Row)[names.TagRole] == names.RolePublic {
		sub.Spec.IsPublic = true
		return
	}
	table := associatedTable(sub.ID(), tables)
	if table == nil {
		table = mainTable(tables)
	}
	if table == nil {
		return
	}
	for _, r := range table.Routes {
		if strings.HasPrefix(aws.ToString(r.GatewayId), "igw-") || aws.ToString(r.CarrierGatewayId) != "" {
			sub.Spec.IsPublic = true
		}
	}
}

// recordAssociation notes the tag that keeps a user's subnet for pods, so that all
// who choose among the spec's subnets know.
func recordAssociation(sub *Subnet) {
	value, ok := mirror.Subnets.Tags(sub.Row)[names.TagAssociation]
	if _, written := sub.Spec.Tags[names.TagAssociation]; !ok || written {
		return
	}
	tags := maps.Clone(sub.Spec.Tags)
	if tags == nil {
		tags = infrav1.Tags{}
	}
	tags[names.TagAssociation] = value
	sub.Spec.Tags = tags
}

func (s *State) planSubnets() {
	if !s.subnetsUsable() {
		return
	}
	for _, sub := range s.Subnets {
		switch {
		case sub.Row == nil && s.doubtful(AreaSubnets, mirror.Subnets.Kind, sub.Spec.ResourceID):
		case sub.Row == nil && s.Unmanaged:
			s.problem(AreaSubnets, "subnet %s of spec.network.subnets doesn't exist in the unmanaged VPC %s; name one that does",
				first(sub.Spec.ID, sub.Spec.CidrBlock), s.VPCID())
		case sub.Row == nil:
			s.planCreateSubnet(sub)
		case !s.Unmanaged:
			s.tag(AreaSubnets, "subnet/"+sub.Spec.ID, sub.ID(), s.subnetTags(sub), mirror.Subnets.Tags(sub.Row))
			s.planSubnetAttributes(sub)
		}
	}
}

// subnetsUsable reports what makes the list of subnets unusable as a whole.
func (s *State) subnetsUsable() bool {
	switch {
	case len(s.plan.Problems) > 0 && len(s.Subnets) == 0:
		return false
	case len(s.Subnets) == 0 && s.Unmanaged:
		s.problem(AreaSubnets, "spec.network.subnets is empty; an unmanaged VPC needs at least one subnet, as {id: subnet-0123456789abcdef0}")
		return false
	case len(s.Subnets) == 0:
		s.wait(AreaSubnets, infrav1.SubnetsReconciliationFailedReason, "the address blocks of the VPC, from which the subnets are cut")
		return false
	case !s.Unmanaged && len(s.public()) == 0:
		s.problem(AreaSubnets, "none of spec.network.subnets is public; a managed VPC needs at least one subnet with isPublic: true")
		return false
	}
	return true
}

func (s *State) planCreateSubnet(sub *Subnet) {
	spec := sub.Spec
	switch {
	case infrav1.IsSubnetID(spec.ID):
		s.problem(AreaSubnets, "subnet %s of spec.network.subnets doesn't exist in VPC %s; name an existing one, or give a name and a cidrBlock to have it made", spec.ID, s.VPCID())
		return
	case spec.IsIPv6 && sub.Edge():
		s.problem(AreaSubnets, "subnet %s: zone %s doesn't take IPv6 subnets; leave isIpv6 out", spec.ID, spec.AvailabilityZone)
		return
	}
	in := &ec2.CreateSubnetInput{
		VpcId: optional(s.VPCID()), CidrBlock: optional(spec.CidrBlock), AvailabilityZone: optional(spec.AvailabilityZone),
		TagSpecifications: tagSpec(ec2types.ResourceTypeSubnet, s.subnetTags(sub)),
	}
	if spec.IsIPv6 {
		in.Ipv6CidrBlock = optional(spec.IPv6CidrBlock)
		if spec.CidrBlock == "" {
			in.Ipv6Native = aws.Bool(true)
		}
	}
	s.add(plan.Action{Key: "subnet/" + spec.ID, Area: AreaSubnets, Verb: plan.Create, Operation: "ec2.CreateSubnet", Input: in,
		Summary:  fmt.Sprintf("create subnet %s %s in %s", spec.ID, spec.CidrBlock, spec.AvailabilityZone),
		WaitsFor: first(s.waitsForVPC(), s.waitsForPodBlock(sub))})
}

// waitsForPodBlock is what a subnet for pods waits for: the VPC's block in which it lies.
func (s *State) waitsForPodBlock(sub *Subnet) string {
	if sub.Pods() && s.PodBlock != "" && !s.hasBlock(s.PodBlock) {
		return "block " + s.PodBlock + " of the VPC"
	}
	return ""
}

// planSubnetAttributes plans the attributes that AWS takes only one at a time,
// and only of an existing subnet.
func (s *State) planSubnetAttributes(sub *Subnet) {
	on := &ec2types.AttributeBooleanValue{Value: aws.Bool(true)}
	modify := func(name, what string, in *ec2.ModifySubnetAttributeInput) {
		in.SubnetId = sub.Row.SubnetId
		s.add(plan.Action{Key: "subnet/" + sub.Spec.ID + "/" + name, Area: AreaSubnets, Verb: plan.Update,
			Operation: "ec2.ModifySubnetAttribute", Input: in,
			Summary: fmt.Sprintf("set %s of subnet %s (%s)", what, sub.ID(), sub.Spec.ID)})
	}
	if sub.Spec.IsPublic && !sub.wavelength() && sub.Spec.CidrBlock != "" && !aws.ToBool(sub.Row.MapPublicIpOnLaunch) {
		modify("public-ip", "public addresses on launch", &ec2.ModifySubnetAttributeInput{MapPublicIpOnLaunch: on})
	}
	if sub.Spec.IsIPv6 && !aws.ToBool(sub.Row.AssignIpv6AddressOnCreation) {
		modify("ipv6", "IPv6 addresses on launch", &ec2.ModifySubnetAttributeInput{AssignIpv6AddressOnCreation: on})
	}
	switch has := aws.ToBool(sub.Row.EnableDns64); {
	case sub.needsNAT64() && !has:
		modify("dns64", "DNS64", &ec2.ModifySubnetAttributeInput{EnableDns64: on})
	case has && !sub.Spec.IsPublic && !sub.needsNAT64() && sub.Table != nil && !sub.leadsToNAT64():
		// Names of IPv4 hosts would resolve to addresses that no route leads to.
		modify("dns64", "no DNS64", &ec2.ModifySubnetAttributeInput{EnableDns64: &ec2types.AttributeBooleanValue{Value: aws.Bool(false)}})
	}
	// AWS names hosts in subnets without IPv4 after their ids, always.
	if want := s.Spec.VPC.PrivateDNSHostnameTypeOnLaunch; want != nil && sub.Spec.CidrBlock != "" {
		kind := ec2types.HostnameType(*want)
		if o := sub.Row.PrivateDnsNameOptionsOnLaunch; o == nil || o.HostnameType != kind {
			modify("hostname", "host names "+string(kind), &ec2.ModifySubnetAttributeInput{PrivateDnsHostnameTypeOnLaunch: kind})
		}
	}
}

// needsNAT64 tells that a private subnet reaches IPv4 only by NAT64: with DNS64,
// and the route to where NAT64 is done.
func (s *Subnet) needsNAT64() bool {
	return s.Spec.IsIPv6 && !s.Spec.IsPublic && s.Spec.CidrBlock == "" && !s.wavelength()
}

// leadsToNAT64 tells whether the subnet's table has a route to where NAT64 is done.
func (s *Subnet) leadsToNAT64() bool {
	_, ok := currentRoute(s.Table, route{destination: nat64Block, ipv6: true})
	return ok
}

func (s *State) subnetTags(sub *Subnet) map[string]string {
	role, lb := names.RolePrivate, names.TagInternalELB
	if sub.Spec.IsPublic {
		role, lb = names.RolePublic, names.TagPublicELB
	}
	extra := map[string]string{}
	if s.Groups.EKS == "" {
		extra[names.TagCloudProviderPrefix+s.Owner.Cluster] = names.Owned
	}
	if !sub.Edge() {
		extra[lb] = "1"
	}
	for k, v := range sub.Spec.Tags {
		extra[k] = v
	}
	name := extra[names.TagName]
	if name == "" && !infrav1.IsSubnetID(sub.Spec.ID) {
		name = sub.Spec.ID
	}
	if name == "" {
		name = names.Subnet(s.Owner.Cluster, role, sub.Spec.AvailabilityZone)
	}
	tags := s.Owner.Tags(name, role, extra)
	if eks := s.Groups.EKS; eks != "" {
		// The name of which what runs in the cluster looks for it. CAPA's say owned, which stays.
		key := names.TagCloudProviderPrefix + eks
		tags[key] = names.Shared
		if sub.Row != nil && mirror.Subnets.Tags(sub.Row)[key] == names.Owned {
			tags[key] = names.Owned
		}
	}
	return tags
}

func (s *State) public() []*Subnet { return s.filter(func(x *Subnet) bool { return x.Spec.IsPublic }) }
func (s *State) private() []*Subnet {
	return s.filter(func(x *Subnet) bool { return !x.Spec.IsPublic })
}

// controlPlaneSubnets returns those where control planes may run: the private ones
// of the region's own zones, or the public ones where there are no others.
func (s *State) controlPlaneSubnets() []*Subnet {
	inRegion := func(public bool) []*Subnet {
		return s.filter(func(x *Subnet) bool { return x.Spec.IsPublic == public && !x.Edge() && !x.Pods() })
	}
	if private := inRegion(false); len(private) > 0 {
		return private
	}
	return inRegion(true)
}

// TargetsIPv6 tells whether every control plane has an IPv6 address.
func (s *State) TargetsIPv6() bool {
	subnets := s.controlPlaneSubnets()
	return s.IPv6() && len(subnets) > 0 && !slices.ContainsFunc(subnets, func(x *Subnet) bool { return !x.Spec.IsIPv6 })
}

func (s *State) filter(keep func(*Subnet) bool) []*Subnet {
	var kept []*Subnet
	for _, sub := range s.Subnets {
		if keep(sub) {
			kept = append(kept, sub)
		}
	}
	return kept
}
