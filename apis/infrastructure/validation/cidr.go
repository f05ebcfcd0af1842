package validation

import (
	"fmt"
	"net/netip"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// family is which addresses a range may have.
type family int

const (
	anyFamily family = iota
	ipv4
	ipv6
)

// example tells the user what a range of the family looks like.
func (f family) example() string {
	switch f {
	case ipv4:
		return "must be an IPv4 CIDR such as 10.0.0.0/16"
	case ipv6:
		return "must be an IPv6 CIDR such as 2001:db8:1234:1a00::/56"
	default:
		return "must be a CIDR such as 10.0.0.0/16"
	}
}

// Prefix lengths of IPv4 ranges of VPCs and subnets that AWS takes.
const (
	minPrefixLen = 16
	maxPrefixLen = 28
)

// parseCIDR reads a range. Bits behind the prefix may be set; they are cleared, as AWS does.
func parseCIDR(value string, f family) (netip.Prefix, bool) {
	prefix, err := netip.ParsePrefix(value)
	if err != nil || f == ipv4 && !prefix.Addr().Is4() || f == ipv6 && !prefix.Addr().Is6() {
		return netip.Prefix{}, false
	}
	return prefix.Masked(), true
}

// validateOwnCIDR judges a range that a VPC or subnet is made with, and takes the empty
// string. AWS clears the bits behind the prefix, and what it answers is recorded: a
// manifest that sets them would never be what is stored.
func validateOwnCIDR(value string, f family, path *field.Path) field.ErrorList {
	if errs := validateCIDR(value, f, path); len(errs) > 0 || value == "" {
		return errs
	}
	if masked, _ := parseCIDR(value, f); netip.MustParsePrefix(value) != masked {
		return field.ErrorList{field.Invalid(path, value, "is an address in "+masked.String()+", not the range: write "+masked.String())}
	}
	return nil
}

// validateCIDR takes the empty string.
func validateCIDR(value string, f family, path *field.Path) field.ErrorList {
	if value == "" {
		return nil
	}
	if _, ok := parseCIDR(value, f); !ok {
		return field.ErrorList{field.Invalid(path, value, f.example())}
	}
	return nil
}

func validateCIDRs(values []string, f family, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, value := range values {
		if _, ok := parseCIDR(value, f); !ok {
			errs = append(errs, field.Invalid(path.Index(i), value, f.example()))
		}
	}
	return errs
}

// validateNetworkCIDR judges the IPv4 range of a VPC or subnet. It takes the empty string.
func validateNetworkCIDR(value string, path *field.Path) field.ErrorList {
	if errs := validateOwnCIDR(value, ipv4, path); len(errs) > 0 || value == "" {
		return errs
	}
	prefix, _ := parseCIDR(value, ipv4)
	if prefix.Bits() < minPrefixLen || prefix.Bits() > maxPrefixLen {
		return field.ErrorList{field.Invalid(path, value, fmt.Sprintf("the prefix length must be between /%d and /%d", minPrefixLen, maxPrefixLen))}
	}
	return nil
}

// within tells whether inner lies in outer.
func within(inner, outer netip.Prefix) bool {
	return outer.Bits() <= inner.Bits() && outer.Contains(inner.Addr())
}

// namedRange is a range and the path of the field it stands in.
type namedRange struct {
	prefix netip.Prefix
	value  string
	path   *field.Path
}

// validateDisjoint reports every range that overlaps one before it.
func validateDisjoint(ranges []namedRange) field.ErrorList {
	var errs field.ErrorList
	for i, r := range ranges {
		for _, before := range ranges[:i] {
			if r.prefix.Overlaps(before.prefix) {
				errs = append(errs, field.Invalid(r.path, r.value, fmt.Sprintf("overlaps %s of %s; ranges must not overlap", before.value, before.path)))
				break
			}
		}
	}
	return errs
}
