package admission

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/util/webhook"
	"k8s.io/client-go/rest"
)

// authority signs certificates that serve and call, as the server's own does.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{cert: &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true,
		BasicConstraintsValid: true, NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign}}
	a.key = newKey(t)
	der, err := x509.CreateCertificate(rand.Reader, a.cert, a.cert, a.key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	a.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (a *authority) issue(t *testing.T) *tls.Certificate {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{SerialNumber: big.NewInt(2), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestWebhooksAnswerNobodyButAPIServers(t *testing.T) {
	reader := readerWith(t)
	e := serve(t, Options{Reader: reader, Host: reader})
	stranger := newAuthority(t).issue(t)
	for name, certificates := range map[string][]tls.Certificate{"without a certificate": nil, "with somebody else's": {*stranger}} {
		transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, Certificates: certificates}} //nolint:gosec // an attacker doesn't verify
		answer, err := (&http.Client{Transport: transport}).Post(e.url+validateCluster, "application/json", strings.NewReader("{}"))
		if err == nil {
			_ = answer.Body.Close()
			t.Errorf("%s: answered %s", name, answer.Status)
		}
		transport.CloseIdleConnections()
	}
}

// The library's client, by which its plugins call webhooks.
func TestTheServersOwnPluginsAreAnswered(t *testing.T) {
	reader := readerWith(t)
	e := serve(t, Options{Reader: reader, Host: reader})
	at := webhook.ClientConfig{Name: "ours", URL: e.url + validateCluster, CABundle: e.caller.CABundle()}
	if err := call(t, plugin(t, nil), at); err == nil {
		t.Error("a server that shows no certificate is answered")
	}
	if err := call(t, plugin(t, Introduce(Location{URL: e.url}, e.caller)), at); err != nil {
		t.Error(err)
	}
}

func TestWebhooksOfTheSameProcessAreAskedWithoutAConnection(t *testing.T) {
	reader := readerWith(t)
	here := &Here{}
	e := serve(t, Options{Reader: reader, Host: reader, Here: here})
	caller := e.caller
	caller.Here = here
	caller.CABundle = func() []byte { return nil } // so that no connection comes about
	clients, at := plugin(t, Introduce(Location{URL: e.url}, caller)), webhook.ClientConfig{Name: "ours", URL: e.url + validateCluster}
	eventually(t, func() error { return call(t, clients, at) })
	here.serve(nil)() // they serve no more
	if err := call(t, clients, at); err == nil {
		t.Error("webhooks that have ended answer")
	}
}

// plugin calls webhooks as the library's plugins do.
func plugin(t *testing.T, introduce webhook.AuthenticationInfoResolverWrapper) *webhook.ClientManager {
	t.Helper()
	clients, err := webhook.NewClientManager([]schema.GroupVersion{admissionv1.SchemeGroupVersion}, admissionv1.AddToScheme)
	if err != nil {
		t.Fatal(err)
	}
	anonymous, err := webhook.NewDefaultAuthenticationInfoResolver("")
	if err != nil {
		t.Fatal(err)
	}
	clients.SetAuthenticationInfoResolver(anonymous)
	clients.SetServiceResolver(webhook.NewDefaultServiceResolver())
	clients.SetAuthenticationInfoResolverWrapper(introduce)
	return &clients
}

// call has a webhook judge nothing much, and returns whether it answered.
func call(t *testing.T, clients *webhook.ClientManager, at webhook.ClientConfig) error {
	t.Helper()
	client, err := clients.HookClient(at)
	if err != nil {
		t.Fatal(err)
	}
	review := &admissionv1.AdmissionReview{Request: &admissionv1.AdmissionRequest{UID: "review-1"}}
	review.SetGroupVersionKind(admissionv1.SchemeGroupVersion.WithKind("AdmissionReview"))
	return client.Post().Body(review).Do(t.Context()).Into(&admissionv1.AdmissionReview{})
}

// The library's own way from a webhook's configuration to a client.
func TestOnlyOurWebhooksAreCalledWithOurCertificate(t *testing.T) {
	port := int32(9443)
	service := Location{Service: &admissionregistrationv1.ServiceReference{Namespace: "capa-system", Name: "capa-apiserver", Port: &port}}
	other, err := webhook.NewDefaultAuthenticationInfoResolver("")
	if err != nil {
		t.Fatal(err)
	}
	introduced := func(config *rest.Config, err error) bool {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return config.WrapTransport != nil
	}
	c := Caller{}
	for name, x := range map[string]struct {
		got, want bool
	}{
		"our Service":      {introduced(Introduce(service, c)(other).ClientConfigForService("capa-apiserver", "capa-system", 9443)), true},
		"its other port":   {introduced(Introduce(service, c)(other).ClientConfigForService("capa-apiserver", "capa-system", 443)), false},
		"another Service":  {introduced(Introduce(service, c)(other).ClientConfigForService("gatekeeper", "capa-system", 9443)), false},
		"no URL of ours":   {introduced(Introduce(service, c)(other).ClientConfigFor("127.0.0.1:9443")), false},
		"our URL":          {introduced(Introduce(atURL, c)(other).ClientConfigFor("127.0.0.1:9443")), true},
		"another URL":      {introduced(Introduce(atURL, c)(other).ClientConfigFor("10.0.0.1:9443")), false},
		"URL without port": {introduced(Introduce(Location{URL: "https://capa.example"}, c)(other).ClientConfigFor("capa.example:443")), true},
	} {
		if x.got != x.want {
			t.Errorf("%s: %v, want %v", name, x.got, x.want)
		}
	}
}
