package ec2

import (
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// attachedGateway is the internet gateway of a VPC, or nil.
func (n *Network) attachedGateway(vpcID string) *types.InternetGateway {
	for _, gateway := range n.gateways.All() {
		if len(gateway.Attachments) > 0 && *gateway.Attachments[0].VpcId == vpcID {
			return gateway
		}
	}
	return nil
}

func (n *Network) showGateway(g *types.InternetGateway) *types.InternetGateway {
	out := *g
	out.Tags = n.tags[*g.InternetGatewayId]
	return &out
}

func createInternetGateway(r *core.Request, in *sdk.CreateInternetGatewayInput) (*sdk.CreateInternetGatewayOutput, error) {
	n := Of(r.Region)
	tags, err := tagsFor(in.TagSpecifications, types.ResourceTypeInternetGateway)
	if err != nil {
		return nil, err
	}
	if err := withinQuota(r, n.gateways.Len(), "internetGateways", generous, "InternetGatewayLimitExceeded", "internet gateways"); err != nil {
		return nil, err
	}
	id := r.NewID("igw")
	made := &types.InternetGateway{InternetGatewayId: ptr(id), OwnerId: ptr(r.Account), Attachments: []types.InternetGatewayAttachment{}}
	n.gateways.Put(id, made, r.Now())
	n.setTags(id, tags)
	r.Touch(id)
	return &sdk.CreateInternetGatewayOutput{InternetGateway: n.showGateway(made)}, nil
}

var gatewayFilters = filters[types.InternetGateway]{
	"internet-gateway-id": func(g *types.InternetGateway) []string { return one(g.InternetGatewayId) },
	"owner-id":            func(g *types.InternetGateway) []string { return one(g.OwnerId) },
	"attachment.vpc-id": func(g *types.InternetGateway) []string {
		return each(g.Attachments, func(a types.InternetGatewayAttachment) *string { return a.VpcId })
	},
	"attachment.state": func(g *types.InternetGateway) []string {
		return each(g.Attachments, func(a types.InternetGatewayAttachment) *string { return ptr(string(a.State)) })
	},
}

func describeInternetGateways(r *core.Request, in *sdk.DescribeInternetGatewaysInput) (*sdk.DescribeInternetGatewaysOutput, error) {
	n := Of(r.Region)
	page, err := describe(r, &n.gateways, query{in.InternetGatewayIds, in.Filters, in.NextToken, in.MaxResults}, gatewayFilters, noGateway)
	if err != nil {
		return nil, err
	}
	out := &sdk.DescribeInternetGatewaysOutput{InternetGateways: []types.InternetGateway{}, NextToken: next(page.Next)}
	for _, gateway := range page.Items {
		out.InternetGateways = append(out.InternetGateways, *n.showGateway(gateway))
	}
	return out, nil
}

func attachInternetGateway(r *core.Request, in *sdk.AttachInternetGatewayInput) (*sdk.AttachInternetGatewayOutput, error) {
	n := Of(r.Region)
	gateway, err := find(r, &n.gateways, in.InternetGatewayId, "internetGatewayId", noGateway)
	if err != nil {
		return nil, err
	}
	v, err := find(r, &n.vpcs, in.VpcId, "vpcId", noVPC)
	if err != nil {
		return nil, err
	}
	if len(gateway.Attachments) > 0 {
		return nil, core.Refuse("Resource.AlreadyAssociated", "resource %s is already attached to network %s",
			*gateway.InternetGatewayId, *gateway.Attachments[0].VpcId)
	}
	if n.attachedGateway(*v.VpcId) != nil {
		return nil, invalid("Network %s already has an internet gateway attached", *v.VpcId)
	}
	gateway.Attachments = []types.InternetGatewayAttachment{{VpcId: v.VpcId, State: "available"}}
	return nil, nil
}

// detachInternetGateway refuses while anything in the VPC has a public address: Elastic IP addresses and internet-facing load balancers.
func detachInternetGateway(r *core.Request, in *sdk.DetachInternetGatewayInput) (*sdk.DetachInternetGatewayOutput, error) {
	n := Of(r.Region)
	gateway, err := find(r, &n.gateways, in.InternetGatewayId, "internetGatewayId", noGateway)
	if err != nil {
		return nil, err
	}
	v, err := find(r, &n.vpcs, in.VpcId, "vpcId", noVPC)
	if err != nil {
		return nil, err
	}
	if len(gateway.Attachments) == 0 || *gateway.Attachments[0].VpcId != *v.VpcId {
		return nil, core.Refuse("Gateway.NotAttached", "resource %s is not attached to network %s", *gateway.InternetGatewayId, *v.VpcId)
	}
	if n.interfaces.Any(func(eni *types.NetworkInterface) bool { return *eni.VpcId == *v.VpcId && eni.Association != nil }) {
		return nil, core.Refuse("DependencyViolation", "Network %s has some mapped public address(es). Please unmap those public address(es) before "+
			"detaching the gateway.", *v.VpcId)
	}
	gateway.Attachments = []types.InternetGatewayAttachment{}
	return nil, nil
}

func deleteInternetGateway(r *core.Request, in *sdk.DeleteInternetGatewayInput) (*sdk.DeleteInternetGatewayOutput, error) {
	n := Of(r.Region)
	gateway, err := find(r, &n.gateways, in.InternetGatewayId, "internetGatewayId", noGateway)
	if err != nil {
		return nil, err
	}
	if len(gateway.Attachments) > 0 {
		return nil, hasDependencies("internetGateway", *gateway.InternetGatewayId)
	}
	n.gateways.Delete(*gateway.InternetGatewayId)
	delete(n.tags, *gateway.InternetGatewayId)
	return nil, nil
}

func egressVPC(g *types.EgressOnlyInternetGateway) string {
	if len(g.Attachments) == 0 {
		return ""
	}
	return val(g.Attachments[0].VpcId)
}

func (n *Network) showEgress(g *types.EgressOnlyInternetGateway) *types.EgressOnlyInternetGateway {
	out := *g
	out.Tags = n.tags[*g.EgressOnlyInternetGatewayId]
	return &out
}

func createEgressOnlyInternetGateway(r *core.Request, in *sdk.CreateEgressOnlyInternetGatewayInput) (*sdk.CreateEgressOnlyInternetGatewayOutput, error) {
	n := Of(r.Region)
	id, err := core.Once(r, in, in.ClientToken, func() (string, error) {
		v, err := find(r, &n.vpcs, in.VpcId, "vpcId", noVPC)
		if err != nil {
			return "", err
		}
		tags, err := tagsFor(in.TagSpecifications, types.ResourceTypeEgressOnlyInternetGateway)
		if err != nil {
			return "", err
		}
		if err := withinQuota(r, n.egress.Len(), "egressOnlyInternetGateways", generous, "EgressOnlyInternetGatewayLimitExceeded",
			"egress-only internet gateways"); err != nil {
			return "", err
		}
		id := r.NewID("eigw")
		n.egress.Put(id, &types.EgressOnlyInternetGateway{EgressOnlyInternetGatewayId: ptr(id),
			Attachments: []types.InternetGatewayAttachment{{VpcId: v.VpcId, State: types.AttachmentStatusAttached}}}, r.Now())
		n.setTags(id, tags)
		return id, nil
	})
	if err != nil {
		return nil, err
	}
	gateway := n.egress.Get(id)
	if gateway == nil {
		return nil, noEgress(id)
	}
	r.Touch(id)
	return &sdk.CreateEgressOnlyInternetGatewayOutput{EgressOnlyInternetGateway: n.showEgress(gateway), ClientToken: in.ClientToken}, nil
}

func describeEgressOnlyInternetGateways(r *core.Request, in *sdk.DescribeEgressOnlyInternetGatewaysInput) (*sdk.DescribeEgressOnlyInternetGatewaysOutput, error) {
	n := Of(r.Region)
	// AWS documents only filters on tags here.
	page, err := describe(r, &n.egress, query{in.EgressOnlyInternetGatewayIds, in.Filters, in.NextToken, in.MaxResults}, nil, noEgress)
	if err != nil {
		return nil, err
	}
	out := &sdk.DescribeEgressOnlyInternetGatewaysOutput{EgressOnlyInternetGateways: []types.EgressOnlyInternetGateway{}, NextToken: next(page.Next)}
	for _, gateway := range page.Items {
		out.EgressOnlyInternetGateways = append(out.EgressOnlyInternetGateways, *n.showEgress(gateway))
	}
	return out, nil
}

func deleteEgressOnlyInternetGateway(r *core.Request, in *sdk.DeleteEgressOnlyInternetGatewayInput) (*sdk.DeleteEgressOnlyInternetGatewayOutput, error) {
	n := Of(r.Region)
	gateway, err := find(r, &n.egress, in.EgressOnlyInternetGatewayId, "egressOnlyInternetGatewayId", noEgress)
	if err != nil {
		return nil, err
	}
	n.egress.Delete(*gateway.EgressOnlyInternetGatewayId)
	delete(n.tags, *gateway.EgressOnlyInternetGatewayId)
	return &sdk.DeleteEgressOnlyInternetGatewayOutput{ReturnCode: ptr(true)}, nil
}

func (n *Network) showCarrier(g *types.CarrierGateway) *types.CarrierGateway {
	out := *g
	out.Tags = n.tags[*g.CarrierGatewayId]
	return &out
}

func createCarrierGateway(r *core.Request, in *sdk.CreateCarrierGatewayInput) (*sdk.CreateCarrierGatewayOutput, error) {
	n := Of(r.Region)
	id, err := core.Once(r, in, in.ClientToken, func() (string, error) {
		v, err := find(r, &n.vpcs, in.VpcId, "vpcId", noVPC)
		if err != nil {
			return "", err
		}
		tags, err := tagsFor(in.TagSpecifications, types.ResourceTypeCarrierGateway)
		if err != nil {
			return "", err
		}
		if n.carriers.Any(func(g *types.CarrierGateway) bool {
			return *g.VpcId == *v.VpcId && g.State != types.CarrierGatewayStateDeleted
		}) {
			return "", core.Refuse("CarrierGatewayLimitExceeded", "The VPC %s already has a carrier gateway.", *v.VpcId)
		}
		id := r.NewID("cagw")
		n.carriers.Put(id, &types.CarrierGateway{CarrierGatewayId: ptr(id), VpcId: v.VpcId, OwnerId: ptr(r.Account),
			State: types.CarrierGatewayStateAvailable}, r.Now())
		n.setTags(id, tags)
		return id, nil
	})
	if err != nil {
		return nil, err
	}
	gateway := n.carriers.Get(id)
	if gateway == nil {
		return nil, noCarrier(id)
	}
	r.Touch(id)
	return &sdk.CreateCarrierGatewayOutput{CarrierGateway: n.showCarrier(gateway)}, nil
}

var carrierFilters = filters[types.CarrierGateway]{
	"carrier-gateway-id": func(g *types.CarrierGateway) []string { return one(g.CarrierGatewayId) },
	"owner-id":           func(g *types.CarrierGateway) []string { return one(g.OwnerId) },
	"state":              func(g *types.CarrierGateway) []string { return []string{string(g.State)} },
	"vpc-id":             func(g *types.CarrierGateway) []string { return one(g.VpcId) },
}

func describeCarrierGateways(r *core.Request, in *sdk.DescribeCarrierGatewaysInput) (*sdk.DescribeCarrierGatewaysOutput, error) {
	n := Of(r.Region)
	page, err := describe(r, &n.carriers, query{in.CarrierGatewayIds, in.Filters, in.NextToken, in.MaxResults}, carrierFilters, noCarrier)
	if err != nil {
		return nil, err
	}
	out := &sdk.DescribeCarrierGatewaysOutput{CarrierGateways: []types.CarrierGateway{}, NextToken: next(page.Next)}
	for _, gateway := range page.Items {
		out.CarrierGateways = append(out.CarrierGateways, *n.showCarrier(gateway))
	}
	return out, nil
}

func deleteCarrierGateway(r *core.Request, in *sdk.DeleteCarrierGatewayInput) (*sdk.DeleteCarrierGatewayOutput, error) {
	n := Of(r.Region)
	gateway, err := find(r, &n.carriers, in.CarrierGatewayId, "carrierGatewayId", noCarrier)
	if err != nil {
		return nil, err
	}
	gateway.State = types.CarrierGatewayStateDeleting
	id := *gateway.CarrierGatewayId
	r.After(r.Config.DeletionDelay, func() {
		n.carriers.Delete(id)
		delete(n.tags, id)
	})
	return &sdk.DeleteCarrierGatewayOutput{CarrierGateway: n.showCarrier(gateway)}, nil
}
