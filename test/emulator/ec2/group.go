package ec2

import (
	"fmt"
	"regexp"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// defaultGroup is the name of the security group that every VPC is born with and keeps.
const defaultGroup = "default"

// group is a security group whose permissions are kept as single rules, as SecurityGroupRule ids name them.
type group struct {
	types.SecurityGroup
	rules []types.SecurityGroupRule
}

// groupText says whether a text may name or describe a security group or a rule ("CreateSecurityGroup", "IpRange").
var groupText = regexp.MustCompile(`^[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{0,255}$`).MatchString

const groupLetters = "Valid are strings of less than 256 characters from the following set: a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*"

func (n *Network) addGroup(r *core.Request, vpcID, name, description string) *group {
	id := r.NewID("sg")
	g := &group{SecurityGroup: types.SecurityGroup{
		GroupId: ptr(id), GroupName: ptr(name), Description: ptr(description), VpcId: ptr(vpcID), OwnerId: ptr(r.Account),
		SecurityGroupArn: ptr(r.ARN("ec2", "security-group/"+id)),
	}}
	everything := types.SecurityGroupRule{IpProtocol: ptr("-1"), CidrIpv4: ptr("0.0.0.0/0"), IsEgress: ptr(true)}
	g.rules = append(g.rules, completeRule(r, g, everything))
	if v := n.vpcs.Get(vpcID); v != nil && len(v.Ipv6CidrBlockAssociationSet) > 0 {
		g.rules = append(g.rules, completeRule(r, g, types.SecurityGroupRule{IpProtocol: ptr("-1"), CidrIpv6: ptr("::/0"), IsEgress: ptr(true)}))
	}
	if name == defaultGroup {
		itself := types.SecurityGroupRule{IpProtocol: ptr("-1"), IsEgress: ptr(false),
			ReferencedGroupInfo: &types.ReferencedSecurityGroup{GroupId: ptr(id), UserId: ptr(r.Account)}}
		g.rules = append(g.rules, completeRule(r, g, itself))
	}
	n.groups.Put(id, g, r.Now())
	return g
}

func createSecurityGroup(r *core.Request, in *sdk.CreateSecurityGroupInput) (*sdk.CreateSecurityGroupOutput, error) {
	n := Of(r.Region)
	v, err := find(r, &n.vpcs, in.VpcId, "vpcId", noVPC)
	if err != nil {
		return nil, err
	}
	name := val(in.GroupName)
	switch {
	case name == "":
		return nil, core.Missing("groupName")
	case val(in.Description) == "":
		return nil, core.Missing("groupDescription")
	case strings.HasPrefix(strings.ToLower(name), "sg-"):
		return nil, invalid("Value (%s) for parameter GroupName is invalid. Group names may not be in the format sg-*.", name)
	case !groupText(name):
		return nil, invalid("Value (%s) for parameter GroupName is invalid. %s", name, groupLetters)
	case !groupText(*in.Description):
		return nil, invalid("Value (%s) for parameter GroupDescription is invalid. %s", *in.Description, groupLetters)
	case name == defaultGroup:
		return nil, core.Refuse("InvalidGroup.Reserved", "The security group '%s' is reserved", name)
	}
	tags, err := tagsFor(in.TagSpecifications, types.ResourceTypeSecurityGroup)
	if err != nil {
		return nil, err
	}
	if n.groups.Any(func(g *group) bool { return *g.VpcId == *v.VpcId && *g.GroupName == name }) {
		return nil, core.Refuse("InvalidGroup.Duplicate", "The security group '%s' already exists for VPC '%s'", name, *v.VpcId)
	}
	if err := withinQuota(r, n.groups.Len(), "securityGroups", 2500, "SecurityGroupLimitExceeded", "security groups"); err != nil {
		return nil, err
	}
	g := n.addGroup(r, *v.VpcId, name, *in.Description)
	n.setTags(*g.GroupId, tags)
	r.Touch(*g.GroupId)
	return &sdk.CreateSecurityGroupOutput{GroupId: g.GroupId, SecurityGroupArn: g.SecurityGroupArn, Tags: n.tags[*g.GroupId]}, nil
}

func (n *Network) showGroup(g *group) types.SecurityGroup {
	out := g.SecurityGroup
	out.Tags = n.tags[*g.GroupId]
	out.IpPermissions, out.IpPermissionsEgress = permissions(g.rules, false), permissions(g.rules, true)
	return out
}

var groupFilters = filters[group]{
	"description": func(g *group) []string { return one(g.Description) },
	"group-id":    func(g *group) []string { return one(g.GroupId) },
	"group-name":  func(g *group) []string { return one(g.GroupName) },
	"owner-id":    func(g *group) []string { return one(g.OwnerId) },
	"vpc-id":      func(g *group) []string { return one(g.VpcId) },

	"ip-permission.cidr":             ofRules(false, func(x types.SecurityGroupRule) *string { return x.CidrIpv4 }),
	"ip-permission.ipv6-cidr":        ofRules(false, func(x types.SecurityGroupRule) *string { return x.CidrIpv6 }),
	"ip-permission.from-port":        ofRules(false, func(x types.SecurityGroupRule) *string { return number(x.FromPort) }),
	"ip-permission.to-port":          ofRules(false, func(x types.SecurityGroupRule) *string { return number(x.ToPort) }),
	"ip-permission.protocol":         ofRules(false, func(x types.SecurityGroupRule) *string { return x.IpProtocol }),
	"ip-permission.group-id":         ofRules(false, referencedID),
	"ip-permission.prefix-list-id":   ofRules(false, func(x types.SecurityGroupRule) *string { return x.PrefixListId }),
	"ip-permission.user-id":          ofRules(false, referencedOwner),
	"egress.ip-permission.cidr":      ofRules(true, func(x types.SecurityGroupRule) *string { return x.CidrIpv4 }),
	"egress.ip-permission.ipv6-cidr": ofRules(true, func(x types.SecurityGroupRule) *string { return x.CidrIpv6 }),
	"egress.ip-permission.from-port": ofRules(true, func(x types.SecurityGroupRule) *string { return number(x.FromPort) }),
	"egress.ip-permission.to-port":   ofRules(true, func(x types.SecurityGroupRule) *string { return number(x.ToPort) }),
	"egress.ip-permission.protocol":  ofRules(true, func(x types.SecurityGroupRule) *string { return x.IpProtocol }),
	"egress.ip-permission.group-id":  ofRules(true, referencedID),
}

func ofRules(egress bool, read func(types.SecurityGroupRule) *string) func(*group) []string {
	return func(g *group) []string {
		var out []string
		for _, rule := range g.rules {
			if val(rule.IsEgress) == egress {
				out = append(out, one(read(rule))...)
			}
		}
		return out
	}
}

func referencedID(x types.SecurityGroupRule) *string {
	if x.ReferencedGroupInfo == nil {
		return nil
	}
	return x.ReferencedGroupInfo.GroupId
}

func referencedOwner(x types.SecurityGroupRule) *string {
	if x.ReferencedGroupInfo == nil {
		return nil
	}
	return x.ReferencedGroupInfo.UserId
}

func number(n *int32) *string {
	if n == nil {
		return nil
	}
	return ptr(fmt.Sprint(*n))
}

func describeSecurityGroups(r *core.Request, in *sdk.DescribeSecurityGroupsInput) (*sdk.DescribeSecurityGroupsOutput, error) {
	n := Of(r.Region)
	if len(in.GroupNames) > 0 {
		return nil, invalid("Group names can only be used in a default VPC, and the emulator has none; use group ids or the filter group-name")
	}
	page, err := describe(r, &n.groups, query{in.GroupIds, in.Filters, in.NextToken, in.MaxResults}, groupFilters, noGroup)
	if err != nil {
		return nil, err
	}
	out := &sdk.DescribeSecurityGroupsOutput{SecurityGroups: []types.SecurityGroup{}, NextToken: next(page.Next)}
	for _, g := range page.Items {
		out.SecurityGroups = append(out.SecurityGroups, n.showGroup(g))
	}
	return out, nil
}

// deleteSecurityGroup refuses a group that another group's rules or a network interface uses.
func deleteSecurityGroup(r *core.Request, in *sdk.DeleteSecurityGroupInput) (*sdk.DeleteSecurityGroupOutput, error) {
	n := Of(r.Region)
	g, err := find(r, &n.groups, in.GroupId, "groupId", noGroup)
	if err != nil {
		return nil, err
	}
	id := *g.GroupId
	if *g.GroupName == defaultGroup {
		return nil, core.Refuse("CannotDelete", "the specified group: \"%s\" name: \"default\" cannot be deleted by a user", id)
	}
	if n.groupInUse(id) {
		return nil, core.Refuse("DependencyViolation", "resource %s has a dependent object", id)
	}
	n.groups.Delete(id)
	delete(n.tags, id)
	return &sdk.DeleteSecurityGroupOutput{Return: ptr(true), GroupId: &id}, nil
}

func (n *Network) groupInUse(id string) bool {
	for _, other := range n.groups.All() {
		for _, rule := range other.rules {
			if *other.GroupId != id && val(referencedID(rule)) == id {
				return true
			}
		}
	}
	return n.interfaces.Any(func(eni *types.NetworkInterface) bool {
		for _, have := range eni.Groups {
			if *have.GroupId == id {
				return true
			}
		}
		return false
	})
}
