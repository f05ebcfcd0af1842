package ec2

import (
	"net/netip"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// wantIPv6 gives an interface the addresses that were asked for (one at most here), beside what its subnet assigns by itself.
func (n *Network) wantIPv6(eni *types.NetworkInterface, subnet *types.Subnet, count int32, primary *bool) error {
	if count > 0 && len(subnet.Ipv6CidrBlockAssociationSet) == 0 {
		return invalid("The subnet '%s' has no IPv6 CIDR block, so that no IPv6 address can be assigned.", *subnet.SubnetId)
	}
	if count > 0 || val(subnet.AssignIpv6AddressOnCreation) {
		n.addIPv6(eni, subnet)
	}
	if !val(primary) {
		return nil
	}
	return makePrimary(eni)
}

// makePrimary makes the first IPv6 address the primary one, which it then is for as long as the interface lives.
func makePrimary(eni *types.NetworkInterface) error {
	if len(eni.Ipv6Addresses) == 0 {
		return core.Refuse("InvalidParameterCombination", "A primary IPv6 address needs an IPv6 address, which the network interface doesn't have.")
	}
	eni.Ipv6Addresses[0].IsPrimaryIpv6 = ptr(true)
	return nil
}

// HasPrimaryIPv6 says whether the instance's first interface has a primary IPv6 address, which load balancers need to reach it over IPv6.
func (n *Network) HasPrimaryIPv6(instanceID string) bool {
	i := n.instances.Get(instanceID)
	if i == nil {
		return false
	}
	eni := n.primary(i)
	return eni != nil && hasPrimaryIPv6(eni)
}

// hasPrimaryIPv6 says whether an interface has a primary IPv6 address.
func hasPrimaryIPv6(eni *types.NetworkInterface) bool {
	return len(eni.Ipv6Addresses) > 0 && val(eni.Ipv6Addresses[0].IsPrimaryIpv6)
}

// addIPv6 gives an interface an address of the subnet's IPv6 block; it ends like the IPv4 address, if there is one.
func (n *Network) addIPv6(eni *types.NetworkInterface, subnet *types.Subnet) {
	if len(subnet.Ipv6CidrBlockAssociationSet) == 0 {
		return
	}
	block, ok := canonical(val(subnet.Ipv6CidrBlockAssociationSet[0].Ipv6CidrBlock))
	if !ok {
		return
	}
	bytes := block.Addr().As16()
	if v4, err := netip.ParseAddr(val(eni.PrivateIpAddress)); err == nil {
		low := v4.As4()
		copy(bytes[12:], low[:])
	} else {
		for i := reservedFirst; i == reservedFirst || n.taken[*subnet.SubnetId][addrFrom16(bytes)]; i++ {
			bytes[14], bytes[15] = byte(i>>8), byte(i)
		}
	}
	address := addrFrom16(bytes)
	n.take(*subnet.SubnetId, address)
	eni.Ipv6Addresses = []types.NetworkInterfaceIpv6Address{{Ipv6Address: &address, IsPrimaryIpv6: ptr(false)}}
}
