package instance

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// attributes gives the values that EC2's filters of one resource look at; nil for
// a filter that isn't known.
type attributes map[string][]string

// filterVPC is the filter by the VPC's id.
const filterVPC = "vpc-id"

func subnetAttributes(s *ec2types.Subnet) attributes {
	a := attributes{
		"subnet-id": one(s.SubnetId), filterVPC: one(s.VpcId), "availability-zone": one(s.AvailabilityZone),
		"availabilityZone": one(s.AvailabilityZone), "availability-zone-id": one(s.AvailabilityZoneId),
		"cidr": one(s.CidrBlock), "cidr-block": one(s.CidrBlock), "cidrBlock": one(s.CidrBlock), "state": {string(s.State)},
		"owner-id": one(s.OwnerId), "subnet-arn": one(s.SubnetArn), "outpost-arn": one(s.OutpostArn),
		"map-public-ip-on-launch": {fmt.Sprint(aws.ToBool(s.MapPublicIpOnLaunch))},
		"default-for-az":          {fmt.Sprint(aws.ToBool(s.DefaultForAz))}, "defaultForAz": {fmt.Sprint(aws.ToBool(s.DefaultForAz))},
	}
	a.tags(s.Tags)
	return a
}

func groupAttributes(g *ec2types.SecurityGroup) attributes {
	a := attributes{
		"group-id": one(g.GroupId), "group-name": one(g.GroupName), filterVPC: one(g.VpcId), "description": one(g.Description),
		"owner-id": one(g.OwnerId),
	}
	a.tags(g.Tags)
	return a
}

func one(s *string) []string { return []string{aws.ToString(s)} }

func (a attributes) tags(tags []ec2types.Tag) {
	a["tag-key"] = []string{}
	for _, t := range tags {
		a["tag-key"] = append(a["tag-key"], aws.ToString(t.Key))
		a["tag:"+aws.ToString(t.Key)] = one(t.Value)
	}
}

// search compares resources with filters that somebody wrote, as long as that takes a
// reasonable time: AWS, which has as many as they are, takes its own.
type search struct{ left int }

// mostSteps is some 50 ms of a processor. Filters as people write them take a thousandth
// of it in a VPC with hundreds of groups.
const mostSteps = 20_000_000

func newSearch() *search { return &search{left: mostSteps} }

// pass tells whether a resource passes all filters, as EC2 judges: of each filter
// one value has to match. The error names a filter that isn't known here, or says that
// there is too much to compare.
func (s *search) pass(a attributes, filters []infrav1.Filter) (bool, error) {
	for _, f := range filters {
		have, known := a[f.Name]
		if !known && !strings.HasPrefix(f.Name, "tag:") {
			return false, fmt.Errorf("the filter %q is not supported; use tag:KEY, tag-key, vpc-id, availability-zone, cidr-block, group-name or an id", f.Name)
		}
		passes := s.anyMatch(f.Values, have)
		if s.left < 0 {
			return false, fmt.Errorf("the filters take too long to compare with all there is, at %q: write fewer values, with fewer wildcards (*), or ids", f.Name)
		}
		if !passes {
			return false, nil
		}
	}
	return true, nil
}

func (s *search) anyMatch(patterns, values []string) bool {
	for _, p := range patterns {
		for _, v := range values {
			if s.matches(p, v) {
				return true
			}
			if s.left < 0 {
				return false
			}
		}
	}
	return false
}

// matches compares with EC2's wildcards: * stands for any text, ? for one character or
// none, and a backslash takes a wildcard's meaning away.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html
func (s *search) matches(pattern, value string) bool {
	s.left--
	if !strings.ContainsAny(pattern, `*?\`) {
		return pattern == value
	}
	p, v := []rune(pattern), []rune(value)
	// at tells how much of the value the pattern so far may stand for.
	at, next := make([]bool, len(v)+1), make([]bool, len(v)+1)
	at[0] = true
	for i := 0; i < len(p); i++ {
		s.left -= len(next)
		wildcard := p[i]
		if p[i] == '\\' && i+1 < len(p) {
			i, wildcard = i+1, 0
		}
		for k := range next {
			before := k > 0 && at[k-1]
			switch wildcard {
			case '*':
				next[k] = at[k] || k > 0 && next[k-1]
			case '?':
				next[k] = at[k] || before
			default:
				next[k] = before && v[k-1] == p[i]
			}
		}
		if !slices.Contains(next, true) {
			return false
		}
		at, next = next, at
	}
	return at[len(v)]
}
