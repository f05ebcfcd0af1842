package validation

import (
	"fmt"
	"net/netip"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// podRanges are where EKS takes a secondary range for pods from.
var podRanges = []netip.Prefix{netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("198.19.0.0/16")}

// validateNetwork judges what EKS wants of a network besides what every cluster does.
func validateNetwork(spec *controlplanev1.AWSManagedControlPlaneSpec, path *field.Path) field.ErrorList {
	errs := validateSecondaryCIDR(spec, path.Child("secondaryCidrBlock"))
	errs = append(errs, validateIPv6(spec, path)...)
	errs = append(errs, validatePrivateOnly(spec, path.Child("restrictPrivateSubnets"))...)
	return append(errs, validateZones(spec, path.Child("network"))...)
}

func validateSecondaryCIDR(spec *controlplanev1.AWSManagedControlPlaneSpec, path *field.Path) field.ErrorList {
	if spec.SecondaryCidrBlock == nil {
		return nil
	}
	text, vpc := *spec.SecondaryCidrBlock, &spec.Network.VPC
	block, err := netip.ParsePrefix(text)
	listed := slices.ContainsFunc(vpc.SecondaryCidrBlocks, func(b infrav1.VpcCidrBlock) bool { return b.IPv4CidrBlock == text })
	switch {
	case err != nil || block != block.Masked() || !block.Addr().Is4():
		return field.ErrorList{field.Invalid(path, text, "must be an IPv4 CIDR such as 100.64.0.0/16")}
	case text == vpc.CidrBlock:
		return field.ErrorList{field.Invalid(path, text, "must not be the primary range of the VPC: write one in 100.64.0.0/10 or 198.19.0.0/16")}
	case block.Bits() < 16 || block.Bits() > 28:
		return field.ErrorList{field.Invalid(path, text, "the prefix length must be between /16 and /28")}
	case !slices.ContainsFunc(podRanges, func(r netip.Prefix) bool { return r.Bits() <= block.Bits() && r.Contains(block.Addr()) }):
		return field.ErrorList{field.Invalid(path, text, "must lie within 100.64.0.0/10 or 198.19.0.0/16, such as 100.64.0.0/16")}
	case len(vpc.SecondaryCidrBlocks) > 0 && !listed:
		return field.ErrorList{field.Invalid(path, text, "must be one of network.vpc.secondaryCidrBlocks where both are given: add it there")}
	}
	return nil
}

// oldestIPv6 is the first version that EKS takes IPv6 with.
var oldestIPv6 = controlplanev1.Minor{Major: 1, Minor: 21}

func validateIPv6(spec *controlplanev1.AWSManagedControlPlaneSpec, path *field.Path) field.ErrorList {
	vpc, at := &spec.Network.VPC, path.Child("network", "vpc")
	if vpc.IPv6 == nil {
		return nil
	}
	var errs field.ErrorList
	if version, ok := controlplanev1.MinorOf(spec.Version); ok && version.Less(oldestIPv6) {
		errs = append(errs, field.Invalid(path.Child("version"), *spec.Version, "IPv6 needs at least v1.21: write a later version, or leave network.vpc.ipv6 out"))
	}
	if spec.Version != nil && len(spec.Addons) == 0 && !spec.VpcCni.Disable {
		errs = append(errs, field.Required(path.Child("addons"), "with IPv6 the add-ons have to be listed, vpc-cni among them: write name: vpc-cni"))
	}
	if vpc.IPv6.CidrBlock != "" && vpc.IPv6.PoolID == "" && vpc.ID == "" {
		errs = append(errs, field.Invalid(at.Child("ipv6", "poolId"), "", "the range "+vpc.IPv6.CidrBlock+" is taken from a pool: write the pool's id, or leave cidrBlock out to have one of Amazon's"))
	}
	if hostname := vpc.PrivateDNSHostnameTypeOnLaunch; hostname != nil && *hostname != infrav1.HostnameTypeResourceName {
		errs = append(errs, field.Invalid(at.Child("privateDnsHostnameTypeOnLaunch"), *hostname, "only resource-name is possible with IPv6: write it, or leave it out"))
	}
	return errs
}

// validatePrivateOnly wants private subnets in a VPC that the provider doesn't plan.
func validatePrivateOnly(spec *controlplanev1.AWSManagedControlPlaneSpec, path *field.Path) field.ErrorList {
	private := func(s infrav1.SubnetSpec) bool { return !s.IsPublic && !s.IsEdge() }
	if !spec.RestrictPrivateSubnets || slices.ContainsFunc(spec.Network.Subnets, private) || spec.Network.VPC.ID == "" && len(spec.Network.Subnets) == 0 {
		return nil
	}
	return field.ErrorList{field.Invalid(path, true, "needs private subnets: list some in network.subnets, in two zones at least, or write false")}
}

// validateZones wants subnets in two zones, as far as the spec tells.
func validateZones(spec *controlplanev1.AWSManagedControlPlaneSpec, path *field.Path) field.ErrorList {
	subnets, limit := spec.Network.Subnets, spec.Network.VPC.AvailabilityZoneUsageLimit
	if len(subnets) == 0 {
		if spec.Network.VPC.ID == "" && limit != nil && *limit < 2 {
			return field.ErrorList{field.Invalid(path.Child("vpc", "availabilityZoneUsageLimit"), *limit, "EKS needs subnets in two zones at least: write 2 or more, or leave it out")}
		}
		return nil
	}
	zones := map[string]bool{}
	for i := range subnets {
		switch s := &subnets[i]; {
		case s.IsEdge() || spec.RestrictPrivateSubnets && s.IsPublic:
		case s.AvailabilityZone == "" && infrav1.IsSubnetID(s.ID):
			return nil // its zone isn't known yet
		default:
			zones[s.AvailabilityZone] = true
		}
	}
	if len(zones) >= 2 || len(zones) == 0 && spec.RestrictPrivateSubnets {
		return nil
	}
	return field.ErrorList{field.Invalid(path.Child("subnets"), fmt.Sprintf("%d subnets", len(subnets)), "EKS needs subnets in two availability zones at least, besides local and Wavelength zones: list one in another zone too")}
}
