package workload

import (
	"bytes"
	"context"
	"net/http"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

const (
	// restPeriod is how often a cluster is looked at in which all is as wanted, soonPeriod one in which
	// something is waited for.
	restPeriod, soonPeriod = 5 * time.Minute, 15 * time.Second
	// firstPause and lastPause bound the time until a cluster is tried again that didn't answer.
	firstPause, lastPause = 5 * time.Second, 5 * time.Minute
	// timeout bounds one request.
	timeout = 10 * time.Second
)

// Clients speak to the API of one cluster.
type Clients struct {
	Dynamic dynamic.Interface
	Typed   kubernetes.Interface
}

// Clusters are the workload clusters as this process knows them, and the way into them. One that
// doesn't answer is left alone for a while, whoever asks.
type Clusters struct {
	clock   clock.PassiveClock
	connect func(*rest.Config) (Clients, error)

	mu    sync.Mutex
	known map[string]*cluster
}

// cluster is one of them.
type cluster struct {
	target  Target
	session *cloud.Session
	clients Clients
	facts   *Facts
	// failures are how often it didn't answer in a row, and until when it is left alone for that.
	failures int
	until    time.Time
}

// NewClusters knows none yet. The clock is the real one and the connections are real ones if nil.
func NewClusters(c clock.PassiveClock, connect func(*rest.Config) (Clients, error)) *Clusters {
	if c == nil {
		c = clock.RealClock{}
	}
	if connect == nil {
		connect = dial
	}
	return &Clusters{clock: c, connect: connect, known: map[string]*cluster{}}
}

func dial(config *rest.Config) (Clients, error) {
	typed, err := kubernetes.NewForConfig(config)
	if err != nil {
		return Clients{}, err
	}
	dyn, err := dynamic.NewForConfig(config)
	return Clients{Dynamic: dyn, Typed: typed}, err
}

func name(s *cloud.Session, t Target) string { return s.Scope.String() + "/" + t.Name }

// at returns what is known of a cluster; what was known of another one of the name is forgotten.
func (c *Clusters) at(s *cloud.Session, t Target) (*cluster, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.known[name(s, t)]
	if k != nil && k.session == s && k.target.Endpoint == t.Endpoint && bytes.Equal(k.target.CA, t.CA) {
		return k, nil
	}
	clients, err := c.connect(restConfig(s, t))
	if err != nil {
		return nil, err
	}
	next := &cluster{target: t, session: s, clients: clients, facts: &Facts{}}
	if k != nil && k.target.Endpoint == t.Endpoint { // other credentials, or another authority: the objects are the same
		next.facts = k.facts
	}
	c.known[name(s, t)] = next
	return next, nil
}

// restConfig is the way into a cluster with tokens of the session.
func restConfig(s *cloud.Session, t Target) *rest.Config {
	return &rest.Config{Host: t.Endpoint, TLSClientConfig: rest.TLSClientConfig{CAData: t.CA}, Timeout: timeout, QPS: -1,
		WrapTransport: func(next http.RoundTripper) http.RoundTripper {
			return &bearer{next: next, token: func(ctx context.Context) (cloud.Token, error) { return s.Token(ctx, t.Name) }}
		}}
}

// bearer shows a token with each request, and a new one before the old one ends.
type bearer struct {
	next  http.RoundTripper
	token func(context.Context) (cloud.Token, error)

	mu    sync.Mutex
	value string
	until time.Time
}

// RoundTrip sends the request with a token.
func (b *bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	value, err := b.current(r.Context())
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+value)
	return b.next.RoundTrip(r)
}

func (b *bearer) current(ctx context.Context) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now := time.Now(); b.value == "" || !now.Before(b.until) {
		token, err := b.token(ctx)
		if err != nil {
			return "", err
		}
		b.value, b.until = token.Value, now.Add(token.Life/2)
	}
	return b.value, nil
}

// Facts are what is known of a cluster now.
func (c *Clusters) Facts(s *cloud.Session, t Target) *Facts {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s != nil {
		if k := c.known[name(s, t)]; k != nil && k.target.Endpoint == t.Endpoint {
			return k.facts
		}
	}
	return &Facts{}
}

// Forget forgets a cluster that is gone.
func (c *Clusters) Forget(s *cloud.Session, t Target) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.known, name(s, t))
}

// Look looks at the objects that the intent is judged by, if that is due, and says when it will be due
// next; zero for never. That the cluster doesn't answer is among the facts.
func (c *Clusters) Look(ctx context.Context, s *cloud.Session, in *Intent) (again time.Duration, err error) {
	if in.Nothing() || !in.Target.Known() {
		return 0, nil
	}
	k, err := c.at(s, in.Target)
	if err != nil {
		return 0, err
	}
	if wait := c.left(k, in); wait > 0 {
		return wait, nil
	}
	facts := &Facts{}
	for _, ref := range in.refs() {
		obj, err := k.clients.Dynamic.Resource(ref.resource()).Namespace(ref.Namespace).Get(ctx, ref.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			obj, err = nil, nil
		}
		if err != nil {
			c.failed(k, err)
			return c.left(k, in), nil
		}
		facts = facts.with(ref, obj)
	}
	c.mu.Lock()
	facts.Time = c.clock.Now()
	k.facts, k.failures, k.until = facts, 0, time.Time{}
	c.mu.Unlock()
	return c.left(k, in), nil
}

// Again says when a cluster is to be looked at next; zero for never.
func (c *Clusters) Again(s *cloud.Session, in *Intent) time.Duration {
	c.mu.Lock()
	k := c.known[name(s, in.Target)]
	c.mu.Unlock()
	if k == nil || in.Nothing() {
		return 0
	}
	return max(c.left(k, in), time.Second)
}

// left is how long it is until a cluster is to be looked at.
func (c *Clusters) left(k *cluster, in *Intent) time.Duration { return c.due(k, in).Sub(c.clock.Now()) }

// due is when to look at a cluster next.
func (c *Clusters) due(k *cluster, in *Intent) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.clock.Now().Before(k.until):
		return k.until
	case k.facts.Err != nil, !k.facts.seen(in.refs()):
		return time.Time{}
	case !in.Plan(k.facts).Done():
		return k.facts.Time.Add(soonPeriod)
	}
	return k.facts.Time.Add(restPeriod)
}

// failed notes that a cluster didn't answer, or doesn't let the session in.
func (c *Clusters) failed(k *cluster, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k.until = c.clock.Now().Add(min(firstPause<<min(k.failures, 10), lastPause))
	k.failures++
	k.facts = &Facts{Time: k.facts.Time, objects: k.facts.objects, Err: Failure(err)}
}
