package instance

import (
	"fmt"
	"path"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// attributes gives the values that EC2's filters of one resource look at; nil for
// a filter that isn't known.
type attributes map[string][]string

func subnetAttributes(s *ec2types.Subnet) attributes {
	a := attributes{
		"subnet-id": one(s.SubnetId), "vpc-id": one(s.VpcId), "availability-zone": one(s.AvailabilityZone),
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
		"group-id": one(g.GroupId), "group-name": one(g.GroupName), "vpc-id": one(g.VpcId), "description": one(g.Description),
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

// pass tells whether a resource passes all filters, as EC2 judges: of each filter
// one value has to match. The error names a filter that isn't known here.
func (a attributes) pass(filters []infrav1.Filter) (bool, error) {
	for _, f := range filters {
		have, known := a[f.Name]
		if !known && !strings.HasPrefix(f.Name, "tag:") {
			return false, fmt.Errorf("the filter %q is not supported; use tag:KEY, tag-key, vpc-id, availability-zone, cidr-block, group-name or an id", f.Name)
		}
		if !anyMatch(f.Values, have) {
			return false, nil
		}
	}
	return true, nil
}

func anyMatch(patterns, values []string) bool {
	for _, p := range patterns {
		for _, v := range values {
			if matches(p, v) {
				return true
			}
		}
	}
	return false
}

// matches compares with EC2's wildcards, * and ?, which also stand for slashes.
func matches(pattern, value string) bool {
	if !strings.ContainsAny(pattern, "*?") {
		return pattern == value
	}
	plain := strings.NewReplacer("[", `\[`, "/", "\x00")
	ok, err := path.Match(plain.Replace(pattern), strings.ReplaceAll(value, "/", "\x00"))
	return err == nil && ok
}
