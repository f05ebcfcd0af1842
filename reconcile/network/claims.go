package network

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// Claim tells whose something is, by its tags and the VPC that holds it. Only a VPC
// that is the cluster's own proves anything of what lies in it.
func (s *State) Claim(id string, tags map[string]string, vpcID string) ownership.Claim {
	return s.Owner.Claim(s.resource(id, tags, vpcID))
}

func (s *State) resource(id string, tags map[string]string, vpcID string) ownership.Resource {
	return ownership.Resource{ID: id, Tags: tags, Recorded: slices.Contains(s.Recorded, id),
		Inside: s.proven && vpcID != "" && vpcID == s.VPCID()}
}

// lender judges what the user names for the cluster to use.
func (s *State) lender() ownership.Lender {
	return ownership.Lender{Owner: s.Owner, VPC: s.VPCID(), Records: s.Recorded, Groups: s.Recorded, Snap: s.snap}
}

// Lent tells what speaks against subnets and groups that the user names, nil for nothing.
func (s *State) Lent(subnets, groups []string) error {
	lender := s.lender()
	for _, id := range subnets {
		if err := lender.Subnet(id); err != nil {
			return err
		}
	}
	for _, id := range groups {
		if err := lender.Group(id); err != nil {
			return err
		}
	}
	return nil
}

// claimed tells whose the row of a table is.
func claimed[T any](s *State, t *mirror.Table[T], row *T) ownership.Claim {
	return s.Claim(t.ID(row), t.Tags(row), t.VPC(row))
}

// owned tells whether the row of a table is the cluster's.
func owned[T any](s *State, t *mirror.Table[T], row *T) bool { return claimed(s, t, row).Ours() }

// planClaims gives this object's UID to all that the object had before it was moved,
// in one call: afterwards nothing depends on what still tells of that.
func (s *State) planClaims() {
	var ids []string
	ids = append(ids, moved(s, mirror.SecurityGroups, func(g *ec2types.SecurityGroup) bool { return !s.named(aws.ToString(g.GroupId)) })...)
	if !s.Unmanaged {
		ids = append(ids, moved(s, mirror.VPCs, nil)...)
		ids = append(ids, moved(s, mirror.Subnets, nil)...)
		ids = append(ids, moved(s, mirror.InternetGateways, nil)...)
		ids = append(ids, moved(s, mirror.EgressOnlyInternetGateways, nil)...)
		ids = append(ids, moved(s, mirror.CarrierGateways, func(g *ec2types.CarrierGateway) bool { return g.State != ec2types.CarrierGatewayStateDeleted })...)
		ids = append(ids, moved(s, mirror.NATGateways, func(g *ec2types.NatGateway) bool { return g.State != ec2types.NatGatewayStateDeleted })...)
		for _, a := range mirror.Select(s.snap, mirror.Addresses, s.natAddress) {
			if s.claimAddress(a).Verdict == ownership.Moved {
				ids = append(ids, aws.ToString(a.AllocationId))
			}
		}
		ids = append(ids, moved(s, mirror.RouteTables, nil)...)
		ids = append(ids, moved(s, mirror.VPCEndpoints, func(e *ec2types.VpcEndpoint) bool { return !ending(e) })...)
	}
	if len(ids) == 0 {
		return
	}
	tags := tagList(s.Owner.Identity())
	s.add(plan.Action{Key: "claims", Area: AreaVPC, Verb: plan.Update, Operation: "ec2.CreateTags", Claims: true,
		Input: &ec2.CreateTagsInput{Resources: ids, Tags: tags}, Summary: tagSummary(ids, tags)})
}

// moved returns the ids of a table's rows that the object had before it was moved.
func moved[T any](s *State, t *mirror.Table[T], keep func(*T) bool) []string {
	var ids []string
	for _, row := range mirror.Select(s.snap, t, keep) {
		elsewhere := t.VPC(row) != "" && t.VPC(row) != s.VPCID()
		if !elsewhere && claimed(s, t, row).Verdict == ownership.Moved {
			ids = append(ids, t.ID(row))
		}
	}
	return ids
}
