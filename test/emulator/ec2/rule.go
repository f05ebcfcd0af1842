package ec2

import (
	"fmt"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// defaultRulesPerGroup is the quota "Inbound or outbound rules per security group".
const defaultRulesPerGroup = 60

func completeRule(r *core.Request, g *group, rule types.SecurityGroupRule) types.SecurityGroupRule {
	id := r.NewID("sgr")
	rule.SecurityGroupRuleId, rule.GroupId, rule.GroupOwnerId = ptr(id), g.GroupId, ptr(r.Account)
	rule.SecurityGroupRuleArn = ptr(r.ARN("ec2", "security-group-rule/"+id))
	if rule.FromPort == nil {
		rule.FromPort, rule.ToPort = ptr(int32(-1)), ptr(int32(-1))
	}
	return rule
}

// ruleKey is what makes two rules of one direction the same: everything but the description.
func ruleKey(rule types.SecurityGroupRule) string {
	from, to := int32(-1), int32(-1)
	if rule.FromPort != nil {
		from, to = *rule.FromPort, val(rule.ToPort)
	}
	return fmt.Sprintln(val(rule.IsEgress), val(rule.IpProtocol), from, to, val(rule.CidrIpv4), val(rule.CidrIpv6), val(rule.PrefixListId), val(referencedID(rule)))
}

// protocolNames are the numbers that EC2 turns into names.
var protocolNames = map[string]string{"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6"}

// rulesOf splits permissions into single rules and checks them.
func (n *Network) rulesOf(r *core.Request, list []types.IpPermission, egress bool) ([]types.SecurityGroupRule, error) {
	var out []types.SecurityGroupRule
	for _, permission := range list {
		rules, err := n.split(r, permission)
		if err != nil {
			return nil, err
		}
		out = append(out, rules...)
	}
	seen := map[string]bool{}
	for i := range out {
		out[i].IsEgress = ptr(egress)
		key := ruleKey(out[i])
		if seen[key] {
			return nil, invalid("The same permission must not appear multiple times")
		}
		seen[key] = true
	}
	if len(out) == 0 {
		return nil, core.Missing("ipPermissions")
	}
	return out, nil
}

func (n *Network) split(r *core.Request, permission types.IpPermission) ([]types.SecurityGroupRule, error) {
	base, err := ports(permission)
	if err != nil {
		return nil, err
	}
	var out []types.SecurityGroupRule
	add := func(description *string, set func(*types.SecurityGroupRule)) {
		rule := base
		rule.Description = description
		set(&rule)
		out = append(out, rule)
	}
	for _, source := range permission.IpRanges {
		block, ok := canonical(val(source.CidrIp))
		if !ok || !block.Addr().Is4() {
			return nil, invalid("CIDR block %s is malformed", val(source.CidrIp))
		}
		add(source.Description, func(rule *types.SecurityGroupRule) { rule.CidrIpv4 = ptr(block.String()) })
	}
	for _, source := range permission.Ipv6Ranges {
		block, ok := canonical(val(source.CidrIpv6))
		if !ok || !block.Addr().Is6() {
			return nil, invalid("CIDR block %s is malformed", val(source.CidrIpv6))
		}
		add(source.Description, func(rule *types.SecurityGroupRule) { rule.CidrIpv6 = ptr(block.String()) })
	}
	for _, source := range permission.PrefixListIds {
		add(source.Description, func(rule *types.SecurityGroupRule) { rule.PrefixListId = source.PrefixListId })
	}
	for _, source := range permission.UserIdGroupPairs {
		other, err := find(r, &n.groups, source.GroupId, "groupId", noGroup)
		if err != nil {
			return nil, err
		}
		add(source.Description, func(rule *types.SecurityGroupRule) {
			rule.ReferencedGroupInfo = &types.ReferencedSecurityGroup{GroupId: other.GroupId, UserId: ptr(r.Account)}
		})
	}
	for _, rule := range out {
		if !groupText(val(rule.Description)) {
			return nil, invalid("Invalid rule description. %s", groupLetters)
		}
	}
	return out, nil
}

// ports checks protocol and port range. All protocols (-1) have no ports, whatever is given.
func ports(permission types.IpPermission) (types.SecurityGroupRule, error) {
	protocol := strings.ToLower(val(permission.IpProtocol))
	if name, ok := protocolNames[protocol]; ok {
		protocol = name
	}
	out := types.SecurityGroupRule{IpProtocol: ptr(protocol)}
	switch protocol {
	case "":
		return out, core.Missing("ipProtocol")
	case "-1":
		return out, nil
	case "tcp", "udp":
		if permission.FromPort == nil || permission.ToPort == nil {
			return out, invalid("Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.")
		}
		from, to := *permission.FromPort, *permission.ToPort
		if from < 0 || to > 65535 || from > to {
			return out, core.Refuse("InvalidParameterValue", "Invalid value '%d-%d' for portRange. Ports are 0 to 65535 and the first is not above the last.", from, to)
		}
	}
	out.FromPort, out.ToPort = permission.FromPort, permission.ToPort
	if out.FromPort != nil && out.ToPort == nil {
		out.ToPort = ptr(int32(-1))
	}
	return out, nil
}

// permissions joins rules of the same protocol and ports, in the order of their first rule.
func permissions(rules []types.SecurityGroupRule, egress bool) []types.IpPermission {
	out, place := []types.IpPermission{}, map[string]int{}
	for _, rule := range rules {
		if val(rule.IsEgress) != egress {
			continue
		}
		key := fmt.Sprintln(*rule.IpProtocol, *rule.FromPort, *rule.ToPort)
		at, seen := place[key]
		if !seen {
			at = len(out)
			place[key] = at
			permission := types.IpPermission{IpProtocol: rule.IpProtocol, IpRanges: []types.IpRange{}, Ipv6Ranges: []types.Ipv6Range{},
				PrefixListIds: []types.PrefixListId{}, UserIdGroupPairs: []types.UserIdGroupPair{}}
			if *rule.IpProtocol != "-1" {
				permission.FromPort, permission.ToPort = rule.FromPort, rule.ToPort
			}
			out = append(out, permission)
		}
		join(&out[at], rule)
	}
	return out
}

func join(permission *types.IpPermission, rule types.SecurityGroupRule) {
	switch {
	case rule.CidrIpv4 != nil:
		permission.IpRanges = append(permission.IpRanges, types.IpRange{CidrIp: rule.CidrIpv4, Description: rule.Description})
	case rule.CidrIpv6 != nil:
		permission.Ipv6Ranges = append(permission.Ipv6Ranges, types.Ipv6Range{CidrIpv6: rule.CidrIpv6, Description: rule.Description})
	case rule.PrefixListId != nil:
		permission.PrefixListIds = append(permission.PrefixListIds, types.PrefixListId{PrefixListId: rule.PrefixListId, Description: rule.Description})
	case rule.ReferencedGroupInfo != nil:
		permission.UserIdGroupPairs = append(permission.UserIdGroupPairs, types.UserIdGroupPair{
			GroupId: rule.ReferencedGroupInfo.GroupId, UserId: rule.ReferencedGroupInfo.UserId, Description: rule.Description})
	}
}

// withSingle adds the permission that the flat parameters of the older form of the API describe, if they are given.
func withSingle(list []types.IpPermission, protocol, cidr *string, from, to *int32) []types.IpPermission {
	if protocol == nil && cidr == nil {
		return list
	}
	return append(list, types.IpPermission{IpProtocol: protocol, FromPort: from, ToPort: to, IpRanges: []types.IpRange{{CidrIp: cidr}}})
}

// authorize adds all rules or, if one is wrong or there already, none.
func authorize(r *core.Request, id *string, list []types.IpPermission, specs []types.TagSpecification, egress bool) ([]types.SecurityGroupRule, error) {
	n := Of(r.Region)
	g, err := find(r, &n.groups, id, "groupId", noGroup)
	if err != nil {
		return nil, err
	}
	if _, err := tagsFor(specs, types.ResourceTypeSecurityGroupRule); err != nil {
		return nil, err
	}
	rules, err := n.rulesOf(r, list, egress)
	if err != nil {
		return nil, err
	}
	have, inDirection := map[string]bool{}, 0
	for _, rule := range g.rules {
		have[ruleKey(rule)] = true
		if val(rule.IsEgress) == egress {
			inDirection++
		}
	}
	for i, rule := range rules {
		if have[ruleKey(rule)] {
			return nil, core.Refuse("InvalidPermission.Duplicate", "the specified rule \"%s\" already exists", ruleText(rule))
		}
		rules[i] = completeRule(r, g, rule)
	}
	if inDirection+len(rules) > r.Config.Quota("rulesPerSecurityGroup", defaultRulesPerGroup) {
		return nil, core.Refuse("RulesPerSecurityGroupLimitExceeded", "The maximum number of rules per security group has been reached.")
	}
	g.rules = append(g.rules, rules...)
	return rules, nil
}

func ruleText(rule types.SecurityGroupRule) string {
	peer := val(rule.CidrIpv4) + val(rule.CidrIpv6) + val(rule.PrefixListId) + val(referencedID(rule))
	return fmt.Sprintf("peer: %s, %s, from port: %d, to port: %d, ALLOW", peer, strings.ToUpper(val(rule.IpProtocol)), val(rule.FromPort), val(rule.ToPort))
}

// revoke removes all rules that are named or, if one isn't there, none.
func revoke(r *core.Request, id *string, list []types.IpPermission, ruleIDs []string, egress bool) ([]types.RevokedSecurityGroupRule, error) {
	n := Of(r.Region)
	g, err := find(r, &n.groups, id, "groupId", noGroup)
	if err != nil {
		return nil, err
	}
	gone := map[string]bool{}
	if len(ruleIDs) > 0 {
		for _, ruleID := range ruleIDs {
			if !g.has(egress, func(rule types.SecurityGroupRule) bool { return *rule.SecurityGroupRuleId == ruleID }) {
				return nil, noSecurityRule(ruleID)
			}
			gone[ruleID] = true
		}
	} else {
		rules, err := n.rulesOf(r, list, egress)
		if err != nil {
			return nil, err
		}
		for _, rule := range rules {
			key := ruleKey(rule)
			if !g.has(egress, func(have types.SecurityGroupRule) bool { return ruleKey(have) == key }) {
				return nil, core.Refuse("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
			}
			gone[key] = true
		}
	}
	return g.remove(gone), nil
}

func (g *group) has(egress bool, match func(types.SecurityGroupRule) bool) bool {
	for _, rule := range g.rules {
		if val(rule.IsEgress) == egress && match(rule) {
			return true
		}
	}
	return false
}

// remove takes away the rules with these ids or keys.
func (g *group) remove(gone map[string]bool) []types.RevokedSecurityGroupRule {
	revoked, kept := []types.RevokedSecurityGroupRule{}, []types.SecurityGroupRule{}
	for _, rule := range g.rules {
		if !gone[*rule.SecurityGroupRuleId] && !gone[ruleKey(rule)] {
			kept = append(kept, rule)
			continue
		}
		revoked = append(revoked, types.RevokedSecurityGroupRule{
			SecurityGroupRuleId: rule.SecurityGroupRuleId, GroupId: rule.GroupId, IsEgress: rule.IsEgress, IpProtocol: rule.IpProtocol,
			FromPort: rule.FromPort, ToPort: rule.ToPort, CidrIpv4: rule.CidrIpv4, CidrIpv6: rule.CidrIpv6, PrefixListId: rule.PrefixListId,
			ReferencedGroupId: referencedID(rule), Description: rule.Description,
		})
	}
	g.rules = kept
	return revoked
}

func authorizeSecurityGroupIngress(r *core.Request, in *sdk.AuthorizeSecurityGroupIngressInput) (*sdk.AuthorizeSecurityGroupIngressOutput, error) {
	list := withSingle(in.IpPermissions, in.IpProtocol, in.CidrIp, in.FromPort, in.ToPort)
	rules, err := authorize(r, in.GroupId, list, in.TagSpecifications, false)
	if err != nil {
		return nil, err
	}
	return &sdk.AuthorizeSecurityGroupIngressOutput{Return: ptr(true), SecurityGroupRules: rules}, nil
}

func authorizeSecurityGroupEgress(r *core.Request, in *sdk.AuthorizeSecurityGroupEgressInput) (*sdk.AuthorizeSecurityGroupEgressOutput, error) {
	list := withSingle(in.IpPermissions, in.IpProtocol, in.CidrIp, in.FromPort, in.ToPort)
	rules, err := authorize(r, in.GroupId, list, in.TagSpecifications, true)
	if err != nil {
		return nil, err
	}
	return &sdk.AuthorizeSecurityGroupEgressOutput{Return: ptr(true), SecurityGroupRules: rules}, nil
}

func revokeSecurityGroupIngress(r *core.Request, in *sdk.RevokeSecurityGroupIngressInput) (*sdk.RevokeSecurityGroupIngressOutput, error) {
	list := withSingle(in.IpPermissions, in.IpProtocol, in.CidrIp, in.FromPort, in.ToPort)
	revoked, err := revoke(r, in.GroupId, list, in.SecurityGroupRuleIds, false)
	if err != nil {
		return nil, err
	}
	return &sdk.RevokeSecurityGroupIngressOutput{Return: ptr(true), RevokedSecurityGroupRules: revoked}, nil
}

func revokeSecurityGroupEgress(r *core.Request, in *sdk.RevokeSecurityGroupEgressInput) (*sdk.RevokeSecurityGroupEgressOutput, error) {
	list := withSingle(in.IpPermissions, in.IpProtocol, in.CidrIp, in.FromPort, in.ToPort)
	revoked, err := revoke(r, in.GroupId, list, in.SecurityGroupRuleIds, true)
	if err != nil {
		return nil, err
	}
	return &sdk.RevokeSecurityGroupEgressOutput{Return: ptr(true), RevokedSecurityGroupRules: revoked}, nil
}
