package network

import (
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// wantsCarrier tells whether a subnet reaches the network of a telecommunication
// carrier: a public one in a wavelength zone does.
func wantsCarrier(s infrav1.SubnetSpec) bool {
	return s.IsPublic && s.ZoneType != nil && *s.ZoneType == infrav1.ZoneTypeWavelengthZone
}

// Carrier tells whether the network needs a carrier gateway.
func (s *State) Carrier() bool { return slices.ContainsFunc(s.Record.Subnets, wantsCarrier) }

// observeCarrierGateway finds the VPC's: there is one at most.
func (s *State) observeCarrierGateway() {
	for _, g := range mirror.InVPC(s.snap, mirror.CarrierGateways, s.VPCID()) {
		if g.State == ec2types.CarrierGatewayStatePending || g.State == ec2types.CarrierGatewayStateAvailable {
			s.CarrierGateway = g
			s.Record.VPC.CarrierGatewayID = g.CarrierGatewayId
			return
		}
	}
}

// planCarrierGateway plans the way out of public subnets in wavelength zones.
func (s *State) planCarrierGateway() {
	if !s.Carrier() {
		return
	}
	// The zone of a subnet may be known only since this plan.
	if !s.Known(mirror.CarrierGateways.Kind) {
		s.wait(AreaCarrierGateway, ReasonWaitingForObservation, "the first complete listing of "+string(mirror.CarrierGateways.Kind))
		return
	}
	tags := s.Owner.Tags(s.Owner.Cluster+"-igw", names.RoleCommon, nil)
	if g := s.CarrierGateway; g != nil {
		s.tag(AreaCarrierGateway, "carrier-gateway", aws.ToString(g.CarrierGatewayId), tags, mirror.CarrierGateways.Tags(g))
		return
	}
	previous := aws.ToString(s.Spec.VPC.CarrierGatewayID)
	if s.doubtful(AreaCarrierGateway, mirror.CarrierGateways.Kind, previous) {
		return
	}
	s.add(plan.Action{Key: "carrier-gateway", Area: AreaCarrierGateway, Verb: plan.Create, Operation: "ec2.CreateCarrierGateway",
		Input: &ec2.CreateCarrierGatewayInput{VpcId: optional(s.VPCID()),
			ClientToken:       aws.String(names.Token(s.Owner.UID, "carrier-gateway", previous)),
			TagSpecifications: tagSpec(ec2types.ResourceTypeCarrierGateway, tags)},
		Summary: fmt.Sprintf("create carrier gateway %s-igw", s.Owner.Cluster), WaitsFor: s.waitsForVPC()})
}

// carrierRoutes are those of a subnet in a wavelength zone: a private one has no
// way out.
func (s *State) carrierRoutes(sub *Subnet) []route {
	if !sub.Spec.IsPublic {
		return nil
	}
	carrier := route{destination: anyIPv4, target: toCarrierGateway, waitsFor: "the carrier gateway"}
	if g := s.CarrierGateway; g != nil && g.State == ec2types.CarrierGatewayStateAvailable {
		carrier.id = aws.ToString(g.CarrierGatewayId)
	}
	return []route{carrier}
}

// deleteCarrierGateways returns one that still is there, if only as one that AWS is
// deleting.
func (s *State) deleteCarrierGateways() (left string) {
	for _, g := range mirror.InVPC(s.snap, mirror.CarrierGateways, s.VPCID()) {
		id := aws.ToString(g.CarrierGatewayId)
		switch {
		case !owned(s, mirror.CarrierGateways, g) || g.State == ec2types.CarrierGatewayStateDeleted:
			continue
		case g.State == ec2types.CarrierGatewayStateDeleting:
			s.wait(AreaCarrierGateway, infrav1.DeletingReason, "the end of carrier gateway "+id)
		default:
			s.remove(AreaCarrierGateway, "carrier-gateway/"+id, "DeleteCarrierGateway", "delete carrier gateway "+id, "",
				&ec2.DeleteCarrierGatewayInput{CarrierGatewayId: g.CarrierGatewayId})
		}
		left = "carrier gateway " + id
	}
	return left
}

func carrierHandlers() []plan.Handler {
	return []plan.Handler{
		plan.Call("CreateCarrierGateway", (*ec2.Client).CreateCarrierGateway, func(w *plan.Writer, in *ec2.CreateCarrierGatewayInput, out *ec2.CreateCarrierGatewayOutput) {
			if out.CarrierGateway != nil {
				row := *out.CarrierGateway
				row.Tags = tagsOr(row.Tags, in.TagSpecifications)
				plan.Put(w, mirror.CarrierGateways, row)
			}
		}, mirror.CarrierGateways.Kind),
		plan.Call("DeleteCarrierGateway", (*ec2.Client).DeleteCarrierGateway, func(w *plan.Writer, in *ec2.DeleteCarrierGatewayInput, _ *ec2.DeleteCarrierGatewayOutput) {
			plan.Modify(w, mirror.CarrierGateways, aws.ToString(in.CarrierGatewayId), func(g *ec2types.CarrierGateway) {
				if g.State != ec2types.CarrierGatewayStateDeleted {
					g.State = ec2types.CarrierGatewayStateDeleting
				}
			})
		}),
	}
}
