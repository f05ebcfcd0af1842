package ec2

import (
	"net/netip"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

func createSubnet(r *core.Request, in *sdk.CreateSubnetInput) (*sdk.CreateSubnetOutput, error) {
	n := Of(r.Region)
	v, err := find(r, &n.vpcs, in.VpcId, "vpcId", noVPC)
	if err != nil {
		return nil, err
	}
	tags, err := tagsFor(in.TagSpecifications, types.ResourceTypeSubnet)
	if err != nil {
		return nil, err
	}
	where, err := zone(r.Region, in.AvailabilityZone, in.AvailabilityZoneId)
	if err != nil {
		return nil, err
	}
	made, err := n.newSubnet(r, v, in)
	if err != nil {
		return nil, err
	}
	have := n.subnets.Count(func(s *types.Subnet) bool { return *s.VpcId == *v.VpcId })
	if err := withinQuota(r, have, "subnetsPerVpc", generous, "SubnetLimitExceeded", "subnets of the VPC"); err != nil {
		return nil, err
	}
	id := r.NewID("subnet")
	made.SubnetId, made.SubnetArn = ptr(id), ptr(r.ARN("ec2", "subnet/"+id))
	made.AvailabilityZone, made.AvailabilityZoneId = where.ZoneName, where.ZoneId
	n.subnets.Put(id, made, r.Now())
	n.setTags(id, tags)
	r.Touch(id)
	return &sdk.CreateSubnetOutput{Subnet: n.showSubnet(made, nil)}, nil
}

// newSubnet checks the blocks and makes a subnet that is not in the state yet.
func (n *Network) newSubnet(r *core.Request, v *vpc, in *sdk.CreateSubnetInput) (*types.Subnet, error) {
	made := &types.Subnet{
		VpcId: v.VpcId, OwnerId: ptr(r.Account), State: types.SubnetStateAvailable, DefaultForAz: ptr(false), MapPublicIpOnLaunch: ptr(false),
		AssignIpv6AddressOnCreation: ptr(false), EnableDns64: ptr(false), Ipv6Native: ptr(val(in.Ipv6Native)), MapCustomerOwnedIpOnLaunch: ptr(false),
		OutpostArn: in.OutpostArn, Ipv6CidrBlockAssociationSet: []types.SubnetIpv6CidrBlockAssociation{},
		PrivateDnsNameOptionsOnLaunch: &types.PrivateDnsNameOptionsOnLaunch{HostnameType: types.HostnameTypeIpName,
			EnableResourceNameDnsARecord: ptr(false), EnableResourceNameDnsAAAARecord: ptr(false)},
	}
	if val(in.Ipv6Native) {
		if in.CidrBlock != nil {
			return nil, core.Refuse("InvalidParameterCombination", "An IPv6-only subnet takes no IPv4 CIDR block.")
		}
		made.PrivateDnsNameOptionsOnLaunch.HostnameType = types.HostnameTypeResourceName
	} else {
		block, err := n.subnetBlock(v, in.CidrBlock)
		if err != nil {
			return nil, err
		}
		made.CidrBlock = ptr(block.String())
	}
	if in.Ipv6CidrBlock == nil {
		if val(in.Ipv6Native) {
			return nil, core.Missing("ipv6CidrBlock")
		}
		return made, nil
	}
	block, err := n.subnetIPv6Block(v, *in.Ipv6CidrBlock)
	if err != nil {
		return nil, err
	}
	made.Ipv6CidrBlockAssociationSet = append(made.Ipv6CidrBlockAssociationSet, types.SubnetIpv6CidrBlockAssociation{
		AssociationId: ptr(r.NewID("subnet-cidr-assoc")), Ipv6CidrBlock: ptr(block.String()), IpSource: types.IpSourceAmazon,
		Ipv6CidrBlockState: &types.SubnetCidrBlockState{State: types.SubnetCidrBlockStateCodeAssociated}})
	made.AssignIpv6AddressOnCreation = ptr(val(in.Ipv6Native))
	return made, nil
}

func (n *Network) subnetBlock(v *vpc, cidr *string) (netip.Prefix, error) {
	if cidr == nil {
		return netip.Prefix{}, core.Missing("cidrBlock")
	}
	block, ok := canonical(*cidr)
	if !ok || !block.Addr().Is4() {
		return block, invalid("Value (%s) for parameter cidrBlock is invalid. This is not a valid CIDR block.", *cidr)
	}
	if block.Bits() < 16 || block.Bits() > 28 || !inAny(block, v.blocks()) {
		return block, core.Refuse("InvalidSubnet.Range", "The CIDR '%s' is invalid.", *cidr)
	}
	for _, other := range n.subnets.Where(func(s *types.Subnet) bool { return *s.VpcId == *v.VpcId }) {
		if have, ok := canonical(val(other.CidrBlock)); ok && have.Overlaps(block) {
			return block, core.Refuse("InvalidSubnet.Conflict", "The CIDR '%s' conflicts with another subnet", *cidr)
		}
	}
	return block, nil
}

func (n *Network) subnetIPv6Block(v *vpc, cidr string) (netip.Prefix, error) {
	block, ok := canonical(cidr)
	if !ok || !block.Addr().Is6() || block.Bits() < 44 || block.Bits() > 64 || block.Bits()%4 != 0 || !inAny(block, v.ipv6Blocks()) {
		return block, core.Refuse("InvalidSubnet.Range", "The CIDR '%s' is invalid.", cidr)
	}
	for _, other := range n.subnets.Where(func(s *types.Subnet) bool { return *s.VpcId == *v.VpcId }) {
		for _, association := range other.Ipv6CidrBlockAssociationSet {
			if have, ok := canonical(*association.Ipv6CidrBlock); ok && have.Overlaps(block) {
				return block, core.Refuse("InvalidSubnet.Conflict", "The CIDR '%s' conflicts with another subnet", cidr)
			}
		}
	}
	return block, nil
}

func inAny(block netip.Prefix, outer []netip.Prefix) bool {
	for _, candidate := range outer {
		if within(block, candidate) {
			return true
		}
	}
	return false
}

func (n *Network) showSubnet(s *types.Subnet, used map[string]int) *types.Subnet {
	out := *s
	out.Tags = n.tags[*s.SubnetId]
	out.AvailableIpAddressCount = ptr(freeAddresses(s, used))
	return &out
}

var subnetFilters = filters[types.Subnet]{
	"availability-zone":       func(s *types.Subnet) []string { return one(s.AvailabilityZone) },
	"availabilityZone":        func(s *types.Subnet) []string { return one(s.AvailabilityZone) },
	"availability-zone-id":    func(s *types.Subnet) []string { return one(s.AvailabilityZoneId) },
	"availabilityZoneId":      func(s *types.Subnet) []string { return one(s.AvailabilityZoneId) },
	"cidr-block":              func(s *types.Subnet) []string { return one(s.CidrBlock) },
	"cidr":                    func(s *types.Subnet) []string { return one(s.CidrBlock) },
	"cidrBlock":               func(s *types.Subnet) []string { return one(s.CidrBlock) },
	"default-for-az":          func(s *types.Subnet) []string { return flag(s.DefaultForAz) },
	"defaultForAz":            func(s *types.Subnet) []string { return flag(s.DefaultForAz) },
	"enable-dns64":            func(s *types.Subnet) []string { return flag(s.EnableDns64) },
	"ipv6-native":             func(s *types.Subnet) []string { return flag(s.Ipv6Native) },
	"map-public-ip-on-launch": func(s *types.Subnet) []string { return flag(s.MapPublicIpOnLaunch) },
	"outpost-arn":             func(s *types.Subnet) []string { return one(s.OutpostArn) },
	"owner-id":                func(s *types.Subnet) []string { return one(s.OwnerId) },
	"state":                   func(s *types.Subnet) []string { return []string{string(s.State)} },
	"subnet-arn":              func(s *types.Subnet) []string { return one(s.SubnetArn) },
	"subnet-id":               func(s *types.Subnet) []string { return one(s.SubnetId) },
	"vpc-id":                  func(s *types.Subnet) []string { return one(s.VpcId) },
	"ipv6-cidr-block-association.ipv6-cidr-block": func(s *types.Subnet) []string {
		return each(s.Ipv6CidrBlockAssociationSet, func(a types.SubnetIpv6CidrBlockAssociation) *string { return a.Ipv6CidrBlock })
	},
	"ipv6-cidr-block-association.association-id": func(s *types.Subnet) []string {
		return each(s.Ipv6CidrBlockAssociationSet, func(a types.SubnetIpv6CidrBlockAssociation) *string { return a.AssociationId })
	},
}

func describeSubnets(r *core.Request, in *sdk.DescribeSubnetsInput) (*sdk.DescribeSubnetsOutput, error) {
	n := Of(r.Region)
	page, err := describe(r, &n.subnets, query{in.SubnetIds, in.Filters, in.NextToken, in.MaxResults}, subnetFilters, noSubnet)
	if err != nil {
		return nil, err
	}
	out := &sdk.DescribeSubnetsOutput{Subnets: []types.Subnet{}, NextToken: next(page.Next)}
	used := n.usedAddresses()
	for _, s := range page.Items {
		out.Subnets = append(out.Subnets, *n.showSubnet(s, used))
	}
	return out, nil
}

// modifySubnetAttribute takes one attribute at a time, as EC2 does.
func modifySubnetAttribute(r *core.Request, in *sdk.ModifySubnetAttributeInput) (*sdk.ModifySubnetAttributeOutput, error) {
	s, err := find(r, &Of(r.Region).subnets, in.SubnetId, "subnetId", noSubnet)
	if err != nil {
		return nil, err
	}
	names := s.PrivateDnsNameOptionsOnLaunch
	given := 0
	for _, attribute := range []struct {
		value *types.AttributeBooleanValue
		into  **bool
	}{
		{in.MapPublicIpOnLaunch, &s.MapPublicIpOnLaunch},
		{in.AssignIpv6AddressOnCreation, &s.AssignIpv6AddressOnCreation},
		{in.EnableDns64, &s.EnableDns64},
		{in.MapCustomerOwnedIpOnLaunch, &s.MapCustomerOwnedIpOnLaunch},
		{in.EnableResourceNameDnsARecordOnLaunch, &names.EnableResourceNameDnsARecord},
		{in.EnableResourceNameDnsAAAARecordOnLaunch, &names.EnableResourceNameDnsAAAARecord},
	} {
		if attribute.value == nil {
			continue
		}
		if given++; given > 1 {
			return nil, core.Refuse("InvalidParameterCombination", "Only one subnet attribute can be modified at a time")
		}
		if attribute.into == &s.AssignIpv6AddressOnCreation && val(attribute.value.Value) && len(s.Ipv6CidrBlockAssociationSet) == 0 {
			return nil, invalid("Invalid value 'true' for assignIpv6AddressOnCreation. Subnet %s must have an associated IPv6 CIDR block.", *s.SubnetId)
		}
		if val(s.Ipv6Native) && (attribute.into == &s.MapPublicIpOnLaunch && val(attribute.value.Value) ||
			attribute.into == &s.AssignIpv6AddressOnCreation && !val(attribute.value.Value)) {
			return nil, invalid("The attribute can't have this value in IPv6-only subnet %s.", *s.SubnetId)
		}
		*attribute.into = ptr(val(attribute.value.Value))
	}
	if in.PrivateDnsHostnameTypeOnLaunch != "" {
		names.HostnameType = in.PrivateDnsHostnameTypeOnLaunch
	}
	return nil, nil
}

// deleteSubnet refuses while a network interface stands in the subnet; the route table association goes with it.
func deleteSubnet(r *core.Request, in *sdk.DeleteSubnetInput) (*sdk.DeleteSubnetOutput, error) {
	n := Of(r.Region)
	s, err := find(r, &n.subnets, in.SubnetId, "subnetId", noSubnet)
	if err != nil {
		return nil, err
	}
	id := *s.SubnetId
	if n.interfaces.Any(func(eni *types.NetworkInterface) bool { return *eni.SubnetId == id }) {
		return nil, hasDependencies("subnet", id)
	}
	if table, i := n.association(func(a types.RouteTableAssociation) bool { return val(a.SubnetId) == id }); table != nil {
		table.Associations = append(table.Associations[:i:i], table.Associations[i+1:]...)
	}
	n.subnets.Delete(id)
	delete(n.tags, id)
	return nil, nil
}
