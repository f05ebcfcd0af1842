package validation

import (
	"fmt"
	"math/bits"

	"k8s.io/apimachinery/pkg/util/validation/field"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

const (
	// usualZones is how many zones a cluster uses unless the spec says otherwise.
	usualZones = 3
	// mostZones is how many zones the largest region has.
	mostZones = 6
)

// validateRoom refuses a range of a VPC to be made that has no room for the subnets that
// are cut from it: one of the n+1 equal parts for each zone, and the first part again for
// each zone, none of them smaller than AWS takes.
func validateRoom(network *infrav1.NetworkSpec, path *field.Path) field.ErrorList {
	vpc := &network.VPC
	if vpc.ID != "" || len(network.Subnets) > 0 {
		return nil
	}
	zones := usualZones
	if limit := vpc.AvailabilityZoneUsageLimit; limit != nil {
		zones = min(max(*limit, 1), mostZones)
	}
	longest := longestPrefix(zones)
	refuse := func(at *field.Path, value any, length int) field.ErrorList {
		if length <= longest || length > maxPrefixLen {
			return nil
		}
		advice := ", or list the subnets in spec.network.subnets"
		if fewer := fittingZones(length, zones); fewer > 0 {
			advice = fmt.Sprintf(", set availabilityZoneUsageLimit: %d for fewer zones%s", fewer, advice)
		}
		return field.ErrorList{field.Invalid(at, value, fmt.Sprintf("has no room for a public and a private subnet in each of %d zones, as AWS takes none smaller than /%d: write a range of /%d or larger%s",
			zones, maxPrefixLen, longest, advice))}
	}
	if pool := vpc.IPAMPool; pool != nil {
		return refuse(path.Child("ipamPool", "netmaskLength"), pool.NetmaskLength, int(pool.NetmaskLength))
	}
	prefix, ok := parseCIDR(vpc.CidrBlock, ipv4)
	if !ok {
		return nil
	}
	return refuse(path.Child("cidrBlock"), vpc.CidrBlock, prefix.Bits())
}

// longestPrefix is that of the smallest range with room for the subnets of n zones.
func longestPrefix(n int) int { return maxPrefixLen - bits.Len(uint(n)) - bits.Len(uint(n-1)) }

// fittingZones is the number of zones, below n, that a range has room for.
func fittingZones(length, n int) int {
	for n--; n > 0 && length > longestPrefix(n); n-- {
	}
	return n
}
