package network

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"net/netip"
)

// maxPrefixLength is that of the smallest subnet AWS takes.
const maxPrefixLength = 28

// splitIPv4 cuts a block into n equal blocks, the first n of the next power of
// two, in order.
func splitIPv4(block string, n int) ([]string, error) {
	prefix, err := netip.ParsePrefix(block)
	if err != nil || !prefix.Addr().Is4() {
		return nil, fmt.Errorf("%q is not an IPv4 block such as 10.0.0.0/16", block)
	}
	length := prefix.Bits() + bits.Len(uint(n-1))
	if length > maxPrefixLength {
		return nil, fmt.Errorf("%s is too small to be cut into %d subnets, as AWS takes none smaller than /%d: "+
			"write a larger range, set availabilityZoneUsageLimit for fewer zones, or list the subnets in spec.network.subnets", block, n, maxPrefixLength)
	}
	base := prefix.Masked().Addr().As4()
	first := binary.BigEndian.Uint32(base[:])
	blocks := make([]string, n)
	for i := range blocks {
		var addr [4]byte
		binary.BigEndian.PutUint32(addr[:], first+uint32(i)<<(32-length))
		blocks[i] = netip.PrefixFrom(netip.AddrFrom4(addr), length).String()
	}
	return blocks, nil
}

// splitIPv6 returns the n /64 blocks which follow the first /64 of a block: AWS
// takes subnets of no other length. Only the eighth byte counts on, as in
// networks that exist already.
func splitIPv6(block string, n int) ([]string, error) {
	prefix, err := netip.ParsePrefix(block)
	if err != nil || !prefix.Addr().Is6() {
		return nil, fmt.Errorf("%q is not an IPv6 block such as 2001:db8:1234:1a00::/56", block)
	}
	addr := prefix.Masked().Addr().As16()
	blocks := make([]string, n)
	for i := range blocks {
		addr[7]++
		blocks[i] = netip.PrefixFrom(netip.AddrFrom16(addr), 64).String()
	}
	return blocks, nil
}

// zoneBlocks are the blocks of the default subnets, one of each for a zone.
type zoneBlocks struct {
	preferred, residual []string
}

// ipv4Blocks gives each of n zones one large block, and cuts the block that is
// left, the first, into n small ones.
func ipv4Blocks(block string, n int) (zoneBlocks, error) {
	all, err := splitIPv4(block, n+1)
	if err != nil {
		return zoneBlocks{}, err
	}
	residual, err := splitIPv4(all[0], n)
	if err != nil {
		return zoneBlocks{}, err
	}
	return zoneBlocks{preferred: all[1:], residual: residual}, nil
}

// ipv6Blocks numbers the /64 blocks of n zones: the residual ones follow the
// preferred ones.
func ipv6Blocks(block string, n int) (zoneBlocks, error) {
	all, err := splitIPv6(block, n+1)
	if err != nil {
		return zoneBlocks{}, err
	}
	residual, err := splitIPv6(all[n], n)
	if err != nil {
		return zoneBlocks{}, err
	}
	return zoneBlocks{preferred: all[1:], residual: residual}, nil
}
