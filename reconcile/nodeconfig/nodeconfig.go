// Package nodeconfig writes the bootstrap data of EKS nodes: what nodeadm reads on images with
// Amazon Linux 2023, and a call of bootstrap.sh for those with Amazon Linux 2. All of it is
// pure, and the same input always gives the same bytes: data that differs replaces nodes.
//
// Endpoint, certificate authority and service range of the cluster are in the data, so that
// nodes ask EKS nothing when they start: many that start at once would be throttled.
package nodeconfig

import (
	"fmt"
	"net/netip"
)

// DefaultServiceCIDR is the range for services of clusters that say none.
const DefaultServiceCIDR = "172.20.0.0/16"

// Cluster is what a node has to know of the cluster that it joins.
type Cluster struct {
	// Name of the cluster in EKS.
	Name string
	// Endpoint is the URL of the API server.
	Endpoint string
	// CA are the certificates that the API server's is signed by, in PEM.
	CA []byte
	// ServiceCIDR is the range for services; DefaultServiceCIDR unless set.
	ServiceCIDR string
}

// serviceRange is the range for services, and whether somebody said it.
func (c Cluster) serviceRange() (netip.Prefix, bool, error) {
	text := c.ServiceCIDR
	if text == "" {
		text = DefaultServiceCIDR
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, false, fmt.Errorf("the cluster's range for services: %w", err)
	}
	return prefix, c.ServiceCIDR != "", nil
}

// complete tells what the cluster doesn't say yet, if anything.
func (c Cluster) complete() error {
	switch {
	case c.Name == "":
		return fmt.Errorf("the cluster has no name in EKS yet")
	case c.Endpoint == "":
		return fmt.Errorf("the cluster has no endpoint yet")
	case len(c.CA) == 0:
		return fmt.Errorf("the cluster's certificate authority isn't known yet")
	}
	return nil
}

// isASCII tells whether text can stand in a message as it is.
func isASCII(text []byte) bool {
	for _, b := range text {
		if b >= 0x80 {
			return false
		}
	}
	return true
}
