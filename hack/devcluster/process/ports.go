package process

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// The range lies below the kernel's ephemeral ports (32768 and up on Linux), so that no outgoing connection takes a
// port between the moment it is chosen and the moment its program listens, and it is wide enough for clusters
// that start beside each other to miss each other.
const firstPort, lastPort = 12000, 29999

// FreePorts picks n different loopback ports on which nobody listens now.
func FreePorts(n int) ([]int, error) {
	const attempts = 1000
	var held []net.Listener
	defer func() {
		for _, listener := range held {
			_ = listener.Close()
		}
	}()
	ports := make([]int, 0, n)
	for range attempts {
		if len(ports) == n {
			return ports, nil
		}
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		// Ports stay held until all are chosen, so that none is chosen twice.
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		held = append(held, listener)
		ports = append(ports, port)
	}
	if len(ports) == n {
		return ports, nil
	}
	return nil, fmt.Errorf("found %d of %d free ports on 127.0.0.1 between %d and %d", len(ports), n, firstPort, lastPort)
}
