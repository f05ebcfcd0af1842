package awscluster

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership/ownershiptest"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

const (
	testRegion = "us-east-1"
	testName   = "c1"
)

// world is AWS and a management cluster, with the reconciler between them.
type world struct {
	t      testing.TB
	aws    *emulator.Emulator
	url    string
	now    *clocktesting.FakeClock
	awsNow *emulator.FakeClock
	kube   client.Client
	events *eventLog
	dns    resolverFunc
	// writes is asked before each write to the store; what it returns is the write's
	// failure. Nil lets all pass.
	writes func() error
	// namespace of the object; "" means default.
	namespace string
	*process
}

// process is all that a process keeps in memory.
type process struct {
	reconciler *Reconciler
	mirror     *mirror.Mirror
	sessions   *cloud.Sessions
	stop       func()
}

type resolverFunc func(host string) error

func (f resolverFunc) LookupHost(_ context.Context, host string) ([]string, error) {
	return []string{"192.0.2.1"}, f(host)
}

// eventLog keeps Events as "reason: message".
type eventLog struct {
	mu    sync.Mutex
	lines []string
}

func (e *eventLog) Event(_ runtime.Object, _, reason, message string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lines = append(e.lines, reason+": "+message)
}

func (e *eventLog) with(prefix string) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	var found []string
	for _, l := range e.lines {
		if strings.HasPrefix(l, prefix) {
			found = append(found, l)
		}
	}
	return found
}

func newWorld(t testing.TB, cluster *infrav1.AWSCluster) *world {
	t.Helper()
	start := time.Now().Truncate(time.Second)
	w := &world{t: t, now: clocktesting.NewFakeClock(start), awsNow: emulator.NewFakeClock(start), events: &eventLog{},
		dns: func(string) error { return nil }}
	w.aws = emulator.New(emulator.Options{Clock: w.awsNow, Seed: 1})
	url, stop, err := w.aws.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	w.url = url
	w.kube = w.mortal(newKube(t, cluster))
	w.boot()
	t.Cleanup(func() { w.process.stop() })
	return w
}

func newKube(t testing.TB, cluster *infrav1.AWSCluster) client.WithWatch {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{infrav1.AddToScheme, clusterv1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	return ownershiptest.Indexed(fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(&infrav1.AWSCluster{}).
		WithObjects(ownerOf(cluster), cluster)).Build()
}

func ownerOf(cluster *infrav1.AWSCluster) *clusterv1.Cluster {
	return &clusterv1.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: cluster.Namespace, Name: testName, UID: "owner"}}
}

// add puts a further cluster into the world's management cluster.
func (w *world) add(cluster *infrav1.AWSCluster) {
	w.t.Helper()
	w.must(w.kube.Create(w.t.Context(), ownerOf(cluster)))
	w.must(w.kube.Create(w.t.Context(), cluster))
}

// mortal returns a client whose writes fail when the world says so.
func (w *world) mortal(kube client.WithWatch) client.Client {
	write := func(do func() error) error {
		if w.writes != nil {
			if err := w.writes(); err != nil {
				return err
			}
		}
		return do()
	}
	return interceptor.NewClient(kube, interceptor.Funcs{
		Update: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.UpdateOption) error {
			return write(func() error { return c.Update(ctx, obj, opts...) })
		},
		Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
			return write(func() error { return c.Patch(ctx, obj, patch, opts...) })
		},
		SubResourceUpdate: func(ctx context.Context, c client.Client, sub string, obj client.Object, opts ...client.SubResourceUpdateOption) error {
			return write(func() error { return c.SubResource(sub).Update(ctx, obj, opts...) })
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, obj client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
			return write(func() error { return c.SubResource(sub).Patch(ctx, obj, patch, opts...) })
		},
	})
}

// newCluster returns an AWSCluster as core's Cluster controller leaves it, with an NLB.
func newCluster(change ...func(*infrav1.AWSCluster)) *infrav1.AWSCluster {
	https := infrav1.ELBProtocolHTTPS
	c := &infrav1.AWSCluster{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: testName, UID: types.UID("uid-of-c1"), CreationTimestamp: metav1.Now(),
			OwnerReferences: []metav1.OwnerReference{{APIVersion: clusterv1.GroupVersion.String(), Kind: "Cluster", Name: testName, UID: "owner"}}},
		Spec: infrav1.AWSClusterSpec{Region: testRegion, ControlPlaneLoadBalancer: &infrav1.AWSLoadBalancerSpec{
			LoadBalancerType: infrav1.LoadBalancerTypeNLB, HealthCheckProtocol: &https}},
	}
	for _, f := range change {
		f(c)
	}
	infrav1.SetObjectDefaults_AWSCluster(c)
	c.Spec.IdentityRef = nil // the process's own identity
	return c
}

// boot starts a process that knows nothing.
func (w *world) boot() {
	w.t.Helper()
	m := mirror.New(mirror.Options{Tables: slices.Concat(mirror.NetworkTables, mirror.MachineTables), Clock: w.now, Jitter: func(d time.Duration) time.Duration { return d }})
	sessions := cloud.NewSessions(cloud.Options{Clock: w.now, Limits: func(string, string) cloud.Limit { return cloud.Limit{Burst: 1e6, Refill: 1e6} },
		LoadConfig: func(context.Context) (aws.Config, error) {
			return aws.Config{Region: testRegion, BaseEndpoint: aws.String(w.url),
				Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", "")}, nil
		}})
	r := New(Options{Client: w.kube, Host: w.kube, Events: w.events, Sessions: noIdentity{sessions}, Mirror: m, Living: ownership.NewIndex(w.kube),
		Resolver: resolverFunc(func(host string) error { return w.dns(host) }), Clock: w.now})
	ctx, cancel := context.WithCancel(context.Background())
	var ended sync.WaitGroup
	ended.Go(func() { m.Run(ctx) })
	w.process = &process{reconciler: r, mirror: m, sessions: sessions, stop: func() { cancel(); ended.Wait() }}
}

// noIdentity always takes the process's own identity, which needs no object.
type noIdentity struct{ *cloud.Sessions }

func (n noIdentity) For(ctx context.Context, site cloud.Site) (*cloud.Session, error) {
	site.Identity = nil
	return n.Sessions.For(ctx, site)
}

// restart drops everything that was in memory.
func (w *world) restart() {
	w.t.Helper()
	w.process.stop()
	w.boot()
}

func (w *world) key() client.ObjectKey {
	return client.ObjectKey{Namespace: cmp.Or(w.namespace, "default"), Name: testName}
}

func (w *world) get() *infrav1.AWSCluster {
	w.t.Helper()
	obj := &infrav1.AWSCluster{}
	if err := w.kube.Get(context.Background(), w.key(), obj); err != nil {
		w.t.Fatalf("get AWSCluster: %v", err)
	}
	return obj
}

func (w *world) gone() bool {
	return client.IgnoreNotFound(w.kube.Get(context.Background(), w.key(), &infrav1.AWSCluster{})) == nil &&
		w.kube.Get(context.Background(), w.key(), &infrav1.AWSCluster{}) != nil
}

// reconcile runs one reconciliation.
func (w *world) reconcile() (ctrl.Result, error) {
	return w.reconciler.Reconcile(context.Background(), ctrl.Request{NamespacedName: w.key()})
}

// pass lets time go by for AWS and the process, and everything be read.
func (w *world) pass(d time.Duration) {
	w.awsNow.Advance(d)
	w.now.Step(d)
	for _, scope := range w.mirror.Scopes() {
		_ = w.mirror.Refresh(context.Background(), scope, 0, allKinds()...)
	}
}

// elapse lets time go by without asking for anything: only what the mirror reads
// by itself is read. The short real wait gives its reads time to end; should
// they not, they end in the next step.
func (w *world) elapse(d time.Duration) {
	w.awsNow.Advance(d)
	w.now.Step(d)
	time.Sleep(5 * time.Millisecond)
}

// observed tells whether the mirror has seen everything.
func (w *world) observed() bool {
	for _, scope := range w.mirror.Scopes() {
		if w.mirror.Snapshot(scope).Seen(allKinds()...) {
			return true
		}
	}
	return false
}

func allKinds() []mirror.Kind {
	var kinds []mirror.Kind
	in := NewIntent(newCluster(), nil)
	n := in.network()
	for _, k := range append(append(n.Kinds(), mirror.EgressOnlyInternetGateways.Kind), mirror.ClassicLoadBalancers.Kind, mirror.LoadBalancers.Kind, mirror.TargetGroups.Kind, mirror.VPCEndpoints.Kind, mirror.Instances.Kind) {
		kinds = appendNew(kinds, k)
	}
	return kinds
}

// settle reconciles until done says so; it fails the test when that takes too long.
func (w *world) settle(done func() bool) {
	w.t.Helper()
	var last error
	for range 200 {
		_, last = w.reconcile()
		if done() {
			return
		}
		w.pass(3 * time.Second)
	}
	w.t.Fatalf("it never settled; last error: %v\n%s", last, w.describe())
}

func (w *world) describe() string {
	obj := &infrav1.AWSCluster{}
	if err := w.kube.Get(context.Background(), w.key(), obj); err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, c := range obj.Status.Conditions {
		fmt.Fprintf(&b, "%s=%s %s: %s\n", c.Type, c.Status, c.Reason, c.Message)
	}
	fmt.Fprintf(&b, "journal: %v\n", obj.Status.PendingCreations)
	return b.String()
}

// isReady tells whether the object says that everything is as wanted.
func (w *world) isReady() bool {
	return meta.IsStatusConditionTrue(w.get().Status.Conditions, infrav1.ReadyCondition)
}

// create brings the cluster up.
func (w *world) create() {
	w.t.Helper()
	w.settle(w.isReady)
}

// delete deletes the object and waits until it is gone.
func (w *world) delete() {
	w.t.Helper()
	if err := w.kube.Delete(context.Background(), w.get()); err != nil {
		w.t.Fatal(err)
	}
	w.settle(w.gone)
}

// resources counts what the account holds, by kind, leaving out what AWS itself
// puts into every account and VPC.
func (w *world) resources() map[string]int {
	counts := map[string]int{}
	for _, r := range w.aws.Resources(emulator.DefaultAccount, testRegion) {
		counts[r.Type]++
	}
	return counts
}

// calls returns how often mutations and reads were made.
func (w *world) calls() (mutations, reads int) {
	for op, n := range w.aws.Counts() {
		_, name, _ := strings.Cut(op, ".")
		if strings.HasPrefix(name, "Describe") || strings.HasPrefix(name, "Get") {
			reads += n
		} else {
			mutations += n
		}
	}
	return mutations, reads
}

func (w *world) plan() []string {
	in := NewIntent(w.get(), nil)
	var lines []string
	for _, scope := range w.mirror.Scopes() {
		p := Plan(in, w.mirror.Snapshot(scope))
		for _, a := range p.Actions {
			lines = append(lines, a.Summary)
		}
		for _, x := range p.Waits {
			lines = append(lines, "wait for "+x.Summary)
		}
		for _, x := range p.Problems {
			lines = append(lines, x.Summary)
		}
	}
	slices.Sort(lines)
	return lines
}

// settleReads lets time go by, without reconciling, until the mirror shows what
// done looks for.
func (w *world) settleReads(done func() bool) {
	w.t.Helper()
	for range 200 {
		if done() {
			return
		}
		w.pass(3 * time.Second)
		time.Sleep(2 * time.Millisecond) // details are read in the background
	}
	w.t.Fatalf("the mirror never showed it\n%s", w.describe())
}
