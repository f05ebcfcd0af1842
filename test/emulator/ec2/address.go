package ec2

import (
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

func allocateAddress(r *core.Request, in *sdk.AllocateAddressInput) (*sdk.AllocateAddressOutput, error) {
	n := Of(r.Region)
	tags, err := tagsFor(in.TagSpecifications, types.ResourceTypeElasticIp)
	if err != nil {
		return nil, err
	}
	if err := withinQuota(r, n.addresses.Len(), "elasticIPs", generous, "AddressLimitExceeded", "addresses"); err != nil {
		return nil, err
	}
	made := &types.Address{AllocationId: ptr(r.NewID("eipalloc")), PublicIp: in.Address, Domain: types.DomainTypeVpc,
		PublicIpv4Pool: in.PublicIpv4Pool, NetworkBorderGroup: in.NetworkBorderGroup}
	if made.PublicIp == nil {
		made.PublicIp = ptr(publicIP(r.Region))
	}
	if made.PublicIpv4Pool == nil {
		made.PublicIpv4Pool = ptr("amazon")
	}
	if made.NetworkBorderGroup == nil {
		made.NetworkBorderGroup = ptr(r.Region.Name)
	}
	n.addresses.Put(*made.AllocationId, made, r.Now())
	n.setTags(*made.AllocationId, tags)
	r.Touch(*made.AllocationId)
	return &sdk.AllocateAddressOutput{AllocationId: made.AllocationId, PublicIp: made.PublicIp, Domain: made.Domain,
		PublicIpv4Pool: made.PublicIpv4Pool, NetworkBorderGroup: made.NetworkBorderGroup}, nil
}

var addressFilters = filters[types.Address]{
	"allocation-id":              func(a *types.Address) []string { return one(a.AllocationId) },
	"association-id":             func(a *types.Address) []string { return one(a.AssociationId) },
	"instance-id":                func(a *types.Address) []string { return one(a.InstanceId) },
	"network-border-group":       func(a *types.Address) []string { return one(a.NetworkBorderGroup) },
	"network-interface-id":       func(a *types.Address) []string { return one(a.NetworkInterfaceId) },
	"network-interface-owner-id": func(a *types.Address) []string { return one(a.NetworkInterfaceOwnerId) },
	"private-ip-address":         func(a *types.Address) []string { return one(a.PrivateIpAddress) },
	"public-ip":                  func(a *types.Address) []string { return one(a.PublicIp) },
	"domain":                     func(a *types.Address) []string { return []string{string(a.Domain)} },
}

// describeAddresses has no pages.
func describeAddresses(r *core.Request, in *sdk.DescribeAddressesInput) (*sdk.DescribeAddressesOutput, error) {
	n := Of(r.Region)
	rows, err := selected(r, &n.addresses, in.AllocationIds, noAllocation)
	if err != nil {
		return nil, err
	}
	for _, ip := range in.PublicIps {
		if !n.addresses.Any(func(a *types.Address) bool { return *a.PublicIp == ip }) {
			return nil, noPublicIP(ip)
		}
	}
	if _, err := matches(nil, &types.Address{}, in.Filters, addressFilters); err != nil {
		return nil, err
	}
	out := &sdk.DescribeAddressesOutput{Addresses: []types.Address{}}
	for _, row := range rows {
		wanted := len(in.PublicIps) == 0 || anyMatch(in.PublicIps, one(row.Value.PublicIp))
		if ok, _ := matches(n.tags[row.ID], row.Value, in.Filters, addressFilters); ok && wanted {
			shown := *row.Value
			shown.Tags = n.tags[row.ID]
			out.Addresses = append(out.Addresses, shown)
		}
	}
	return out, nil
}

func releaseAddress(r *core.Request, in *sdk.ReleaseAddressInput) (*sdk.ReleaseAddressOutput, error) {
	n := Of(r.Region)
	a, err := find(r, &n.addresses, in.AllocationId, "allocationId", noAllocation)
	if err != nil {
		return nil, err
	}
	if a.AssociationId != nil {
		return nil, core.Refuse("InvalidIPAddress.InUse", "Address %s is in use.", *a.PublicIp)
	}
	n.addresses.Delete(*a.AllocationId)
	delete(n.tags, *a.AllocationId)
	return nil, nil
}

func associateAddress(r *core.Request, in *sdk.AssociateAddressInput) (*sdk.AssociateAddressOutput, error) {
	n := Of(r.Region)
	a, err := find(r, &n.addresses, in.AllocationId, "allocationId", noAllocation)
	if err != nil {
		return nil, err
	}
	eni, err := n.addressee(r, in)
	if err != nil {
		return nil, err
	}
	if a.AssociationId != nil && val(a.NetworkInterfaceId) != *eni.NetworkInterfaceId && !val(in.AllowReassociation) {
		return nil, core.Refuse("Resource.AlreadyAssociated", "resource %s is already associated with associate-id %s", *a.AllocationId, *a.AssociationId)
	}
	n.disassociate(a)
	n.associate(r, a, eni)
	r.Touch(*a.AssociationId)
	return &sdk.AssociateAddressOutput{AssociationId: a.AssociationId}, nil
}

// addressee is the interface that an address is to be associated with: a given one, or an instance's only one.
func (n *Network) addressee(r *core.Request, in *sdk.AssociateAddressInput) (*types.NetworkInterface, error) {
	if in.InstanceId == nil {
		return find(r, &n.interfaces, in.NetworkInterfaceId, "networkInterfaceId", noInterface)
	}
	i, err := find(r, &n.instances, in.InstanceId, "instanceId", noInstance)
	switch {
	case err != nil:
		return nil, err
	case i.in(types.InstanceStateNamePending) || i.gone():
		return nil, core.Refuse("InvalidInstanceID", "The %s instance '%s' is not in a valid state for this operation.", i.State.Name, *i.InstanceId)
	case len(i.interfaces) > 1:
		return nil, core.Refuse("InvalidInstanceID", "There are multiple interfaces attached to instance '%s'. Please specify an interface ID for the operation instead.", *i.InstanceId)
	}
	return n.primary(i), nil
}

// associate maps an Elastic IP address to a network interface's primary private address.
func (n *Network) associate(r *core.Request, a *types.Address, eni *types.NetworkInterface) {
	a.AssociationId = ptr(r.NewID("eipassoc"))
	a.NetworkInterfaceId, a.NetworkInterfaceOwnerId, a.PrivateIpAddress = eni.NetworkInterfaceId, eni.OwnerId, eni.PrivateIpAddress
	if eni.Attachment != nil {
		a.InstanceId = eni.Attachment.InstanceId
	}
	eni.Association = &types.NetworkInterfaceAssociation{AllocationId: a.AllocationId, AssociationId: a.AssociationId,
		PublicIp: a.PublicIp, IpOwnerId: ptr(r.Account)}
}

func (n *Network) disassociate(a *types.Address) {
	if eni := n.interfaces.Get(val(a.NetworkInterfaceId)); eni != nil {
		eni.Association = nil
	}
	a.AssociationId, a.NetworkInterfaceId, a.NetworkInterfaceOwnerId, a.PrivateIpAddress, a.InstanceId = nil, nil, nil, nil, nil
}

// disassociateAddress refuses addresses of NAT gateways and load balancers: only those services may take them off.
func disassociateAddress(r *core.Request, in *sdk.DisassociateAddressInput) (*sdk.DisassociateAddressOutput, error) {
	n := Of(r.Region)
	if in.AssociationId == nil {
		return nil, core.Missing("associationId")
	}
	for _, a := range n.addresses.All() {
		if val(a.AssociationId) != *in.AssociationId {
			continue
		}
		if eni := n.interfaces.Get(val(a.NetworkInterfaceId)); eni != nil && val(eni.RequesterManaged) {
			return nil, &core.Error{Code: "AuthFailure", Message: "You do not have permission to access the specified resource.", Status: 401}
		}
		n.disassociate(a)
		return nil, nil
	}
	return nil, noAssociation(*in.AssociationId)
}
