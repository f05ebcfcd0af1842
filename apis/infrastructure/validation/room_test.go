package validation

import (
	"strings"
	"testing"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

func TestARangeWithoutRoomForTheSubnetsIsRefused(t *testing.T) {
	zones := func(n int, cidr string) func(*infrav1.AWSCluster) {
		return func(c *infrav1.AWSCluster) {
			c.Spec.Network.VPC.CidrBlock = cidr
			if n > 0 {
				c.Spec.Network.VPC.AvailabilityZoneUsageLimit = &n
			}
		}
	}
	for name, c := range map[string]struct {
		change func(*infrav1.AWSCluster)
		want   string // empty: accepted
	}{
		"three zones":         {zones(0, "10.0.0.0/24"), ""},
		"three zones, small":  {zones(0, "10.0.0.0/26"), "spec.network.vpc.cidrBlock: Invalid value: \"10.0.0.0/26\": has no room for a public and a private subnet in each of 3 zones, as AWS takes none smaller than /28: write a range of /24 or larger, set availabilityZoneUsageLimit: 1 for fewer zones, or list the subnets in spec.network.subnets"},
		"two zones":           {zones(2, "10.0.0.0/25"), ""},
		"one zone":            {zones(1, "10.0.0.0/27"), ""},
		"one zone, smallest":  {zones(1, "10.0.0.0/28"), "write a range of /27 or larger, or list the subnets"},
		"more than there are": {zones(50, "10.0.0.0/22"), ""},
		"six zones, small":    {zones(6, "10.0.0.0/23"), "set availabilityZoneUsageLimit: 4"},
		"subnets of the user's": {func(c *infrav1.AWSCluster) {
			c.Spec.Network.VPC.CidrBlock = "10.0.0.0/26"
			c.Spec.Network.Subnets = infrav1.Subnets{{ID: "a", CidrBlock: "10.0.0.0/27", AvailabilityZone: "us-east-1a"}}
		}, ""},
		"a VPC of the user's": {func(c *infrav1.AWSCluster) {
			c.Spec.Network.VPC.ID, c.Spec.Network.VPC.CidrBlock = "vpc-0123456789abcdef0", "10.0.0.0/26"
		}, ""},
		"a range of a pool": {func(c *infrav1.AWSCluster) {
			c.Spec.Network.VPC.IPAMPool = &infrav1.IPAMPool{ID: "ipam-pool-1", NetmaskLength: 26}
		}, "spec.network.vpc.ipamPool.netmaskLength: Invalid value: 26: has no room"},
	} {
		t.Run(name, func(t *testing.T) { expectRefusal(t, c.change, c.want) })
	}
}

func TestARangeIsWrittenAsItIsRecorded(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*infrav1.AWSCluster)
		want   string
	}{
		"the VPC's": {func(c *infrav1.AWSCluster) { c.Spec.Network.VPC.CidrBlock = "10.0.0.1/16" },
			`spec.network.vpc.cidrBlock: Invalid value: "10.0.0.1/16": is an address in 10.0.0.0/16, not the range: write 10.0.0.0/16`},
		"a second one": {func(c *infrav1.AWSCluster) {
			c.Spec.Network.VPC.SecondaryCidrBlocks = []infrav1.VpcCidrBlock{{IPv4CidrBlock: "100.64.1.0/16"}}
		}, "write 100.64.0.0/16"},
		"a subnet's": {func(c *infrav1.AWSCluster) {
			c.Spec.Network.Subnets = infrav1.Subnets{{ID: "a", CidrBlock: "10.0.1.0/20", AvailabilityZone: "us-east-1a"}}
		}, "write 10.0.0.0/20"},
		"a subnet's IPv6": {func(c *infrav1.AWSCluster) {
			c.Spec.Network.Subnets = infrav1.Subnets{{ID: "a", IPv6CidrBlock: "2001:db8::1/64", AvailabilityZone: "us-east-1a"}}
		}, "write 2001:db8::/64"},
	} {
		t.Run(name, func(t *testing.T) { expectRefusal(t, c.change, c.want) })
	}
	stored := defaulted(t, func(c *infrav1.AWSCluster) { c.Spec.Network.VPC.CidrBlock = "10.0.0.1/16" })
	updated := stored.DeepCopy()
	updated.Labels = map[string]string{"a": "b"}
	if errs := update(updated, stored); len(errs) > 0 {
		t.Errorf("an object that was stored so can't be written: %v", errs)
	}
}

func expectRefusal(t *testing.T, change func(*infrav1.AWSCluster), want string) {
	t.Helper()
	errs := create(defaulted(t, change))
	if want == "" && len(errs) > 0 || want != "" && (len(errs) != 1 || !strings.Contains(errs[0].Error(), want)) {
		t.Errorf("got %v, want %q", errs, want)
	}
}
