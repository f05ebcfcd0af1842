package process

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// The range lies below the kernel's ephemeral ports (32768 and up on Linux), so that no outgoing connection takes a
// port between the moment it is chosen and the moment its program listens.
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
		if reserve(port) {
			ports = append(ports, port)
		}
	}
	if len(ports) == n {
		return ports, nil
	}
	return nil, fmt.Errorf("found %d of %d free ports on 127.0.0.1 between %d and %d", len(ports), n, firstPort, lastPort)
}

// reserved keeps the ports that this process chose from others until it ends: by then their programs listen.
var reserved []*os.File

// reserve tells whether no other process that is starting programs has chosen the port.
func reserve(port int) bool {
	folder := filepath.Join(os.TempDir(), "capa-devcluster-ports")
	if os.MkdirAll(folder, 0o777) != nil {
		return true // the worst that can happen is that a program doesn't start
	}
	file, err := os.OpenFile(filepath.Join(folder, strconv.Itoa(port)), os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return true
	}
	if syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		_ = file.Close()
		return false
	}
	reserved = append(reserved, file)
	return true
}
