package network

import (
	"fmt"
	"maps"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// Roles returns the roles of the security groups, in a fixed order.
func (s *State) Roles() []infrav1.SecurityGroupRole {
	roles := []infrav1.SecurityGroupRole{infrav1.SecurityGroupAPIServerLB, infrav1.SecurityGroupLB,
		infrav1.SecurityGroupControlPlane, infrav1.SecurityGroupNode}
	if s.Groups.EKS != "" {
		roles = []infrav1.SecurityGroupRole{infrav1.SecurityGroupEKSNodeAdditional}
	}
	if s.Groups.Bastion != nil {
		roles = append(roles, infrav1.SecurityGroupBastion)
	}
	return roles
}

// GroupID returns the id of a role's group, "" while there is none.
func (s *State) GroupID(role infrav1.SecurityGroupRole) string {
	if g := s.SecurityGroups[role]; g != nil {
		return aws.ToString(g.GroupId)
	}
	return ""
}

// observeSecurityGroups finds the groups: those the user names, else those that
// carry the role's name and the cluster's tag.
func (s *State) observeSecurityGroups() {
	s.SecurityGroups = map[infrav1.SecurityGroupRole]*ec2types.SecurityGroup{}
	inVPC := mirror.InVPC(s.snap, mirror.SecurityGroups, s.VPCID())
	for _, role := range s.Roles() {
		if id, ok := s.override(role); ok {
			if row, ok := mirror.Get(s.snap, mirror.SecurityGroups, id); ok && s.Lent(nil, []string{id}) == nil {
				s.SecurityGroups[role] = row
			}
			continue
		}
		name := names.SecurityGroup(s.Owner.Cluster, string(role))
		for _, g := range inVPC {
			if aws.ToString(g.GroupName) == name && owned(s, mirror.SecurityGroups, g) {
				s.SecurityGroups[role] = g
			}
		}
	}
}

// override returns the group that the user gave to a role in an unmanaged VPC.
func (s *State) override(role infrav1.SecurityGroupRole) (string, bool) {
	id, ok := s.Spec.SecurityGroupOverrides[role]
	return id, ok && s.Unmanaged
}

func (s *State) planSecurityGroups() {
	if len(s.Spec.SecurityGroupOverrides) > 0 && s.VPC != nil && !s.Unmanaged {
		s.problem(AreaSecurityGroups, "spec.network.securityGroupOverrides needs a VPC that isn't managed here; VPC %s is: remove the overrides", s.VPCID())
		return
	}
	for _, role := range s.Roles() {
		if id, ok := s.override(role); ok {
			if err := s.Lent(nil, []string{id}); err != nil {
				s.problem(AreaSecurityGroups, "spec.network.securityGroupOverrides[%s]: %s", role, err)
			} else if s.SecurityGroups[role] == nil {
				s.problem(AreaSecurityGroups, "security group %s of spec.network.securityGroupOverrides[%s] doesn't exist; name an existing one", id, role)
			}
			continue
		}
		if g := s.SecurityGroups[role]; g != nil {
			s.tag(AreaSecurityGroups, "security-group/"+string(role), aws.ToString(g.GroupId), s.groupTags(role), mirror.SecurityGroups.Tags(g))
			s.planRules(role, g)
			continue
		}
		s.planCreateGroup(role)
	}
	if s.Spec.VPC.EmptyRoutesDefaultVPCSecurityGroup && !s.Unmanaged {
		s.planEmptyDefaultGroup()
	}
}

// groupTags marks the lb group, and only that one, as the cloud controller
// manager's: it takes the group with this tag, and fails when there are two.
func (s *State) groupTags(role infrav1.SecurityGroupRole) map[string]string {
	cloudProvider := names.TagCloudProviderPrefix + s.Owner.Cluster
	owner := s.Owner
	owner.Additional = maps.Clone(owner.Additional)
	delete(owner.Additional, cloudProvider)
	extra := map[string]string{}
	if role == infrav1.SecurityGroupLB {
		extra[cloudProvider] = names.Owned
	}
	return owner.Tags(names.SecurityGroup(s.Owner.Cluster, string(role)), string(role), extra)
}

func (s *State) planCreateGroup(role infrav1.SecurityGroupRole) {
	name := names.SecurityGroup(s.Owner.Cluster, string(role))
	for _, g := range mirror.InVPC(s.snap, mirror.SecurityGroups, s.VPCID()) {
		if aws.ToString(g.GroupName) == name {
			if s.Owner.HasOwnedTag(mirror.SecurityGroups.Tags(g)) {
				s.problem(AreaSecurityGroups, "security group %s named %s in VPC %s is of %s, and a VPC has one group of a name; give this cluster another VPC or another name, or existing groups in spec.network.securityGroupOverrides",
					aws.ToString(g.GroupId), name, s.VPCID(), claimed(s, mirror.SecurityGroups, g).Of)
				return
			}
			s.problem(AreaSecurityGroups, "security group %s named %s lies in VPC %s and isn't tagged as this cluster's; delete it or tag it %s%s=%s",
				aws.ToString(g.GroupId), name, s.VPCID(), names.TagOwnedPrefix, s.Owner.Cluster, names.Owned)
			return
		}
	}
	s.add(plan.Action{Key: "security-group/" + string(role), Area: AreaSecurityGroups, Verb: plan.Create, Operation: "ec2.CreateSecurityGroup",
		Input: &ec2.CreateSecurityGroupInput{VpcId: optional(s.VPCID()), GroupName: aws.String(name),
			Description:       aws.String(fmt.Sprintf("Kubernetes cluster %s: %s", s.Owner.Cluster, role)),
			TagSpecifications: tagSpec(ec2types.ResourceTypeSecurityGroup, s.groupTags(role))},
		Summary: "create security group " + name, WaitsFor: s.waitsForVPC()})
}

// planRules authorizes the rules that a group lacks and revokes those it
// shouldn't have, each in one call. In the lb group the cloud controller manager
// has rules of its own, so nothing is revoked there.
func (s *State) planRules(role infrav1.SecurityGroupRole, g *ec2types.SecurityGroup) {
	want, waits := s.wantedRules(role)
	have := rulesOf(g.IpPermissions)
	id, key := aws.ToString(g.GroupId), "security-group/"+string(role)
	if missing := want.minus(have); len(missing) > 0 || waits != "" {
		s.add(plan.Action{Key: key + "/ingress", Area: AreaSecurityGroups, Verb: plan.Update,
			Operation: "ec2.AuthorizeSecurityGroupIngress",
			Input:     &ec2.AuthorizeSecurityGroupIngressInput{GroupId: aws.String(id), IpPermissions: missing.permissions()},
			Summary:   fmt.Sprintf("authorize %s in security group %s (%s)", missing.describe(), id, aws.ToString(g.GroupName)), WaitsFor: waits})
	}
	if role == infrav1.SecurityGroupLB || waits != "" || role == infrav1.SecurityGroupAPIServerLB && s.Withheld(mirror.NATGateways.Kind) {
		return // the last: an address that let nodes in can't be told from one that is wrong
	}
	if extra := have.minus(want); len(extra) > 0 {
		s.add(plan.Action{Key: key + "/ingress/extra", Area: AreaSecurityGroups, Verb: plan.Delete,
			Operation: "ec2.RevokeSecurityGroupIngress",
			Input:     &ec2.RevokeSecurityGroupIngressInput{GroupId: aws.String(id), IpPermissions: extra.permissions()},
			Summary:   fmt.Sprintf("revoke %s in security group %s (%s)", extra.describe(), id, aws.ToString(g.GroupName))})
	}
}

// planEmptyDefaultGroup takes all rules out of the group that AWS made with the VPC.
func (s *State) planEmptyDefaultGroup() {
	for _, g := range mirror.InVPC(s.snap, mirror.SecurityGroups, s.VPCID()) {
		if aws.ToString(g.GroupName) == "default" {
			s.planRevokeAll("security-group/default", g, true)
		}
	}
}

// planRevokeAll revokes every ingress rule of a group, and with egress every
// egress rule too.
func (s *State) planRevokeAll(key string, g *ec2types.SecurityGroup, egress bool) {
	id := aws.ToString(g.GroupId)
	if rules := rulesOf(g.IpPermissions); len(rules) > 0 {
		s.add(plan.Action{Key: key + "/ingress", Area: AreaSecurityGroups, Verb: plan.Delete, Operation: "ec2.RevokeSecurityGroupIngress",
			Input:   &ec2.RevokeSecurityGroupIngressInput{GroupId: aws.String(id), IpPermissions: rules.permissions()},
			Summary: fmt.Sprintf("revoke all ingress rules of security group %s (%s)", id, aws.ToString(g.GroupName))})
	}
	if rules := rulesOf(g.IpPermissionsEgress); egress && len(rules) > 0 {
		s.add(plan.Action{Key: key + "/egress", Area: AreaSecurityGroups, Verb: plan.Delete, Operation: "ec2.RevokeSecurityGroupEgress",
			Input:   &ec2.RevokeSecurityGroupEgressInput{GroupId: aws.String(id), IpPermissions: rules.permissions()},
			Summary: fmt.Sprintf("revoke all egress rules of security group %s (%s)", id, aws.ToString(g.GroupName))})
	}
}

// describe names the rules for a person.
func (s ruleSet) describe() string {
	rules := s.sorted()
	if len(rules) == 0 {
		return "rules"
	}
	text := rules[0].describe()
	if len(rules) > 1 {
		text += fmt.Sprintf(" and %d more rules", len(rules)-1)
	}
	return text
}

func (r rule) describe() string {
	switch {
	case !hasPorts(r.protocol):
		return fmt.Sprintf("protocol %s from %s", r.protocol, r.source)
	case r.from == r.to:
		return fmt.Sprintf("%s/%d from %s", r.protocol, r.from, r.source)
	}
	return fmt.Sprintf("%s/%d-%d from %s", r.protocol, r.from, r.to, r.source)
}
