package controlplane

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/pki"
)

// Probe asks one HTTPS address and is content with 200. Server is the authority that must have signed the server's
// certificate; Client, if it has a certificate, is shown to it.
type Probe struct {
	URL    string
	Server []byte
	Client pki.Pair
}

// Ready returns a function that reports nil once the address answers 200.
func (p Probe) Ready() (func(context.Context) error, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(p.Server) {
		return nil, fmt.Errorf("probe %s: no certificate in the server's authority", p.URL)
	}
	config := &tls.Config{RootCAs: roots}
	if len(p.Client.Cert) > 0 {
		pair, err := tls.X509KeyPair(p.Client.Cert, p.Client.Key)
		if err != nil {
			return nil, fmt.Errorf("probe %s: %w", p.URL, err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}
	return func(ctx context.Context) error { return Get(ctx, client, p.URL) }, nil
}

// Get reports nil if a GET of the address answers 200, otherwise what it answered.
func Get(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode == http.StatusOK {
		return nil
	}
	const enough = 300
	body, _ := io.ReadAll(io.LimitReader(response.Body, enough))
	return fmt.Errorf("%s answered %s: %s", url, response.Status, strings.TrimSpace(string(body)))
}
