package network

import (
	"fmt"
	"slices"
	"sort"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// observeNATGateways finds the living NAT gateway of each zone.
func (s *State) observeNATGateways() {
	s.NATGateways = map[string]*ec2types.NatGateway{}
	alive := map[string]*ec2types.NatGateway{}
	for _, g := range mirror.InVPC(s.snap, mirror.NATGateways, s.VPCID()) {
		if g.ConnectivityType != ec2types.ConnectivityTypePrivate && living(g) {
			alive[aws.ToString(g.SubnetId)] = g
		}
	}
	for _, sub := range s.public() {
		g := alive[sub.ID()]
		if g == nil || sub.Edge() {
			continue
		}
		sub.Spec.NatGatewayID = g.NatGatewayId
		if s.NATGateways[sub.Spec.AvailabilityZone] == nil {
			s.NATGateways[sub.Spec.AvailabilityZone] = g
		}
	}
}

func living(g *ec2types.NatGateway) bool {
	return g.State == ec2types.NatGatewayStatePending || g.State == ec2types.NatGatewayStateAvailable
}

// natZone returns the zone whose NAT gateway serves a private subnet: its own,
// or for a local zone the one it belongs to. A wavelength zone has none.
func natZone(sub *Subnet) string {
	switch {
	case sub.wavelength():
		return ""
	case sub.local():
		return aws.ToString(sub.Spec.ParentZoneName)
	}
	return sub.Spec.AvailabilityZone
}

// natZones returns the zones that need a NAT gateway, in order.
func (s *State) natZones() []string {
	var zones []string
	for _, sub := range s.private() {
		if zone := natZone(sub); zone != "" && !slices.Contains(zones, zone) {
			zones = append(zones, zone)
		}
	}
	sort.Strings(zones)
	return zones
}

// natSubnet returns the zone's first public subnet, or nil.
func (s *State) natSubnet(zone string) *Subnet {
	for _, sub := range s.public() {
		if sub.Spec.AvailabilityZone == zone && !sub.Edge() {
			return sub
		}
	}
	return nil
}

func (s *State) planNATGateways() {
	free, stray := s.addressesForZones(), s.strayAddresses()
	for _, zone := range s.natZones() {
		if g := s.NATGateways[zone]; g != nil {
			s.planNATGateway(zone, g)
			continue
		}
		sub := s.natSubnet(zone)
		if sub == nil {
			s.problem(AreaNATGateways, "zone %s has a private subnet and no public one for its NAT gateway; add a public subnet there to spec.network.subnets", zone)
			continue
		}
		if _, dead := mirror.Get(s.snap, mirror.NATGateways, aws.ToString(sub.Spec.NatGatewayID)); !dead &&
			s.doubtful(AreaNATGateways, mirror.NATGateways.Kind, aws.ToString(sub.Spec.NatGatewayID)) {
			continue
		}
		address := free[zone]
		switch {
		case address != nil:
		case len(stray) > 0:
			s.wait(AreaNATGateways, ReasonWaitingForObservation, fmt.Sprintf(
				"the user of the cluster's address %s, which is no NAT gateway seen in VPC %s; if it is something else, release the address or untag it",
				aws.ToString(stray[0].AllocationId), s.VPCID()))
			stray = stray[1:]
			continue
		default:
			s.planAllocateAddress(zone)
		}
		s.planCreateNATGateway(zone, sub, address)
	}
}

func (s *State) natTags() map[string]string {
	return s.Owner.Tags(s.Owner.Cluster+"-nat", names.RoleCommon, nil)
}

func (s *State) planNATGateway(zone string, g *ec2types.NatGateway) {
	id := aws.ToString(g.NatGatewayId)
	s.tag(AreaNATGateways, "nat-gateway/"+zone, id, s.natTags(), mirror.NATGateways.Tags(g))
	for _, a := range g.NatGatewayAddresses {
		row, ok := mirror.Get(s.snap, mirror.Addresses, aws.ToString(a.AllocationId))
		if ok && s.claimAddress(row).Ours() {
			s.tag(AreaNATGateways, addressKey+zone, aws.ToString(row.AllocationId), s.Owner.UserTags(), mirror.Addresses.Tags(row))
		}
	}
	if g.State == ec2types.NatGatewayStatePending {
		s.wait(AreaNATGateways, infrav1.NatGatewaysCreationStartedReason, fmt.Sprintf("NAT gateway %s in %s to be available", id, zone))
	}
}

func (s *State) planCreateNATGateway(zone string, sub *Subnet, address *ec2types.Address) {
	in := &ec2.CreateNatGatewayInput{
		SubnetId:          optional(sub.ID()),
		ClientToken:       aws.String(names.Token(s.Owner.UID, "nat-gateway", zone, aws.ToString(sub.Spec.NatGatewayID))),
		TagSpecifications: tagSpec(ec2types.ResourceTypeNatgateway, s.natTags()),
	}
	waits := ""
	switch {
	case sub.Row == nil:
		waits = "subnet " + sub.Spec.ID
	case address == nil:
		waits = "an elastic IP address"
	case len(s.routesToInternet()) == 0:
		// AWS refuses a NAT gateway in a VPC without an attached internet gateway.
		waits = "an attached internet gateway"
	}
	if address != nil {
		in.AllocationId = address.AllocationId
	}
	s.add(plan.Action{Key: "nat-gateway/" + zone, Area: AreaNATGateways, Verb: plan.Create, Operation: "ec2.CreateNatGateway", Input: in,
		Summary: fmt.Sprintf("create NAT gateway %s-nat in subnet %s", s.Owner.Cluster, sub.Spec.ID), WaitsFor: waits})
}

// routesToInternet returns the internet gateway's attachments.
func (s *State) routesToInternet() []ec2types.InternetGatewayAttachment {
	if s.InternetGateway == nil {
		return nil
	}
	return s.InternetGateway.Attachments
}

func (s *State) planAllocateAddress(zone string) {
	key := addressKey + zone
	in := &ec2.AllocateAddressInput{
		Domain: ec2types.DomainTypeVpc,
		TagSpecifications: tagSpec(ec2types.ResourceTypeElasticIp,
			s.Owner.Tags(s.Owner.Cluster+"-eip-"+names.RoleCommon, names.RoleCommon, map[string]string{names.TagZone: zone})),
	}
	what := "allocate elastic IP address for the NAT gateway in " + zone
	if pool := s.AddressPool(); pool != "" {
		in.PublicIpv4Pool = aws.String(pool)
		what += " from " + pool
	}
	s.addJournaled(plan.Action{Key: key, Area: AreaNATGateways, Verb: plan.Create, Operation: "ec2.AllocateAddress", Input: in,
		Summary: what}, mirror.Addresses.Kind)
}

// freeAddresses returns the cluster's addresses for NAT gateways that none uses.
func (s *State) freeAddresses() []*ec2types.Address {
	used := s.usedAllocations()
	return mirror.Select(s.snap, mirror.Addresses, func(a *ec2types.Address) bool {
		return s.natAddress(a) && a.AssociationId == nil && used[aws.ToString(a.AllocationId)] == nil &&
			s.claimAddress(a).Ours()
	})
}

// addressesForZones gives the free addresses to the zones that lack a NAT gateway:
// each to the zone it was asked for, which its tag tells. Others (made by CAPA, or for
// zones that need none any more) go to zones for which none was asked: an address that
// was, and isn't to be seen yet, would be one too many otherwise.
func (s *State) addressesForZones() map[string]*ec2types.Address {
	given := map[string]*ec2types.Address{}
	var lacking []string
	for _, zone := range s.natZones() {
		if s.NATGateways[zone] == nil {
			lacking = append(lacking, zone)
		}
	}
	var spare []*ec2types.Address
	for _, a := range s.freeAddresses() {
		zone := mirror.Addresses.Tags(a)[names.TagZone]
		if slices.Contains(lacking, zone) && given[zone] == nil {
			given[zone] = a
		} else {
			spare = append(spare, a)
		}
	}
	for _, zone := range lacking {
		if given[zone] == nil && len(spare) > 0 && !s.pending(addressKey+zone, mirror.Addresses.Kind) {
			given[zone], spare = spare[0], spare[1:]
		}
	}
	return given
}

// claimAddress tells whose an address is. One that a NAT gateway of the cluster's own
// VPC has lies there as much as the gateway does.
func (s *State) claimAddress(a *ec2types.Address) ownership.Claim {
	vpc := ""
	if g := s.usedAllocations()[aws.ToString(a.AllocationId)]; g != nil && owned(s, mirror.NATGateways, g) {
		vpc = s.VPCID()
	}
	return s.Claim(aws.ToString(a.AllocationId), mirror.Addresses.Tags(a), vpc)
}

// strayAddresses returns the addresses made for this object that are in use by something
// not seen, which is most likely a NAT gateway that was made a moment ago.
// Another address instead would be one too many. What others use, by whatever tags, is
// none of it.
func (s *State) strayAddresses() []*ec2types.Address {
	used := s.usedAllocations()
	return mirror.Select(s.snap, mirror.Addresses, func(a *ec2types.Address) bool {
		return s.natAddress(a) && a.AssociationId != nil && used[aws.ToString(a.AllocationId)] == nil &&
			aws.ToString(a.InstanceId) == "" && mirror.Addresses.Tags(a)[names.TagUID] == s.Owner.UID
	})
}

// natAddress tells an address for a NAT gateway from one for something else by
// its role. Addresses of old clusters have the API server's.
func (s *State) natAddress(a *ec2types.Address) bool {
	switch mirror.Addresses.Tags(a)[names.TagRole] {
	case names.RoleCommon, names.RoleAPIServer:
		return true
	}
	return false
}

// usedAllocations returns the NAT gateways of the VPC by their addresses'
// allocations; one that is going still holds its addresses.
func (s *State) usedAllocations() map[string]*ec2types.NatGateway {
	used := map[string]*ec2types.NatGateway{}
	for _, g := range mirror.InVPC(s.snap, mirror.NATGateways, s.VPCID()) {
		if g.State == ec2types.NatGatewayStateDeleted || g.State == ec2types.NatGatewayStateFailed {
			continue
		}
		for _, a := range g.NatGatewayAddresses {
			used[aws.ToString(a.AllocationId)] = g
		}
	}
	return used
}

// NATAddresses returns the public addresses of the NAT gateways that are wanted,
// in the order of their zones, or of those that a user's VPC has; and whether all
// are known.
func (s *State) NATAddresses() (addresses []string, complete bool) {
	if s.Unmanaged {
		return s.usersNATAddresses(), true
	}
	complete = true
	for _, zone := range s.natZones() {
		address := s.natAddressOf(s.NATGateways[zone])
		if address == "" {
			complete = false
			continue
		}
		addresses = append(addresses, address)
	}
	return addresses, complete
}

// usersNATAddresses returns the public addresses of the NAT gateways of a VPC that
// the user made, sorted.
func (s *State) usersNATAddresses() []string {
	var addresses []string
	for _, g := range mirror.InVPC(s.snap, mirror.NATGateways, s.VPCID()) {
		if g.ConnectivityType == ec2types.ConnectivityTypePrivate || !living(g) {
			continue
		}
		for _, a := range g.NatGatewayAddresses {
			if ip := aws.ToString(a.PublicIp); ip != "" {
				addresses = append(addresses, ip)
			}
		}
	}
	slices.Sort(addresses)
	return addresses
}

// natAddressOf returns the public address of a NAT gateway. While the gateway
// is pending, only the address itself tells.
func (s *State) natAddressOf(g *ec2types.NatGateway) string {
	if g == nil {
		return ""
	}
	for _, a := range g.NatGatewayAddresses {
		if ip := aws.ToString(a.PublicIp); ip != "" {
			return ip
		}
		if row, ok := mirror.Get(s.snap, mirror.Addresses, aws.ToString(a.AllocationId)); ok {
			return aws.ToString(row.PublicIp)
		}
	}
	return ""
}

// plannedNATAddresses returns the addresses that the NAT gateways have or will
// have, as soon as they are allocated: rules need not wait for the gateways.
func (s *State) plannedNATAddresses() (addresses []string, complete bool) {
	if s.Unmanaged {
		return s.usersNATAddresses(), true
	}
	free := s.addressesForZones()
	complete = true
	for _, zone := range s.natZones() {
		address := s.natAddressOf(s.NATGateways[zone])
		if a := free[zone]; a != nil {
			address = aws.ToString(a.PublicIp)
		}
		if address == "" {
			complete = false
			continue
		}
		addresses = append(addresses, address)
	}
	return addresses, complete
}
