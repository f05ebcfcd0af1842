package ec2

import (
	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// destination is where a route leads to; exactly one of its fields is set.
type destination struct{ v4, v6, list *string }

func readDestination(v4, v6, list *string) (destination, error) {
	given := one(v4, v6, list)
	if len(given) == 0 {
		return destination{}, core.Missing("destinationCidrBlock")
	}
	if len(given) > 1 {
		return destination{}, core.Refuse("InvalidParameterCombination", "A route has one destination: an IPv4 block, an IPv6 block or a prefix list.")
	}
	out := destination{list: list}
	for cidr, into := range map[*string]**string{v4: &out.v4, v6: &out.v6} {
		if cidr == nil {
			continue
		}
		block, ok := canonical(*cidr)
		if !ok || block.Addr().Is4() != (cidr == v4) {
			return out, invalid("Value (%s) for parameter destinationCidrBlock is invalid. This is not a valid CIDR block.", *cidr)
		}
		*into = ptr(block.String())
	}
	return out, nil
}

func (d destination) is(route types.Route) bool {
	return val(d.v4) == val(route.DestinationCidrBlock) && val(d.v6) == val(route.DestinationIpv6CidrBlock) && val(d.list) == val(route.DestinationPrefixListId)
}

func (d destination) String() string { return val(d.v4) + val(d.v6) + val(d.list) }

func place(table *types.RouteTable, d destination) int {
	for i, route := range table.Routes {
		if d.is(route) {
			return i
		}
	}
	return -1
}

// checkTarget says whether the route's target exists and may be used in that VPC, and that there is exactly one.
func (n *Network) checkTarget(r *core.Request, vpcID string, route types.Route) error {
	targets := one(route.GatewayId, route.NatGatewayId, route.EgressOnlyInternetGatewayId, route.CarrierGatewayId, route.NetworkInterfaceId,
		route.InstanceId, route.TransitGatewayId, route.VpcPeeringConnectionId, route.LocalGatewayId)
	if len(targets) == 0 {
		return core.Refuse("MissingParameter", "The request must contain exactly one of gatewayId, natGatewayId, networkInterfaceId, "+
			"vpcPeeringConnectionId, egressOnlyInternetGatewayId, transitGatewayId, localGatewayId, instanceId or carrierGatewayId")
	}
	if len(targets) > 1 {
		return core.Refuse("InvalidParameterCombination", "A route has exactly one target, but %d were given.", len(targets))
	}
	switch {
	case route.NatGatewayId != nil:
		return n.checkNATTarget(r, vpcID, route)
	case route.EgressOnlyInternetGatewayId != nil:
		gateway, err := find(r, &n.egress, route.EgressOnlyInternetGatewayId, "egressOnlyInternetGatewayId", noEgress)
		if err == nil && route.DestinationCidrBlock != nil {
			return invalid("An egress-only internet gateway takes IPv6 destinations only, not %s", *route.DestinationCidrBlock)
		}
		return sameNetwork(err, vpcID, *route.EgressOnlyInternetGatewayId, func() string { return egressVPC(gateway) })
	case route.CarrierGatewayId != nil:
		gateway, err := find(r, &n.carriers, route.CarrierGatewayId, "carrierGatewayId", noCarrier)
		return sameNetwork(err, vpcID, *route.CarrierGatewayId, func() string { return *gateway.VpcId })
	case route.NetworkInterfaceId != nil:
		eni, err := find(r, &n.interfaces, route.NetworkInterfaceId, "networkInterfaceId", noInterface)
		return sameNetwork(err, vpcID, *route.NetworkInterfaceId, func() string { return *eni.VpcId })
	case route.InstanceId != nil:
		return noInstance(*route.InstanceId)
	case route.GatewayId != nil && *route.GatewayId != "local":
		return n.checkGatewayTarget(r, vpcID, *route.GatewayId)
	}
	return nil
}

func sameNetwork(err error, vpcID, target string, of func() string) error {
	if err != nil {
		return err
	}
	if of() != vpcID {
		return invalid("route table and %s belong to different networks", target)
	}
	return nil
}

func (n *Network) checkNATTarget(r *core.Request, vpcID string, route types.Route) error {
	gateway, err := find(r, &n.nats, route.NatGatewayId, "natGatewayId", refusal(noNATForRoute))
	if err == nil && natGone(gateway) {
		return noNATForRoute(*route.NatGatewayId)
	}
	return sameNetwork(err, vpcID, *route.NatGatewayId, func() string { return *gateway.VpcId })
}

func noNATForRoute(id string) error {
	return core.Refuse("InvalidNatGatewayID.NotFound", "The natGateway ID '%s' does not exist", id)
}

func (n *Network) checkGatewayTarget(r *core.Request, vpcID, id string) error {
	gateway, err := find(r, &n.gateways, &id, "gatewayId", noGateway)
	if err != nil {
		return err
	}
	if len(gateway.Attachments) == 0 {
		return invalid("route table and network gateway %s belong to different networks", id)
	}
	return sameNetwork(nil, vpcID, "network gateway "+id, func() string { return *gateway.Attachments[0].VpcId })
}

func createRoute(r *core.Request, in *sdk.CreateRouteInput) (*sdk.CreateRouteOutput, error) {
	n := Of(r.Region)
	table, err := find(r, &n.routeTables, in.RouteTableId, "routeTableId", noRouteTable)
	if err != nil {
		return nil, err
	}
	to, err := readDestination(in.DestinationCidrBlock, in.DestinationIpv6CidrBlock, in.DestinationPrefixListId)
	if err != nil {
		return nil, err
	}
	route := types.Route{
		DestinationCidrBlock: to.v4, DestinationIpv6CidrBlock: to.v6, DestinationPrefixListId: to.list, Origin: types.RouteOriginCreateRoute,
		GatewayId: in.GatewayId, NatGatewayId: in.NatGatewayId, EgressOnlyInternetGatewayId: in.EgressOnlyInternetGatewayId,
		CarrierGatewayId: in.CarrierGatewayId, NetworkInterfaceId: in.NetworkInterfaceId, InstanceId: in.InstanceId,
		TransitGatewayId: in.TransitGatewayId, VpcPeeringConnectionId: in.VpcPeeringConnectionId, LocalGatewayId: in.LocalGatewayId,
	}
	if err := n.checkTarget(r, *table.VpcId, route); err != nil {
		return nil, err
	}
	if at := place(table, to); at >= 0 {
		if sameTarget(table.Routes[at], route) {
			return &sdk.CreateRouteOutput{Return: ptr(true)}, nil // the same route again is no error in EC2
		}
		return nil, core.Refuse("RouteAlreadyExists", "The route identified by %s already exists.", to)
	}
	if err := withinQuota(r, len(table.Routes), "routesPerRouteTable", generous, "RouteLimitExceeded", "routes of the route table"); err != nil {
		return nil, err
	}
	table.Routes = append(table.Routes, route)
	return &sdk.CreateRouteOutput{Return: ptr(true)}, nil
}

func sameTarget(a, b types.Route) bool {
	return val(a.GatewayId) == val(b.GatewayId) && val(a.NatGatewayId) == val(b.NatGatewayId) && val(a.CarrierGatewayId) == val(b.CarrierGatewayId) &&
		val(a.EgressOnlyInternetGatewayId) == val(b.EgressOnlyInternetGatewayId) && val(a.NetworkInterfaceId) == val(b.NetworkInterfaceId) &&
		val(a.TransitGatewayId) == val(b.TransitGatewayId) && val(a.VpcPeeringConnectionId) == val(b.VpcPeeringConnectionId) &&
		val(a.LocalGatewayId) == val(b.LocalGatewayId)
}

func replaceRoute(r *core.Request, in *sdk.ReplaceRouteInput) (*sdk.ReplaceRouteOutput, error) {
	n := Of(r.Region)
	table, err := find(r, &n.routeTables, in.RouteTableId, "routeTableId", noRouteTable)
	if err != nil {
		return nil, err
	}
	to, err := readDestination(in.DestinationCidrBlock, in.DestinationIpv6CidrBlock, in.DestinationPrefixListId)
	if err != nil {
		return nil, err
	}
	at := place(table, to)
	if at < 0 {
		return nil, invalid("There is no route defined for '%s' in the route table. Use CreateRoute instead.", to)
	}
	route := types.Route{
		DestinationCidrBlock: to.v4, DestinationIpv6CidrBlock: to.v6, DestinationPrefixListId: to.list, Origin: table.Routes[at].Origin,
		GatewayId: in.GatewayId, NatGatewayId: in.NatGatewayId, EgressOnlyInternetGatewayId: in.EgressOnlyInternetGatewayId,
		CarrierGatewayId: in.CarrierGatewayId, NetworkInterfaceId: in.NetworkInterfaceId, InstanceId: in.InstanceId,
		TransitGatewayId: in.TransitGatewayId, VpcPeeringConnectionId: in.VpcPeeringConnectionId, LocalGatewayId: in.LocalGatewayId,
	}
	if val(in.LocalTarget) {
		route.GatewayId = ptr("local")
	}
	if err := n.checkTarget(r, *table.VpcId, route); err != nil {
		return nil, err
	}
	table.Routes[at] = route
	return nil, nil
}

func deleteRoute(r *core.Request, in *sdk.DeleteRouteInput) (*sdk.DeleteRouteOutput, error) {
	table, err := find(r, &Of(r.Region).routeTables, in.RouteTableId, "routeTableId", noRouteTable)
	if err != nil {
		return nil, err
	}
	to, err := readDestination(in.DestinationCidrBlock, in.DestinationIpv6CidrBlock, in.DestinationPrefixListId)
	if err != nil {
		return nil, err
	}
	at := place(table, to)
	if at < 0 {
		return nil, core.Refuse("InvalidRoute.NotFound", "no route with destination-cidr-block %s in route table %s", to, *table.RouteTableId)
	}
	if val(table.Routes[at].GatewayId) == "local" {
		return nil, invalid("cannot remove local route %s in route table %s", to, *table.RouteTableId)
	}
	table.Routes = append(table.Routes[:at:at], table.Routes[at+1:]...)
	return nil, nil
}
