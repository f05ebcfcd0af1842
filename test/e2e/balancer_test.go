package e2e

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// balancer does what a Service does for replicas: it gives each new connection to one
// that is ready, and leaves those that exist alone.
type balancer struct {
	port    int
	mu      sync.Mutex
	targets []int // ports of replicas that are ready
	turn    int
}

// readyPorts are the ports that target gives for the replicas whose /readyz says so.
func readyPorts(replicas []*world, target func(*world) int) func() []int {
	return func() []int {
		var ready []int
		for _, r := range replicas {
			if r.ready() == nil {
				ready = append(ready, target(r))
			}
		}
		return ready
	}
}

// newBalancer asks ten times a second which ports are ready, and sends connections there.
func newBalancer(t *testing.T, ready func() []int) *balancer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	b := &balancer{port: listener.Addr().(*net.TCPAddr).Port}
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop); listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go b.forward(conn)
		}
	}()
	go func() {
		for {
			now := ready()
			b.mu.Lock()
			b.targets = now
			b.mu.Unlock()
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
	}()
	return b
}

// sends tells whether connections go to one of the ports.
func (b *balancer) sends(ports ...int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.ContainsFunc(b.targets, func(port int) bool { return slices.Contains(ports, port) })
}

func (b *balancer) forward(conn net.Conn) {
	defer conn.Close()
	b.mu.Lock()
	targets := slices.Clone(b.targets)
	b.turn++
	turn := b.turn
	b.mu.Unlock()
	if len(targets) == 0 {
		return
	}
	to, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", targets[turn%len(targets)]))
	if err != nil {
		return
	}
	defer to.Close()
	go func() { _, _ = io.Copy(to, conn); _ = to.(*net.TCPConn).CloseWrite() }()
	_, _ = io.Copy(conn, to)
}

// probes asks servers whose certificate is nobody's concern, as kubelet does.
var probes = &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
	TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true, //nolint:gosec // a probe
}}

// ready is what kubelet asks.
func (w *world) ready() error { return readyz(w.port) }

func readyz(port int) error {
	answer, err := probes.Get(fmt.Sprintf("https://127.0.0.1:%d/readyz", port))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if text, _ := io.ReadAll(answer.Body); answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", answer.Status, text)
	}
	return nil
}
