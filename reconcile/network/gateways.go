package network

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// observeGateways finds the internet gateways: those attached to the VPC, else
// those made for the cluster that are not attached yet.
func (s *State) observeGateways() {
	if attached := mirror.InVPC(s.snap, mirror.InternetGateways, s.VPCID()); len(attached) > 0 {
		s.InternetGateway = attached[0]
	} else {
		s.InternetGateway = s.looseInternetGateway()
	}
	if s.InternetGateway != nil {
		s.Record.VPC.InternetGatewayID = s.InternetGateway.InternetGatewayId
	}
	if s.Record.VPC.IPv6 == nil {
		return
	}
	if attached := mirror.InVPC(s.snap, mirror.EgressOnlyInternetGateways, s.VPCID()); len(attached) > 0 {
		s.EgressOnlyGateway = attached[0]
		s.Record.VPC.IPv6.EgressOnlyInternetGatewayID = s.EgressOnlyGateway.EgressOnlyInternetGatewayId
	}
}

func (s *State) looseInternetGateway() *ec2types.InternetGateway {
	loose := mirror.Select(s.snap, mirror.InternetGateways, func(g *ec2types.InternetGateway) bool {
		return len(g.Attachments) == 0 &&
			owned(s, mirror.InternetGateways, g)
	})
	if len(loose) == 0 {
		return nil
	}
	return loose[0]
}

func (s *State) planInternetGateway() {
	tags := s.Owner.Tags(s.Owner.Cluster+"-igw", names.RoleCommon, nil)
	if s.InternetGateway == nil {
		if s.doubtful(AreaInternetGateway, mirror.InternetGateways.Kind, aws.ToString(s.Spec.VPC.InternetGatewayID)) {
			return
		}
		s.addJournaled(plan.Action{Key: "internet-gateway", Area: AreaInternetGateway, Verb: plan.Create,
			Operation: "ec2.CreateInternetGateway",
			Input:     &ec2.CreateInternetGatewayInput{TagSpecifications: tagSpec(ec2types.ResourceTypeInternetGateway, tags)},
			Summary:   fmt.Sprintf("create internet gateway %s-igw", s.Owner.Cluster)}, mirror.InternetGateways.Kind)
		return
	}
	id := aws.ToString(s.InternetGateway.InternetGatewayId)
	s.tag(AreaInternetGateway, "internet-gateway", id, tags, mirror.InternetGateways.Tags(s.InternetGateway))
	if len(s.InternetGateway.Attachments) == 0 {
		s.add(plan.Action{Key: "internet-gateway/attachment", Area: AreaInternetGateway, Verb: plan.Update,
			Operation: "ec2.AttachInternetGateway",
			Input:     &ec2.AttachInternetGatewayInput{InternetGatewayId: aws.String(id), VpcId: optional(s.VPCID())},
			Summary:   fmt.Sprintf("attach internet gateway %s to VPC %s", id, s.VPCID()), WaitsFor: s.waitsForVPC()})
	}
}

// planEgressOnlyGateway plans the way out for IPv6 of private subnets.
func (s *State) planEgressOnlyGateway() {
	if !s.IPv6() {
		return
	}
	tags := s.Owner.Tags(s.Owner.Cluster+"-eigw", names.RoleCommon, nil)
	if g := s.EgressOnlyGateway; g != nil {
		s.tag(AreaEgressOnlyGateway, "egress-only-internet-gateway", aws.ToString(g.EgressOnlyInternetGatewayId), tags,
			mirror.EgressOnlyInternetGateways.Tags(g))
		return
	}
	previous := aws.ToString(s.Spec.VPC.IPv6.EgressOnlyInternetGatewayID)
	if s.doubtful(AreaEgressOnlyGateway, mirror.EgressOnlyInternetGateways.Kind, previous) {
		return
	}
	s.add(plan.Action{Key: "egress-only-internet-gateway", Area: AreaEgressOnlyGateway, Verb: plan.Create,
		Operation: "ec2.CreateEgressOnlyInternetGateway",
		Input: &ec2.CreateEgressOnlyInternetGatewayInput{
			VpcId:             optional(s.VPCID()),
			ClientToken:       aws.String(names.Token(s.Owner.UID, "egress-only-internet-gateway", previous)),
			TagSpecifications: tagSpec(ec2types.ResourceTypeEgressOnlyInternetGateway, tags)},
		Summary:  fmt.Sprintf("create egress-only internet gateway %s-eigw", s.Owner.Cluster),
		WaitsFor: s.waitsForVPC()})
}

// Internet tells whether the VPC has an internet gateway attached. Where AWS doesn't
// let anybody look, the user's VPC is taken to have one: AWS will tell.
func (s *State) Internet() bool {
	return len(s.routesToInternet()) > 0 || s.Withheld(mirror.InternetGateways.Kind)
}
