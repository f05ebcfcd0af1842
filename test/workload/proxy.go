package workload

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Proxy is an HTTPS proxy that leads to the API servers of emulated load balancers. Programs find it by the variable
// HTTPS_PROXY, which Go's clients honour; the names of the load balancers are known to no DNS server that programs ask.
type Proxy struct {
	// URL is what HTTPS_PROXY is to be.
	URL string

	server http.Server
	mu     sync.Mutex
	users  []*Instances
}

// NewProxy starts one on an address, whose port 0 means a free one.
func NewProxy(address string) (*Proxy, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen as a proxy: %w", err)
	}
	p := &Proxy{URL: "http://" + listener.Addr().String()}
	p.server = http.Server{Handler: http.HandlerFunc(p.connect), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = p.server.Serve(listener) }()
	return p, nil
}

// Stop ends it; connections that were made stay until their ends close them.
func (p *Proxy) Stop() { _ = p.server.Close() }

func (p *Proxy) use(s *Instances) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.users = append(p.users, s)
}

func (p *Proxy) drop(s *Instances) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.users = slices.DeleteFunc(p.users, func(other *Instances) bool { return other == s })
}

func (p *Proxy) route(endpoint string) (string, error) {
	p.mu.Lock()
	users := slices.Clone(p.users)
	p.mu.Unlock()
	var problems []error
	for _, s := range users {
		address, err := s.route(endpoint)
		if err == nil {
			return address, nil
		}
		problems = append(problems, err)
	}
	return "", errors.Join(append(problems, fmt.Errorf("nothing answers at %s", endpoint))...)
}

// connect answers CONNECT and nothing else.
func (p *Proxy) connect(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		http.Error(w, "only CONNECT is answered here", http.StatusMethodNotAllowed)
		return
	}
	address, err := p.route(r.Host)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	there, err := (&net.Dialer{}).DialContext(r.Context(), "tcp", address)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	here, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		_ = there.Close()
		return
	}
	_, _ = io.WriteString(here, "HTTP/1.1 200 Connection established\r\n\r\n")
	// A connection that breaks needs no words: both ends see it.
	go func() {
		_, _ = io.Copy(there, buffered)
		_ = there.Close()
	}()
	go func() {
		_, _ = io.Copy(here, there)
		_ = here.Close()
	}()
}
