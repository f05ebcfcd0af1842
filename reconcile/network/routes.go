package network

import (
	"fmt"
	"sort"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// route is a wanted route: a destination and one target, "" while the target
// doesn't exist.
type route struct {
	destination string
	ipv6        bool
	// target is the kind of the target, as in the name of the request's field.
	target targetKind
	id     string
	// waitsFor names the target while it doesn't exist.
	waitsFor string
}

type targetKind int

const (
	toGateway targetKind = iota
	toNATGateway
	toEgressOnlyGateway
	toCarrierGateway
)

// associatedTable returns the table that a subnet is associated with, or nil.
func associatedTable(subnetID string, tables []*ec2types.RouteTable) *ec2types.RouteTable {
	for _, t := range tables {
		for _, a := range t.Associations {
			if subnetID != "" && aws.ToString(a.SubnetId) == subnetID {
				return t
			}
		}
	}
	return nil
}

// mainTable returns the table of the subnets without an association.
func mainTable(tables []*ec2types.RouteTable) *ec2types.RouteTable {
	for _, t := range tables {
		for _, a := range t.Associations {
			if aws.ToBool(a.Main) {
				return t
			}
		}
	}
	return nil
}

// spareTable returns a table that was made for a subnet and isn't associated
// with any: the recorded one, else one of the name that no other subnet takes.
func (s *State) spareTable(spec *infrav1.SubnetSpec, tables []*ec2types.RouteTable, taken map[string]bool) *ec2types.RouteTable {
	name := s.tableName(spec)
	var spare []*ec2types.RouteTable
	for _, t := range tables {
		tags := mirror.RouteTables.Tags(t)
		if taken[aws.ToString(t.RouteTableId)] || len(t.Associations) > 0 ||
			!owned(s, mirror.RouteTables, t) || tags[names.TagName] != name {
			continue
		}
		if aws.ToString(t.RouteTableId) == aws.ToString(spec.RouteTableID) {
			return t
		}
		spare = append(spare, t)
	}
	if len(spare) == 0 {
		return nil
	}
	sort.Slice(spare, func(i, j int) bool {
		return aws.ToString(spare[i].RouteTableId) < aws.ToString(spare[j].RouteTableId)
	})
	return spare[0]
}

func (s *State) tableName(spec *infrav1.SubnetSpec) string {
	role := names.RolePrivate
	if spec.IsPublic {
		role = names.RolePublic
	}
	return names.RouteTable(s.Owner.Cluster, role, spec.AvailabilityZone)
}

func (s *State) planRouteTables() {
	planned := map[string]bool{}
	for _, sub := range s.Subnets {
		tags := s.Owner.Tags(s.tableName(sub.Spec), names.RoleCommon, nil)
		if sub.Table == nil {
			s.planCreateTable(sub, tags)
			continue
		}
		id := aws.ToString(sub.Table.RouteTableId)
		if !planned[id] {
			s.tag(AreaRouteTables, "route-table/"+sub.Spec.ID, id, tags, mirror.RouteTables.Tags(sub.Table))
			for _, r := range s.wantedRoutes(sub) {
				s.planRoute(sub, id, r)
			}
		}
		planned[id] = true
		if !sub.Associated {
			s.planAssociate(sub, id)
		}
	}
}

// planCreateTable plans a subnet's route table. The token changes with the
// table that was recorded before: asking again after that one was deleted has
// to make another.
func (s *State) planCreateTable(sub *Subnet, tags map[string]string) {
	if s.doubtful(AreaRouteTables, mirror.RouteTables.Kind, aws.ToString(sub.Spec.RouteTableID)) {
		return
	}
	token := names.Token(s.Owner.UID, "route-table", sub.Spec.ID, aws.ToString(sub.Spec.RouteTableID))
	s.add(plan.Action{Key: "route-table/" + sub.Spec.ID, Area: AreaRouteTables, Verb: plan.Create, Operation: "ec2.CreateRouteTable",
		Input: &ec2.CreateRouteTableInput{VpcId: optional(s.VPCID()), ClientToken: aws.String(token),
			TagSpecifications: tagSpec(ec2types.ResourceTypeRouteTable, tags)},
		Summary:  fmt.Sprintf("create route table %s", s.tableName(sub.Spec)),
		WaitsFor: s.waitsForVPC()})
}

func (s *State) planAssociate(sub *Subnet, tableID string) {
	waits := ""
	if sub.Row == nil {
		waits = "subnet " + sub.Spec.ID
	}
	s.add(plan.Action{Key: "route-table/" + sub.Spec.ID + "/association", Area: AreaRouteTables, Verb: plan.Update,
		Operation: "ec2.AssociateRouteTable",
		Input:     &ec2.AssociateRouteTableInput{RouteTableId: aws.String(tableID), SubnetId: optional(sub.ID())},
		Summary:   fmt.Sprintf("associate route table %s with subnet %s", tableID, sub.Spec.ID), WaitsFor: waits})
}

// wantedRoutes returns the routes that a subnet needs beside the VPC's own.
func (s *State) wantedRoutes(sub *Subnet) []route {
	switch {
	case sub.wavelength():
		return s.carrierRoutes(sub)
	case sub.Spec.IsPublic:
		return s.publicRoutes(sub)
	}
	return s.privateRoutes(sub)
}

func (s *State) publicRoutes(sub *Subnet) []route {
	internet := route{destination: anyIPv4, target: toGateway, waitsFor: "an attached internet gateway"}
	if len(s.routesToInternet()) > 0 {
		internet.id = aws.ToString(s.InternetGateway.InternetGatewayId)
	}
	routes := []route{internet}
	if sub.Spec.IsIPv6 {
		internet.destination, internet.ipv6 = anyIPv6, true
		routes = append(routes, internet)
	}
	return routes
}

func (s *State) privateRoutes(sub *Subnet) []route {
	zone := natZone(sub)
	nat := route{destination: anyIPv4, target: toNATGateway, waitsFor: "the NAT gateway in " + zone}
	if g := s.NATGateways[zone]; g != nil {
		if g.State == ec2types.NatGatewayStateAvailable {
			nat.id = aws.ToString(g.NatGatewayId)
		} else {
			nat.waitsFor = "NAT gateway " + aws.ToString(g.NatGatewayId) + " to be available"
		}
	}
	var routes []route
	if sub.Spec.CidrBlock != "" {
		routes = append(routes, nat)
	}
	if !sub.Spec.IsIPv6 {
		return routes
	}
	if sub.needsNAT64() {
		nat.destination, nat.ipv6 = nat64Block, true
		routes = append(routes, nat)
	}
	egress := route{destination: anyIPv6, ipv6: true, target: toEgressOnlyGateway, waitsFor: "the egress-only internet gateway"}
	if s.EgressOnlyGateway != nil {
		egress.id = aws.ToString(s.EgressOnlyGateway.EgressOnlyInternetGatewayId)
	}
	return append(routes, egress)
}

// planRoute creates a route that is missing and replaces one that leads
// somewhere else. Routes to other destinations are the user's.
func (s *State) planRoute(sub *Subnet, tableID string, want route) {
	current, ok := currentRoute(sub.Table, want)
	if ok && want.id != "" && want.leadsTo(current) && current.State != ec2types.RouteStateBlackhole {
		return
	}
	waits, leads := want.waitsFor, ""
	if want.id != "" {
		waits, leads = "", " to "+want.id
	}
	key := "route-table/" + sub.Spec.ID + "/" + want.destination
	where := fmt.Sprintf("route %s%s in route table %s (%s)", want.destination, leads, tableID, s.tableName(sub.Spec))
	if !ok {
		in := &ec2.CreateRouteInput{RouteTableId: aws.String(tableID)}
		in.DestinationCidrBlock, in.DestinationIpv6CidrBlock = want.blocks()
		want.point(&in.GatewayId, &in.NatGatewayId, &in.EgressOnlyInternetGatewayId, &in.CarrierGatewayId)
		s.add(plan.Action{Key: key, Area: AreaRouteTables, Verb: plan.Create, Operation: "ec2.CreateRoute", Input: in,
			Summary: "create " + where, WaitsFor: waits})
		return
	}
	in := &ec2.ReplaceRouteInput{RouteTableId: aws.String(tableID)}
	in.DestinationCidrBlock, in.DestinationIpv6CidrBlock = want.blocks()
	want.point(&in.GatewayId, &in.NatGatewayId, &in.EgressOnlyInternetGatewayId, &in.CarrierGatewayId)
	s.add(plan.Action{Key: key, Area: AreaRouteTables, Verb: plan.Update, Operation: "ec2.ReplaceRoute", Input: in,
		Summary: "replace " + where, WaitsFor: waits})
}

func currentRoute(table *ec2types.RouteTable, want route) (ec2types.Route, bool) {
	for _, r := range table.Routes {
		have := aws.ToString(r.DestinationCidrBlock)
		if want.ipv6 {
			have = aws.ToString(r.DestinationIpv6CidrBlock)
		}
		if have == want.destination {
			return r, true
		}
	}
	return ec2types.Route{}, false
}

// leadsTo tells whether an existing route has the wanted target.
func (r route) leadsTo(current ec2types.Route) bool {
	switch r.target {
	case toNATGateway:
		return aws.ToString(current.NatGatewayId) == r.id
	case toEgressOnlyGateway:
		return aws.ToString(current.EgressOnlyInternetGatewayId) == r.id
	case toCarrierGateway:
		return aws.ToString(current.CarrierGatewayId) == r.id
	}
	return aws.ToString(current.GatewayId) == r.id
}

func (r route) blocks() (v4, v6 *string) {
	if r.ipv6 {
		return nil, aws.String(r.destination)
	}
	return aws.String(r.destination), nil
}

// point sets the field of the target's kind.
func (r route) point(gateway, nat, egress, carrier **string) {
	*map[targetKind]**string{
		toGateway: gateway, toNATGateway: nat, toEgressOnlyGateway: egress, toCarrierGateway: carrier,
	}[r.target] = optional(r.id)
}
