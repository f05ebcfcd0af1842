package validation

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// validateSubnets leaves tags alone: the provider writes those of existing subnets here,
// AWS's own among them.
func validateSubnets(network *infrav1.NetworkSpec, region string, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	var v4, v6 []namedRange
	byResourceID := map[string]*field.Path{}
	for i := range network.Subnets {
		subnet, at := &network.Subnets[i], path.Index(i)
		errs = append(errs, validateSubnet(subnet, region, at)...)
		errs = append(errs, validateSubnetInVPC(subnet, &network.VPC, at)...)
		if prefix, ok := parseCIDR(subnet.CidrBlock, ipv4); ok {
			v4 = append(v4, namedRange{prefix, subnet.CidrBlock, at.Child("cidrBlock")})
		}
		if prefix, ok := parseCIDR(subnet.IPv6CidrBlock, ipv6); ok {
			v6 = append(v6, namedRange{prefix, subnet.IPv6CidrBlock, at.Child("ipv6CidrBlock")})
		}
		if id := subnet.ResourceID; id != "" {
			if before, found := byResourceID[id]; found {
				errs = append(errs, field.Invalid(at.Child("resourceID"), id, fmt.Sprintf("is also that of %s; list each subnet once", before)))
			}
			byResourceID[id] = at
		}
	}
	errs = append(errs, validateDisjoint(v4)...)
	return append(errs, validateDisjoint(v6)...)
}

func validateSubnet(subnet *infrav1.SubnetSpec, region string, path *field.Path) field.ErrorList {
	errs := validateNetworkCIDR(subnet.CidrBlock, path.Child("cidrBlock"))
	errs = append(errs, validateOwnCIDR(subnet.IPv6CidrBlock, ipv6, path.Child("ipv6CidrBlock"))...)
	if zone := subnet.AvailabilityZone; zone != "" && regionPattern.MatchString(region) && !strings.HasPrefix(zone, region) {
		errs = append(errs, field.Invalid(path.Child("availabilityZone"), zone, fmt.Sprintf("must be a zone of the region %s, such as %sa", region, region)))
	}
	if subnet.IsEdge() && (subnet.ParentZoneName == nil || *subnet.ParentZoneName == "") {
		errs = append(errs, field.Required(path.Child("parentZoneName"), "must be set for the edge zone types local-zone and wavelength-zone, such as us-east-1a"))
	}
	return errs
}

// validateSubnetInVPC judges new VPCs only. An existing one may have ranges that aren't
// written here.
func validateSubnetInVPC(subnet *infrav1.SubnetSpec, vpc *infrav1.VPCSpec, path *field.Path) field.ErrorList {
	inner, ok := parseCIDR(subnet.CidrBlock, ipv4)
	primary, hasPrimary := parseCIDR(vpc.CidrBlock, ipv4)
	if !ok || !hasPrimary || vpc.ID != "" || within(inner, primary) {
		return nil
	}
	for _, block := range vpc.SecondaryCidrBlocks {
		if outer, ok := parseCIDR(block.IPv4CidrBlock, ipv4); ok && within(inner, outer) {
			return nil
		}
	}
	return field.ErrorList{field.Invalid(path.Child("cidrBlock"), subnet.CidrBlock,
		fmt.Sprintf("must lie within the VPC's range %s or one of its secondaryCidrBlocks", vpc.CidrBlock))}
}
