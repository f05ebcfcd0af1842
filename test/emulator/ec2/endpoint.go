package ec2

import (
	"errors"
	"fmt"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// fullAccess is the policy of an endpoint for which none was given.
const fullAccess = `{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}`

func (n *Network) showEndpoint(e *types.VpcEndpoint) *types.VpcEndpoint {
	out := *e
	out.Tags = n.tags[*e.VpcEndpointId]
	return &out
}

func createVpcEndpoint(r *core.Request, in *sdk.CreateVpcEndpointInput) (*sdk.CreateVpcEndpointOutput, error) {
	n := Of(r.Region)
	id, err := core.Once(r, in, in.ClientToken, func() (string, error) { return n.newEndpoint(r, in) })
	if err != nil {
		return nil, err
	}
	e := n.endpoints.Get(id)
	if e == nil {
		return nil, noEndpoint(id)
	}
	r.Touch(id)
	return &sdk.CreateVpcEndpointOutput{VpcEndpoint: n.showEndpoint(e), ClientToken: in.ClientToken}, nil
}

func (n *Network) newEndpoint(r *core.Request, in *sdk.CreateVpcEndpointInput) (string, error) {
	v, err := find(r, &n.vpcs, in.VpcId, "vpcId", noVPC)
	if err != nil {
		return "", err
	}
	tags, err := tagsFor(in.TagSpecifications, types.ResourceTypeVpcEndpoint)
	if err != nil {
		return "", err
	}
	if !strings.Contains(val(in.ServiceName), ".vpce.") && !strings.HasPrefix(val(in.ServiceName), "com.amazonaws."+r.Region.Name+".") {
		return "", core.Refuse("InvalidServiceName", "The Vpc Endpoint Service '%s' does not exist", val(in.ServiceName))
	}
	made := &types.VpcEndpoint{VpcEndpointId: ptr(r.NewID("vpce")), VpcId: v.VpcId, OwnerId: ptr(r.Account), ServiceName: in.ServiceName,
		VpcEndpointType: in.VpcEndpointType, CreationTimestamp: ptr(r.Now()), PolicyDocument: in.PolicyDocument, State: types.StateAvailable,
		RequesterManaged: ptr(false), PrivateDnsEnabled: ptr(false), RouteTableIds: []string{}, SubnetIds: []string{}, NetworkInterfaceIds: []string{},
		Groups: []types.SecurityGroupIdentifier{}, DnsEntries: []types.DnsEntry{}, IpAddressType: types.IpAddressTypeIpv4}
	if made.VpcEndpointType == "" {
		made.VpcEndpointType = types.VpcEndpointTypeGateway
	}
	if made.PolicyDocument == nil {
		made.PolicyDocument = ptr(fullAccess)
	}
	if in.IpAddressType != "" {
		made.IpAddressType = in.IpAddressType
	}
	if err := n.checkEndpoint(r, made, in); err != nil {
		return "", err
	}
	if err := n.placeEndpoint(r, made, in); err != nil {
		n.dropEndpointSubnets(made, made.SubnetIds)
		return "", err
	}
	n.endpoints.Put(*made.VpcEndpointId, made, r.Now())
	n.setTags(*made.VpcEndpointId, tags)
	return *made.VpcEndpointId, nil
}

func (n *Network) checkEndpoint(r *core.Request, made *types.VpcEndpoint, in *sdk.CreateVpcEndpointInput) error {
	gateway := made.VpcEndpointType == types.VpcEndpointTypeGateway
	if gateway && len(in.SubnetIds)+len(in.SecurityGroupIds) > 0 {
		return core.Refuse("InvalidParameter", "Subnets and security groups are only for interface endpoints.")
	}
	if !gateway && len(in.RouteTableIds) > 0 {
		return core.Refuse("InvalidParameter", "Route table IDs are only supported for Gateway type VPC Endpoint.")
	}
	if err := n.sameVPC(r, *made.VpcId, in.RouteTableIds, in.SubnetIds); err != nil {
		return err
	}
	twin := n.endpoints.Where(func(e *types.VpcEndpoint) bool {
		return *e.VpcId == *made.VpcId && val(e.ServiceName) == val(made.ServiceName) && e.State != types.StateDeleted
	})
	for _, other := range twin {
		for _, table := range in.RouteTableIds {
			if anyMatch([]string{table}, other.RouteTableIds) {
				return core.Refuse("RouteAlreadyExists", "route table %s already has a route with destination-prefix-list-id of %s", table, *made.ServiceName)
			}
		}
	}
	return nil
}

func (n *Network) sameVPC(r *core.Request, vpcID string, tables, subnets []string) error {
	for _, id := range tables {
		table, err := find(r, &n.routeTables, &id, "routeTableId", noRouteTable)
		if err != nil {
			return err
		}
		if *table.VpcId != vpcID {
			return core.Refuse("InvalidParameter", "The route table %s is not in VPC %s.", id, vpcID)
		}
	}
	for _, id := range subnets {
		subnet, err := find(r, &n.subnets, &id, "subnetId", noSubnet)
		if err != nil {
			return err
		}
		if *subnet.VpcId != vpcID {
			return core.Refuse("InvalidParameter", "The subnet %s is not in VPC %s.", id, vpcID)
		}
	}
	return nil
}

func (n *Network) placeEndpoint(r *core.Request, made *types.VpcEndpoint, in *sdk.CreateVpcEndpointInput) error {
	made.RouteTableIds = append(made.RouteTableIds, in.RouteTableIds...)
	if made.VpcEndpointType != types.VpcEndpointTypeInterface {
		return nil
	}
	made.PrivateDnsEnabled = ptr(in.PrivateDnsEnabled == nil || *in.PrivateDnsEnabled)
	groups := in.SecurityGroupIds
	if len(groups) == 0 {
		groups = []string{n.DefaultGroup(*made.VpcId)}
	}
	for _, id := range groups {
		g, err := find(r, &n.groups, &id, "groupId", noGroup)
		if err != nil {
			return err
		}
		made.Groups = append(made.Groups, types.SecurityGroupIdentifier{GroupId: g.GroupId, GroupName: g.GroupName})
	}
	made.State = types.StatePending
	r.After(r.Config.NATGatewayDelay, func() {
		if made.State == types.StatePending {
			made.State = types.StateAvailable
		}
	})
	return n.addEndpointSubnets(r, made, in.SubnetIds)
}

func (n *Network) addEndpointSubnets(r *core.Request, e *types.VpcEndpoint, subnets []string) error {
	groups := each(e.Groups, func(g types.SecurityGroupIdentifier) *string { return g.GroupId })
	for _, subnet := range subnets {
		eni, err := n.AddInterface(r, InterfaceSpec{SubnetID: subnet, Groups: groups, Owner: "amazon-aws",
			Description: "VPC Endpoint Interface " + *e.VpcEndpointId, Type: types.NetworkInterfaceTypeVpcEndpoint})
		if err != nil {
			return err
		}
		e.SubnetIds = append(e.SubnetIds, subnet)
		e.NetworkInterfaceIds = append(e.NetworkInterfaceIds, *eni.NetworkInterfaceId)
	}
	service := strings.TrimPrefix(*e.ServiceName, "com.amazonaws."+r.Region.Name+".")
	e.DnsEntries = []types.DnsEntry{{DnsName: ptr(fmt.Sprintf("%s-%s.%s.%s.vpce.amazonaws.com", *e.VpcEndpointId, (*e.VpcEndpointId)[5:13], service, r.Region.Name))}}
	return nil
}

var endpointFilters = filters[types.VpcEndpoint]{
	"ip-address-type":    func(e *types.VpcEndpoint) []string { return []string{string(e.IpAddressType)} },
	"service-name":       func(e *types.VpcEndpoint) []string { return one(e.ServiceName) },
	"service-region":     func(e *types.VpcEndpoint) []string { return one(e.ServiceRegion) },
	"vpc-id":             func(e *types.VpcEndpoint) []string { return one(e.VpcId) },
	"vpc-endpoint-id":    func(e *types.VpcEndpoint) []string { return one(e.VpcEndpointId) },
	"vpc-endpoint-state": func(e *types.VpcEndpoint) []string { return []string{string(e.State)} },
	"vpc-endpoint-type":  func(e *types.VpcEndpoint) []string { return []string{string(e.VpcEndpointType)} },
}

func describeVpcEndpoints(r *core.Request, in *sdk.DescribeVpcEndpointsInput) (*sdk.DescribeVpcEndpointsOutput, error) {
	n := Of(r.Region)
	page, err := describe(r, &n.endpoints, query{in.VpcEndpointIds, in.Filters, in.NextToken, in.MaxResults}, endpointFilters, noEndpoint)
	if err != nil {
		return nil, err
	}
	out := &sdk.DescribeVpcEndpointsOutput{VpcEndpoints: []types.VpcEndpoint{}, NextToken: next(page.Next)}
	for _, e := range page.Items {
		out.VpcEndpoints = append(out.VpcEndpoints, *n.showEndpoint(e))
	}
	return out, nil
}

func modifyVpcEndpoint(r *core.Request, in *sdk.ModifyVpcEndpointInput) (*sdk.ModifyVpcEndpointOutput, error) {
	n := Of(r.Region)
	e, err := find(r, &n.endpoints, in.VpcEndpointId, "vpcEndpointId", noEndpoint)
	if err != nil {
		return nil, err
	}
	if err := n.sameVPC(r, *e.VpcId, in.AddRouteTableIds, in.AddSubnetIds); err != nil {
		return nil, err
	}
	for _, id := range in.AddSecurityGroupIds {
		g, err := find(r, &n.groups, &id, "groupId", noGroup)
		if err != nil {
			return nil, err
		}
		e.Groups = append(e.Groups, types.SecurityGroupIdentifier{GroupId: g.GroupId, GroupName: g.GroupName})
	}
	e.Groups = withoutGroups(e.Groups, in.RemoveSecurityGroupIds)
	e.RouteTableIds = append(without(e.RouteTableIds, append(in.RemoveRouteTableIds, in.AddRouteTableIds...)...), in.AddRouteTableIds...)
	n.dropEndpointSubnets(e, in.RemoveSubnetIds)
	if err := n.addEndpointSubnets(r, e, in.AddSubnetIds); err != nil {
		return nil, err
	}
	for _, id := range e.NetworkInterfaceIds {
		n.SetInterfaceGroups(id, each(e.Groups, func(g types.SecurityGroupIdentifier) *string { return g.GroupId }))
	}
	switch {
	case val(in.ResetPolicy):
		e.PolicyDocument = ptr(fullAccess)
	case in.PolicyDocument != nil:
		e.PolicyDocument = in.PolicyDocument
	}
	if in.PrivateDnsEnabled != nil {
		e.PrivateDnsEnabled = in.PrivateDnsEnabled
	}
	return &sdk.ModifyVpcEndpointOutput{Return: ptr(true)}, nil
}

func withoutGroups(list []types.SecurityGroupIdentifier, drop []string) []types.SecurityGroupIdentifier {
	out := []types.SecurityGroupIdentifier{}
	for _, g := range list {
		if !anyMatch(drop, []string{*g.GroupId}) {
			out = append(out, g)
		}
	}
	return out
}

// dropEndpointSubnets takes the endpoint out of subnets, with its interfaces there.
func (n *Network) dropEndpointSubnets(e *types.VpcEndpoint, subnets []string) {
	for _, id := range e.NetworkInterfaceIds {
		if eni := n.interfaces.Get(id); eni != nil && anyMatch(subnets, one(eni.SubnetId)) {
			n.RemoveInterface(id)
			e.NetworkInterfaceIds = without(e.NetworkInterfaceIds, id)
		}
	}
	e.SubnetIds = without(e.SubnetIds, subnets...)
}

// deleteVpcEndpoints reports ids that aren't there one by one instead of failing. Gateway endpoints go at once, interface endpoints take
// a while, during which their interfaces stay.
func deleteVpcEndpoints(r *core.Request, in *sdk.DeleteVpcEndpointsInput) (*sdk.DeleteVpcEndpointsOutput, error) {
	n := Of(r.Region)
	out := &sdk.DeleteVpcEndpointsOutput{Unsuccessful: []types.UnsuccessfulItem{}}
	for _, id := range in.VpcEndpointIds {
		e, err := find(r, &n.endpoints, &id, "vpcEndpointId", noEndpoint)
		if refused := (*core.Error)(nil); errors.As(err, &refused) {
			out.Unsuccessful = append(out.Unsuccessful, types.UnsuccessfulItem{ResourceId: ptr(id),
				Error: &types.UnsuccessfulItemError{Code: ptr(refused.Code), Message: ptr(refused.Message)}})
			continue
		}
		e.State = types.StateDeleting
		remove := func() {
			n.dropEndpointSubnets(e, e.SubnetIds)
			n.endpoints.Delete(id)
			delete(n.tags, id)
		}
		if e.VpcEndpointType == types.VpcEndpointTypeGateway {
			remove()
			continue
		}
		r.After(r.Config.DeletionDelay, remove)
	}
	return out, nil
}
