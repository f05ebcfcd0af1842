package ec2

import (
	"fmt"
	"net/netip"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// vpc is a VPC with the attributes that only DescribeVpcAttribute shows.
type vpc struct {
	types.Vpc
	dnsSupport, dnsHostnames, usageMetrics bool
}

func createVpc(r *core.Request, in *sdk.CreateVpcInput) (*sdk.CreateVpcOutput, error) {
	n := Of(r.Region)
	tags, err := tagsFor(in.TagSpecifications, types.ResourceTypeVpc)
	if err != nil {
		return nil, err
	}
	block, err := vpcBlock(in.CidrBlock, in.Ipv4IpamPoolId, in.Ipv4NetmaskLength)
	if err != nil {
		return nil, err
	}
	if err := withinQuota(r, n.vpcs.Len(), "vpcs", generous, "VpcLimitExceeded", "VPCs"); err != nil {
		return nil, err
	}
	id := r.NewID("vpc")
	made := &vpc{dnsSupport: true, Vpc: types.Vpc{
		VpcId: ptr(id), CidrBlock: ptr(block.String()), OwnerId: ptr(r.Account), DhcpOptionsId: ptr(n.dhcpDefault(r.Region)), IsDefault: ptr(false),
		InstanceTenancy: in.InstanceTenancy, State: types.VpcStateAvailable,
		CidrBlockAssociationSet:     []types.VpcCidrBlockAssociation{ipv4Association(r, block)},
		Ipv6CidrBlockAssociationSet: []types.VpcIpv6CidrBlockAssociation{},
	}}
	if made.InstanceTenancy == "" {
		made.InstanceTenancy = types.TenancyDefault
	}
	if v6, ok := ipv6Association(r, val(in.AmazonProvidedIpv6CidrBlock), in.Ipv6CidrBlock, in.Ipv6IpamPoolId, in.Ipv6Pool); ok {
		made.Ipv6CidrBlockAssociationSet = append(made.Ipv6CidrBlockAssociationSet, v6)
	}
	n.vpcs.Put(id, made, r.Now())
	n.setTags(id, tags)
	n.addRouteTable(r, made, true)
	n.addGroup(r, id, defaultGroup, "default VPC security group")
	r.Touch(id)
	out := n.showVpc(made)
	out.State = types.VpcStatePending
	return &sdk.CreateVpcOutput{Vpc: &out}, nil
}

// vpcBlock is the IPv4 block of a VPC: the one given, or one of an IPAM pool, which may be of any name here.
func vpcBlock(cidr, pool *string, bits *int32) (netip.Prefix, error) {
	if cidr == nil && pool != nil {
		if bits == nil {
			bits = ptr(int32(16))
		}
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 128, 0, 0}), int(*bits)), nil
	}
	if cidr == nil {
		return netip.Prefix{}, core.Refuse("MissingParameter", "Either 'cidrBlock' or 'ipv4IpamPoolId' must be provided.")
	}
	block, ok := canonical(*cidr)
	if !ok || !block.Addr().Is4() {
		return block, invalid("Value (%s) for parameter cidrBlock is invalid. This is not a valid CIDR block.", *cidr)
	}
	if block.Bits() < 16 || block.Bits() > 28 {
		return block, core.Refuse("InvalidVpc.Range", "The CIDR '%s' is invalid.", *cidr)
	}
	return block, nil
}

func ipv4Association(r *core.Request, block netip.Prefix) types.VpcCidrBlockAssociation {
	return types.VpcCidrBlockAssociation{AssociationId: ptr(r.NewID("vpc-cidr-assoc")), CidrBlock: ptr(block.String()),
		CidrBlockState: &types.VpcCidrBlockState{State: types.VpcCidrBlockStateCodeAssociated}}
}

// ipv6Association is made if Amazon's block, an own one or one of a pool is asked for.
func ipv6Association(r *core.Request, amazon bool, block, ipam, pool *string) (types.VpcIpv6CidrBlockAssociation, bool) {
	if !amazon && block == nil && ipam == nil && pool == nil {
		return types.VpcIpv6CidrBlockAssociation{}, false
	}
	if block == nil {
		block = ptr(amazonIPv6(r.Region))
	}
	out := types.VpcIpv6CidrBlockAssociation{
		AssociationId: ptr(r.NewID("vpc-cidr-assoc")), Ipv6CidrBlock: block, NetworkBorderGroup: ptr(r.Region.Name), IpSource: types.IpSourceAmazon,
		Ipv6CidrBlockState: &types.VpcCidrBlockState{State: types.VpcCidrBlockStateCodeAssociated}, Ipv6Pool: ptr("Amazon"),
		Ipv6AddressAttribute: types.Ipv6AddressAttributePublic,
	}
	switch {
	case ipam != nil:
		out.Ipv6Pool, out.IpSource = ptr("IPAM Managed"), types.IpSourceNone
	case pool != nil:
		out.Ipv6Pool, out.IpSource = pool, types.IpSourceByoip
	}
	return out, true
}

func (n *Network) showVpc(v *vpc) types.Vpc {
	out := v.Vpc
	out.Tags = n.tags[*v.VpcId]
	return out
}

var vpcFilters = filters[vpc]{
	"vpc-id":           func(v *vpc) []string { return one(v.VpcId) },
	"cidr":             func(v *vpc) []string { return one(v.CidrBlock) },
	"cidr-block":       func(v *vpc) []string { return one(v.CidrBlock) },
	"dhcp-options-id":  func(v *vpc) []string { return one(v.DhcpOptionsId) },
	"is-default":       func(v *vpc) []string { return flag(v.IsDefault) },
	"owner-id":         func(v *vpc) []string { return one(v.OwnerId) },
	"state":            func(v *vpc) []string { return []string{string(v.State)} },
	"instance-tenancy": func(v *vpc) []string { return []string{string(v.InstanceTenancy)} },
	"cidr-block-association.cidr-block": func(v *vpc) []string {
		return each(v.CidrBlockAssociationSet, func(a types.VpcCidrBlockAssociation) *string { return a.CidrBlock })
	},
	"cidr-block-association.association-id": func(v *vpc) []string {
		return each(v.CidrBlockAssociationSet, func(a types.VpcCidrBlockAssociation) *string { return a.AssociationId })
	},
	"cidr-block-association.state": func(v *vpc) []string {
		return each(v.CidrBlockAssociationSet, func(a types.VpcCidrBlockAssociation) *string { return ptr(string(a.CidrBlockState.State)) })
	},
	"ipv6-cidr-block-association.ipv6-cidr-block": func(v *vpc) []string {
		return each(v.Ipv6CidrBlockAssociationSet, func(a types.VpcIpv6CidrBlockAssociation) *string { return a.Ipv6CidrBlock })
	},
	"ipv6-cidr-block-association.ipv6-pool": func(v *vpc) []string {
		return each(v.Ipv6CidrBlockAssociationSet, func(a types.VpcIpv6CidrBlockAssociation) *string { return a.Ipv6Pool })
	},
	"ipv6-cidr-block-association.association-id": func(v *vpc) []string {
		return each(v.Ipv6CidrBlockAssociationSet, func(a types.VpcIpv6CidrBlockAssociation) *string { return a.AssociationId })
	},
	"ipv6-cidr-block-association.state": func(v *vpc) []string {
		return each(v.Ipv6CidrBlockAssociationSet, func(a types.VpcIpv6CidrBlockAssociation) *string { return ptr(string(a.Ipv6CidrBlockState.State)) })
	},
}

// each reads one string of every element.
func each[T any](list []T, read func(T) *string) []string {
	var out []string
	for _, element := range list {
		out = append(out, one(read(element))...)
	}
	return out
}

func describeVpcs(r *core.Request, in *sdk.DescribeVpcsInput) (*sdk.DescribeVpcsOutput, error) {
	n := Of(r.Region)
	page, err := describe(r, &n.vpcs, query{in.VpcIds, in.Filters, in.NextToken, in.MaxResults}, vpcFilters, noVPC)
	if err != nil {
		return nil, err
	}
	out := &sdk.DescribeVpcsOutput{Vpcs: []types.Vpc{}, NextToken: next(page.Next)}
	for _, v := range page.Items {
		out.Vpcs = append(out.Vpcs, n.showVpc(v))
	}
	return out, nil
}

func describeVpcAttribute(r *core.Request, in *sdk.DescribeVpcAttributeInput) (*sdk.DescribeVpcAttributeOutput, error) {
	v, err := find(r, &Of(r.Region).vpcs, in.VpcId, "vpcId", noVPC)
	if err != nil {
		return nil, err
	}
	out := &sdk.DescribeVpcAttributeOutput{VpcId: v.VpcId}
	switch in.Attribute {
	case types.VpcAttributeNameEnableDnsSupport:
		out.EnableDnsSupport = &types.AttributeBooleanValue{Value: &v.dnsSupport}
	case types.VpcAttributeNameEnableDnsHostnames:
		out.EnableDnsHostnames = &types.AttributeBooleanValue{Value: &v.dnsHostnames}
	case types.VpcAttributeNameEnableNetworkAddressUsageMetrics:
		out.EnableNetworkAddressUsageMetrics = &types.AttributeBooleanValue{Value: &v.usageMetrics}
	default:
		return nil, invalid("Value (%s) for parameter attribute is invalid. Unknown attribute.", in.Attribute)
	}
	return out, nil
}

// modifyVpcAttribute takes one DNS attribute at a time, as EC2 does.
func modifyVpcAttribute(r *core.Request, in *sdk.ModifyVpcAttributeInput) (*sdk.ModifyVpcAttributeOutput, error) {
	v, err := find(r, &Of(r.Region).vpcs, in.VpcId, "vpcId", noVPC)
	if err != nil {
		return nil, err
	}
	if in.EnableDnsHostnames != nil && in.EnableDnsSupport != nil {
		return nil, core.Refuse("InvalidParameterCombination", "Fields for multiple attribute types specified: enableDnsSupport, enableDnsHostnames")
	}
	if in.EnableDnsHostnames != nil {
		v.dnsHostnames = val(in.EnableDnsHostnames.Value)
	}
	if in.EnableDnsSupport != nil {
		v.dnsSupport = val(in.EnableDnsSupport.Value)
	}
	if in.EnableNetworkAddressUsageMetrics != nil {
		v.usageMetrics = val(in.EnableNetworkAddressUsageMetrics.Value)
	}
	return nil, nil
}

// deleteVpc needs everything else in the VPC to be gone; the main route table and the default security group go with it.
func deleteVpc(r *core.Request, in *sdk.DeleteVpcInput) (*sdk.DeleteVpcOutput, error) {
	n := Of(r.Region)
	v, err := find(r, &n.vpcs, in.VpcId, "vpcId", noVPC)
	if err != nil {
		return nil, err
	}
	id := *v.VpcId
	if n.vpcInUse(id) {
		return nil, hasDependencies("vpc", id)
	}
	for _, table := range n.routeTables.Where(func(t *types.RouteTable) bool { return *t.VpcId == id }) {
		n.routeTables.Delete(*table.RouteTableId)
		delete(n.tags, *table.RouteTableId)
	}
	for _, g := range n.groups.Where(func(g *group) bool { return *g.VpcId == id }) {
		n.groups.Delete(*g.GroupId)
		delete(n.tags, *g.GroupId)
	}
	n.vpcs.Delete(id)
	delete(n.tags, id)
	return nil, nil
}

func (n *Network) vpcInUse(id string) bool {
	return n.subnets.Any(func(s *types.Subnet) bool { return *s.VpcId == id }) ||
		n.groups.Any(func(g *group) bool { return *g.VpcId == id && *g.GroupName != defaultGroup }) ||
		n.routeTables.Any(func(t *types.RouteTable) bool { return *t.VpcId == id && !isMain(t) }) ||
		n.attachedGateway(id) != nil ||
		n.egress.Any(func(g *types.EgressOnlyInternetGateway) bool { return egressVPC(g) == id }) ||
		n.carriers.Any(func(g *types.CarrierGateway) bool {
			return *g.VpcId == id && g.State != types.CarrierGatewayStateDeleted
		}) ||
		n.nats.Any(func(g *types.NatGateway) bool { return val(g.VpcId) == id && !natGone(g) }) ||
		n.endpoints.Any(func(e *types.VpcEndpoint) bool { return *e.VpcId == id && e.State != types.StateDeleted }) ||
		n.interfaces.Any(func(i *types.NetworkInterface) bool { return *i.VpcId == id })
}

func associateVpcCidrBlock(r *core.Request, in *sdk.AssociateVpcCidrBlockInput) (*sdk.AssociateVpcCidrBlockOutput, error) {
	n := Of(r.Region)
	v, err := find(r, &n.vpcs, in.VpcId, "vpcId", noVPC)
	if err != nil {
		return nil, err
	}
	out := &sdk.AssociateVpcCidrBlockOutput{VpcId: v.VpcId}
	if v6, ok := ipv6Association(r, val(in.AmazonProvidedIpv6CidrBlock), in.Ipv6CidrBlock, in.Ipv6IpamPoolId, in.Ipv6Pool); ok {
		if err := withinQuota(r, len(v.Ipv6CidrBlockAssociationSet), "ipv6CidrBlocksPerVpc", 5, "CidrLimitExceeded", "IPv6 CIDR blocks of the VPC"); err != nil {
			return nil, err
		}
		v.Ipv6CidrBlockAssociationSet = append(v.Ipv6CidrBlockAssociationSet, v6)
		v6.Ipv6CidrBlockState = &types.VpcCidrBlockState{State: types.VpcCidrBlockStateCodeAssociating}
		out.Ipv6CidrBlockAssociation = &v6
		return out, nil
	}
	block, err := vpcBlock(in.CidrBlock, in.Ipv4IpamPoolId, in.Ipv4NetmaskLength)
	if err != nil {
		return nil, err
	}
	for _, have := range v.blocks() {
		if have.Overlaps(block) {
			return nil, core.Refuse("CidrConflict", "The CIDR '%s' conflicts with another CIDR block of the VPC.", block)
		}
	}
	if err := withinQuota(r, len(v.CidrBlockAssociationSet), "cidrBlocksPerVpc", 5, "CidrLimitExceeded", "CIDR blocks of the VPC"); err != nil {
		return nil, err
	}
	v4 := ipv4Association(r, block)
	v.CidrBlockAssociationSet = append(v.CidrBlockAssociationSet, v4)
	v4.CidrBlockState = &types.VpcCidrBlockState{State: types.VpcCidrBlockStateCodeAssociating}
	out.CidrBlockAssociation = &v4
	n.addLocalRoutes(*v.VpcId)
	return out, nil
}

// blocks are the VPC's IPv4 blocks, the primary one first.
func (v *vpc) blocks() []netip.Prefix {
	var out []netip.Prefix
	for _, association := range v.CidrBlockAssociationSet {
		if prefix, ok := canonical(val(association.CidrBlock)); ok {
			out = append(out, prefix)
		}
	}
	return out
}

func (v *vpc) ipv6Blocks() []netip.Prefix {
	var out []netip.Prefix
	for _, association := range v.Ipv6CidrBlockAssociationSet {
		if prefix, ok := canonical(val(association.Ipv6CidrBlock)); ok {
			out = append(out, prefix)
		}
	}
	return out
}

func disassociateVpcCidrBlock(r *core.Request, in *sdk.DisassociateVpcCidrBlockInput) (*sdk.DisassociateVpcCidrBlockOutput, error) {
	n := Of(r.Region)
	if in.AssociationId == nil {
		return nil, core.Missing("associationId")
	}
	for _, v := range n.vpcs.All() {
		for i, a := range v.CidrBlockAssociationSet {
			if *a.AssociationId == *in.AssociationId {
				return n.dropIPv4(v, i)
			}
		}
		for i, a := range v.Ipv6CidrBlockAssociationSet {
			if *a.AssociationId == *in.AssociationId {
				return n.dropIPv6(v, i)
			}
		}
	}
	return nil, noCIDRAssoc(*in.AssociationId)
}

func (n *Network) dropIPv4(v *vpc, i int) (*sdk.DisassociateVpcCidrBlockOutput, error) {
	association := v.CidrBlockAssociationSet[i]
	if i == 0 {
		return nil, core.Refuse("OperationNotPermitted", "The vpc CIDR block with association ID %s may not be disassociated. "+
			"It is the primary IPv4 CIDR block of the VPC", *association.AssociationId)
	}
	block, _ := canonical(*association.CidrBlock)
	for _, subnet := range n.subnets.Where(func(s *types.Subnet) bool { return *s.VpcId == *v.VpcId }) {
		if inner, ok := canonical(val(subnet.CidrBlock)); ok && within(inner, block) {
			return nil, blockInUse(*v.VpcId, block)
		}
	}
	v.CidrBlockAssociationSet = append(v.CidrBlockAssociationSet[:i:i], v.CidrBlockAssociationSet[i+1:]...)
	n.addLocalRoutes(*v.VpcId)
	association.CidrBlockState = &types.VpcCidrBlockState{State: types.VpcCidrBlockStateCodeDisassociating}
	return &sdk.DisassociateVpcCidrBlockOutput{VpcId: v.VpcId, CidrBlockAssociation: &association}, nil
}

func (n *Network) dropIPv6(v *vpc, i int) (*sdk.DisassociateVpcCidrBlockOutput, error) {
	association := v.Ipv6CidrBlockAssociationSet[i]
	block, _ := canonical(*association.Ipv6CidrBlock)
	for _, subnet := range n.subnets.Where(func(s *types.Subnet) bool { return *s.VpcId == *v.VpcId }) {
		for _, have := range subnet.Ipv6CidrBlockAssociationSet {
			if inner, ok := canonical(*have.Ipv6CidrBlock); ok && within(inner, block) {
				return nil, blockInUse(*v.VpcId, block)
			}
		}
	}
	v.Ipv6CidrBlockAssociationSet = append(v.Ipv6CidrBlockAssociationSet[:i:i], v.Ipv6CidrBlockAssociationSet[i+1:]...)
	association.Ipv6CidrBlockState = &types.VpcCidrBlockState{State: types.VpcCidrBlockStateCodeDisassociating}
	return &sdk.DisassociateVpcCidrBlockOutput{VpcId: v.VpcId, Ipv6CidrBlockAssociation: &association}, nil
}

func blockInUse(vpc string, block fmt.Stringer) error {
	return core.Refuse("InvalidCidrBlock.InUse", "The vpc %s currently has a subnet within CIDR block %s", vpc, block)
}
