package ec2

import (
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// hostVCPUs is the size of every Dedicated Host here.
const hostVCPUs = 96

func allocateHosts(r *core.Request, in *sdk.AllocateHostsInput) (*sdk.AllocateHostsOutput, error) {
	n := Of(r.Region)
	ids, err := core.Once(r, in, in.ClientToken, func() (string, error) { return n.newHosts(r, in) })
	if err != nil {
		return nil, err
	}
	list := strings.Split(ids, ",")
	r.Touch(list...)
	return &sdk.AllocateHostsOutput{HostIds: list}, nil
}

// newHosts makes Quantity hosts and returns their ids, joined by commas.
func (n *Network) newHosts(r *core.Request, in *sdk.AllocateHostsInput) (string, error) {
	if in.AvailabilityZone == nil && in.AvailabilityZoneId == nil {
		return "", core.Missing("availabilityZone")
	}
	where, err := zone(r.Region, in.AvailabilityZone, in.AvailabilityZoneId)
	if err != nil {
		return "", err
	}
	family := val(in.InstanceFamily)
	if in.InstanceType != nil {
		kind := typeNamed(*in.InstanceType)
		if kind == nil || !*kind.info().DedicatedHostsSupported {
			return "", invalid("Invalid value '%s' for instanceType. Dedicated Hosts don't support it.", *in.InstanceType)
		}
		family = kind.family()
	}
	if family == "" {
		return "", core.Missing("instanceType")
	}
	tags, err := tagsFor(in.TagSpecifications, types.ResourceTypeDedicatedHost)
	if err != nil {
		return "", err
	}
	if err := withinQuota(r, n.hosts.Len(), "hosts", generous, "HostLimitExceeded", "Dedicated Hosts"); err != nil {
		return "", err
	}
	ids := []string{}
	for range max(1, val(in.Quantity)) {
		id := r.NewID("h")
		host := &types.Host{HostId: ptr(id), AvailabilityZone: where.ZoneName, AvailabilityZoneId: where.ZoneId, AutoPlacement: in.AutoPlacement,
			State: types.AllocationStateAvailable, AllocationTime: ptr(r.Now()), HostRecovery: in.HostRecovery, OwnerId: ptr(r.Account),
			Instances: []types.HostInstance{}, HostProperties: &types.HostProperties{InstanceFamily: ptr(family), InstanceType: in.InstanceType,
				TotalVCpus: ptr(int32(hostVCPUs)), Cores: ptr(int32(hostVCPUs / 2)), Sockets: ptr(int32(2))}}
		if host.AutoPlacement == "" {
			host.AutoPlacement = types.AutoPlacementOn
		}
		n.hosts.Put(id, host, r.Now())
		n.setTags(id, tags)
		ids = append(ids, id)
	}
	return strings.Join(ids, ","), nil
}

var hostFilters = filters[types.Host]{
	"auto-placement":    func(h *types.Host) []string { return []string{string(h.AutoPlacement)} },
	"availability-zone": func(h *types.Host) []string { return one(h.AvailabilityZone) },
	"state":             func(h *types.Host) []string { return []string{string(h.State)} },
	"instance-type": func(h *types.Host) []string {
		if h.HostProperties == nil {
			return nil
		}
		return one(h.HostProperties.InstanceType)
	},
}

func describeHosts(r *core.Request, in *sdk.DescribeHostsInput) (*sdk.DescribeHostsOutput, error) {
	n := Of(r.Region)
	page, err := describe(r, &n.hosts, query{in.HostIds, in.Filter, in.NextToken, in.MaxResults}, hostFilters, noHost)
	if err != nil {
		return nil, err
	}
	out := &sdk.DescribeHostsOutput{Hosts: []types.Host{}, NextToken: next(page.Next)}
	for _, h := range page.Items {
		shown := *h
		shown.Tags = n.tags[*h.HostId]
		shown.AvailableCapacity = &types.AvailableCapacity{AvailableVCpus: ptr(hostVCPUs - n.vcpusOn(h))}
		out.Hosts = append(out.Hosts, shown)
	}
	return out, nil
}

func (n *Network) vcpusOn(h *types.Host) int32 {
	used := int32(0)
	for _, on := range h.Instances {
		if i := n.instances.Get(*on.InstanceId); i != nil {
			used += i.vcpus
		}
	}
	return used
}

// releaseHosts answers for each host whether it could be released: one with instances can't.
func releaseHosts(r *core.Request, in *sdk.ReleaseHostsInput) (*sdk.ReleaseHostsOutput, error) {
	n, out := Of(r.Region), &sdk.ReleaseHostsOutput{Successful: []string{}, Unsuccessful: []types.UnsuccessfulItem{}}
	for _, id := range in.HostIds {
		host, code, message := n.hosts.Get(id), "", ""
		switch {
		case host == nil:
			code, message = "Client.InvalidHost.NotFound", "The specified Dedicated Host was not found."
		case len(host.Instances) > 0:
			code, message = "Client.InvalidHost.Occupied", "Dedicated host '"+id+"' cannot be released as it is occupied."
		default:
			n.hosts.Delete(id)
			delete(n.tags, id)
			out.Successful = append(out.Successful, id)
			continue
		}
		out.Unsuccessful = append(out.Unsuccessful, types.UnsuccessfulItem{ResourceId: ptr(id), Error: &types.UnsuccessfulItemError{Code: ptr(code), Message: ptr(message)}})
	}
	return out, nil
}

// resolvePlacement finds the host and checks the placement group of a launch.
func (o *order) resolvePlacement(r *core.Request, n *Network) error {
	placement := o.placement()
	if name := val(placement.GroupName); name != "" && !n.placements.Any(func(g *types.PlacementGroup) bool { return *g.GroupName == name }) {
		return core.Refuse("InvalidPlacementGroup.Unknown", "The Placement Group '%s' is unknown.", name)
	}
	if placement.HostId != nil {
		host, err := find(r, &n.hosts, placement.HostId, "hostId", noHost)
		if err != nil {
			return err
		}
		o.host = host
	} else if placement.Tenancy == types.TenancyHost && placement.HostResourceGroupArn == nil {
		for _, host := range n.hosts.All() {
			if host.AutoPlacement == types.AutoPlacementOn && n.fits(o, host) == nil {
				o.host = host
				break
			}
		}
		if o.host == nil {
			return core.Refuse("InsufficientCapacityOnHost", "No Dedicated Host with auto-placement has room for %s in %s", o.kind.name, *o.zone.ZoneName)
		}
	}
	if o.host == nil {
		return nil
	}
	return n.fits(o, o.host)
}

// fits says why a host can't take the launch.
func (n *Network) fits(o *order, host *types.Host) error {
	switch {
	case *host.AvailabilityZone != *o.zone.ZoneName:
		return invalid("The host '%s' is in %s, but the subnet is in %s", *host.HostId, *host.AvailabilityZone, *o.zone.ZoneName)
	case host.HostProperties.InstanceType != nil && *host.HostProperties.InstanceType != o.kind.name, *host.HostProperties.InstanceFamily != o.kind.family():
		return invalid("The host '%s' doesn't support instance type %s", *host.HostId, o.kind.name)
	case n.vcpusOn(host)+o.kind.vcpus*int32(o.count) > hostVCPUs:
		return core.Refuse("InsufficientCapacityOnHost", "There is not enough capacity on the Dedicated Host '%s' to launch or start the instance.", *host.HostId)
	}
	return nil
}
