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
	// own lists what a user made, and what AWS made with it.
	own func() []core.Resource
}

// standing says to whom a row of a table belongs: implied are the default security group and main route table of a VPC; gone is what is
// only described still, and what AWS has for everybody.
type standing int

const (
	own standing = iota
	implied
	gone
)

func unless(condition bool, otherwise standing) standing {
	if condition {
		return otherwise
	}
	return own
}

func kindIn[T any](name types.ResourceType, table *core.Table[T], stands func(*T) (state string, as standing)) kind {
	return kind{
		name: name,
		created: func(id string) (time.Time, bool) {
			if row := table.Row(id); row != nil {
				return row.Created, true
			}
			return time.Time{}, false
		},
		own: func() []core.Resource {
			var out []core.Resource
			for _, row := range table.Rows() {
				if state, as := stands(row.Value); as != gone {
					out = append(out, core.Resource{Type: string(name), ID: row.ID, State: state, Content: row.Value, Implied: as == implied})
				}
			}
			return out
		},
	}
}

func (n *Network) kinds() []kind {
	return []kind{
		kindIn(types.ResourceTypeVpc, &n.vpcs, func(v *vpc) (string, standing) { return string(v.State), own }),
		kindIn(types.ResourceTypeSubnet, &n.subnets, func(s *types.Subnet) (string, standing) { return string(s.State), own }),
		kindIn(types.ResourceTypeInternetGateway, &n.gateways, func(*types.InternetGateway) (string, standing) { return "", own }),
		kindIn(types.ResourceTypeEgressOnlyInternetGateway, &n.egress, func(*types.EgressOnlyInternetGateway) (string, standing) { return "", own }),
		kindIn(types.ResourceTypeCarrierGateway, &n.carriers, func(c *types.CarrierGateway) (string, standing) {
			return string(c.State), unless(c.State == types.CarrierGatewayStateDeleted, gone)
		}),
		kindIn(types.ResourceTypeElasticIp, &n.addresses, func(*types.Address) (string, standing) { return "", own }),
		kindIn(types.ResourceTypeNatgateway, &n.nats, func(g *types.NatGateway) (string, standing) {
			return string(g.State), unless(g.State == types.NatGatewayStateDeleted, gone)
		}),
		kindIn(types.ResourceTypeRouteTable, &n.routeTables, func(t *types.RouteTable) (string, standing) { return "", unless(isMain(t), implied) }),
		kindIn(types.ResourceTypeSecurityGroup, &n.groups, func(g *group) (string, standing) { return "", unless(val(g.GroupName) == defaultGroup, implied) }),
		kindIn(types.ResourceTypeNetworkInterface, &n.interfaces, func(i *types.NetworkInterface) (string, standing) { return string(i.Status), own }),
		kindIn(types.ResourceTypeVpcEndpoint, &n.endpoints, func(e *types.VpcEndpoint) (string, standing) {
			return string(e.State), unless(e.State == types.StateDeleted, gone)
		}),
		kindIn(types.ResourceTypeInstance, &n.instances, func(i *instance) (string, standing) {
			return string(i.State.Name), unless(i.in(types.InstanceStateNameTerminated), gone)
		}),
		kindIn(types.ResourceTypeVolume, &n.volumes, func(v *types.Volume) (string, standing) { return string(v.State), own }),
		kindIn(types.ResourceTypeSpotInstancesRequest, &n.spots, func(s *types.SpotInstanceRequest) (string, standing) {
			return string(s.State), unless(s.State != types.SpotInstanceStateActive, gone)
		}),
		kindIn(types.ResourceTypeDedicatedHost, &n.hosts, func(h *types.Host) (string, standing) { return string(h.State), own }),
		kindIn(types.ResourceTypeCapacityReservation, &n.reservations, func(c *types.CapacityReservation) (string, standing) {
			return string(c.State), unless(c.State != types.CapacityReservationStateActive, gone)
		}),
		kindIn(types.ResourceTypeLaunchTemplate, &n.templates, func(*template) (string, standing) { return "", own }),
		kindIn(types.ResourceTypePlacementGroup, &n.placements, func(g *types.PlacementGroup) (string, standing) { return string(g.State), own }),
		kindIn(types.ResourceTypeDhcpOptions, &n.dhcp, func(d *types.DhcpOptions) (string, standing) {
			return "", unless(*d.DhcpOptionsId == n.defaultDHCP, gone)
		}),
		kindIn(types.ResourceTypeImage, &n.images, func(i *types.Image) (string, standing) { return string(i.State), unless(val(i.Public), gone) }),
		kindIn(types.ResourceTypeKeyPair, &n.keyPairs, func(k *types.KeyPairInfo) (string, standing) {
			return "", unless(n.keyPairs.Row(*k.KeyPairId).Created.IsZero(), gone)
		}),
	}
}

func inventory(r *core.Region) []core.Resource {
	n, out := Of(r), []core.Resource{}
	for _, kind := range n.kinds() {
		for _, line := range kind.own() {
			line.Tags = map[string]string{}
			for _, tag := range n.tags[line.ID] {
				line.Tags[val(tag.Key)] = val(tag.Value)
			}
			out = append(out, line)
		}
	}
	return out
}
