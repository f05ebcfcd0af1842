package apiserver

import (
	"crypto/x509"
	"net/http"
	"sync"
	"time"

	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/authenticatorfactory"
	"k8s.io/apiserver/pkg/authentication/group"
	"k8s.io/apiserver/pkg/authentication/request/headerrequest"
	"k8s.io/apiserver/pkg/authentication/request/union"
	x509request "k8s.io/apiserver/pkg/authentication/request/x509"
)

const (
	// vouchedFor is how long a certificate of the front proxy counts as verified.
	vouchedFor = time.Minute
	// mostVouched is how many certificates are remembered: a front proxy has one for each replica.
	mostVouched = 64
)

// vouched knows the users that the host's front proxy vouches for. The library does too, but it verifies the proxy's
// certificate anew with every request, a tenth of what a read costs here. The handshake has proven that
// the connection has the certificate's key, so whether the authority has signed it is remembered: for a minute, and as
// long as the authority is the same. Whoever isn't known so is left to the library.
type vouched struct {
	config  *authenticatorfactory.RequestHeaderConfig
	headers authenticator.Request
	now     func() time.Time

	mu       sync.Mutex
	verified map[*x509.Certificate]verified
}

// verified says until when a certificate counts, and under which authorities.
type verified struct {
	roots *x509.CertPool
	until time.Time
}

// withVouched puts it before the library's own.
func withVouched(library authenticator.Request, config *authenticatorfactory.RequestHeaderConfig) authenticator.Request {
	return union.New(group.NewAuthenticatedGroupAdder(newVouched(config)), library)
}

func newVouched(config *authenticatorfactory.RequestHeaderConfig) *vouched {
	headers := headerrequest.NewDynamic(config.UsernameHeaders, config.UIDHeaders, config.GroupHeaders, config.ExtraHeaderPrefixes)
	return &vouched{config: config, headers: headers, now: time.Now, verified: map[*x509.Certificate]verified{}}
}

// AuthenticateRequest has the certificate verified where that wasn't done in the last minute.
func (v *vouched) AuthenticateRequest(r *http.Request) (*authenticator.Response, bool, error) {
	options, known := v.config.CAContentProvider.VerifyOptions()
	if !known || r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return nil, false, nil
	}
	leaf := r.TLS.PeerCertificates[0]
	if v.remembers(leaf, options.Roots) {
		return v.headers.AuthenticateRequest(r)
	}
	authority := func() (x509.VerifyOptions, bool) { return options, true }
	return x509request.NewDynamicCAVerifier(authority, authenticator.RequestFunc(func(r *http.Request) (*authenticator.Response, bool, error) {
		v.remember(leaf, options.Roots)
		return v.headers.AuthenticateRequest(r)
	}), v.config.AllowedClientNames).AuthenticateRequest(r)
}

func (v *vouched) remembers(leaf *x509.Certificate, roots *x509.CertPool) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	seen, found := v.verified[leaf]
	return found && seen.roots == roots && v.now().Before(seen.until)
}

func (v *vouched) remember(leaf *x509.Certificate, roots *x509.CertPool) {
	until := v.now().Add(vouchedFor)
	if leaf.NotAfter.Before(until) {
		until = leaf.NotAfter
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.verified) >= mostVouched {
		clear(v.verified)
	}
	v.verified[leaf] = verified{roots, until}
}
