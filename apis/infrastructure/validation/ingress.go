package validation

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/util/validation/field"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// sourceRoles are the roles that a rule or an override may name.
var sourceRoles = []infrav1.SecurityGroupRole{
	infrav1.SecurityGroupBastion,
	infrav1.SecurityGroupNode,
	infrav1.SecurityGroupControlPlane,
	infrav1.SecurityGroupAPIServerLB,
	infrav1.SecurityGroupLB,
	infrav1.SecurityGroupEKSNodeAdditional,
}

// descriptionPattern is what EC2 takes in the description of a rule.
var descriptionPattern = regexp.MustCompile(`^[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{0,255}$`)

func validateIngressRules(rules []infrav1.IngressRule, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i := range rules {
		errs = append(errs, validateIngressRule(&rules[i], path.Index(i))...)
	}
	return errs
}

func validateIngressRule(rule *infrav1.IngressRule, path *field.Path) field.ErrorList {
	errs := validateRuleText(rule.Description, path.Child("description"))
	errs = append(errs, validatePorts(string(rule.Protocol), rule.FromPort, rule.ToPort, path)...)
	errs = append(errs, validateCIDRs(rule.CidrBlocks, ipv4, path.Child("cidrBlocks"))...)
	errs = append(errs, validateCIDRs(rule.IPv6CidrBlocks, ipv6, path.Child("ipv6CidrBlocks"))...)
	for i, id := range rule.SourceSecurityGroupIDs {
		errs = append(errs, validatePrefixedItem(id, "sg-", path.Child("sourceSecurityGroupIds").Index(i))...)
	}
	for i, role := range rule.SourceSecurityGroupRoles {
		if !slices.Contains(sourceRoles, role) {
			errs = append(errs, field.NotSupported(path.Child("sourceSecurityGroupRoles").Index(i), role, sourceRoles))
		}
	}
	return append(errs, validateSources(rule, path)...)
}

func validateSources(rule *infrav1.IngressRule, path *field.Path) field.ErrorList {
	ranges := len(rule.CidrBlocks) + len(rule.IPv6CidrBlocks)
	groups := len(rule.SourceSecurityGroupIDs) + len(rule.SourceSecurityGroupRoles)
	switch {
	case rule.NatGatewaysIPsSource && ranges+groups > 0:
		return field.ErrorList{field.Invalid(path.Child("natGatewaysIPsSource"), true,
			"sources cannot be combined: CIDR blocks and security groups cannot be used together with natGatewaysIPsSource; write two rules")}
	case ranges > 0 && groups > 0:
		return field.ErrorList{field.Invalid(path, rule.Description,
			"sources cannot be combined: CIDR blocks and security groups cannot be used in one rule; write two rules")}
	}
	return nil
}

func validateRuleText(description string, path *field.Path) field.ErrorList {
	if descriptionPattern.MatchString(description) {
		return nil
	}
	return field.ErrorList{field.Invalid(path, description, "must be at most 255 letters, digits, spaces and ._-:/()#,@[]+=&;{}!$*")}
}

// validatePorts judges ports where AWS reads them. Missing ones are reported by the schema.
func validatePorts(protocol string, from, to *int64, path *field.Path) field.ErrorList {
	if from == nil || to == nil || protocol != "tcp" && protocol != "udp" && protocol != "6" && protocol != "17" {
		return nil
	}
	errs := validatePort(*from, path.Child("fromPort"))
	errs = append(errs, validatePort(*to, path.Child("toPort"))...)
	if len(errs) == 0 && *from > *to {
		errs = append(errs, field.Invalid(path.Child("fromPort"), *from, fmt.Sprintf("must not be greater than toPort, which is %d", *to)))
	}
	return errs
}

func validatePort(port int64, path *field.Path) field.ErrorList {
	if port >= 0 && port <= 65535 {
		return nil
	}
	return field.ErrorList{field.Invalid(path, port, "must be a port between 0 and 65535; write 0 and 65535 for all ports")}
}

func validateCNI(cni *infrav1.CNISpec, path *field.Path) field.ErrorList {
	if cni == nil {
		return nil
	}
	var errs field.ErrorList
	for i, rule := range cni.CNIIngressRules {
		at := path.Child("cniIngressRules").Index(i)
		errs = append(errs, validateRuleText(rule.Description, at.Child("description"))...)
		errs = append(errs, validateProtocol(rule.Protocol, at.Child("protocol"))...)
		errs = append(errs, validatePorts(rule.Protocol, rule.FromPort, rule.ToPort, at)...)
	}
	return errs
}

// validateProtocol takes the empty string: the schema reports it.
func validateProtocol(protocol string, path *field.Path) field.ErrorList {
	if protocol == "" || slices.Contains([]string{"tcp", "udp", "icmp", "icmpv6"}, protocol) {
		return nil
	}
	if number, err := strconv.Atoi(protocol); err == nil && number >= -1 && number <= 255 {
		return nil
	}
	return field.ErrorList{field.Invalid(path, protocol, "must be tcp, udp, icmp, icmpv6 or a protocol number such as 4 for IP-in-IP; -1 means all")}
}

func validateSecurityGroupOverrides(network *infrav1.NetworkSpec, path *field.Path) field.ErrorList {
	if len(network.SecurityGroupOverrides) == 0 {
		return nil
	}
	var errs field.ErrorList
	if network.VPC.ID == "" {
		errs = append(errs, field.Forbidden(path, "only an existing VPC can have existing security groups: write its id in spec.network.vpc.id, or remove the overrides"))
	}
	return append(errs, validateRoleOverrides(network.SecurityGroupOverrides, path)...)
}

func validateRoleOverrides(overrides map[infrav1.SecurityGroupRole]string, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, role := range slices.Sorted(maps.Keys(overrides)) {
		at := path.Key(string(role))
		if !slices.Contains(sourceRoles, role) {
			errs = append(errs, field.NotSupported(at, role, sourceRoles))
		}
		errs = append(errs, validatePrefixedItem(overrides[role], "sg-", at)...)
	}
	return errs
}

// validatePrefixedItem is validatePrefixed without taking the empty string.
func validatePrefixedItem(id, prefix string, path *field.Path) field.ErrorList {
	if id == "" {
		return field.ErrorList{field.Required(path, "write an id such as "+prefix+"0123456789abcdef0")}
	}
	return validatePrefixed(id, prefix, path)
}
