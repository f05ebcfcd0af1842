package certs

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"k8s.io/apiserver/pkg/server/dynamiccertificates"
	"k8s.io/klog/v2"
)

var (
	_ dynamiccertificates.CertKeyContentProvider = (*Manager)(nil)
	_ dynamiccertificates.ControllerRunner       = (*Manager)(nil)
)

// Manager keeps the pair: it loads it from the Secret, renews it there, and
// hands it to whoever serves. All methods may be called at any time from any
// goroutine.
type Manager struct {
	opts Options
	// jitter is this replica's own delay of renewals by age.
	jitter time.Duration

	mu        sync.Mutex
	serving   *tls.Certificate
	content   map[string][]byte
	listeners []dynamiccertificates.Listener
	onChange  []func([]byte)
}

// New checks the options. The manager holds nothing until Ensure or RunOnce.
func New(opts Options) (*Manager, error) {
	if err := opts.complete(); err != nil {
		return nil, err
	}
	// A tenth of the spare time: enough to spread replicas, never near expiry.
	jitter := rand.N(opts.RotateBefore/10 + 1)
	return &Manager{opts: opts, jitter: jitter}, nil
}

// Ensure returns when a valid pair is at hand, loaded from the Secret or newly
// written to it. It repeats while the host cannot be reached, until ctx ends;
// the error then tells the last failure.
func (m *Manager) Ensure(ctx context.Context) error {
	for {
		err := m.RunOnce(ctx)
		if err == nil {
			return nil
		}
		klog.FromContext(ctx).Error(err, "No serving certificate yet", "retryAfter", retryPeriod)
		if !m.wait(ctx, retryPeriod) {
			return errors.Join(ctx.Err(), err)
		}
	}
}

// RunOnce looks at the Secret once, renews what is due and takes over what it
// holds. After an error the manager keeps what it had.
func (m *Manager) RunOnce(ctx context.Context) error {
	data, err := m.sync(ctx)
	if err != nil {
		return fmt.Errorf("serving certificate in Secret %s/%s: %w", m.opts.Namespace, m.opts.SecretName, err)
	}
	m.adopt(data)
	return nil
}

// Run looks at the Secret about once a minute until ctx ends.
func (m *Manager) Run(ctx context.Context, _ int) {
	logger := klog.FromContext(ctx)
	delay := time.Duration(0)
	for m.wait(ctx, delay) {
		delay = pollPeriod + rand.N(pollPeriod/10)
		if err := m.RunOnce(ctx); err != nil && ctx.Err() == nil {
			delay = retryPeriod
			logger.Error(err, "Keeping the serving certificate at hand", "notAfter", m.notAfter())
		}
	}
}

// wait tells false when ctx ended first.
func (m *Manager) wait(ctx context.Context, d time.Duration) bool {
	if d == 0 {
		return ctx.Err() == nil
	}
	timer := m.opts.Clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C():
		return ctx.Err() == nil
	}
}

// adopt takes over the Secret's content and tells the listeners what changed.
func (m *Manager) adopt(data map[string][]byte) {
	m.mu.Lock()
	bundleChanged := !bytes.Equal(m.content[keyBundle], data[keyBundle])
	pairChanged := !bytes.Equal(m.content[keyCert], data[keyCert]) || !bytes.Equal(m.content[keyKey], data[keyKey])
	if pairChanged {
		m.serving = parsePair(data[keyCert], data[keyKey])
	}
	m.content = data
	listeners := append([]dynamiccertificates.Listener(nil), m.listeners...)
	onChange := append([]func([]byte){}, m.onChange...)
	m.mu.Unlock()

	if pairChanged {
		for _, l := range listeners {
			l.Enqueue()
		}
	}
	if bundleChanged {
		for _, f := range onChange {
			f(bytes.Clone(data[keyBundle]))
		}
	}
}

// Name identifies the pair in logs.
func (m *Manager) Name() string {
	return "serving-cert::" + m.opts.Namespace + "/" + m.opts.SecretName
}

// CurrentCertKeyContent gives the serving certificate and its key as PEM; nil
// before Ensure.
func (m *Manager) CurrentCertKeyContent() (cert, key []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.content[keyCert], m.content[keyKey]
}

// AddListener has the listener told when the serving pair changes.
func (m *Manager) AddListener(listener dynamiccertificates.Listener) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.listeners = append(m.listeners, listener)
}

// CABundle gives the authorities to trust, as PEM, the signing one first; empty
// before Ensure.
func (m *Manager) CABundle() []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return bytes.Clone(m.content[keyBundle])
}

// OnChange has f called with each new bundle, and at once with the present one
// if there is any. f must not block.
func (m *Manager) OnChange(f func(caBundle []byte)) {
	m.mu.Lock()
	m.onChange = append(m.onChange, f)
	present := bytes.Clone(m.content[keyBundle])
	m.mu.Unlock()
	if len(present) > 0 {
		f(present)
	}
}

// GetCertificate serves tls.Config.GetCertificate.
func (m *Manager) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.serving == nil {
		return nil, fmt.Errorf("no serving certificate yet: Secret %s/%s was not loaded", m.opts.Namespace, m.opts.SecretName)
	}
	return m.serving, nil
}

func (m *Manager) notAfter() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.serving == nil {
		return time.Time{}
	}
	return m.serving.Leaf.NotAfter
}
