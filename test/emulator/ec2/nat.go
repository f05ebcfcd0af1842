package ec2

import (
	"fmt"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// natInterface is the interface type that EC2 answers with and documents as a filter's value; the SDK's constant spells it otherwise.
const natInterface types.NetworkInterfaceType = "nat_gateway"

// natGone says whether a NAT gateway no longer stands in its subnet.
func natGone(g *types.NatGateway) bool {
	return g.State == types.NatGatewayStateDeleted || g.State == types.NatGatewayStateFailed
}

func (n *Network) showNAT(g *types.NatGateway) *types.NatGateway {
	out := *g
	out.Tags = n.tags[*g.NatGatewayId]
	return &out
}

func createNatGateway(r *core.Request, in *sdk.CreateNatGatewayInput) (*sdk.CreateNatGatewayOutput, error) {
	n := Of(r.Region)
	id, err := core.Once(r, in, in.ClientToken, func() (string, error) { return n.startNAT(r, in) })
	if err != nil {
		return nil, err
	}
	gateway := n.nats.Get(id)
	if gateway == nil {
		return nil, noNAT(id)
	}
	r.Touch(id)
	return &sdk.CreateNatGatewayOutput{NatGateway: n.showNAT(gateway), ClientToken: in.ClientToken}, nil
}

func (n *Network) startNAT(r *core.Request, in *sdk.CreateNatGatewayInput) (string, error) {
	subnet, err := find(r, &n.subnets, in.SubnetId, "subnetId", noSubnet)
	if err != nil {
		return "", err
	}
	tags, err := tagsFor(in.TagSpecifications, types.ResourceTypeNatgateway)
	if err != nil {
		return "", err
	}
	private := in.ConnectivityType == types.ConnectivityTypePrivate
	switch {
	case in.AvailabilityMode == types.AvailabilityModeRegional || len(in.SecondaryAllocationIds) > 0:
		return "", core.Refuse("UnsupportedOperation", "Regional NAT gateways and secondary addresses are not emulated.")
	case private && in.AllocationId != nil:
		return "", core.Refuse("InvalidParameterCombination", "AllocationId cannot be specified for a private NAT gateway")
	case !private && in.AllocationId == nil:
		return "", core.Missing("AllocationId")
	}
	if !private {
		if _, err := find(r, &n.addresses, in.AllocationId, "allocationId", noAllocation); err != nil {
			return "", err
		}
	}
	alike := n.nats.Count(func(g *types.NatGateway) bool {
		other := n.subnets.Get(val(g.SubnetId))
		return !natGone(g) && other != nil && *other.AvailabilityZone == *subnet.AvailabilityZone
	})
	if err := withinQuota(r, alike, "natGatewaysPerZone", generous, "NatGatewayLimitExceeded", "NAT gateways of the Availability Zone"); err != nil {
		return "", err
	}
	made := &types.NatGateway{NatGatewayId: ptr(r.NewID("nat")), SubnetId: subnet.SubnetId, VpcId: subnet.VpcId, State: types.NatGatewayStatePending,
		CreateTime: ptr(r.Now()), ConnectivityType: types.ConnectivityTypePublic, AvailabilityMode: types.AvailabilityModeZonal}
	if private {
		made.ConnectivityType = types.ConnectivityTypePrivate
	}
	n.nats.Put(*made.NatGatewayId, made, r.Now())
	n.setTags(*made.NatGatewayId, tags)
	n.placeNAT(r, made, in)
	return *made.NatGatewayId, nil
}

// placeNAT gives the gateway its interface and address at once, and lets it become available, or fail, later. What AWS finds out only
// while it builds the gateway ("Troubleshoot NAT gateways") ends in state failed, not in a refusal.
func (n *Network) placeNAT(r *core.Request, g *types.NatGateway, in *sdk.CreateNatGatewayInput) {
	id, delay := *g.NatGatewayId, r.Config.NATGatewayDelay
	fail := func(code, message string) {
		g.NatGatewayAddresses = []types.NatGatewayAddress{{AllocationId: in.AllocationId, IsPrimary: ptr(true)}}
		r.After(delay, func() {
			g.State, g.FailureCode, g.FailureMessage = types.NatGatewayStateFailed, ptr(code), ptr(message)
		})
	}
	a := n.addresses.Get(val(in.AllocationId))
	switch {
	case a != nil && a.AssociationId != nil:
		fail("Resource.AlreadyAssociated", fmt.Sprintf("Elastic IP address [%s] is already associated", *a.AllocationId))
		return
	case a != nil && n.attachedGateway(*g.VpcId) == nil:
		fail("Gateway.NotAttached", fmt.Sprintf("Network %s has no Internet gateway attached", *g.VpcId))
		return
	}
	eni, err := n.AddInterface(r, InterfaceSpec{SubnetID: *g.SubnetId, Description: "Interface for NAT Gateway " + id, Owner: "amazon-aws",
		Type: natInterface})
	if err != nil {
		fail("InsufficientFreeAddressesInSubnet", "Subnet has insufficient free addresses to create this NAT gateway")
		return
	}
	address := types.NatGatewayAddress{NetworkInterfaceId: eni.NetworkInterfaceId, PrivateIp: eni.PrivateIpAddress, IsPrimary: ptr(true),
		Status: types.NatGatewayAddressStatusSucceeded}
	if a != nil {
		n.associate(r, a, eni)
		address.AllocationId, address.AssociationId, address.PublicIp = a.AllocationId, a.AssociationId, a.PublicIp
	}
	g.NatGatewayAddresses = []types.NatGatewayAddress{address}
	r.After(delay, func() {
		if g.State == types.NatGatewayStatePending {
			g.State = types.NatGatewayStateAvailable
		}
	})
}

var natFilters = filters[types.NatGateway]{
	"nat-gateway-id": func(g *types.NatGateway) []string { return one(g.NatGatewayId) },
	"state":          func(g *types.NatGateway) []string { return []string{string(g.State)} },
	"subnet-id":      func(g *types.NatGateway) []string { return one(g.SubnetId) },
	"vpc-id":         func(g *types.NatGateway) []string { return one(g.VpcId) },
}

func describeNatGateways(r *core.Request, in *sdk.DescribeNatGatewaysInput) (*sdk.DescribeNatGatewaysOutput, error) {
	n := Of(r.Region)
	page, err := describe(r, &n.nats, query{in.NatGatewayIds, in.Filter, in.NextToken, in.MaxResults}, natFilters, noNAT)
	if err != nil {
		return nil, err
	}
	out := &sdk.DescribeNatGatewaysOutput{NatGateways: []types.NatGateway{}, NextToken: next(page.Next)}
	for _, g := range page.Items {
		out.NatGateways = append(out.NatGateways, *n.showNAT(g))
	}
	return out, nil
}

// deleteNatGateway frees interface and address when the gateway is deleted, not before. Deleting it again changes nothing.
func deleteNatGateway(r *core.Request, in *sdk.DeleteNatGatewayInput) (*sdk.DeleteNatGatewayOutput, error) {
	n := Of(r.Region)
	g, err := find(r, &n.nats, in.NatGatewayId, "natGatewayId", noNAT)
	if err != nil {
		return nil, err
	}
	id, listed := *g.NatGatewayId, r.Config.DeletedListedFor
	out := &sdk.DeleteNatGatewayOutput{NatGatewayId: g.NatGatewayId}
	if g.State == types.NatGatewayStateDeleting || g.State == types.NatGatewayStateDeleted {
		return out, nil
	}
	g.State = types.NatGatewayStateDeleting
	r.After(r.Config.DeletionDelay, func() {
		for _, address := range g.NatGatewayAddresses {
			n.RemoveInterface(val(address.NetworkInterfaceId))
		}
		g.State, g.DeleteTime = types.NatGatewayStateDeleted, ptr(r.Now())
		r.Region.After(listed, func() {
			n.nats.Delete(id)
			delete(n.tags, id)
		})
	})
	return out, nil
}
