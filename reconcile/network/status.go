package network

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
)

// GroupStatus returns the security groups as users see them, by role; nil when
// there are none.
func (s *State) GroupStatus() map[infrav1.SecurityGroupRole]infrav1.SecurityGroup {
	var status map[infrav1.SecurityGroupRole]infrav1.SecurityGroup
	for role, g := range s.SecurityGroups {
		if status == nil {
			status = map[infrav1.SecurityGroupRole]infrav1.SecurityGroup{}
		}
		status[role] = infrav1.SecurityGroup{ID: aws.ToString(g.GroupId), Name: aws.ToString(g.GroupName),
			Tags: mirror.SecurityGroups.Tags(g), IngressRules: ingressRules(g)}
	}
	return status
}

// ingressRules returns a group's rules, one for each source.
func ingressRules(g *ec2types.SecurityGroup) []infrav1.IngressRule {
	set := rulesOf(g.IpPermissions)
	var rules []infrav1.IngressRule
	for _, r := range set.sorted() {
		rule := infrav1.IngressRule{Description: set[r], Protocol: infrav1.SecurityGroupProtocol(r.protocol),
			FromPort: aws.Int64(int64(r.from)), ToPort: aws.Int64(int64(r.to))}
		switch r.kind {
		case fromIPv4:
			rule.CidrBlocks = []string{r.source}
		case fromIPv6:
			rule.IPv6CidrBlocks = []string{r.source}
		case fromGroup:
			rule.SourceSecurityGroupIDs = []string{r.source}
		default:
			continue // the type has no place for prefix lists
		}
		rules = append(rules, rule)
	}
	return rules
}

// FailureDomains returns the zones of the private subnets, or of the public ones
// where there are no others, in order. Local and wavelength zones are none: machines
// go there only where somebody says so. Control plane machines belong where the
// load balancer is; nil zones mean that there is none and any will do.
func (s *State) FailureDomains(loadBalancerZones []string, any bool) []infrav1.FailureDomain {
	subnets := s.controlPlaneSubnets()
	served := map[string]bool{}
	for _, z := range loadBalancerZones {
		served[z] = true
	}
	zones := map[string]bool{}
	for _, sub := range subnets {
		if sub.Row != nil {
			zones[sub.Spec.AvailabilityZone] = true
		}
	}
	var domains []infrav1.FailureDomain
	for _, zone := range sortedKeys(zones) {
		domains = append(domains, infrav1.FailureDomain{Name: zone, ControlPlane: aws.Bool(any || served[zone])})
	}
	return domains
}
