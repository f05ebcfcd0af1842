package certs

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	certutil "k8s.io/client-go/util/cert"
	clocktesting "k8s.io/utils/clock/testing"
)

const (
	namespace  = "capa-system"
	secretName = "capa-apiserver-serving-cert"
	dnsName    = "capa-apiserver.capa-system.svc"
	day        = 24 * time.Hour
)

var secretsResource = corev1.SchemeGroupVersion.WithResource("secrets")

var start = time.Date(2031, 3, 1, 12, 0, 0, 0, time.UTC)

func newManager(t *testing.T, client *fake.Clientset, clk *clocktesting.FakeClock, change ...func(*Options)) *Manager {
	t.Helper()
	opts := Options{
		Client: client, Namespace: namespace, SecretName: secretName,
		DNSNames: []string{dnsName, "localhost"}, IPs: []net.IP{net.IPv4(127, 0, 0, 1)},
		CALifetime: 365 * day, CertLifetime: 90 * day, RotateBefore: 30 * day, Clock: clk,
	}
	for _, f := range change {
		f(&opts)
	}
	m, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	m.jitter = 0
	return m
}

func ensure(t *testing.T, m *Manager) {
	t.Helper()
	if err := m.Ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func storedSecret(t *testing.T, client *fake.Clientset) *corev1.Secret {
	t.Helper()
	secret, err := client.CoreV1().Secrets(namespace).Get(t.Context(), secretName, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

func leaf(t *testing.T, m *Manager) *x509.Certificate {
	t.Helper()
	pair, err := m.GetCertificate(&tls.ClientHelloInfo{})
	if err != nil {
		t.Fatal(err)
	}
	return pair.Leaf
}

// trusts tells whether a client that trusts the bundle accepts the certificate.
func trusts(t *testing.T, bundle []byte, cert *x509.Certificate, now time.Time) bool {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(bundle) {
		t.Fatal("the bundle holds no certificate")
	}
	_, err := cert.Verify(x509.VerifyOptions{Roots: pool, CurrentTime: now, DNSName: dnsName})
	return err == nil
}

func TestFirstStartMakesAPairThatTheBundleTrusts(t *testing.T) {
	client, clk := fake.NewClientset(), clocktesting.NewFakeClock(start)
	m := newManager(t, client, clk)
	ensure(t, m)

	cert := leaf(t, m)
	if !trusts(t, m.CABundle(), cert, start) {
		t.Error("the serving certificate is not trusted by the bundle")
	}
	if err := cert.VerifyHostname("127.0.0.1"); err != nil {
		t.Error(err)
	}
	if got := storedSecret(t, client).Type; got != corev1.SecretTypeTLS {
		t.Errorf("Secret type %q, want kubernetes.io/tls", got)
	}
	certPEM, keyPEM := m.CurrentCertKeyContent()
	if _, err := tls.X509KeyPair(certPEM, keyPEM); err != nil {
		t.Errorf("content for the server's listener: %v", err)
	}
}

// A pair from before the server showed it to its own webhooks is replaced.
func TestThePairServesAndCalls(t *testing.T) {
	client, clk := fake.NewClientset(), clocktesting.NewFakeClock(start)
	both := uses
	uses = uses[:1]
	ensure(t, newManager(t, client, clk))
	uses = both
	m := newManager(t, client, clk)
	ensure(t, m)
	for _, use := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(m.CABundle())
		if _, err := leaf(t, m).Verify(x509.VerifyOptions{Roots: roots, CurrentTime: clk.Now(), KeyUsages: []x509.ExtKeyUsage{use}}); err != nil {
			t.Errorf("use %v: %v", use, err)
		}
	}
}

func TestReplicasConvergeOnOnePair(t *testing.T) {
	client, clk := fake.NewClientset(), clocktesting.NewFakeClock(start)
	first, second := newManager(t, client, clk), newManager(t, client, clk)
	ensure(t, first)

	// The second looked before the first wrote, so its own create comes too late.
	looked := false
	client.PrependReactor("get", "secrets", func(clienttesting.Action) (bool, runtime.Object, error) {
		if looked {
			return false, nil, nil
		}
		looked = true
		return true, nil, apierrors.NewNotFound(secretsResource.GroupResource(), secretName)
	})
	ensure(t, second)
	if !bytes.Equal(leaf(t, first).Raw, leaf(t, second).Raw) || !bytes.Equal(first.CABundle(), second.CABundle()) {
		t.Error("two replicas serve different certificates")
	}
}

func TestLoserOfARenewalTakesTheWinnersPair(t *testing.T) {
	client, clk := fake.NewClientset(), clocktesting.NewFakeClock(start)
	loser := newManager(t, client, clk)
	ensure(t, loser)
	winnersClient := fake.NewClientset(storedSecret(t, client))
	winner := newManager(t, winnersClient, clk)
	clk.Step(61 * day)
	ensure(t, winner)

	conflicts := 0
	client.PrependReactor("update", "secrets", func(clienttesting.Action) (bool, runtime.Object, error) {
		if conflicts++; conflicts > 1 {
			return false, nil, nil
		}
		if err := client.Tracker().Update(secretsResource, storedSecret(t, winnersClient), namespace); err != nil {
			t.Error(err)
		}
		return true, nil, apierrors.NewConflict(secretsResource.GroupResource(), secretName, errors.New("changed"))
	})
	ensure(t, loser)
	if !bytes.Equal(leaf(t, winner).Raw, leaf(t, loser).Raw) {
		t.Error("the loser kept a pair of its own")
	}
	if got := leaf(t, loser).NotAfter; !got.After(start.Add(91 * day)) {
		t.Errorf("the certificate was not renewed, it ends %s", got)
	}
}

func TestOldAuthorityStaysTrustedUntilItsLastLeafExpired(t *testing.T) {
	client, clk := fake.NewClientset(), clocktesting.NewFakeClock(start)
	m := newManager(t, client, clk)
	ensure(t, m)
	firstCA := m.CABundle()

	var oldLeaf *x509.Certificate
	var switched time.Time
	for now := start; now.Before(start.Add(400 * day)); now = now.Add(day / 4) {
		clk.SetTime(now)
		before := leaf(t, m)
		ensure(t, m)
		served := leaf(t, m)
		if !trusts(t, m.CABundle(), served, now) {
			t.Fatalf("day %v: the served certificate is not trusted", now.Sub(start)/day)
		}
		if switched.IsZero() && !trusts(t, firstCA, served, now) {
			oldLeaf, switched = before, now
		}
		if oldLeaf != nil && now.Before(oldLeaf.NotAfter) && !trusts(t, m.CABundle(), oldLeaf, now) {
			t.Fatalf("day %v: another replica's old certificate is refused before it expires", now.Sub(start)/day)
		}
	}
	if oldLeaf == nil {
		t.Fatal("the authority was never renewed")
	}
	if certs, _ := certutil.ParseCertsPEM(m.CABundle()); len(certs) != 1 {
		t.Errorf("%d authorities in the bundle after the first expired, want 1", len(certs))
	}
}

func TestNewAuthorityIsPublishedBeforeItIsUsed(t *testing.T) {
	client, clk := fake.NewClientset(), clocktesting.NewFakeClock(start)
	m := newManager(t, client, clk)
	ensure(t, m)
	// The leaf is renewed on day 240, the authority is due on day 245.
	clk.SetTime(start.Add(240 * day))
	ensure(t, m)
	oldBundle := m.CABundle()
	clk.SetTime(start.Add(245*day + time.Minute))
	ensure(t, m)
	if bytes.Equal(m.CABundle(), oldBundle) {
		t.Fatal("no new authority in the bundle")
	}
	if !trusts(t, oldBundle, leaf(t, m), clk.Now()) {
		t.Error("the new authority is in use before anyone could learn of it")
	}
	clk.Step(publishDelay + time.Minute)
	ensure(t, m)
	if trusts(t, oldBundle, leaf(t, m), clk.Now()) {
		t.Error("the certificate was not moved to the new authority")
	}
}

func TestDamagedSecretIsRepaired(t *testing.T) {
	cases := map[string]func(map[string][]byte){
		"everything gone":         func(d map[string][]byte) { clear(d) },
		"certificate is no PEM":   func(d map[string][]byte) { d[keyCert] = []byte("rubbish") },
		"key missing":             func(d map[string][]byte) { delete(d, keyKey) },
		"key of another pair":     func(d map[string][]byte) { d[keyKey] = d[keyCAKey] },
		"bundle is no PEM":        func(d map[string][]byte) { d[keyBundle] = []byte("rubbish") },
		"bundle holds the leaf":   func(d map[string][]byte) { d[keyBundle] = d[keyCert] },
		"authority's key missing": func(d map[string][]byte) { delete(d, keyCAKey) },
		"authority's key differs": func(d map[string][]byte) { d[keyCAKey] = d[keyKey] },
	}
	for name, damage := range cases {
		t.Run(name, func(t *testing.T) {
			client, clk := fake.NewClientset(), clocktesting.NewFakeClock(start)
			ensure(t, newManager(t, client, clk))
			secret := storedSecret(t, client)
			damage(secret.Data)
			if _, err := client.CoreV1().Secrets(namespace).Update(t.Context(), secret, metav1.UpdateOptions{}); err != nil {
				t.Fatal(err)
			}
			m := newManager(t, client, clk)
			ensure(t, m)
			clk.Step(publishDelay + time.Minute)
			ensure(t, m)
			if !trusts(t, m.CABundle(), leaf(t, m), clk.Now()) {
				t.Error("the served certificate is not trusted")
			}
			s := parse(storedSecret(t, client).Data)
			if s.signer == nil || !s.leafBySigner() {
				t.Error("the Secret was not made whole")
			}
		})
	}
}

func TestExpiredPairIsReplacedAtOnce(t *testing.T) {
	client, clk := fake.NewClientset(), clocktesting.NewFakeClock(start)
	ensure(t, newManager(t, client, clk))
	clk.Step(500 * day)
	m := newManager(t, client, clk)
	ensure(t, m)
	if !trusts(t, m.CABundle(), leaf(t, m), clk.Now()) {
		t.Error("an expired pair is still served")
	}
}

func TestReplicasWithOtherNamesDoNotSignAgainstEachOther(t *testing.T) {
	client, clk := fake.NewClientset(), clocktesting.NewFakeClock(start)
	old := newManager(t, client, clk)
	grown := newManager(t, client, clk, func(o *Options) { o.DNSNames = []string{dnsName, "webhook.capa-system.svc"} })
	ensure(t, old)
	ensure(t, grown)
	settled := leaf(t, grown)
	ensure(t, old)
	ensure(t, grown)
	if !bytes.Equal(settled.Raw, leaf(t, grown).Raw) || !bytes.Equal(settled.Raw, leaf(t, old).Raw) {
		t.Error("the replicas keep replacing each other's certificate")
	}
}

func TestUnreachableHostKeepsTheCertificateInUse(t *testing.T) {
	client, clk := fake.NewClientset(), clocktesting.NewFakeClock(start)
	m := newManager(t, client, clk)
	ensure(t, m)
	served := leaf(t, m)
	client.PrependReactor("*", "secrets", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, errors.New("connection refused")
	})
	clk.Step(61 * day)
	if err := m.RunOnce(t.Context()); err == nil || !strings.Contains(err.Error(), secretName) {
		t.Errorf("error %v, want one that names the Secret", err)
	}
	if !bytes.Equal(served.Raw, leaf(t, m).Raw) || len(m.CABundle()) == 0 {
		t.Error("the pair at hand was dropped")
	}
}

func TestEnsureWaitsForTheHostUntilTheContextEnds(t *testing.T) {
	client, clk := fake.NewClientset(), clocktesting.NewFakeClock(start)
	ctx, cancel := context.WithCancel(t.Context())
	tries := 0
	client.PrependReactor("get", "secrets", func(clienttesting.Action) (bool, runtime.Object, error) {
		if tries++; tries == 1 {
			cancel()
		}
		return true, nil, errors.New("connection refused")
	})
	err := newManager(t, client, clk).Ensure(ctx)
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("error %v, want the cancellation and its cause", err)
	}
}

type countingListener struct{ told int }

func (l *countingListener) Enqueue() { l.told++ }

func TestListenersHearOfChangesOnly(t *testing.T) {
	client, clk := fake.NewClientset(), clocktesting.NewFakeClock(start)
	m := newManager(t, client, clk)
	listener := &countingListener{}
	var bundles [][]byte
	m.AddListener(listener)
	m.OnChange(func(b []byte) { bundles = append(bundles, b) })

	ensure(t, m)
	ensure(t, m)
	if listener.told != 1 || len(bundles) != 1 {
		t.Fatalf("after the first load: %d notices, %d bundles, want one of each", listener.told, len(bundles))
	}
	clk.Step(61 * day)
	ensure(t, m)
	if listener.told != 2 || len(bundles) != 1 {
		t.Errorf("after a renewal of the leaf: %d notices, %d bundles, want 2 and 1", listener.told, len(bundles))
	}
	var late []byte
	m.OnChange(func(b []byte) { late = b })
	if !bytes.Equal(late, m.CABundle()) {
		t.Error("a late subscriber was not given the present bundle")
	}
}

func TestRunNoticesARenewalByAnotherReplica(t *testing.T) {
	client, clk := fake.NewClientset(), clocktesting.NewFakeClock(start)
	runner, other := newManager(t, client, clk), newManager(t, client, clk)
	ensure(t, runner)
	changed := make(chan struct{}, 10)
	runner.AddListener(listenerFunc(func() { changed <- struct{}{} }))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { runner.Run(ctx, 1); close(done) }()

	waitFor(t, "the runner to wait for its next look", clk.HasWaiters)
	other.opts.RotateBefore = 89 * day // due two days before runner would think so
	clk.Step(2 * day)
	ensure(t, other)
	waitFor(t, "the next look", func() bool {
		clk.Step(2 * pollPeriod)
		return bytes.Equal(leaf(t, runner).Raw, leaf(t, other).Raw)
	})
	<-changed
	cancel()
	<-done
}

type listenerFunc func()

func (f listenerFunc) Enqueue() { f() }

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		case <-time.After(time.Millisecond):
		}
	}
}

func TestMissingNamespaceIsCreatedOnlyWhenAllowed(t *testing.T) {
	for _, allowed := range []bool{false, true} {
		client, clk := fake.NewClientset(), clocktesting.NewFakeClock(start)
		client.PrependReactor("create", "secrets", func(clienttesting.Action) (bool, runtime.Object, error) {
			if _, err := client.Tracker().Get(corev1.SchemeGroupVersion.WithResource("namespaces"), "", namespace); err != nil {
				return true, nil, apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, namespace)
			}
			return false, nil, nil
		})
		m := newManager(t, client, clk, func(o *Options) { o.CreateNamespace = allowed })
		err := m.RunOnce(t.Context())
		if allowed && err != nil {
			t.Errorf("allowed: %v", err)
		}
		if !allowed && (err == nil || !strings.Contains(err.Error(), "create the Namespace")) {
			t.Errorf("not allowed: error %v, want one that says to create the Namespace", err)
		}
	}
}

func TestOptionsAreRefusedWithWhatToChange(t *testing.T) {
	valid := func() Options {
		return Options{Client: fake.NewClientset(), Namespace: namespace, SecretName: secretName, DNSNames: []string{dnsName}}
	}
	cases := map[string]struct {
		change func(*Options)
		want   string
	}{
		"no client":           {func(o *Options) { o.Client = nil }, "Client is missing"},
		"no secret":           {func(o *Options) { o.SecretName = "" }, "SecretName"},
		"no names":            {func(o *Options) { o.DNSNames = nil }, "no DNS name"},
		"renews for ever":     {func(o *Options) { o.RotateBefore = 100 * day }, "shorter than CertLifetime"},
		"authority too short": {func(o *Options) { o.CALifetime = 100 * day }, "longer than CertLifetime"},
	}
	for name, c := range cases {
		o := valid()
		c.change(&o)
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
	if _, err := New(valid()); err != nil {
		t.Error(err)
	}
}
