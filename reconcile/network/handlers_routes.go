package network

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

func routeHandlers() []plan.Handler {
	return []plan.Handler{
		plan.Call("CreateRouteTable", (*ec2.Client).CreateRouteTable, func(w *plan.Writer, in *ec2.CreateRouteTableInput, out *ec2.CreateRouteTableOutput) {
			if out.RouteTable == nil {
				return
			}
			row := *out.RouteTable
			row.Tags = tagsOr(row.Tags, in.TagSpecifications)
			plan.Put(w, mirror.RouteTables, row)
		}, mirror.RouteTables.Kind),
		plan.Call("DeleteRouteTable", (*ec2.Client).DeleteRouteTable, func(w *plan.Writer, in *ec2.DeleteRouteTableInput, _ *ec2.DeleteRouteTableOutput) {
			plan.Drop(w, mirror.RouteTables, aws.ToString(in.RouteTableId))
		}),
		plan.Call("AssociateRouteTable", (*ec2.Client).AssociateRouteTable, func(w *plan.Writer, in *ec2.AssociateRouteTableInput, out *ec2.AssociateRouteTableOutput) {
			plan.Modify(w, mirror.RouteTables, aws.ToString(in.RouteTableId), func(t *ec2types.RouteTable) {
				t.Associations = append(append([]ec2types.RouteTableAssociation{}, t.Associations...), ec2types.RouteTableAssociation{
					RouteTableAssociationId: out.AssociationId, RouteTableId: in.RouteTableId, SubnetId: in.SubnetId, Main: aws.Bool(false)})
			})
		}, mirror.RouteTables.Kind),
		plan.Call("DisassociateRouteTable", (*ec2.Client).DisassociateRouteTable, func(w *plan.Writer, in *ec2.DisassociateRouteTableInput, _ *ec2.DisassociateRouteTableOutput) {
			plan.ModifyAll(w, mirror.RouteTables, func(t *ec2types.RouteTable) bool {
				return associationOf(t, aws.ToString(in.AssociationId)) >= 0
			}, func(t *ec2types.RouteTable) {
				i := associationOf(t, aws.ToString(in.AssociationId))
				t.Associations = append(append([]ec2types.RouteTableAssociation{}, t.Associations[:i]...), t.Associations[i+1:]...)
			})
		}, mirror.RouteTables.Kind),
		plan.Call("CreateRoute", (*ec2.Client).CreateRoute, func(w *plan.Writer, in *ec2.CreateRouteInput, _ *ec2.CreateRouteOutput) {
			writeRoute(w, in.RouteTableId, ec2types.Route{
				DestinationCidrBlock: in.DestinationCidrBlock, DestinationIpv6CidrBlock: in.DestinationIpv6CidrBlock,
				GatewayId: in.GatewayId, NatGatewayId: in.NatGatewayId,
				EgressOnlyInternetGatewayId: in.EgressOnlyInternetGatewayId, CarrierGatewayId: in.CarrierGatewayId})
		}, mirror.RouteTables.Kind),
		plan.Call("ReplaceRoute", (*ec2.Client).ReplaceRoute, func(w *plan.Writer, in *ec2.ReplaceRouteInput, _ *ec2.ReplaceRouteOutput) {
			writeRoute(w, in.RouteTableId, ec2types.Route{
				DestinationCidrBlock: in.DestinationCidrBlock, DestinationIpv6CidrBlock: in.DestinationIpv6CidrBlock,
				GatewayId: in.GatewayId, NatGatewayId: in.NatGatewayId,
				EgressOnlyInternetGatewayId: in.EgressOnlyInternetGatewayId, CarrierGatewayId: in.CarrierGatewayId})
		}, mirror.RouteTables.Kind),
	}
}

// associationOf returns the place of an association in a table, or -1.
func associationOf(t *ec2types.RouteTable, id string) int {
	for i, a := range t.Associations {
		if aws.ToString(a.RouteTableAssociationId) == id {
			return i
		}
	}
	return -1
}

// writeRoute puts a route into a table, in place of one to the same destination.
func writeRoute(w *plan.Writer, tableID *string, r ec2types.Route) {
	r.State, r.Origin = ec2types.RouteStateActive, ec2types.RouteOriginCreateRoute
	plan.Modify(w, mirror.RouteTables, aws.ToString(tableID), func(t *ec2types.RouteTable) {
		routes := []ec2types.Route{r}
		for _, old := range t.Routes {
			same := aws.ToString(old.DestinationCidrBlock) == aws.ToString(r.DestinationCidrBlock) &&
				aws.ToString(old.DestinationIpv6CidrBlock) == aws.ToString(r.DestinationIpv6CidrBlock)
			if !same {
				routes = append(routes, old)
			}
		}
		t.Routes = routes
	})
}

func groupHandlers() []plan.Handler {
	return []plan.Handler{
		plan.Call("CreateSecurityGroup", (*ec2.Client).CreateSecurityGroup, func(w *plan.Writer, in *ec2.CreateSecurityGroupInput, out *ec2.CreateSecurityGroupOutput) {
			plan.Put(w, mirror.SecurityGroups, ec2types.SecurityGroup{GroupId: out.GroupId, GroupName: in.GroupName, VpcId: in.VpcId,
				Description: in.Description, Tags: tagsOr(out.Tags, in.TagSpecifications),
				// Every new group lets everything out.
				IpPermissionsEgress: []ec2types.IpPermission{{IpProtocol: aws.String("-1"), IpRanges: []ec2types.IpRange{{CidrIp: aws.String(anyIPv4)}}}}})
		}, mirror.SecurityGroups.Kind),
		plan.Call("DeleteSecurityGroup", (*ec2.Client).DeleteSecurityGroup, func(w *plan.Writer, in *ec2.DeleteSecurityGroupInput, _ *ec2.DeleteSecurityGroupOutput) {
			plan.Drop(w, mirror.SecurityGroups, aws.ToString(in.GroupId))
		}),
		plan.Call("AuthorizeSecurityGroupIngressRules", (*ec2.Client).AuthorizeSecurityGroupIngress, func(w *plan.Writer, in *ec2.AuthorizeSecurityGroupIngressInput, _ *ec2.AuthorizeSecurityGroupIngressOutput) {
			plan.Modify(w, mirror.SecurityGroups, aws.ToString(in.GroupId), func(g *ec2types.SecurityGroup) {
				rules := rulesOf(g.IpPermissions)
				for r, description := range rulesOf(in.IpPermissions) {
					rules.add(r, description)
				}
				g.IpPermissions = rules.permissions()
			})
		}, mirror.SecurityGroups.Kind),
		plan.Call("RevokeSecurityGroupIngressRules", (*ec2.Client).RevokeSecurityGroupIngress, func(w *plan.Writer, in *ec2.RevokeSecurityGroupIngressInput, _ *ec2.RevokeSecurityGroupIngressOutput) {
			plan.Modify(w, mirror.SecurityGroups, aws.ToString(in.GroupId), func(g *ec2types.SecurityGroup) {
				g.IpPermissions = rulesOf(g.IpPermissions).minus(rulesOf(in.IpPermissions)).permissions()
			})
		}, mirror.SecurityGroups.Kind),
		plan.Call("RevokeSecurityGroupEgressRules", (*ec2.Client).RevokeSecurityGroupEgress, func(w *plan.Writer, in *ec2.RevokeSecurityGroupEgressInput, _ *ec2.RevokeSecurityGroupEgressOutput) {
			plan.Modify(w, mirror.SecurityGroups, aws.ToString(in.GroupId), func(g *ec2types.SecurityGroup) {
				g.IpPermissionsEgress = rulesOf(g.IpPermissionsEgress).minus(rulesOf(in.IpPermissions)).permissions()
			})
		}, mirror.SecurityGroups.Kind),
	}
}
