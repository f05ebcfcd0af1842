package admission

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
	webhook "sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

const (
	// readHeaderTimeout ends connections that ask for nothing.
	readHeaderTimeout = 10 * time.Second
	// shutdownTimeout lets requests that are under way end: they take a second
	// at the most.
	shutdownTimeout = 5 * time.Second
)

// Options say what the rules read. Reader reads our kinds, Host the host's
// Namespaces. Give live readers: a cache may not know yet of an identity that
// the same "kubectl apply" wrote a moment ago. A nil Regions means that AWS can't
// be asked, a nil Live that it can't be asked about machines, a nil Living that nobody knows what
// other objects record. An empty DefaultRegion
// leaves regions as written.
type Options struct {
	Kinds         []Kind
	Reader        client.Reader
	Host          client.Reader
	Regions       Regions
	Live          *Live
	Living        Living
	DefaultRegion string
	// MakeRoles tells that IAM roles are made, with the RolePolicies that specs may name besides the usual ones.
	MakeRoles    bool
	RolePolicies cloud.RolePolicies
	// Namespace is where the Secrets of static identities are.
	Namespace string
	// GetCertificate gives the serving certificate, renewed as it may be.
	GetCertificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	// Callers gives the PEM authorities of the certificates that callers must show. The
	// rules answer with what AWS has, so they answer API servers only.
	Callers func() []byte
	// Here is told once the rules can be asked. It may be nil.
	Here *Here
}

// Server serves the webhooks over TLS.
type Server struct {
	opts    Options
	judges  []judge
	handler http.Handler
}

// NewServer prepares the webhooks of the kinds.
func NewServer(opts Options) (*Server, error) {
	if opts.Reader == nil || opts.Host == nil || opts.GetCertificate == nil || opts.Callers == nil {
		return nil, errors.New("admission: Reader, Host, GetCertificate and Callers are all needed")
	}
	mux := http.NewServeMux()
	var judges []judge
	for _, k := range opts.Kinds {
		j := judge{k, k.Rules(opts)}
		judges = append(judges, j)
		if len(j.rules.Default) > 0 {
			mux.Handle(k.path("mutate"), &webhook.Webhook{Handler: mutator{j}})
		}
		if len(j.rules.Validate)+len(j.rules.Delete) > 0 {
			mux.Handle(k.path("validate"), &webhook.Webhook{Handler: validator{j}})
		}
	}
	return &Server{opts: opts, judges: judges, handler: mux}, nil
}

// Serve answers on the listener until ctx ends; then it lets requests under way
// end and returns nil.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: readHeaderTimeout,
		TLSConfig:         &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: s.tlsConfig},
		// Somebody who only knocks is no news.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	s.opts.Here.open(s.judges)
	failed := make(chan error, 1)
	go func() { failed <- server.ServeTLS(listener, "", "") }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	shutdown, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(shutdown); err != nil {
		return server.Close()
	}
	return nil
}

// tlsConfig is that of one connection: the authorities of callers change with those
// of the serving certificate.
func (s *Server) tlsConfig(*tls.ClientHelloInfo) (*tls.Config, error) {
	callers := x509.NewCertPool()
	callers.AppendCertsFromPEM(s.opts.Callers())
	return &tls.Config{
		MinVersion: tls.VersionTLS12, GetCertificate: s.opts.GetCertificate, NextProtos: []string{"h2", "http/1.1"},
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: callers,
	}, nil
}
