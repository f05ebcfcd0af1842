package ec2

import (
	"fmt"
	"net/netip"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// InterfaceSpec describes a network interface that another service puts into a subnet.
type InterfaceSpec struct {
	SubnetID    string
	Groups      []string
	Description string
	// Owner attaches the interface: "amazon-aws" for NAT gateways and endpoints, "amazon-elb" for load balancers.
	Owner string
	Type  types.NetworkInterfaceType
	// Public gives it a public address of AWS's own.
	Public bool
}

// AddInterface makes a requester-managed network interface. The subnet must exist.
func (n *Network) AddInterface(r *core.Request, spec InterfaceSpec) (*types.NetworkInterface, error) {
	subnet := n.subnets.Get(spec.SubnetID)
	if subnet == nil {
		return nil, noSubnet(spec.SubnetID)
	}
	eni, err := n.newInterface(r, subnet, spec.Groups)
	if err != nil {
		return nil, err
	}
	eni.Description, eni.InterfaceType, eni.RequesterManaged = ptr(spec.Description), spec.Type, ptr(true)
	eni.RequesterId, eni.Status = ptr(spec.Owner), types.NetworkInterfaceStatusInUse
	eni.Attachment = &types.NetworkInterfaceAttachment{AttachmentId: ptr(r.NewID("eni-attach")), InstanceOwnerId: ptr(spec.Owner),
		Status: types.AttachmentStatusAttached, DeviceIndex: ptr(int32(1)), AttachTime: ptr(r.Now()), DeleteOnTermination: ptr(false)}
	if spec.Public {
		eni.Association = &types.NetworkInterfaceAssociation{PublicIp: ptr(publicIP(r.Region)), IpOwnerId: ptr(spec.Owner)}
	}
	return eni, nil
}

func (n *Network) newInterface(r *core.Request, subnet *types.Subnet, groups []string) (*types.NetworkInterface, error) {
	return n.interfaceAt(r, subnet, groups, nil)
}

// interfaceAt makes an interface with the wanted private address, or with the lowest free one.
func (n *Network) interfaceAt(r *core.Request, subnet *types.Subnet, groups []string, wanted *string) (*types.NetworkInterface, error) {
	private := ""
	if !val(subnet.Ipv6Native) {
		var err error
		if private, err = n.privateAddress(subnet, wanted); err != nil {
			return nil, err
		}
	}
	id := r.NewID("eni")
	eni := &types.NetworkInterface{
		NetworkInterfaceId: ptr(id), SubnetId: subnet.SubnetId, VpcId: subnet.VpcId, OwnerId: ptr(r.Account),
		AvailabilityZone: subnet.AvailabilityZone, AvailabilityZoneId: subnet.AvailabilityZoneId, Status: types.NetworkInterfaceStatusAvailable,
		InterfaceType: types.NetworkInterfaceTypeInterface, RequesterManaged: ptr(false), SourceDestCheck: ptr(true), Groups: []types.GroupIdentifier{},
		MacAddress: ptr(fmt.Sprintf("0a:%s:%s:%s:%s:%s", r.Hex(2), r.Hex(2), r.Hex(2), r.Hex(2), r.Hex(2))),
	}
	if private != "" {
		eni.PrivateIpAddress = ptr(private)
		eni.PrivateIpAddresses = []types.NetworkInterfacePrivateIpAddress{{Primary: ptr(true), PrivateIpAddress: ptr(private)}}
	}
	for _, group := range groups {
		g := n.groups.Get(group)
		if g == nil {
			return nil, noGroup(group)
		}
		eni.Groups = append(eni.Groups, types.GroupIdentifier{GroupId: g.GroupId, GroupName: g.GroupName})
	}
	n.interfaces.Put(id, eni, r.Now())
	n.take(*subnet.SubnetId, private)
	return eni, nil
}

func (n *Network) privateAddress(subnet *types.Subnet, wanted *string) (string, error) {
	if wanted == nil {
		private, ok := n.freeAddress(subnet)
		if !ok {
			return "", core.Refuse("InsufficientFreeAddressesInSubnet", "The subnet '%s' has no free addresses left.", *subnet.SubnetId)
		}
		return private, nil
	}
	prefix, _ := canonical(val(subnet.CidrBlock))
	given, err := netip.ParseAddr(*wanted)
	if err != nil || !prefix.Contains(given) {
		return "", invalid("Address %s does not fall within the subnet's address range", *wanted)
	}
	if n.taken[*subnet.SubnetId][*wanted] {
		return "", core.Refuse("InvalidIPAddress.InUse", "Address %s is in use.", *wanted)
	}
	return *wanted, nil
}

// RemoveInterface takes an interface away, with the association of its address.
func (n *Network) RemoveInterface(id string) {
	for _, a := range n.addresses.All() {
		if val(a.NetworkInterfaceId) == id {
			n.disassociate(a)
		}
	}
	if eni := n.interfaces.Get(id); eni != nil {
		n.give(val(eni.SubnetId), val(eni.PrivateIpAddress))
		for _, address := range eni.Ipv6Addresses {
			n.give(val(eni.SubnetId), val(address.Ipv6Address))
		}
	}
	n.interfaces.Delete(id)
	delete(n.tags, id)
}

// AssociateAddress maps an Elastic IP address to an interface for another service.
func (n *Network) AssociateAddress(r *core.Request, allocationID, interfaceID string) error {
	a, err := find(r, &n.addresses, &allocationID, "allocationId", noAllocation)
	if err != nil {
		return err
	}
	if a.AssociationId != nil {
		return core.Refuse("Resource.AlreadyAssociated", "Elastic IP address [%s] is already associated", allocationID)
	}
	n.associate(r, a, n.interfaces.Get(interfaceID))
	return nil
}

// SetInterfaceGroups replaces the security groups of an interface.
func (n *Network) SetInterfaceGroups(id string, groups []string) {
	eni := n.interfaces.Get(id)
	if eni == nil {
		return
	}
	eni.Groups = []types.GroupIdentifier{}
	for _, group := range groups {
		if g := n.groups.Get(group); g != nil {
			eni.Groups = append(eni.Groups, types.GroupIdentifier{GroupId: g.GroupId, GroupName: g.GroupName})
		}
	}
}

// Interface is a network interface, or nil.
func (n *Network) Interface(id string) *types.NetworkInterface { return n.interfaces.Get(id) }

// Subnet is a subnet that the request may see.
func (n *Network) Subnet(r *core.Request, id string) (*types.Subnet, error) {
	return find(r, &n.subnets, &id, "subnetId", noSubnet)
}

// GroupVPC is the VPC of a security group that the request may see.
func (n *Network) GroupVPC(r *core.Request, id string) (string, error) {
	g, err := find(r, &n.groups, &id, "groupId", noGroup)
	if err != nil {
		return "", err
	}
	return *g.VpcId, nil
}

// DefaultGroup is the id of a VPC's default security group.
func (n *Network) DefaultGroup(vpcID string) string {
	for _, g := range n.groups.All() {
		if *g.VpcId == vpcID && *g.GroupName == defaultGroup {
			return *g.GroupId
		}
	}
	return ""
}

// HasVPC says whether the VPC exists and the request may see it.
func (n *Network) HasVPC(r *core.Request, id string) bool {
	_, err := find(r, &n.vpcs, &id, "vpcId", noVPC)
	return err == nil
}

// HasGateway says whether the VPC has an internet gateway.
func (n *Network) HasGateway(vpcID string) bool { return n.attachedGateway(vpcID) != nil }

func (n *Network) showInterface(eni *types.NetworkInterface) *types.NetworkInterface {
	out := *eni
	out.TagSet = n.tags[*eni.NetworkInterfaceId]
	return &out
}

var interfaceFilters = filters[types.NetworkInterface]{
	"availability-zone":    func(i *types.NetworkInterface) []string { return one(i.AvailabilityZone) },
	"description":          func(i *types.NetworkInterface) []string { return one(i.Description) },
	"interface-type":       func(i *types.NetworkInterface) []string { return []string{string(i.InterfaceType)} },
	"mac-address":          func(i *types.NetworkInterface) []string { return one(i.MacAddress) },
	"network-interface-id": func(i *types.NetworkInterface) []string { return one(i.NetworkInterfaceId) },
	"owner-id":             func(i *types.NetworkInterface) []string { return one(i.OwnerId) },
	"private-ip-address":   func(i *types.NetworkInterface) []string { return one(i.PrivateIpAddress) },
	"requester-id":         func(i *types.NetworkInterface) []string { return one(i.RequesterId) },
	"requester-managed":    func(i *types.NetworkInterface) []string { return flag(i.RequesterManaged) },
	"status":               func(i *types.NetworkInterface) []string { return []string{string(i.Status)} },
	"subnet-id":            func(i *types.NetworkInterface) []string { return one(i.SubnetId) },
	"vpc-id":               func(i *types.NetworkInterface) []string { return one(i.VpcId) },
	"group-id": func(i *types.NetworkInterface) []string {
		return each(i.Groups, func(g types.GroupIdentifier) *string { return g.GroupId })
	},
	"group-name": func(i *types.NetworkInterface) []string {
		return each(i.Groups, func(g types.GroupIdentifier) *string { return g.GroupName })
	},
	"addresses.private-ip-address": func(i *types.NetworkInterface) []string { return one(i.PrivateIpAddress) },
	"association.allocation-id":    ofAssociation(func(a *types.NetworkInterfaceAssociation) *string { return a.AllocationId }),
	"association.association-id":   ofAssociation(func(a *types.NetworkInterfaceAssociation) *string { return a.AssociationId }),
	"association.public-ip":        ofAssociation(func(a *types.NetworkInterfaceAssociation) *string { return a.PublicIp }),
	"association.ip-owner-id":      ofAssociation(func(a *types.NetworkInterfaceAssociation) *string { return a.IpOwnerId }),
	"attachment.attachment-id":     ofAttachment(func(a *types.NetworkInterfaceAttachment) *string { return a.AttachmentId }),
	"attachment.instance-id":       ofAttachment(func(a *types.NetworkInterfaceAttachment) *string { return a.InstanceId }),
	"attachment.instance-owner-id": ofAttachment(func(a *types.NetworkInterfaceAttachment) *string { return a.InstanceOwnerId }),
	"attachment.status":            ofAttachment(func(a *types.NetworkInterfaceAttachment) *string { return ptr(string(a.Status)) }),
}

func ofAssociation(read func(*types.NetworkInterfaceAssociation) *string) func(*types.NetworkInterface) []string {
	return func(i *types.NetworkInterface) []string {
		if i.Association == nil {
			return nil
		}
		return one(read(i.Association))
	}
}

func ofAttachment(read func(*types.NetworkInterfaceAttachment) *string) func(*types.NetworkInterface) []string {
	return func(i *types.NetworkInterface) []string {
		if i.Attachment == nil {
			return nil
		}
		return one(read(i.Attachment))
	}
}

func describeNetworkInterfaces(r *core.Request, in *sdk.DescribeNetworkInterfacesInput) (*sdk.DescribeNetworkInterfacesOutput, error) {
	n := Of(r.Region)
	page, err := describe(r, &n.interfaces, query{in.NetworkInterfaceIds, in.Filters, in.NextToken, in.MaxResults}, interfaceFilters, noInterface)
	if err != nil {
		return nil, err
	}
	out := &sdk.DescribeNetworkInterfacesOutput{NetworkInterfaces: []types.NetworkInterface{}, NextToken: next(page.Next)}
	for _, eni := range page.Items {
		out.NetworkInterfaces = append(out.NetworkInterfaces, *n.showInterface(eni))
	}
	return out, nil
}

func createNetworkInterface(r *core.Request, in *sdk.CreateNetworkInterfaceInput) (*sdk.CreateNetworkInterfaceOutput, error) {
	n := Of(r.Region)
	id, err := core.Once(r, in, in.ClientToken, func() (string, error) {
		subnet, err := find(r, &n.subnets, in.SubnetId, "subnetId", noSubnet)
		if err != nil {
			return "", err
		}
		tags, err := tagsFor(in.TagSpecifications, types.ResourceTypeNetworkInterface)
		if err != nil {
			return "", err
		}
		groups := in.Groups
		if len(groups) == 0 {
			groups = []string{n.DefaultGroup(*subnet.VpcId)}
		}
		eni, err := n.interfaceAt(r, subnet, groups, in.PrivateIpAddress)
		if err != nil {
			return "", err
		}
		eni.Description = in.Description
		if err := n.wantIPv6(eni, subnet, val(in.Ipv6AddressCount), in.EnablePrimaryIpv6); err != nil {
			n.RemoveInterface(*eni.NetworkInterfaceId)
			return "", err
		}
		n.setTags(*eni.NetworkInterfaceId, tags)
		return *eni.NetworkInterfaceId, nil
	})
	if err != nil {
		return nil, err
	}
	eni := n.interfaces.Get(id)
	if eni == nil {
		return nil, noInterface(id)
	}
	r.Touch(id)
	return &sdk.CreateNetworkInterfaceOutput{NetworkInterface: n.showInterface(eni), ClientToken: in.ClientToken}, nil
}

func deleteNetworkInterface(r *core.Request, in *sdk.DeleteNetworkInterfaceInput) (*sdk.DeleteNetworkInterfaceOutput, error) {
	n := Of(r.Region)
	eni, err := find(r, &n.interfaces, in.NetworkInterfaceId, "networkInterfaceId", noInterface)
	if err != nil {
		return nil, err
	}
	if eni.Attachment != nil {
		return nil, core.Refuse("InvalidParameterValue", "Network interface '%s' is currently in use.", *eni.NetworkInterfaceId)
	}
	n.RemoveInterface(*eni.NetworkInterfaceId)
	return nil, nil
}
