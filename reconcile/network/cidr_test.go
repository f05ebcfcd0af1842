package network

import (
	"slices"
	"strings"
	"testing"
)

func TestBlocksAreCutAsInNetworksThatExist(t *testing.T) {
	for _, c := range []struct {
		block               string
		n                   int
		preferred, residual []string
	}{
		{"10.0.0.0/16", 3, []string{"10.0.64.0/18", "10.0.128.0/18", "10.0.192.0/18"}, []string{"10.0.0.0/20", "10.0.16.0/20", "10.0.32.0/20"}},
		{"10.0.0.0/16", 1, []string{"10.0.128.0/17"}, []string{"10.0.0.0/17"}},
		{"10.0.0.0/16", 4, []string{"10.0.32.0/19", "10.0.64.0/19", "10.0.96.0/19", "10.0.128.0/19"}, []string{"10.0.0.0/21", "10.0.8.0/21", "10.0.16.0/21", "10.0.24.0/21"}},
		{"192.168.4.0/24", 2, []string{"192.168.4.64/26", "192.168.4.128/26"}, []string{"192.168.4.0/27", "192.168.4.32/27"}},
	} {
		got, err := ipv4Blocks(c.block, c.n)
		if err != nil || !slices.Equal(got.preferred, c.preferred) || !slices.Equal(got.residual, c.residual) {
			t.Errorf("%s for %d zones: %v, %v", c.block, c.n, got, err)
		}
	}
}

func TestIPv6BlocksAreNumberedAsInNetworksThatExist(t *testing.T) {
	got, err := ipv6Blocks("2600:1f14:e08:7400::/56", 3)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"2600:1f14:e08:7402::/64", "2600:1f14:e08:7403::/64", "2600:1f14:e08:7404::/64"}; !slices.Equal(got.preferred, want) {
		t.Errorf("preferred %v, want %v", got.preferred, want)
	}
	if want := []string{"2600:1f14:e08:7405::/64", "2600:1f14:e08:7406::/64", "2600:1f14:e08:7407::/64"}; !slices.Equal(got.residual, want) {
		t.Errorf("residual %v, want %v", got.residual, want)
	}
}

func TestUnusableBlocksSayWhatIsWrong(t *testing.T) {
	for block, want := range map[string]string{
		"10.0.0.0/31":   "too small",
		"10.0.0.0/25":   "set availabilityZoneUsageLimit",
		"10.0.0.0":      "is not an IPv4 block",
		"2001:db8::/56": "is not an IPv4 block",
	} {
		if _, err := ipv4Blocks(block, 3); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", block, err, want)
		}
	}
}
