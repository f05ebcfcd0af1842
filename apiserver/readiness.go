package apiserver

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/endpoints/handlers/responsewriters"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/dynamiccertificates"
	"k8s.io/apiserver/pkg/server/healthz"
)

// retrySeconds is when clients that came too early ask again; client-go does by itself.
const retrySeconds = 1

// start is what has to be done once before requests are answered. The same checks are
// part of /readyz.
type start struct {
	// codecs write the answers of those who came too early.
	codecs runtime.NegotiatedSerializer
	checks []healthz.HealthChecker
	done   atomic.Bool
}

// expect adds a condition of the start. What was there once counts from then on: what
// goes missing later must not take all replicas out of service at the same time.
func (s *start) expect(name string, missing func() error) {
	var met atomic.Bool
	s.checks = append(s.checks, healthz.NamedCheck(name, func(*http.Request) error {
		if met.Load() {
			return nil
		}
		err := missing()
		met.Store(err == nil)
		return err
	}))
}

// missing tells what the start still waits for.
func (s *start) missing(r *http.Request) error {
	if s.done.Load() {
		return nil
	}
	var all []error
	for _, check := range s.checks {
		if err := check.Check(r); err != nil {
			all = append(all, fmt.Errorf("%s: %w", check.Name(), err))
		}
	}
	s.done.Store(len(all) == 0)
	return errors.Join(all...)
}

// hold answers requests for the kinds with 503 until the start is done: that is what
// clients wait out. The server's own requests are part of the start.
func (s *start) hold(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, genericapiserver.APIGroupPrefix) || fromItself(r) {
			handler.ServeHTTP(w, r)
			return
		}
		missing := s.missing(r)
		if missing == nil {
			handler.ServeHTTP(w, r)
			return
		}
		err := apierrors.NewServiceUnavailable(fmt.Sprintf("capa-apiserver is starting: %v", missing))
		// A watch goes on from a version that this store may never have had, after a restore
		// for one: who gets no hint to ask again lists anew.
		if r.URL.Query().Get("watch") == "" {
			err.ErrStatus.Details = &metav1.StatusDetails{RetryAfterSeconds: retrySeconds}
		}
		responsewriters.ErrorNegotiated(err, s.codecs, schema.GroupVersion{Version: "v1"}, w, r)
	})
}

// fromItself tells requests of the server's own clients. Who pretends to be one gets past
// here and is authenticated like everybody.
func fromItself(r *http.Request) bool {
	return r.TLS != nil && r.TLS.ServerName == genericapiserver.LoopbackClientServerNameOverride
}

// sendAway has callers change to another replica once the shutdown has begun: each
// answer ends its connection, for HTTP/2 by a GOAWAY, so that nobody still holds one
// when the port closes.
func sendAway(handler http.Handler, shutdown <-chan struct{}) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-shutdown:
			w.Header().Set("Connection", "close")
		default:
		}
		handler.ServeHTTP(w, r)
	})
}

// frontProxyKnown is the condition that requests of the host can be told from others.
func frontProxyKnown(frontProxy dynamiccertificates.CAContentProvider) func() error {
	return func() error {
		if _, known := frontProxy.VerifyOptions(); !known {
			return errors.New("the authority of the host's front proxy was not read yet")
		}
		return nil
	}
}
