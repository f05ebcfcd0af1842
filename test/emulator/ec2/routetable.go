package ec2

import (
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

func isMain(t *types.RouteTable) bool {
	for _, association := range t.Associations {
		if val(association.Main) {
			return true
		}
	}
	return false
}

func (n *Network) addRouteTable(r *core.Request, v *vpc, main bool) *types.RouteTable {
	id := r.NewID("rtb")
	table := &types.RouteTable{RouteTableId: ptr(id), VpcId: v.VpcId, OwnerId: ptr(r.Account),
		Associations: []types.RouteTableAssociation{}, PropagatingVgws: []types.PropagatingVgw{}}
	if main {
		table.Associations = append(table.Associations, newAssociation(r, id, nil, true))
	}
	n.routeTables.Put(id, table, r.Now())
	n.addLocalRoutes(*v.VpcId)
	return table
}

func newAssociation(r *core.Request, table string, subnet *string, main bool) types.RouteTableAssociation {
	return types.RouteTableAssociation{RouteTableAssociationId: ptr(r.NewID("rtbassoc")), RouteTableId: ptr(table), SubnetId: subnet, Main: ptr(main),
		AssociationState: &types.RouteTableAssociationState{State: types.RouteTableAssociationStateCodeAssociated}}
}

// addLocalRoutes gives every route table of the VPC one local route per block of the VPC, and takes away those of lost blocks.
func (n *Network) addLocalRoutes(vpcID string) {
	v := n.vpcs.Get(vpcID)
	for _, table := range n.routeTables.Where(func(t *types.RouteTable) bool { return *t.VpcId == vpcID }) {
		routes := []types.Route{}
		for _, block := range v.blocks() {
			routes = append(routes, types.Route{DestinationCidrBlock: ptr(block.String()), GatewayId: ptr("local"),
				Origin: types.RouteOriginCreateRouteTable, State: types.RouteStateActive})
		}
		for _, block := range v.ipv6Blocks() {
			routes = append(routes, types.Route{DestinationIpv6CidrBlock: ptr(block.String()), GatewayId: ptr("local"),
				Origin: types.RouteOriginCreateRouteTable, State: types.RouteStateActive})
		}
		for _, route := range table.Routes {
			if val(route.GatewayId) != "local" {
				routes = append(routes, route)
			}
		}
		table.Routes = routes
	}
}

func createRouteTable(r *core.Request, in *sdk.CreateRouteTableInput) (*sdk.CreateRouteTableOutput, error) {
	n := Of(r.Region)
	id, err := core.Once(r, in, in.ClientToken, func() (string, error) {
		v, err := find(r, &n.vpcs, in.VpcId, "vpcId", noVPC)
		if err != nil {
			return "", err
		}
		tags, err := tagsFor(in.TagSpecifications, types.ResourceTypeRouteTable)
		if err != nil {
			return "", err
		}
		have := n.routeTables.Count(func(t *types.RouteTable) bool { return *t.VpcId == *v.VpcId })
		if err := withinQuota(r, have, "routeTablesPerVpc", generous, "RouteTableLimitExceeded", "route tables of the VPC"); err != nil {
			return "", err
		}
		table := n.addRouteTable(r, v, false)
		n.setTags(*table.RouteTableId, tags)
		return *table.RouteTableId, nil
	})
	if err != nil {
		return nil, err
	}
	r.Touch(id)
	table := n.routeTables.Get(id)
	if table == nil {
		return nil, noRouteTable(id)
	}
	return &sdk.CreateRouteTableOutput{RouteTable: n.showRouteTable(table), ClientToken: in.ClientToken}, nil
}

// showRouteTable fills in tags and which routes lead nowhere.
func (n *Network) showRouteTable(t *types.RouteTable) *types.RouteTable {
	out := *t
	out.Tags = n.tags[*t.RouteTableId]
	out.Routes = make([]types.Route, len(t.Routes))
	for i, route := range t.Routes {
		route.State = types.RouteStateBlackhole
		if n.reaches(*t.VpcId, route) {
			route.State = types.RouteStateActive
		}
		out.Routes[i] = route
	}
	return &out
}

func (n *Network) reaches(vpcID string, route types.Route) bool {
	switch {
	case val(route.GatewayId) == "local":
		return true
	case route.GatewayId != nil && n.endpoints.Get(*route.GatewayId) != nil:
		return true
	case route.GatewayId != nil:
		gateway := n.attachedGateway(vpcID)
		return gateway != nil && *gateway.InternetGatewayId == *route.GatewayId
	case route.NatGatewayId != nil:
		gateway := n.nats.Get(*route.NatGatewayId)
		return gateway != nil && (gateway.State == types.NatGatewayStateAvailable || gateway.State == types.NatGatewayStatePending)
	case route.EgressOnlyInternetGatewayId != nil:
		return n.egress.Get(*route.EgressOnlyInternetGatewayId) != nil
	case route.CarrierGatewayId != nil:
		gateway := n.carriers.Get(*route.CarrierGatewayId)
		return gateway != nil && gateway.State != types.CarrierGatewayStateDeleted
	case route.NetworkInterfaceId != nil:
		return n.interfaces.Get(*route.NetworkInterfaceId) != nil
	default:
		return true // a peering connection or transit gateway, which are not emulated and taken as there
	}
}

var routeTableFilters = filters[types.RouteTable]{
	"route-table-id":                         func(t *types.RouteTable) []string { return one(t.RouteTableId) },
	"vpc-id":                                 func(t *types.RouteTable) []string { return one(t.VpcId) },
	"owner-id":                               func(t *types.RouteTable) []string { return one(t.OwnerId) },
	"association.route-table-association-id": ofAssociations(func(a types.RouteTableAssociation) *string { return a.RouteTableAssociationId }),
	"association.route-table-id":             ofAssociations(func(a types.RouteTableAssociation) *string { return a.RouteTableId }),
	"association.subnet-id":                  ofAssociations(func(a types.RouteTableAssociation) *string { return a.SubnetId }),
	"association.gateway-id":                 ofAssociations(func(a types.RouteTableAssociation) *string { return a.GatewayId }),
	"association.main":                       ofAssociations(func(a types.RouteTableAssociation) *string { return ptr(flag(a.Main)[0]) }),
	"route.destination-cidr-block":           ofRoutes(func(x types.Route) *string { return x.DestinationCidrBlock }),
	"route.destination-ipv6-cidr-block":      ofRoutes(func(x types.Route) *string { return x.DestinationIpv6CidrBlock }),
	"route.destination-prefix-list-id":       ofRoutes(func(x types.Route) *string { return x.DestinationPrefixListId }),
	"route.gateway-id":                       ofRoutes(func(x types.Route) *string { return x.GatewayId }),
	"route.nat-gateway-id":                   ofRoutes(func(x types.Route) *string { return x.NatGatewayId }),
	"route.instance-id":                      ofRoutes(func(x types.Route) *string { return x.InstanceId }),
	"route.transit-gateway-id":               ofRoutes(func(x types.Route) *string { return x.TransitGatewayId }),
	"route.vpc-peering-connection-id":        ofRoutes(func(x types.Route) *string { return x.VpcPeeringConnectionId }),
	"route.egress-only-internet-gateway-id":  ofRoutes(func(x types.Route) *string { return x.EgressOnlyInternetGatewayId }),
	"route.origin":                           ofRoutes(func(x types.Route) *string { return ptr(string(x.Origin)) }),
	"route.state":                            ofRoutes(func(x types.Route) *string { return ptr(string(x.State)) }),
}

func ofAssociations(read func(types.RouteTableAssociation) *string) func(*types.RouteTable) []string {
	return func(t *types.RouteTable) []string { return each(t.Associations, read) }
}

func ofRoutes(read func(types.Route) *string) func(*types.RouteTable) []string {
	return func(t *types.RouteTable) []string { return each(t.Routes, read) }
}

func describeRouteTables(r *core.Request, in *sdk.DescribeRouteTablesInput) (*sdk.DescribeRouteTablesOutput, error) {
	n := Of(r.Region)
	for _, table := range n.routeTables.All() {
		table.Routes = n.showRouteTable(table).Routes // so that route.state can be filtered on
	}
	page, err := describe(r, &n.routeTables, query{in.RouteTableIds, in.Filters, in.NextToken, in.MaxResults}, routeTableFilters, noRouteTable)
	if err != nil {
		return nil, err
	}
	out := &sdk.DescribeRouteTablesOutput{RouteTables: []types.RouteTable{}, NextToken: next(page.Next)}
	for _, table := range page.Items {
		out.RouteTables = append(out.RouteTables, *n.showRouteTable(table))
	}
	return out, nil
}

// deleteRouteTable refuses the main route table and one that a subnet is associated with.
func deleteRouteTable(r *core.Request, in *sdk.DeleteRouteTableInput) (*sdk.DeleteRouteTableOutput, error) {
	n := Of(r.Region)
	table, err := find(r, &n.routeTables, in.RouteTableId, "routeTableId", noRouteTable)
	if err != nil {
		return nil, err
	}
	if len(table.Associations) > 0 {
		return nil, hasDependencies("routeTable", *table.RouteTableId)
	}
	for _, endpoint := range n.endpoints.All() {
		endpoint.RouteTableIds = without(endpoint.RouteTableIds, *table.RouteTableId)
	}
	n.routeTables.Delete(*table.RouteTableId)
	delete(n.tags, *table.RouteTableId)
	return nil, nil
}

func without(list []string, drop ...string) []string {
	out := []string{}
	for _, value := range list {
		keep := true
		for _, d := range drop {
			keep = keep && d != value
		}
		if keep {
			out = append(out, value)
		}
	}
	return out
}

func associateRouteTable(r *core.Request, in *sdk.AssociateRouteTableInput) (*sdk.AssociateRouteTableOutput, error) {
	n := Of(r.Region)
	table, err := find(r, &n.routeTables, in.RouteTableId, "routeTableId", noRouteTable)
	if err != nil {
		return nil, err
	}
	if in.GatewayId != nil {
		return nil, core.Refuse("UnsupportedOperation", "Gateway route tables are not emulated.")
	}
	subnet, err := find(r, &n.subnets, in.SubnetId, "subnetId", noSubnet)
	if err != nil {
		return nil, err
	}
	if *subnet.VpcId != *table.VpcId {
		return nil, invalid("Route table %s and subnet %s belong to different networks", *table.RouteTableId, *subnet.SubnetId)
	}
	if other, i := n.association(func(a types.RouteTableAssociation) bool { return val(a.SubnetId) == *subnet.SubnetId }); other != nil {
		association := other.Associations[i]
		if *other.RouteTableId == *table.RouteTableId {
			return associated(association), nil // the same association again is the association that is there
		}
		return nil, core.Refuse("Resource.AlreadyAssociated", "the specified association for route table %s conflicts with an existing association", *table.RouteTableId)
	}
	association := newAssociation(r, *table.RouteTableId, subnet.SubnetId, false)
	table.Associations = append(table.Associations, association)
	r.Touch(*association.RouteTableAssociationId)
	return associated(association), nil
}

func associated(a types.RouteTableAssociation) *sdk.AssociateRouteTableOutput {
	return &sdk.AssociateRouteTableOutput{AssociationId: a.RouteTableAssociationId, AssociationState: a.AssociationState}
}

// association finds the first association that matches: its table and its place there.
func (n *Network) association(match func(types.RouteTableAssociation) bool) (*types.RouteTable, int) {
	for _, table := range n.routeTables.All() {
		for i, association := range table.Associations {
			if match(association) {
				return table, i
			}
		}
	}
	return nil, 0
}

func byAssociationID(id *string) func(types.RouteTableAssociation) bool {
	return func(a types.RouteTableAssociation) bool { return *a.RouteTableAssociationId == val(id) }
}

func disassociateRouteTable(r *core.Request, in *sdk.DisassociateRouteTableInput) (*sdk.DisassociateRouteTableOutput, error) {
	table, i := Of(r.Region).association(byAssociationID(in.AssociationId))
	if table == nil {
		return nil, noAssociation(val(in.AssociationId))
	}
	if val(table.Associations[i].Main) {
		return nil, invalid("cannot disassociate the main route table association %s", *in.AssociationId)
	}
	table.Associations = append(table.Associations[:i:i], table.Associations[i+1:]...)
	return nil, nil
}

// replaceRouteTableAssociation moves a subnet, or the role of main route table, to another table under a new association id.
func replaceRouteTableAssociation(r *core.Request, in *sdk.ReplaceRouteTableAssociationInput) (*sdk.ReplaceRouteTableAssociationOutput, error) {
	n := Of(r.Region)
	target, err := find(r, &n.routeTables, in.RouteTableId, "routeTableId", noRouteTable)
	if err != nil {
		return nil, err
	}
	table, i := n.association(byAssociationID(in.AssociationId))
	if table == nil {
		return nil, noAssociation(val(in.AssociationId))
	}
	if *table.VpcId != *target.VpcId {
		return nil, invalid("Route tables %s and %s belong to different networks", *table.RouteTableId, *target.RouteTableId)
	}
	old := table.Associations[i]
	table.Associations = append(table.Associations[:i:i], table.Associations[i+1:]...)
	moved := newAssociation(r, *target.RouteTableId, old.SubnetId, val(old.Main))
	target.Associations = append(target.Associations, moved)
	r.Touch(*moved.RouteTableAssociationId)
	return &sdk.ReplaceRouteTableAssociationOutput{NewAssociationId: moved.RouteTableAssociationId, AssociationState: moved.AssociationState}, nil
}
