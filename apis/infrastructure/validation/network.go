package validation

import (
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

func validateNetwork(network *infrav1.NetworkSpec, region string, path *field.Path) field.ErrorList {
	errs := validateVPC(&network.VPC, path.Child("vpc"))
	errs = append(errs, validateRoom(network, path.Child("vpc"))...)
	errs = append(errs, validateSubnets(network, region, path.Child("subnets"))...)
	errs = append(errs, validateCNI(network.CNI, path.Child("cni"))...)
	errs = append(errs, validateIngressRules(network.AdditionalControlPlaneIngressRules, path.Child("additionalControlPlaneIngressRules"))...)
	errs = append(errs, validateIngressRules(network.AdditionalNodeIngressRules, path.Child("additionalNodeIngressRules"))...)
	errs = append(errs, validateCIDRs(network.NodePortIngressRuleCidrBlocks, anyFamily, path.Child("nodePortIngressRuleCidrBlocks"))...)
	return append(errs, validateSecurityGroupOverrides(network, path.Child("securityGroupOverrides"))...)
}

func validateVPC(vpc *infrav1.VPCSpec, path *field.Path) field.ErrorList {
	errs := validatePrefixed(vpc.ID, "vpc-", path.Child("id"))
	errs = append(errs, validateNetworkCIDR(vpc.CidrBlock, path.Child("cidrBlock"))...)
	errs = append(errs, validateSecondaryCIDRs(vpc, path.Child("secondaryCidrBlocks"))...)
	errs = append(errs, validateVPCIPAMPool(vpc, path)...)
	errs = append(errs, validateIPv6(vpc, path.Child("ipv6"))...)
	return append(errs, validateElasticIPPool(vpc.ElasticIPPool, path.Child("elasticIpPool"))...)
}

// validatePrefixed takes the empty string.
func validatePrefixed(id, prefix string, path *field.Path) field.ErrorList {
	if id == "" || strings.HasPrefix(id, prefix) && len(id) > len(prefix) {
		return nil
	}
	return field.ErrorList{field.Invalid(path, id, "must begin with "+prefix+", such as "+prefix+"0123456789abcdef0")}
}

func validateSecondaryCIDRs(vpc *infrav1.VPCSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	var ranges []namedRange
	primary, hasPrimary := parseCIDR(vpc.CidrBlock, ipv4)
	for i, block := range vpc.SecondaryCidrBlocks {
		at := path.Index(i).Child("ipv4CidrBlock")
		errs = append(errs, validateNetworkCIDR(block.IPv4CidrBlock, at)...)
		prefix, ok := parseCIDR(block.IPv4CidrBlock, ipv4)
		switch {
		case !ok:
		case hasPrimary && prefix.Overlaps(primary):
			errs = append(errs, field.Invalid(at, block.IPv4CidrBlock, "must not contain or overlap the primary block "+vpc.CidrBlock+" of the VPC"))
		default:
			ranges = append(ranges, namedRange{prefix, block.IPv4CidrBlock, at})
		}
	}
	return append(errs, validateDisjoint(ranges)...)
}

// validateVPCIPAMPool lets both a pool and a range pass once the VPC exists: the
// provider writes the range that it got from the pool.
func validateVPCIPAMPool(vpc *infrav1.VPCSpec, path *field.Path) field.ErrorList {
	if vpc.IPAMPool == nil {
		return nil
	}
	errs := validateIPAMPool(vpc.IPAMPool, path.Child("ipamPool"))
	if length := vpc.IPAMPool.NetmaskLength; length != 0 && (length < minPrefixLen || length > maxPrefixLen) {
		errs = append(errs, field.Invalid(path.Child("ipamPool", "netmaskLength"), length, "must be between 16 and 28"))
	}
	if vpc.CidrBlock != "" && vpc.ID == "" {
		errs = append(errs, field.Invalid(path.Child("cidrBlock"), vpc.CidrBlock, "cidrBlock and ipamPool cannot be used together; remove one of the two"))
	}
	return errs
}

func validateIPAMPool(pool *infrav1.IPAMPool, path *field.Path) field.ErrorList {
	if pool.ID == "" && pool.Name == "" {
		return field.ErrorList{field.Invalid(path, "", "must have either id or name: write id, such as ipam-pool-0123456789abcdef0, or name, the pool's Name tag")}
	}
	return nil
}

func validateIPv6(vpc *infrav1.VPCSpec, path *field.Path) field.ErrorList {
	if vpc.IPv6 == nil {
		return nil
	}
	errs := validateOwnCIDR(vpc.IPv6.CidrBlock, ipv6, path.Child("cidrBlock"))
	if vpc.IPv6.IPAMPool == nil {
		return errs
	}
	errs = append(errs, validateIPAMPool(vpc.IPv6.IPAMPool, path.Child("ipamPool"))...)
	if vpc.IPv6.PoolID != "" && vpc.ID == "" {
		errs = append(errs, field.Invalid(path.Child("poolId"), vpc.IPv6.PoolID, "poolId and ipamPool cannot be used together; remove one of the two"))
	}
	return errs
}

const publicIPv4PoolPrefix = "ipv4pool-ec2-"

func validateElasticIPPool(pool *infrav1.ElasticIPPool, path *field.Path) field.ErrorList {
	if pool == nil {
		return nil
	}
	var errs field.ErrorList
	switch {
	case pool.PublicIpv4Pool == nil && pool.PublicIpv4PoolFallBackOrder != nil:
		errs = append(errs, field.Invalid(path.Child("publicIpv4PoolFallbackOrder"), *pool.PublicIpv4PoolFallBackOrder,
			"publicIpv4Pool must be set together with publicIpv4PoolFallbackOrder; write the pool or remove the order"))
	case pool.PublicIpv4Pool != nil && pool.PublicIpv4PoolFallBackOrder == nil:
		errs = append(errs, field.Invalid(path.Child("publicIpv4Pool"), *pool.PublicIpv4Pool,
			"publicIpv4PoolFallbackOrder must be set together with publicIpv4Pool; write amazon-pool or none"))
	}
	if pool.PublicIpv4Pool != nil && !strings.HasPrefix(*pool.PublicIpv4Pool, publicIPv4PoolPrefix) {
		errs = append(errs, field.Invalid(path.Child("publicIpv4Pool"), *pool.PublicIpv4Pool,
			"must start with "+publicIPv4PoolPrefix+", such as ipv4pool-ec2-0123456789abcdef0"))
	}
	return errs
}
