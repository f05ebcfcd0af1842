// Package certs keeps the server's own certificate authority and serving
// certificate in one Secret of the host, so that all replicas serve the same
// pair, and renews both before they expire. Whoever must trust the server
// (APIServices, webhook configurations) is told the bundle of authorities as it
// changes.
package certs

import (
	"errors"
	"fmt"
	"net"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/clock"
)

const (
	// defaultCALifetime is long because a change of authority must reach every
	// APIService and webhook configuration before anyone may serve under it.
	defaultCALifetime = 10 * 365 * 24 * time.Hour
	// defaultCertLifetime bounds how long a leaked serving key is useful.
	defaultCertLifetime = 90 * 24 * time.Hour
	// defaultRotateBefore leaves a month for a host that cannot be written to.
	defaultRotateBefore = 30 * 24 * time.Hour
	// pollPeriod is how late a replica notices another replica's renewal. The
	// pair it serves until then is still valid, so this may be slow.
	pollPeriod = time.Minute
	// retryPeriod is how soon a failed look at the Secret is repeated.
	retryPeriod = 5 * time.Second
	// publishDelay is how long a new authority stands in the bundle before
	// anything is signed by it: many times pollPeriod, so that whoever copies
	// the bundle has done so.
	publishDelay = 15 * time.Minute
	// clockSkew backdates certificates, for hosts whose clocks are behind.
	clockSkew = 5 * time.Minute
	// maxAuthorities bounds the bundle when a Secret is damaged again and again.
	maxAuthorities = 4
)

// Options says where the pair is kept, for which names it is issued, and for
// how long. Zero durations take the defaults: 10 years, 90 days, 30 days.
type Options struct {
	Client     kubernetes.Interface
	Namespace  string
	SecretName string
	// CreateNamespace lets Ensure create a missing Namespace, for set-ups in
	// which nothing was installed in the host before the server.
	CreateNamespace bool

	// DNSNames and IPs are the subject alternative names of the serving
	// certificate. The host's aggregator asks for <service>.<namespace>.svc.
	DNSNames []string
	IPs      []net.IP

	CALifetime   time.Duration
	CertLifetime time.Duration
	// RotateBefore is how long before its end a certificate is renewed.
	RotateBefore time.Duration

	// Clock is the real one when nil.
	Clock clock.Clock
}

func (o *Options) complete() error {
	setDefault(&o.CALifetime, defaultCALifetime)
	setDefault(&o.CertLifetime, defaultCertLifetime)
	setDefault(&o.RotateBefore, defaultRotateBefore)
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	switch {
	case o.Client == nil:
		return errors.New("certs: Client is missing: give a client of the host cluster")
	case o.Namespace == "" || o.SecretName == "":
		return errors.New("certs: Namespace and SecretName are both needed: they say where the serving certificate is kept")
	case len(o.DNSNames)+len(o.IPs) == 0:
		return errors.New("certs: no DNS name and no IP: name at least <service>.<namespace>.svc")
	case o.RotateBefore >= o.CertLifetime:
		return fmt.Errorf("certs: RotateBefore %s must be shorter than CertLifetime %s, or every look would renew", o.RotateBefore, o.CertLifetime)
	case o.CALifetime <= o.CertLifetime+o.RotateBefore:
		return fmt.Errorf("certs: CALifetime %s must be longer than CertLifetime %s plus RotateBefore %s: an authority outlives what it signs", o.CALifetime, o.CertLifetime, o.RotateBefore)
	}
	return nil
}

func setDefault(d *time.Duration, value time.Duration) {
	if *d == 0 {
		*d = value
	}
}
