package network

import (
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// observeVPC finds the VPC by its recorded id, or by its tags.
func (s *State) observeVPC() {
	if id := s.Spec.VPC.ID; id != "" {
		row, ok := mirror.Get(s.snap, mirror.VPCs, id)
		if !ok {
			if s.snap.Seen(mirror.VPCs.Kind) && !s.doubtful(AreaVPC, mirror.VPCs.Kind, id) {
				s.problem(AreaVPC, "VPC %s of spec.network.vpc.id doesn't exist in %s; delete this object and create it anew, or restore the VPC", id, s.snap.Scope)
			}
			return
		}
		s.VPC = row
		claim := claimed(s, mirror.VPCs, row)
		s.Unmanaged = !claim.Ours()
		if s.Unmanaged && s.Owner.HasOwnedTag(mirror.VPCs.Tags(row)) {
			s.foreign, s.Contested = true, claim.Undecided
			s.problem(AreaVPC, "VPC %s of spec.network.vpc.id is of %s; name another one, or leave the id out to have one made", id, claim.Of)
			s.VPC = nil // nothing in it is looked at
			return
		}
		if err := s.lender().Network(id); s.Unmanaged && err != nil && s.snap.Seen(mirror.SecurityGroups.Kind) {
			s.foreign, s.Contested = true, errors.As(err, new(ownership.Doubt))
			s.problem(AreaVPC, "spec.network.vpc.id: %s", err)
			s.VPC = nil
			return
		}
	} else if s.VPC = s.findVPC(); s.VPC == nil {
		return
	}
	s.proven = !s.Unmanaged
	s.Record.VPC.ID = s.VPCID()
	s.Record.VPC.CidrBlock = aws.ToString(s.VPC.CidrBlock)
	if block := s.ipv6Block(); block != "" && s.Record.VPC.IPv6 != nil {
		s.Record.VPC.IPv6.CidrBlock = block
	}
}

// findVPC returns the VPC that was made for the cluster.
func (s *State) findVPC() *mirror.VPC {
	var ours []*mirror.VPC
	for _, v := range mirror.Select(s.snap, mirror.VPCs, func(v *mirror.VPC) bool { return s.Owner.HasOwnedTag(mirror.VPCs.Tags(v)) }) {
		switch claim := claimed(s, mirror.VPCs, v); {
		case claim.Ours():
			ours = append(ours, v)
		case s.Owner.Elsewhere(mirror.VPCs.Tags(v)):
			// Made for a cluster of another namespace, which this one never was.
		case !s.Owner.Lives(mirror.VPCs.Tags(v)[names.TagUID]):
			s.foreign = true
			s.problem(AreaVPC, "VPC %s carries the tag %s%s and belongs to %s; use another name for the cluster, or, to take the VPC over, set spec.network.vpc.id, or untag or delete it to have another one made",
				aws.ToString(v.VpcId), names.TagOwnedPrefix, s.Owner.Cluster, claim.Of)
		}
	}
	if len(ours) > 1 {
		s.problem(AreaVPC, "VPCs %s and %s both carry the tag %s%s; set spec.network.vpc.id to the right one",
			aws.ToString(ours[0].VpcId), aws.ToString(ours[1].VpcId), names.TagOwnedPrefix, s.Owner.Cluster)
	}
	if len(ours) == 0 {
		return nil
	}
	s.foreign = false
	return ours[0]
}

// ipv6Block returns the VPC's IPv6 block once AWS has associated it, else "".
func (s *State) ipv6Block() string {
	if s.VPC == nil {
		return ""
	}
	for _, a := range s.VPC.Ipv6CidrBlockAssociationSet {
		if a.Ipv6CidrBlockState != nil && a.Ipv6CidrBlockState.State == ec2types.VpcCidrBlockStateCodeAssociated {
			return aws.ToString(a.Ipv6CidrBlock)
		}
	}
	return ""
}

func (s *State) vpcTags() map[string]string {
	return s.Owner.Tags(s.Owner.Cluster+"-vpc", names.RoleCommon, s.Spec.VPC.Tags)
}

func (s *State) planVPC() {
	switch {
	case s.VPC == nil && s.Spec.VPC.ID != "", s.Unmanaged:
		return
	case s.VPC == nil:
		s.planCreateVPC()
		return
	}
	s.tag(AreaVPC, "vpc", s.VPCID(), s.vpcTags(), mirror.VPCs.Tags(s.VPC))
	s.vpcAttribute("support", s.VPC.DNSSupport, &ec2.ModifyVpcAttributeInput{
		VpcId: s.VPC.VpcId, EnableDnsSupport: &ec2types.AttributeBooleanValue{Value: aws.Bool(true)}})
	s.vpcAttribute("hostnames", s.VPC.DNSHostnames, &ec2.ModifyVpcAttributeInput{
		VpcId: s.VPC.VpcId, EnableDnsHostnames: &ec2types.AttributeBooleanValue{Value: aws.Bool(true)}})
	if s.IPv6() && s.ipv6Block() == "" {
		s.planVPCIPv6()
	}
}

func (s *State) planCreateVPC() {
	spec := &s.Spec.VPC
	in := &ec2.CreateVpcInput{TagSpecifications: tagSpec(ec2types.ResourceTypeVpc, s.vpcTags())}
	what := s.intendedBlock()
	if pool := spec.IPAMPool; pool != nil {
		if pool.ID == "" {
			s.problem(AreaVPC, "spec.network.vpc.ipamPool: a pool is found by its id only; set ipamPool.id, as ipam-pool-0123456789abcdef0")
			return
		}
		in.Ipv4IpamPoolId = aws.String(pool.ID)
		in.Ipv4NetmaskLength = netmask(pool.NetmaskLength, ipamNetmaskIPv4)
		what = "from IPAM pool " + pool.ID
	} else {
		in.CidrBlock = aws.String(what)
	}
	if v6 := spec.IPv6; v6 != nil {
		switch {
		case v6.IPAMPool != nil && v6.IPAMPool.ID == "":
			s.problem(AreaVPC, "spec.network.vpc.ipv6.ipamPool: a pool is found by its id only; set ipamPool.id, as ipam-pool-0123456789abcdef0")
			return
		case v6.IPAMPool != nil:
			in.Ipv6IpamPoolId = aws.String(v6.IPAMPool.ID)
			in.Ipv6NetmaskLength = netmask(v6.IPAMPool.NetmaskLength, ipamNetmaskIPv6)
		case v6.PoolID != "":
			in.Ipv6Pool, in.Ipv6CidrBlock = aws.String(v6.PoolID), aws.String(v6.CidrBlock)
		default:
			in.AmazonProvidedIpv6CidrBlock = aws.Bool(true)
		}
		what += " with IPv6"
	}
	s.addJournaled(plan.Action{Key: "vpc", Area: AreaVPC, Verb: plan.Create, Operation: "ec2.CreateVpc", Input: in,
		Summary: fmt.Sprintf("create VPC %s-vpc %s", s.Owner.Cluster, what)}, mirror.VPCs.Kind)
}

// planVPCIPv6 waits for the IPv6 block that was asked for with the VPC, or asks
// for one where an existing VPC has none.
func (s *State) planVPCIPv6() {
	for _, a := range s.VPC.Ipv6CidrBlockAssociationSet {
		if a.Ipv6CidrBlockState != nil && a.Ipv6CidrBlockState.State == ec2types.VpcCidrBlockStateCodeAssociating {
			s.wait(AreaVPC, infrav1.VpcCreationStartedReason, "the IPv6 block of VPC "+s.VPCID()+" to be associated")
			return
		}
	}
	in := &ec2.AssociateVpcCidrBlockInput{VpcId: s.VPC.VpcId}
	switch v6 := s.Spec.VPC.IPv6; {
	case v6.IPAMPool != nil:
		in.Ipv6IpamPoolId = aws.String(v6.IPAMPool.ID)
		in.Ipv6NetmaskLength = netmask(v6.IPAMPool.NetmaskLength, ipamNetmaskIPv6)
	case v6.PoolID != "":
		in.Ipv6Pool, in.Ipv6CidrBlock = aws.String(v6.PoolID), aws.String(v6.CidrBlock)
	default:
		in.AmazonProvidedIpv6CidrBlock = aws.Bool(true)
	}
	s.add(plan.Action{Key: "vpc/ipv6", Area: AreaVPC, Verb: plan.Update, Operation: "ec2.AssociateVpcCidrBlock", Input: in,
		Summary: "associate an IPv6 block with VPC " + s.VPCID()})
}

// vpcAttribute plans to switch an attribute on when it is known to be off.
func (s *State) vpcAttribute(name string, value *bool, in *ec2.ModifyVpcAttributeInput) {
	if value == nil || *value {
		return
	}
	s.add(plan.Action{Key: "vpc/dns-" + name, Area: AreaVPC, Verb: plan.Update, Operation: "ec2.ModifyVpcAttribute", Input: in,
		Summary: fmt.Sprintf("enable DNS %s in VPC %s", name, s.VPCID())})
}

// intendedBlock is the IPv4 block of a VPC that doesn't exist yet, "" where AWS
// chooses one.
func (s *State) intendedBlock() string {
	switch {
	case s.Record.VPC.CidrBlock != "":
		return s.Record.VPC.CidrBlock
	case s.Spec.VPC.IPAMPool != nil:
		return ""
	}
	return defaultVPCBlock
}

// secondaryBlocks are the wanted IPv4 blocks of the VPC beside its first.
func (s *State) secondaryBlocks() []infrav1.VpcCidrBlock {
	blocks := s.Spec.VPC.SecondaryCidrBlocks
	if s.PodBlock == "" || slices.ContainsFunc(blocks, func(b infrav1.VpcCidrBlock) bool { return b.IPv4CidrBlock == s.PodBlock }) {
		return blocks
	}
	return append(slices.Clone(blocks), infrav1.VpcCidrBlock{IPv4CidrBlock: s.PodBlock})
}

// planSecondaryCIDRs associates the further IPv4 blocks of the VPC.
func (s *State) planSecondaryCIDRs() {
	if s.Unmanaged {
		return
	}
	for _, block := range s.secondaryBlocks() {
		if s.hasBlock(block.IPv4CidrBlock) {
			continue
		}
		s.add(plan.Action{
			Key: "vpc/cidr/" + block.IPv4CidrBlock, Area: AreaSecondaryCIDRs, Verb: plan.Update,
			Operation: "ec2.AssociateVpcCidrBlock",
			Input: &ec2.AssociateVpcCidrBlockInput{
				VpcId: optional(s.VPCID()), CidrBlock: aws.String(block.IPv4CidrBlock)},
			Summary:  fmt.Sprintf("associate %s with VPC %s", block.IPv4CidrBlock, s.VPCID()),
			WaitsFor: s.waitsForVPC(),
		})
	}
}

// furtherBlocks returns the IPv4 blocks that the VPC has beside its first.
func (s *State) furtherBlocks() []string {
	if s.VPC == nil {
		return nil
	}
	var blocks []string
	for _, a := range s.VPC.CidrBlockAssociationSet {
		block := aws.ToString(a.CidrBlock)
		if block != s.Record.VPC.CidrBlock && a.CidrBlockState != nil && a.CidrBlockState.State == ec2types.VpcCidrBlockStateCodeAssociated {
			blocks = append(blocks, block)
		}
	}
	return blocks
}

func (s *State) hasBlock(block string) bool {
	if s.VPC == nil {
		return false
	}
	for _, a := range s.VPC.CidrBlockAssociationSet {
		if aws.ToString(a.CidrBlock) != block || a.CidrBlockState == nil {
			continue
		}
		switch a.CidrBlockState.State {
		case ec2types.VpcCidrBlockStateCodeAssociated, ec2types.VpcCidrBlockStateCodeAssociating:
			return true
		}
	}
	return false
}

func (s *State) waitsForVPC() string {
	if s.VPC == nil {
		return waitVPC
	}
	return ""
}

func netmask(length int64, otherwise int32) *int32 {
	if length == 0 {
		return aws.Int32(otherwise)
	}
	return aws.Int32(int32(length))
}
