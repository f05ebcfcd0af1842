package certs

import (
	"crypto/x509"
	"time"
)

// renew gives the state that should be in the Secret at the given time, and
// whether it differs from the one that is. jitter (0 ≤ jitter) postpones a
// renewal that is due only by age, so that replicas don't renew at one moment.
//
// A new authority first only joins the bundle; the serving certificate moves to
// it after publishDelay, when those who trust the bundle know it. The old
// authority stays until it expires, and with it the last leaf it signed.
func renew(s state, o *Options, now time.Time, jitter time.Duration) (state, bool, error) {
	next := state{bundle: unexpired(s.bundle, now), signer: s.signer, leaf: s.leaf}
	changed := len(next.bundle) != len(s.bundle)

	if next.signer == nil || authorityDue(next.signer.cert, o, now, jitter) {
		ca, err := newAuthority(o, now)
		if err != nil {
			return s, false, err
		}
		next.signer = ca
		next.bundle = unexpired(append([]*x509.Certificate{ca.cert}, next.bundle...), now)
		changed = true
	}
	if next.leafServes(o, now) && !leafDue(next, o, now, jitter) {
		return next, changed, nil
	}
	dnsNames, ips := names(next, o, now)
	made, err := newLeaf(next.signer, dnsNames, ips, o, now)
	if err != nil {
		return s, false, err
	}
	next.leaf = made
	return next, true, nil
}

// authorityDue: an authority must be able to sign one more whole leaf.
func authorityDue(ca *x509.Certificate, o *Options, now time.Time, jitter time.Duration) bool {
	due := ca.NotAfter.Add(-o.CertLifetime - o.RotateBefore).Add(jitter)
	return !now.Before(due)
}

func leafDue(s state, o *Options, now time.Time, jitter time.Duration) bool {
	published := !now.Before(s.signer.cert.NotBefore.Add(clockSkew + publishDelay))
	if !published && !s.leafBySigner() {
		// Serving under an authority that nobody knows yet would be refused.
		return false
	}
	if !s.leafBySigner() {
		return true
	}
	return !now.Before(s.leaf.Leaf.NotAfter.Add(-o.RotateBefore).Add(jitter))
}

// names are those asked for. While a valid leaf carries others, a replica with
// other options runs beside this one: keep its names too, or the two would sign
// against each other for ever.
func names(s state, o *Options, now time.Time) (dnsNames, ips []string) {
	dnsNames = append(dnsNames, o.DNSNames...)
	for _, ip := range o.IPs {
		ips = append(ips, ip.String())
	}
	if s.leaf == nil || now.After(s.leaf.Leaf.NotAfter) || carriesNames(s.leaf.Leaf, o) {
		return unique(dnsNames), unique(ips)
	}
	dnsNames = append(dnsNames, s.leaf.Leaf.DNSNames...)
	for _, ip := range s.leaf.Leaf.IPAddresses {
		ips = append(ips, ip.String())
	}
	return unique(dnsNames), unique(ips)
}

func unique(values []string) []string {
	seen := map[string]bool{}
	var out []string
	for _, v := range values {
		if !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	return out
}
