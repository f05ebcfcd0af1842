package admission

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"k8s.io/apiserver/pkg/util/webhook"
	"k8s.io/client-go/rest"
)

const (
	// idleCalls is how many connections to the webhooks stay open: as many as there are
	// writes at the same time, mostly.
	idleCalls = 25
	// idleTime is how long they do.
	idleTime = 90 * time.Second
)

// Caller is what an API server shows to the webhooks, and what it trusts of them.
type Caller struct {
	// GetCertificate gives the certificate to show, renewed as it may be.
	GetCertificate func() (*tls.Certificate, error)
	// CABundle gives the PEM authorities of the webhooks' serving certificate.
	CABundle func() []byte
	// Here are the webhooks of the caller's own process, which it asks without a
	// connection while they serve.
	Here *Here
}

// Introduce has the calls to the webhooks at a location made as the caller, which no
// file has to configure; those to other webhooks stay as they are.
func Introduce(at Location, c Caller) webhook.AuthenticationInfoResolverWrapper {
	config := c.config()
	return func(other webhook.AuthenticationInfoResolver) webhook.AuthenticationInfoResolver {
		return &webhook.AuthenticationInfoResolverDelegator{
			ClientConfigForFunc: func(hostPort string) (*rest.Config, error) {
				if at.URL != "" && hostPort == at.hostPort() {
					return config, nil
				}
				return other.ClientConfigFor(hostPort)
			},
			ClientConfigForServiceFunc: func(name, namespace string, port int) (*rest.Config, error) {
				if s := at.Service; s != nil && s.Name == name && s.Namespace == namespace && s.Port != nil && int(*s.Port) == port {
					return config, nil
				}
				return other.ClientConfigForService(name, namespace, port)
			},
		}
	}
}

// hostPort is the host and port of the URL.
func (l Location) hostPort() string {
	host, _, _ := strings.Cut(strings.TrimPrefix(l.URL, "https://"), "/")
	if _, _, err := net.SplitHostPort(host); err != nil {
		return net.JoinHostPort(host, strconv.Itoa(443))
	}
	return host
}

// config makes connections of its own, where any are needed: those of the library would
// keep the certificate that there was at the first call.
func (c Caller) config() *rest.Config {
	// One request a connection at a time, so that the calls spread over the replicas.
	transport := &http.Transport{DialTLSContext: c.dial, MaxIdleConnsPerHost: idleCalls, IdleConnTimeout: idleTime}
	config := &rest.Config{}
	config.Wrap(func(http.RoundTripper) http.RoundTripper { return shortCut{c.Here, transport} })
	return config
}

func (c Caller) dial(ctx context.Context, network, address string) (net.Conn, error) {
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(c.CABundle())
	dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: timeoutSeconds * time.Second}, Config: &tls.Config{
		MinVersion: tls.VersionTLS12, RootCAs: trusted, NextProtos: []string{"http/1.1"},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return c.GetCertificate() },
	}}
	return dialer.DialContext(ctx, network, address)
}
