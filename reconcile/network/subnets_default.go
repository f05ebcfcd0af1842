package network

import (
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
)

// decideSubnets fills the record with the default subnets, a public and a
// private one in each zone, where the user named none in a managed VPC. Once
// recorded they are never decided again.
func (s *State) decideSubnets() {
	if len(s.Record.Subnets) > 0 || s.Unmanaged || (s.VPC == nil && s.Spec.VPC.ID != "") {
		return
	}
	zones, block := s.defaultZones(), s.intendedBlock()
	if len(zones) == 0 || block == "" {
		return
	}
	v4, err := ipv4Blocks(block, len(zones))
	if err != nil {
		s.problem(AreaSubnets, "spec.network.vpc.cidrBlock: %v", err)
		return
	}
	var v6 zoneBlocks
	if s.IPv6() {
		if s.Record.VPC.IPv6.CidrBlock == "" {
			return
		}
		if v6, err = ipv6Blocks(s.Record.VPC.IPv6.CidrBlock, len(zones)); err != nil {
			s.problem(AreaSubnets, "spec.network.vpc.ipv6.cidrBlock: %v", err)
			return
		}
	}
	s.Record.Subnets = s.defaultSubnets(zones, v4, v6)
}

// decidePodSubnets adds to the record a subnet for pods in each zone that has others, where
// there is a block for them and the user named none.
func (s *State) decidePodSubnets() {
	if s.PodBlock == "" || s.Unmanaged || len(s.Record.Subnets) == 0 || s.VPC == nil && s.Spec.VPC.ID != "" {
		return
	}
	zones := map[string]bool{}
	for i := range s.Record.Subnets {
		sub := &Subnet{Spec: &s.Record.Subnets[i]}
		if sub.Pods() {
			return
		}
		if zone := sub.Spec.AvailabilityZone; zone != "" && !sub.Edge() {
			zones[zone] = true
		}
	}
	blocks, err := splitIPv4(s.PodBlock, len(zones))
	if err != nil {
		s.problem(AreaSubnets, "spec.secondaryCidrBlock: %v", err)
		return
	}
	for i, zone := range sortedKeys(zones) {
		s.Record.Subnets = append(s.Record.Subnets, infrav1.SubnetSpec{ID: names.Subnet(s.Owner.Cluster, names.AssociationSecondary, zone),
			CidrBlock: blocks[i], AvailabilityZone: zone, Tags: infrav1.Tags{names.TagAssociation: names.AssociationSecondary}})
	}
}

func (s *State) defaultSubnets(zones []string, v4, v6 zoneBlocks) infrav1.Subnets {
	publicV4, privateV4, publicV6, privateV6 := v4.residual, v4.preferred, v6.residual, v6.preferred
	if schema := s.Spec.VPC.SubnetSchema; schema != nil && *schema == infrav1.SubnetSchemaPreferPublic {
		publicV4, privateV4, publicV6, privateV6 = privateV4, publicV4, privateV6, publicV6
	}
	var subnets infrav1.Subnets
	for i, zone := range zones {
		public := infrav1.SubnetSpec{ID: names.Subnet(s.Owner.Cluster, names.RolePublic, zone),
			CidrBlock: publicV4[i], AvailabilityZone: zone, IsPublic: true}
		private := infrav1.SubnetSpec{ID: names.Subnet(s.Owner.Cluster, names.RolePrivate, zone),
			CidrBlock: privateV4[i], AvailabilityZone: zone}
		if s.IPv6() {
			public.IPv6CidrBlock, public.IsIPv6 = publicV6[i], true
			private.IPv6CidrBlock, private.IsIPv6 = privateV6[i], true
		}
		subnets = append(subnets, public, private)
	}
	return subnets
}
