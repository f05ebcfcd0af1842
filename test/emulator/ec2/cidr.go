package ec2

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// canonical parses a CIDR and clears its host bits, as EC2 does: 100.68.0.18/18 becomes 100.68.0.0/18.
func canonical(cidr string) (netip.Prefix, bool) {
	prefix, err := netip.ParsePrefix(cidr)
	return prefix.Masked(), err == nil
}

// within says whether inner lies in outer entirely.
func within(inner, outer netip.Prefix) bool {
	return outer.Bits() <= inner.Bits() && outer.Contains(inner.Addr())
}

// address is the i-th address of an IPv4 prefix.
func address(prefix netip.Prefix, i int) netip.Addr {
	bytes := prefix.Addr().As4()
	binary.BigEndian.PutUint32(bytes[:], binary.BigEndian.Uint32(bytes[:])+uint32(i))
	return netip.AddrFrom4(bytes)
}

// EC2 keeps the first four and the last address of every subnet for itself.
const (
	reservedFirst = 4
	reservedAll   = 5
)

func size(prefix netip.Prefix) int { return 1 << (32 - prefix.Bits()) }

// freeAddress is a private address of a subnet that no network interface has: the one after the latest, and only after all others one that
// was given back. AWS rarely gives an address again at once, and nodes are called by theirs.
func (n *Network) freeAddress(subnet *types.Subnet) (string, bool) {
	id := *subnet.SubnetId
	prefix, _ := canonical(val(subnet.CidrBlock))
	usable := size(prefix) - 1 - reservedFirst
	if n.given == nil {
		n.given = map[string]int{}
	}
	for i := range usable {
		at := (n.given[id] + i) % usable
		if candidate := address(prefix, reservedFirst+at).String(); !n.taken[id][candidate] {
			n.given[id] = at + 1
			return candidate, true
		}
	}
	return "", false
}

// take notes that a network interface has an address of a subnet; give takes the note back.
func (n *Network) take(subnetID, address string) {
	if n.taken == nil {
		n.taken = map[string]map[string]bool{}
	}
	if n.taken[subnetID] == nil {
		n.taken[subnetID] = map[string]bool{}
	}
	n.taken[subnetID][address] = true
}

func (n *Network) give(subnetID, address string) { delete(n.taken[subnetID], address) }

// usedAddresses is the number of taken addresses per subnet.
func (n *Network) usedAddresses() map[string]int {
	out := map[string]int{}
	for subnet, taken := range n.taken {
		for address := range taken {
			if !strings.Contains(address, ":") {
				out[subnet]++
			}
		}
	}
	return out
}

func freeAddresses(subnet *types.Subnet, used map[string]int) int32 {
	prefix, ok := canonical(val(subnet.CidrBlock))
	if !ok {
		return 0 // an IPv6-only subnet
	}
	return int32(size(prefix) - reservedAll - used[*subnet.SubnetId])
}

// publicIP makes an address that no one else in the world of this emulator has.
func publicIP(r *core.Region) string {
	return fmt.Sprintf("%d.%d.%d.%d", 3+r.Random(50), r.Random(256), r.Random(256), 1+r.Random(254))
}

// amazonIPv6 makes a /56 as Amazon hands it out.
func amazonIPv6(r *core.Region) string {
	hex := r.Hex(6)
	return fmt.Sprintf("2600:1f%s:%s:%s00::/56", hex[:2], "1"+r.Hex(3), hex[4:6])
}
