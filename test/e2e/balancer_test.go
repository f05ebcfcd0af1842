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

// newBalancer asks each replica's /readyz ten times a second, and sends connections to
// the port that target gives for it.
func newBalancer(t *testing.T, replicas []*world, target func(*world) int) *balancer {
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
			var ready []int
			for _, r := range replicas {
				if r.ready() == nil {
					ready = append(ready, target(r))
				}
			}
			b.mu.Lock()
			b.targets = ready
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
func (w *world) ready() error {
	answer, err := probes.Get(fmt.Sprintf("https://127.0.0.1:%d/readyz", w.port))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if text, _ := io.ReadAll(answer.Body); answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", answer.Status, text)
	}
	return nil
}
