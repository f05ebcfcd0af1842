package apiserver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net/http"
	"testing"
	"time"

	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/authenticatorfactory"
	"k8s.io/apiserver/pkg/authentication/request/headerrequest"
	"k8s.io/apiserver/pkg/server/dynamiccertificates"
	"k8s.io/client-go/util/cert"
)

// proxyAuthority signs the front proxy's certificates, and can be replaced.
type proxyAuthority struct {
	dynamiccertificates.CAContentProvider
	key   *ecdsa.PrivateKey
	cert  *x509.Certificate
	roots *x509.CertPool
}

func (a *proxyAuthority) VerifyOptions() (x509.VerifyOptions, bool) {
	return x509.VerifyOptions{Roots: a.roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, a.roots != nil
}

// replace makes the authority another one of the same name.
func (a *proxyAuthority) replace(t *testing.T) {
	t.Helper()
	var err error
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	if a.cert, err = cert.NewSelfSignedCACert(cert.Config{CommonName: "front-proxy-ca"}, a.key); err != nil {
		t.Fatal(err)
	}
	a.roots = x509.NewCertPool()
	a.roots.AddCert(a.cert)
}

func (a *proxyAuthority) sign(t *testing.T, name string, valid time.Duration) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotBefore: a.cert.NotBefore,
		NotAfter: time.Now().Add(valid), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, a.key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}

// vouchedBy makes an authority, and knows users by its front proxy.
func vouchedBy(t *testing.T) (*vouched, *proxyAuthority) {
	t.Helper()
	authority := &proxyAuthority{}
	authority.replace(t)
	return newVouched(&authenticatorfactory.RequestHeaderConfig{
		CAContentProvider: authority, AllowedClientNames: headerrequest.StaticStringSlice{"front-proxy"},
		UsernameHeaders: headerrequest.StaticStringSlice{"X-Remote-User"}, UIDHeaders: headerrequest.StaticStringSlice{},
		GroupHeaders: headerrequest.StaticStringSlice{}, ExtraHeaderPrefixes: headerrequest.StaticStringSlice{},
	}), authority
}

// TestUsersAreKnownOnlyByACertificateOfTheFrontProxy has a request come over a connection several times, after what is
// said happened.
func TestUsersAreKnownOnlyByACertificateOfTheFrontProxy(t *testing.T) {
	nothing := func(*testing.T, *vouched, *proxyAuthority, *x509.Certificate) {}
	// A signature that isn't right any more tells whether somebody looks at it.
	forge := func(_ *testing.T, _ *vouched, _ *proxyAuthority, leaf *x509.Certificate) {
		leaf.Signature = []byte("forged")
	}
	for name, c := range map[string]struct {
		leaf  func(*proxyAuthority) *x509.Certificate
		then  func(*testing.T, *vouched, *proxyAuthority, *x509.Certificate)
		first bool
		again bool
	}{
		"its own":               {then: nothing, first: true, again: true},
		"no certificate at all": {leaf: func(*proxyAuthority) *x509.Certificate { return nil }, then: nothing},
		"another name":          {leaf: func(a *proxyAuthority) *x509.Certificate { return a.sign(t, "somebody", time.Hour) }, then: nothing},
		"of another authority of that name": {leaf: func(a *proxyAuthority) *x509.Certificate {
			defer a.replace(t)
			return a.sign(t, "front-proxy", time.Hour)
		}, then: nothing},
		"it isn't verified again at once": {then: forge, first: true, again: true},
		"it is verified again after a minute": {first: true, then: func(t *testing.T, v *vouched, a *proxyAuthority, leaf *x509.Certificate) {
			forge(t, v, a, leaf)
			v.now = func() time.Time { return time.Now().Add(vouchedFor) }
		}},
		"it is verified again when it ends": {first: true, leaf: func(a *proxyAuthority) *x509.Certificate { return a.sign(t, "front-proxy", 20*time.Second) },
			then: func(t *testing.T, v *vouched, a *proxyAuthority, leaf *x509.Certificate) {
				forge(t, v, a, leaf)
				v.now = func() time.Time { return time.Now().Add(30 * time.Second) }
			}},
		"the authority was replaced":         {first: true, then: func(t *testing.T, _ *vouched, a *proxyAuthority, _ *x509.Certificate) { a.replace(t) }},
		"the authority isn't known any more": {first: true, then: func(_ *testing.T, _ *vouched, a *proxyAuthority, _ *x509.Certificate) { a.roots = nil }},
	} {
		t.Run(name, func(t *testing.T) {
			v, authority := vouchedBy(t)
			leaf := authority.sign(t, "front-proxy", time.Hour)
			if c.leaf != nil {
				leaf = c.leaf(authority)
			}
			if known := isKnown(v, leaf); known != c.first {
				t.Fatalf("the user is known: %v", known)
			}
			c.then(t, v, authority, leaf)
			if known := isKnown(v, leaf); known != c.again {
				t.Errorf("the user is known the second time: %v", known)
			}
		})
	}
}

func TestCertificatesOfFrontProxiesAreNotRememberedWithoutEnd(t *testing.T) {
	v, authority := vouchedBy(t)
	for range 2 * mostVouched {
		if !isKnown(v, authority.sign(t, "front-proxy", time.Hour)) {
			t.Fatal("the user isn't known")
		}
	}
	if n := len(v.verified); n > mostVouched {
		t.Errorf("%d certificates are remembered", n)
	}
}

func isKnown(by authenticator.Request, leaf *x509.Certificate) bool {
	request := &http.Request{Header: http.Header{"X-Remote-User": {"alice"}}}
	if leaf != nil {
		request.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}}
	}
	answer, known, err := by.AuthenticateRequest(request)
	return err == nil && known && answer.User.GetName() == "alice"
}
