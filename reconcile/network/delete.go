package network

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// DeleteKinds returns the tables that have to be seen before a network is known
// to be gone.
func DeleteKinds() []mirror.Kind {
	return []mirror.Kind{
		mirror.VPCs.Kind, mirror.Subnets.Kind, mirror.InternetGateways.Kind, mirror.EgressOnlyInternetGateways.Kind,
		mirror.CarrierGateways.Kind,
		mirror.NATGateways.Kind, mirror.Addresses.Kind, mirror.RouteTables.Kind, mirror.VPCEndpoints.Kind,
		mirror.SecurityGroups.Kind,
	}
}

// DeleteKinds returns those that have to be seen for this network: in a user's VPC
// the cluster has groups only.
func (s *State) DeleteKinds() []mirror.Kind {
	if s.Unmanaged {
		return []mirror.Kind{mirror.VPCs.Kind, mirror.SecurityGroups.Kind}
	}
	return DeleteKinds()
}

// PlanDelete returns what is left to be deleted of the network, in an order in
// which AWS accepts it: each step waits for what it is used by. blocked names
// what outside the network still uses it, or is "". Nothing that was not made
// for the cluster is touched.
func (s *State) PlanDelete(blocked string) plan.Plan {
	p := *s
	p.plan = plan.Plan{}
	for _, kind := range s.DeleteKinds() {
		if !p.snap.Seen(kind) {
			p.wait(AreaVPC, ReasonWaitingForObservation, "the first complete listing of "+string(kind))
			return p.plan
		}
	}
	for _, kind := range s.Blocked() {
		p.wait(AreaVPC, ReasonWaitingForObservation, fmt.Sprintf(
			"whether an earlier creation went through, which two complete listings of %s will tell", kind))
	}
	p.planClaims()
	p.deleteInterfaces()
	groups := p.deleteSecurityGroups(blocked)
	if p.Unmanaged {
		return p.plan
	}
	endpoints := p.deleteEndpoints()
	p.deleteRouteTables(endpoints)
	carriers := p.deleteCarrierGateways()
	gateways := p.deleteNATGateways()
	addresses := p.deleteAddresses(gateways)
	p.deleteInternetGateways(first(blocked, gateways, addresses))
	subnets := p.deleteSubnets(first(blocked, gateways))
	p.deleteVPC(first(blocked, groups, endpoints, gateways, carriers, subnets))
	return p.plan
}

// journaledKinds are the tables which show whether journaled calls went through.
var journaledKinds = map[string]mirror.Kind{
	"ec2.CreateVpc":             mirror.VPCs.Kind,
	"ec2.CreateInternetGateway": mirror.InternetGateways.Kind,
	"ec2.AllocateAddress":       mirror.Addresses.Kind,
}

// first returns the first thing that is still in the way, or "".
func first(obstacles ...string) string {
	for _, o := range obstacles {
		if o != "" {
			return o
		}
	}
	return ""
}

func (s *State) remove(area, key, operation, summary, waits string, in any) {
	s.add(plan.Action{Key: key, Area: area, Verb: plan.Delete, Operation: "ec2." + operation, Input: in, Summary: summary, WaitsFor: waits})
}

// deleteSecurityGroups deletes the cluster's groups, their rules first: a rule
// that names another group keeps that one in being.
func (s *State) deleteSecurityGroups(blocked string) (left string) {
	var groups []*ec2types.SecurityGroup
	var kept []string
	for _, g := range mirror.InVPC(s.snap, mirror.SecurityGroups, s.VPCID()) {
		tags := mirror.SecurityGroups.Tags(g)
		switch ours := owned(s, mirror.SecurityGroups, g); {
		case aws.ToString(g.GroupName) == "default" || s.named(aws.ToString(g.GroupId)):
		case !ours && s.cloudProviderOwns(tags) && s.KeepServiceGroups:
			kept = append(kept, fmt.Sprintf("%s (%s)", aws.ToString(g.GroupId), aws.ToString(g.GroupName)))
		case ours || s.cloudProviderOwns(tags):
			groups = append(groups, g)
		}
	}
	if len(kept) > 0 && !s.Unmanaged {
		s.wait(AreaVPC, infrav1.DeletingReason, fmt.Sprintf("the end of security group %s in VPC %s, which an annotation of this object keeps from being cleaned up",
			strings.Join(kept, ", "), s.VPCID()))
		left = "security group " + kept[0]
	}
	waits := blocked
	for _, g := range groups {
		id := aws.ToString(g.GroupId)
		if len(g.IpPermissions) > 0 && waits == "" {
			waits = "the end of the rules of the security groups"
		}
		s.planRevokeAll("security-group/"+id, g, false)
	}
	for _, g := range groups {
		id := aws.ToString(g.GroupId)
		left = "security group " + id
		s.remove(AreaSecurityGroups, "security-group/"+id, "DeleteSecurityGroup",
			fmt.Sprintf("delete security group %s (%s)", id, aws.ToString(g.GroupName)), waits, &ec2.DeleteSecurityGroupInput{GroupId: g.GroupId})
	}
	return left
}

// named tells whether the user gave a group to the cluster: then it is used, and
// never changed or deleted, whatever its tags say.
func (s *State) named(id string) bool {
	for _, override := range s.Spec.SecurityGroupOverrides {
		if override == id {
			return true
		}
	}
	return slices.ContainsFunc(s.Groups.LoadBalancers, func(lb *infrav1.AWSLoadBalancerSpec) bool {
		return slices.Contains(lb.AdditionalSecurityGroups, id)
	})
}

// deleteInterfaces deletes network interfaces that instances of the cluster left
// behind: nobody uses them, and all their groups are the cluster's.
func (s *State) deleteInterfaces() {
	for _, i := range s.Interfaces {
		ours := len(i.Groups) > 0 && !slices.ContainsFunc(i.Groups, func(g ec2types.GroupIdentifier) bool {
			row, ok := mirror.Get(s.snap, mirror.SecurityGroups, aws.ToString(g.GroupId))
			return !ok || s.named(aws.ToString(g.GroupId)) || !owned(s, mirror.SecurityGroups, row)
		})
		if i.Status != ec2types.NetworkInterfaceStatusAvailable || aws.ToBool(i.RequesterManaged) || !ours {
			continue
		}
		id := aws.ToString(i.NetworkInterfaceId)
		s.remove(AreaSecurityGroups, "network-interface/"+id, "DeleteNetworkInterface", "delete network interface "+id+", which nothing uses", "",
			&ec2.DeleteNetworkInterfaceInput{NetworkInterfaceId: i.NetworkInterfaceId})
	}
}

// cloudProviderOwns tells that the cluster's cloud controller manager made
// something, for a Service, in the cluster's VPC.
func (s *State) cloudProviderOwns(tags map[string]string) bool {
	return s.ServicesOf() && ForService(s.KubernetesName(), tags)
}

// ForService tells whether tags are those of something that a cloud controller
// manager made: nothing else has its tag only, but the group that EKS makes.
func ForService(cluster string, tags map[string]string) bool {
	_, byEKS := tags[names.TagEKSCluster]
	return !byEKS && tags[names.TagCloudProviderPrefix+cluster] == names.Owned && tags[names.TagUID] == "" && !mirror.Owned(tags)
}

// ServicesOf tells whether what cloud controller managers made in the VPC for a
// cluster of this name was made for this one: in a VPC that is merely used, only where
// the VPC's tag, in AWS, shares it with this cluster, and no other one here is of the
// name. A name alone may be that of any cluster, made by anybody.
func (s *State) ServicesOf() bool {
	if s.Groups.EKSForeign {
		return false
	}
	if s.proven || s.VPC == nil {
		return s.proven
	}
	shared, _ := s.Owner.Shared(s.resource(s.VPCID(), mirror.VPCs.Tags(s.VPC), ""))
	return shared
}

func (s *State) deleteRouteTables(endpoints string) {
	for _, t := range mirror.InVPC(s.snap, mirror.RouteTables, s.VPCID()) {
		if !owned(s, mirror.RouteTables, t) {
			continue
		}
		id, waits, main := aws.ToString(t.RouteTableId), endpoints, false
		for _, a := range t.Associations {
			if aws.ToBool(a.Main) {
				main = true // it goes with the VPC
				continue
			}
			waits = "the end of its associations"
			association := aws.ToString(a.RouteTableAssociationId)
			s.remove(AreaRouteTables, "route-table/"+id+"/"+association, "DisassociateRouteTable",
				fmt.Sprintf("disassociate route table %s from %s", id, aws.ToString(a.SubnetId)), "",
				&ec2.DisassociateRouteTableInput{AssociationId: a.RouteTableAssociationId})
		}
		if !main {
			s.remove(AreaRouteTables, "route-table/"+id, "DeleteRouteTable", "delete route table "+id, waits,
				&ec2.DeleteRouteTableInput{RouteTableId: t.RouteTableId})
		}
	}
}

// deleteNATGateways returns a gateway that still is there, if only as one that
// AWS is deleting.
func (s *State) deleteNATGateways() (left string) {
	for _, g := range mirror.InVPC(s.snap, mirror.NATGateways, s.VPCID()) {
		id := aws.ToString(g.NatGatewayId)
		if !owned(s, mirror.NATGateways, g) || g.State == ec2types.NatGatewayStateDeleted {
			continue
		}
		if g.State == ec2types.NatGatewayStateFailed && len(g.NatGatewayAddresses) == 0 {
			continue
		}
		left = "NAT gateway " + id
		if g.State == ec2types.NatGatewayStateDeleting {
			s.wait(AreaNATGateways, infrav1.DeletingReason, "the end of NAT gateway "+id)
			continue
		}
		s.remove(AreaNATGateways, "nat-gateway/"+id, "DeleteNatGateway", "delete NAT gateway "+id, "",
			&ec2.DeleteNatGatewayInput{NatGatewayId: g.NatGatewayId})
	}
	return left
}

// deleteAddresses releases the cluster's addresses, those in use by NAT gateways
// after them.
func (s *State) deleteAddresses(gateways string) (left string) {
	used := s.usedAllocations()
	for _, a := range mirror.Select(s.snap, mirror.Addresses, nil) {
		id := aws.ToString(a.AllocationId)
		elsewhere := a.AssociationId != nil && used[id] == nil
		if !s.claimAddress(a).Ours() || elsewhere && mirror.Addresses.Tags(a)[names.TagUID] != s.Owner.UID {
			continue // what is in use outside of the VPC was made for something else
		}
		waits := ""
		if used[id] != nil {
			waits = "the end of " + gateways
		}
		left = "address " + id
		s.remove(AreaNATGateways, "address/"+id, "ReleaseAddress",
			fmt.Sprintf("release elastic IP address %s (%s)", id, aws.ToString(a.PublicIp)), waits, &ec2.ReleaseAddressInput{AllocationId: a.AllocationId})
	}
	return left
}

// deleteInternetGateways detaches and deletes the gateways. AWS doesn't detach
// one while public addresses are mapped in the VPC.
func (s *State) deleteInternetGateways(blocked string) {
	for _, g := range mirror.Select(s.snap, mirror.InternetGateways, nil) {
		id, vpc := aws.ToString(g.InternetGatewayId), mirror.InternetGateways.VPC(g)
		if !owned(s, mirror.InternetGateways, g) || vpc != "" && vpc != s.VPCID() {
			continue
		}
		waits := ""
		if vpc != "" {
			waits = "its detachment"
			s.remove(AreaInternetGateway, "internet-gateway/"+id+"/attachment", "DetachInternetGateway",
				fmt.Sprintf("detach internet gateway %s from VPC %s", id, vpc), blocked,
				&ec2.DetachInternetGatewayInput{InternetGatewayId: g.InternetGatewayId, VpcId: aws.String(vpc)})
		}
		s.remove(AreaInternetGateway, "internet-gateway/"+id, "DeleteInternetGateway", "delete internet gateway "+id, waits,
			&ec2.DeleteInternetGatewayInput{InternetGatewayId: g.InternetGatewayId})
	}
	for _, g := range mirror.InVPC(s.snap, mirror.EgressOnlyInternetGateways, s.VPCID()) {
		if !owned(s, mirror.EgressOnlyInternetGateways, g) {
			continue
		}
		id := aws.ToString(g.EgressOnlyInternetGatewayId)
		s.remove(AreaEgressOnlyGateway, "egress-only-internet-gateway/"+id, "DeleteEgressOnlyInternetGateway",
			"delete egress-only internet gateway "+id, "", &ec2.DeleteEgressOnlyInternetGatewayInput{EgressOnlyInternetGatewayId: g.EgressOnlyInternetGatewayId})
	}
}

func (s *State) deleteSubnets(blocked string) (left string) {
	for _, row := range mirror.InVPC(s.snap, mirror.Subnets, s.VPCID()) {
		if !owned(s, mirror.Subnets, row) {
			continue
		}
		id := aws.ToString(row.SubnetId)
		left = "subnet " + id
		s.remove(AreaSubnets, "subnet/"+id, "DeleteSubnet", "delete subnet "+id, blocked, &ec2.DeleteSubnetInput{SubnetId: row.SubnetId})
	}
	return left
}

// deleteVPC deletes the VPC when all that was made in it is gone.
func (s *State) deleteVPC(blocked string) {
	if s.VPC == nil {
		return
	}
	waits := blocked
	for _, a := range s.plan.Actions {
		if waits == "" && !strings.HasPrefix(a.Key, "address/") {
			waits = "the end of what lies in it"
		}
	}
	for _, a := range s.VPC.CidrBlockAssociationSet {
		block := aws.ToString(a.CidrBlock)
		if !s.secondary(block) || !s.hasBlock(block) {
			continue
		}
		s.remove(AreaSecondaryCIDRs, "vpc/cidr/"+block, "DisassociateVpcCidrBlock",
			fmt.Sprintf("disassociate %s from VPC %s", block, s.VPCID()), waits, &ec2.DisassociateVpcCidrBlockInput{AssociationId: a.AssociationId})
		waits = first(waits, "the end of "+block)
	}
	s.remove(AreaVPC, "vpc", "DeleteVpc", "delete VPC "+s.VPCID(), waits, &ec2.DeleteVpcInput{VpcId: s.VPC.VpcId})
}

func (s *State) secondary(block string) bool {
	for _, b := range s.secondaryBlocks() {
		if b.IPv4CidrBlock == block {
			return true
		}
	}
	return false
}
