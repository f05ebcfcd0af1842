package apiserver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/dynamiccertificates"
)

func TestRequestsGet503UntilTheStartIsDone(t *testing.T) {
	s := &start{codecs: NewTable(Kinds()...).Codecs}
	var registered, listed atomic.Bool
	for name, flag := range map[string]*atomic.Bool{"registrar": &registered, "first-listing": &listed} {
		s.expect(name, func() error {
			if !flag.Load() {
				return errors.New("not yet")
			}
			return nil
		})
	}
	handler := s.hold(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
	ask := func(path, serverName string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.TLS = &tls.ConnectionState{ServerName: serverName}
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, r)
		return answer
	}
	const kinds, other = "/apis/infrastructure.cluster.x-k8s.io/v2beta1/awsclusters", "capa-apiserver.capa-system.svc"

	answer := ask(kinds, other)
	if answer.Code != http.StatusServiceUnavailable || answer.Header().Get("Retry-After") != "1" {
		t.Errorf("answered %d, Retry-After %q; want 503 and 1, with which clients ask again", answer.Code, answer.Header().Get("Retry-After"))
	}
	if watch := ask(kinds+"?watch=true&resourceVersion=7", other); watch.Code != http.StatusServiceUnavailable || watch.Header().Get("Retry-After") != "" {
		t.Errorf("a watch is answered %d, Retry-After %q; want 503 alone, after which clients list anew", watch.Code, watch.Header().Get("Retry-After"))
	}
	for _, part := range []string{"registrar: not yet", "first-listing: not yet"} {
		if !strings.Contains(answer.Body.String(), part) {
			t.Errorf("the answer %s doesn't say %q", answer.Body, part)
		}
	}
	for _, path := range []string{"/livez", "/readyz", metricsPath} {
		if code := ask(path, other).Code; code != http.StatusOK {
			t.Errorf("%s is held back: %d", path, code)
		}
	}
	if code := ask(kinds, genericapiserver.LoopbackClientServerNameOverride).Code; code != http.StatusOK {
		t.Errorf("the server's own request is held back: %d", code)
	}
	registered.Store(true)
	if code := ask(kinds, other).Code; code != http.StatusServiceUnavailable {
		t.Errorf("with one of two conditions answered %d", code)
	}
	listed.Store(true)
	if code := ask(kinds, other).Code; code != http.StatusOK {
		t.Errorf("after the start answered %d", code)
	}
	registered.Store(false)
	if code := ask(kinds, other).Code; code != http.StatusOK {
		t.Errorf("what goes missing later takes the replica out of service: %d", code)
	}
}

// Whoever holds a connection when the port closes loses a request.
func TestAnswersEndConnectionsOnceTheShutdownBegan(t *testing.T) {
	shutdown := make(chan struct{})
	var mu sync.Mutex
	addresses := map[string]bool{}
	server := httptest.NewUnstartedServer(sendAway(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		addresses[r.RemoteAddr+r.Proto] = true
	}), shutdown))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	count := func() int {
		mu.Lock()
		clear(addresses)
		mu.Unlock()
		for range 3 {
			answer, err := server.Client().Get(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			if answer.Body.Close(); answer.ProtoMajor != 2 {
				t.Fatalf("spoken is %s", answer.Proto)
			}
			time.Sleep(20 * time.Millisecond)
		}
		mu.Lock()
		defer mu.Unlock()
		return len(addresses)
	}
	if n := count(); n != 1 {
		t.Errorf("%d connections before, want one for all", n)
	}
	close(shutdown)
	if n := count(); n < 2 {
		t.Errorf("%d connections for three requests during the shutdown, want new ones", n)
	}
}

// authority is a provider that knows its content only after a while, as one that reads
// the host does.
type authority struct {
	dynamiccertificates.CAContentProvider
	ran, known atomic.Bool
}

func (a *authority) VerifyOptions() (x509.VerifyOptions, bool) {
	return x509.VerifyOptions{}, a.known.Load()
}
func (a *authority) RunOnce(context.Context) error { return nil }
func (a *authority) Run(context.Context, int)      { a.ran.Store(true) }

func TestNoConnectionIsAcceptedBeforeTheFrontProxyIsKnown(t *testing.T) {
	a, stop := &authority{}, make(chan struct{})
	accepted := make(chan struct{})
	go func() { _ = awaited{a, a, stop}.RunOnce(t.Context()); close(accepted) }()
	select {
	case <-accepted:
		t.Fatal("accepted without the authority")
	case <-time.After(200 * time.Millisecond):
	}
	if !a.ran.Load() {
		t.Error("nobody reads the authority")
	}
	a.known.Store(true)
	select {
	case <-accepted:
	case <-time.After(10 * time.Second):
		t.Error("not accepted with the authority")
	}
	a.known.Store(false)
	close(stop)
	if err := (awaited{a, a, stop}).RunOnce(t.Context()); err != nil {
		t.Error(err)
	}
}
