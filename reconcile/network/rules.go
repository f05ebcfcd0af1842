package network

import (
	"net/netip"
	"sort"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// rule is one source of one permission of a security group: the unit in which
// AWS keeps rules, whatever the calls that made them looked like. Two rules that
// differ in their description only are the same to AWS.
type rule struct {
	protocol string
	from, to int32
	kind     sourceKind
	source   string
}

// sourceKind tells what a rule's source is.
type sourceKind int

const (
	fromIPv4 sourceKind = iota
	fromIPv6
	fromGroup
	fromPrefixList
)

// ruleSet holds rules with their descriptions.
type ruleSet map[rule]string

// newRule makes a rule. Ports mean something for some protocols only; AWS forgets
// the others.
func newRule(protocol string, from, to int32) rule {
	if protocol == "icmpv6" {
		protocol = "58"
	}
	r := rule{protocol: protocol}
	if hasPorts(protocol) {
		r.from, r.to = from, to
	}
	return r
}

func hasPorts(protocol string) bool {
	switch protocol {
	case "tcp", "udp", "icmp", "58":
		return true
	}
	return false
}

func (r rule) with(kind sourceKind, source string) rule {
	r.kind, r.source = kind, source
	if prefix, err := netip.ParsePrefix(source); err == nil {
		r.source = prefix.Masked().String()
	}
	return r
}

// add takes a rule into the set unless it is there.
func (s ruleSet) add(r rule, description string) {
	if _, ok := s[r]; !ok {
		s[r] = description
	}
}

// minus returns the rules that the other set lacks.
func (s ruleSet) minus(other ruleSet) ruleSet {
	rest := ruleSet{}
	for r, description := range s {
		if _, ok := other[r]; !ok {
			rest[r] = description
		}
	}
	return rest
}

// sorted returns the rules in an order that depends on nothing else.
func (s ruleSet) sorted() []rule {
	rules := make([]rule, 0, len(s))
	for r := range s {
		rules = append(rules, r)
	}
	sort.Slice(rules, func(i, j int) bool { return rules[i].less(rules[j]) })
	return rules
}

func (r rule) less(o rule) bool {
	switch {
	case r.protocol != o.protocol:
		return r.protocol < o.protocol
	case r.from != o.from:
		return r.from < o.from
	case r.to != o.to:
		return r.to < o.to
	case r.kind != o.kind:
		return r.kind < o.kind
	}
	return r.source < o.source
}

// permissions returns the rules in AWS's form, one permission for each protocol
// and range of ports: all of a group's rules fit into one call.
func (s ruleSet) permissions() []ec2types.IpPermission {
	var list []ec2types.IpPermission
	var last rule
	for i, r := range s.sorted() {
		if i == 0 || r.protocol != last.protocol || r.from != last.from || r.to != last.to {
			p := ec2types.IpPermission{IpProtocol: aws.String(r.protocol)}
			if hasPorts(r.protocol) {
				p.FromPort, p.ToPort = aws.Int32(r.from), aws.Int32(r.to)
			}
			list = append(list, p)
		}
		last = r
		r.addSource(&list[len(list)-1], optional(s[r]))
	}
	return list
}

func (r rule) addSource(p *ec2types.IpPermission, description *string) {
	switch r.kind {
	case fromIPv4:
		p.IpRanges = append(p.IpRanges, ec2types.IpRange{CidrIp: aws.String(r.source), Description: description})
	case fromIPv6:
		p.Ipv6Ranges = append(p.Ipv6Ranges, ec2types.Ipv6Range{CidrIpv6: aws.String(r.source), Description: description})
	case fromGroup:
		p.UserIdGroupPairs = append(p.UserIdGroupPairs, ec2types.UserIdGroupPair{GroupId: aws.String(r.source), Description: description})
	case fromPrefixList:
		p.PrefixListIds = append(p.PrefixListIds, ec2types.PrefixListId{PrefixListId: aws.String(r.source), Description: description})
	}
}

// rulesOf returns the rules that permissions hold.
func rulesOf(permissions []ec2types.IpPermission) ruleSet {
	set := ruleSet{}
	for _, p := range permissions {
		r := newRule(aws.ToString(p.IpProtocol), aws.ToInt32(p.FromPort), aws.ToInt32(p.ToPort))
		for _, x := range p.IpRanges {
			set.add(r.with(fromIPv4, aws.ToString(x.CidrIp)), aws.ToString(x.Description))
		}
		for _, x := range p.Ipv6Ranges {
			set.add(r.with(fromIPv6, aws.ToString(x.CidrIpv6)), aws.ToString(x.Description))
		}
		for _, x := range p.UserIdGroupPairs {
			set.add(r.with(fromGroup, aws.ToString(x.GroupId)), aws.ToString(x.Description))
		}
		for _, x := range p.PrefixListIds {
			set.add(r.with(fromPrefixList, aws.ToString(x.PrefixListId)), aws.ToString(x.Description))
		}
	}
	return set
}
