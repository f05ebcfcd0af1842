package pki

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"testing"
)

func parse(t *testing.T, pair Pair) *x509.Certificate {
	t.Helper()
	if _, err := tls.X509KeyPair(pair.Cert, pair.Key); err != nil {
		t.Fatalf("certificate and key do not belong together: %v", err)
	}
	block, _ := pem.Decode(pair.Cert)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func pool(authority *Authority) *x509.CertPool {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority.Cert)
	return roots
}

func TestLeafIsTrustedOnlyThroughItsAuthorityAndForItsUse(t *testing.T) {
	authority, err := NewAuthority("cluster")
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := NewAuthority("cluster")
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name   string
		leaf   Leaf
		roots  *x509.CertPool
		host   string
		use    x509.ExtKeyUsage
		wantOK bool
	}{
		{"a server by IP", Leaf{CommonName: "s", Hosts: []string{"127.0.0.1"}}, pool(authority), "127.0.0.1", x509.ExtKeyUsageServerAuth, true},
		{"a server by name", Leaf{CommonName: "s", Hosts: []string{"localhost"}}, pool(authority), "localhost", x509.ExtKeyUsageServerAuth, true},
		{"a server under another name", Leaf{CommonName: "s", Hosts: []string{"localhost"}}, pool(authority), "example.org", x509.ExtKeyUsageServerAuth, false},
		{"a client", Leaf{CommonName: "c", Organizations: []string{"g"}}, pool(authority), "", x509.ExtKeyUsageClientAuth, true},
		{"a client posing as server", Leaf{CommonName: "c"}, pool(authority), "", x509.ExtKeyUsageServerAuth, false},
		{"a client of another authority of the same name", Leaf{CommonName: "c"}, pool(stranger), "", x509.ExtKeyUsageClientAuth, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			pair, err := authority.Issue(c.leaf)
			if err != nil {
				t.Fatal(err)
			}
			_, err = parse(t, pair).Verify(x509.VerifyOptions{Roots: c.roots, DNSName: c.host, KeyUsages: []x509.ExtKeyUsage{c.use}})
			if (err == nil) != c.wantOK {
				t.Fatalf("verification: got %v, want ok=%v", err, c.wantOK)
			}
		})
	}
}

func TestLeafCarriesUserAndGroups(t *testing.T) {
	authority, err := NewAuthority("cluster")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := authority.Issue(Leaf{CommonName: "admin", Organizations: []string{"system:masters"}})
	if err != nil {
		t.Fatal(err)
	}
	subject := parse(t, pair).Subject
	if subject.CommonName != "admin" || len(subject.Organization) != 1 || subject.Organization[0] != "system:masters" {
		t.Fatalf("subject is %v", subject)
	}
}

func TestStoreKeepsWhatItMade(t *testing.T) {
	store := Store{Dir: t.TempDir()}
	first, err := store.Authority("ca", "cluster")
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := store.Leaf(first, "webhook/tls", Leaf{CommonName: "webhook", Hosts: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	second, err := store.Authority("ca", "cluster")
	if err != nil {
		t.Fatal(err)
	}
	again, err := store.Leaf(second, "webhook/tls", Leaf{CommonName: "other"})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Cert, second.Cert) || !bytes.Equal(leaf.Cert, again.Cert) {
		t.Fatal("the store replaced a certificate that was there")
	}
	if _, err := second.Issue(Leaf{CommonName: "x"}); err != nil {
		t.Fatalf("an authority read back cannot sign: %v", err)
	}
}

func TestPrivateKeysAreReadableByTheOwnerOnly(t *testing.T) {
	store := Store{Dir: t.TempDir()}
	if _, err := store.SigningKey("sa"); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(store.KeyFile("sa"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Fatalf("key mode is %v", info.Mode().Perm())
	}
}
