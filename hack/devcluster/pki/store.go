package pki

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Store keeps pairs as NAME.crt and NAME.key in one folder. What is already there is kept, so that a cluster that
// is restarted goes on trusting its own certificates.
type Store struct {
	Dir string
}

// CertFile is the path of a pair's certificate (of a signing key: its public half).
func (s Store) CertFile(name string) string { return filepath.Join(s.Dir, name+".crt") }

// KeyFile is the path of a pair's private key.
func (s Store) KeyFile(name string) string { return filepath.Join(s.Dir, name+".key") }

// Authority returns the named authority, making it if it isn't there.
func (s Store) Authority(name, commonName string) (*Authority, error) {
	pair, err := s.ensure(name, func() (Pair, error) {
		authority, err := NewAuthority(commonName)
		if err != nil {
			return Pair{}, err
		}
		return authority.Pair, nil
	})
	if err != nil {
		return nil, err
	}
	return LoadAuthority(pair)
}

// Leaf returns the named leaf, issuing it if it isn't there.
func (s Store) Leaf(authority *Authority, name string, leaf Leaf) (Pair, error) {
	return s.ensure(name, func() (Pair, error) { return authority.Issue(leaf) })
}

// SigningKey returns the named signing key, making it if it isn't there.
func (s Store) SigningKey(name string) (Pair, error) {
	return s.ensure(name, NewSigningKey)
}

func (s Store) ensure(name string, create func() (Pair, error)) (Pair, error) {
	pair, err := s.read(name)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return pair, err
	}
	if pair, err = create(); err != nil {
		return Pair{}, err
	}
	if err := os.MkdirAll(filepath.Dir(s.KeyFile(name)), 0o700); err != nil {
		return Pair{}, fmt.Errorf("make the certificate folder: %w", err)
	}
	if err := os.WriteFile(s.KeyFile(name), pair.Key, 0o600); err != nil {
		return Pair{}, fmt.Errorf("write the key of %s: %w", name, err)
	}
	// The certificate is written last: a pair is complete once its certificate is there.
	if err := os.WriteFile(s.CertFile(name), pair.Cert, 0o644); err != nil {
		return Pair{}, fmt.Errorf("write the certificate of %s: %w", name, err)
	}
	return pair, nil
}

func (s Store) read(name string) (Pair, error) {
	cert, err := os.ReadFile(s.CertFile(name))
	if err != nil {
		return Pair{}, err
	}
	key, err := os.ReadFile(s.KeyFile(name))
	if err != nil {
		return Pair{}, err
	}
	return Pair{Cert: cert, Key: key}, nil
}
