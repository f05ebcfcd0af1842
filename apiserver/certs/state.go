package certs

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"time"

	corev1 "k8s.io/api/core/v1"
	certutil "k8s.io/client-go/util/cert"
	"k8s.io/client-go/util/keyutil"
)

// Keys of the Secret. The first two are those of kubernetes.io/tls.
const (
	keyCert   = corev1.TLSCertKey
	keyKey    = corev1.TLSPrivateKeyKey
	keyBundle = "ca.crt"
	keyCAKey  = "ca.key"
)

// authority is a certificate that may sign, with its key.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// state is what the Secret holds, parsed. A part that is missing or damaged is
// nil: the plan replaces it.
type state struct {
	// bundle lists the trusted authorities, the signing one first.
	bundle []*x509.Certificate
	// signer is the authority that signs; nil without a usable key.
	signer *authority
	// leaf is the serving pair; nil unless certificate and key belong together.
	leaf *tls.Certificate
}

// parse reads a Secret's data. It never fails: what cannot be used is left out.
func parse(data map[string][]byte) state {
	var s state
	s.bundle = parseBundle(data[keyBundle])
	s.signer = parseSigner(s.bundle, data[keyCAKey])
	s.leaf = parsePair(data[keyCert], data[keyKey])
	return s
}

// encode gives the Secret's data for a complete state.
func (s state) encode() (map[string][]byte, error) {
	bundle, err := certutil.EncodeCertificates(s.bundle...)
	if err != nil {
		return nil, err
	}
	caKey, err := keyutil.MarshalPrivateKeyToPEM(s.signer.key)
	if err != nil {
		return nil, err
	}
	leaf, err := certutil.EncodeCertificates(s.leaf.Leaf)
	if err != nil {
		return nil, err
	}
	key, err := keyutil.MarshalPrivateKeyToPEM(s.leaf.PrivateKey)
	if err != nil {
		return nil, err
	}
	return map[string][]byte{keyCert: leaf, keyKey: key, keyBundle: bundle, keyCAKey: caKey}, nil
}

func parseBundle(pem []byte) []*x509.Certificate {
	parsed, err := certutil.ParseCertsPEM(pem)
	if err != nil {
		return nil
	}
	var authorities []*x509.Certificate
	for _, cert := range parsed {
		if cert.IsCA {
			authorities = append(authorities, cert)
		}
	}
	return authorities
}

// parseSigner pairs the key with the first authority of the bundle.
func parseSigner(bundle []*x509.Certificate, keyPEM []byte) *authority {
	if len(bundle) == 0 {
		return nil
	}
	parsed, err := keyutil.ParsePrivateKeyPEM(keyPEM)
	if err != nil {
		return nil
	}
	key, ok := parsed.(crypto.Signer)
	if !ok || !samePublicKey(key.Public(), bundle[0].PublicKey) {
		return nil
	}
	return &authority{cert: bundle[0], key: key}
}

func parsePair(certPEM, keyPEM []byte) *tls.Certificate {
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil
	}
	if pair.Leaf == nil {
		if pair.Leaf, err = x509.ParseCertificate(pair.Certificate[0]); err != nil {
			return nil
		}
	}
	return &pair
}

func samePublicKey(a, b crypto.PublicKey) bool {
	comparable, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && comparable.Equal(b)
}

// leafServes tells whether the leaf is valid now, was signed by an authority of
// the bundle, and carries all names asked for.
func (s state) leafServes(o *Options, now time.Time) bool {
	if s.leaf == nil {
		return false
	}
	roots := x509.NewCertPool()
	for _, ca := range s.bundle {
		roots.AddCert(ca)
	}
	for _, use := range uses {
		if _, err := s.leaf.Leaf.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{use}}); err != nil {
			return false
		}
	}
	return carriesNames(s.leaf.Leaf, o)
}

func carriesNames(leaf *x509.Certificate, o *Options) bool {
	for _, name := range o.DNSNames {
		if leaf.VerifyHostname(name) != nil {
			return false
		}
	}
	for _, ip := range o.IPs {
		if leaf.VerifyHostname(ip.String()) != nil {
			return false
		}
	}
	return true
}

// leafBySigner tells whether the signing authority itself signed the leaf.
func (s state) leafBySigner() bool {
	return s.leaf != nil && s.signer != nil && s.leaf.Leaf.CheckSignatureFrom(s.signer.cert) == nil
}

// unexpired keeps the authorities that still vouch for something: a leaf never
// outlives its authority, so an expired one has no valid leaf left.
func unexpired(authorities []*x509.Certificate, now time.Time) []*x509.Certificate {
	var kept []*x509.Certificate
	for _, ca := range authorities {
		if now.Before(ca.NotAfter) && len(kept) < maxAuthorities && !contains(kept, ca) {
			kept = append(kept, ca)
		}
	}
	return kept
}

func contains(certs []*x509.Certificate, cert *x509.Certificate) bool {
	for _, c := range certs {
		if bytes.Equal(c.Raw, cert.Raw) {
			return true
		}
	}
	return false
}
