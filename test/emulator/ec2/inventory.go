package ec2

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// kind is one kind of resource as tags and the inventory see it.
type kind struct {
	name    types.ResourceType
	created func(id string) (time.Time, bool)
	// own lists the ids that a user made, with their states: not the default security group and main route table of a VPC.
	own func() [][2]string
}

func kindIn[T any](name types.ResourceType, table *core.Table[T], own func(*T) (state string, ok bool)) kind {
	return kind{
		name: name,
		created: func(id string) (time.Time, bool) {
			if row := table.Row(id); row != nil {
				return row.Created, true
			}
			return time.Time{}, false
		},
		own: func() [][2]string {
			var out [][2]string
			for _, row := range table.Rows() {
				if state, ok := own(row.Value); ok {
					out = append(out, [2]string{row.ID, state})
				}
			}
			return out
		},
	}
}

func (n *Network) kinds() []kind {
	return []kind{
		kindIn(types.ResourceTypeVpc, &n.vpcs, func(v *vpc) (string, bool) { return string(v.State), true }),
		kindIn(types.ResourceTypeSubnet, &n.subnets, func(s *types.Subnet) (string, bool) { return string(s.State), true }),
		kindIn(types.ResourceTypeInternetGateway, &n.gateways, func(*types.InternetGateway) (string, bool) { return "", true }),
		kindIn(types.ResourceTypeEgressOnlyInternetGateway, &n.egress, func(*types.EgressOnlyInternetGateway) (string, bool) { return "", true }),
		kindIn(types.ResourceTypeCarrierGateway, &n.carriers, func(c *types.CarrierGateway) (string, bool) {
			return string(c.State), c.State != types.CarrierGatewayStateDeleted
		}),
		kindIn(types.ResourceTypeElasticIp, &n.addresses, func(*types.Address) (string, bool) { return "", true }),
		kindIn(types.ResourceTypeNatgateway, &n.nats, func(g *types.NatGateway) (string, bool) {
			return string(g.State), g.State != types.NatGatewayStateDeleted
		}),
		kindIn(types.ResourceTypeRouteTable, &n.routeTables, func(t *types.RouteTable) (string, bool) { return "", !isMain(t) }),
		kindIn(types.ResourceTypeSecurityGroup, &n.groups, func(g *group) (string, bool) { return "", val(g.GroupName) != defaultGroup }),
		kindIn(types.ResourceTypeNetworkInterface, &n.interfaces, func(i *types.NetworkInterface) (string, bool) { return string(i.Status), true }),
		kindIn(types.ResourceTypeVpcEndpoint, &n.endpoints, func(e *types.VpcEndpoint) (string, bool) {
			return string(e.State), e.State != types.StateDeleted
		}),
		kindIn(types.ResourceTypeInstance, &n.instances, func(i *instance) (string, bool) {
			return string(i.State.Name), !i.in(types.InstanceStateNameTerminated)
		}),
		kindIn(types.ResourceTypeVolume, &n.volumes, func(v *types.Volume) (string, bool) { return string(v.State), true }),
		kindIn(types.ResourceTypeSpotInstancesRequest, &n.spots, func(s *types.SpotInstanceRequest) (string, bool) {
			return string(s.State), s.State == types.SpotInstanceStateActive
		}),
		kindIn(types.ResourceTypeDedicatedHost, &n.hosts, func(h *types.Host) (string, bool) { return string(h.State), true }),
		kindIn(types.ResourceTypeCapacityReservation, &n.reservations, func(c *types.CapacityReservation) (string, bool) {
			return string(c.State), c.State == types.CapacityReservationStateActive
		}),
		kindIn(types.ResourceTypeLaunchTemplate, &n.templates, func(*template) (string, bool) { return "", true }),
		kindIn(types.ResourceTypePlacementGroup, &n.placements, func(g *types.PlacementGroup) (string, bool) { return string(g.State), true }),
		kindIn(types.ResourceTypeDhcpOptions, &n.dhcp, func(d *types.DhcpOptions) (string, bool) { return "", *d.DhcpOptionsId != n.defaultDHCP }),
		kindIn(types.ResourceTypeImage, &n.images, func(i *types.Image) (string, bool) { return string(i.State), !val(i.Public) }),
		kindIn(types.ResourceTypeKeyPair, &n.keyPairs, func(k *types.KeyPairInfo) (string, bool) {
			return "", !n.keyPairs.Row(*k.KeyPairId).Created.IsZero()
		}),
	}
}

func inventory(r *core.Region) []core.Resource {
	n, out := Of(r), []core.Resource{}
	for _, kind := range n.kinds() {
		for _, line := range kind.own() {
			tags := map[string]string{}
			for _, tag := range n.tags[line[0]] {
				tags[val(tag.Key)] = val(tag.Value)
			}
			out = append(out, core.Resource{Type: string(kind.name), ID: line[0], State: line[1], Tags: tags})
		}
	}
	return out
}
