// Package enginetest is the world that the tests of all reconcilers run in: AWS, emulated,
// a management cluster in memory, and processes between them that can be ended and
// started again. Time goes by when a test says so.
package enginetest

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
	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/docs"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership/ownershiptest"
	"github.com/capa-apiserver/capa-apiserver/reconcile/related"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

const (
	// Region is where all is made.
	Region = "us-east-1"
	// ClusterName is the name of the Cluster and its AWSCluster.
	ClusterName = "c1"
)

func init() { log.SetLogger(logr.Discard()) }

// World is AWS and a management cluster, with processes between them.
type World struct {
	T      testing.TB
	AWS    *emulator.Emulator
	URL    string
	Now    *clocktesting.FakeClock
	AWSNow *emulator.FakeClock
	Kube   client.WithWatch
	Events *EventLog
	// Process is the one that the world's methods mean, others run beside it.
	*Process
	Others []*Process
	budget Budget
	// hands is what Session returns.
	hands  *cloud.Session
	beside sync.Once
}

// Process is all that a process keeps in memory.
type Process struct {
	// Store is the process's way to the management cluster.
	Store    client.Client
	Mirror   *mirror.Mirror
	Sessions *cloud.Sessions
	// Living are the objects that there are.
	Living ownership.Living
	Stop   func()
	// Ending, unless nil, is asked before each write; what it returns is the write's
	// failure.
	Ending func() error
	// Refusing, unless nil, is asked before each write of a spec.
	Refusing func(obj client.Object) error
	// Reading, unless nil, gets what was read before the process does.
	Reading func(key client.ObjectKey, obj client.Object)

	t      testing.TB
	mu     sync.Mutex
	failed []string
}

// Failed are the reasons of conditions that the process ever wrote and that speak of a failure,
// though no attempt had failed.
func (p *Process) Failed() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.failed)
}

func (p *Process) note(obj client.Object) {
	shown, ok := obj.(engine.Object)
	if !ok {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range shown.GetConditions() {
		if !docs.Explains(c.Type, c.Reason) {
			p.t.Errorf("docs/troubleshooting.md doesn't say what %s means in %s", c.Reason, c.Type)
		}
		if line := c.Type + " " + c.Reason + ": " + c.Message; strings.Contains(c.Reason, "Failed") && !strings.Contains(c.Message, "latest attempt: ") && !slices.Contains(p.failed, line) {
			p.failed = append(p.failed, line)
		}
	}
}

// EventLog keeps Events as "reason: message".
type EventLog struct {
	mu    sync.Mutex
	lines []string
}

// Event keeps one.
func (e *EventLog) Event(_ runtime.Object, _, reason, message string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lines = append(e.lines, reason+": "+message)
}

// With returns those that contain the part.
func (e *EventLog) With(part string) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(e.lines), func(l string) bool { return !strings.Contains(l, part) })
}

// Has tells whether one contains the part.
func (e *EventLog) Has(part string) bool { return len(e.With(part)) > 0 }

// Clear forgets all.
func (e *EventLog) Clear() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lines = nil
}

// Budget is by whose clock the requests to AWS are budgeted: by the world's, in which
// nobody waits for them, or by the real one.
type Budget int

// The budgets. With AWSTime requests are budgeted as AWS publishes it, and the world's
// time has to go on while they wait.
const (
	WorldTime Budget = iota
	RealTime
	AWSTime
)

// Resolves is a DNS that knows every name.
type Resolves struct{}

// LookupHost knows the name.
func (Resolves) LookupHost(context.Context, string) ([]string, error) {
	return []string{"192.0.2.1"}, nil
}

// New makes a world in which the objects and the default identity exist, and a process
// that knows nothing.
func New(t testing.TB, budget Budget, objects ...client.Object) *World {
	t.Helper()
	start := time.Now().Truncate(time.Second)
	w := &World{T: t, budget: budget, Now: clocktesting.NewFakeClock(start), AWSNow: emulator.NewFakeClock(start), Events: &EventLog{}}
	w.AWS = emulator.New(emulator.Options{Clock: w.AWSNow, Seed: 1})
	url, stop, err := w.AWS.Start("127.0.0.1:0")
	w.Must(err)
	t.Cleanup(stop)
	w.URL, w.Kube = url, NewKube(t, objects...)
	w.Must(Restrict(w.AWS, url, Controllers()))
	w.Boot()
	t.Cleanup(func() { w.Stop() })
	return w
}

// With returns a world of the same AWS with a process of its own on a management cluster.
func (w *World) With(kube client.WithWatch) *World {
	o := &World{T: w.T, AWS: w.AWS, URL: w.URL, Now: w.Now, AWSNow: w.AWSNow, Kube: kube, Events: &EventLog{}, budget: w.budget}
	o.Boot()
	w.T.Cleanup(func() { o.Stop() })
	return o
}

// Further are kinds that a management cluster knows besides ours.
var Further struct {
	AddToScheme func(*runtime.Scheme) error
	WithStatus  []client.Object
}

// NewKube makes a management cluster with the objects and the default identity.
func NewKube(t testing.TB, objects ...client.Object) client.WithWatch {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{infrav1.AddToScheme, controlplanev1.AddToScheme, clusterv1.AddToScheme, corev1.AddToScheme, Further.AddToScheme} {
		if add == nil {
			continue
		}
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	identity := &infrav1.AWSClusterControllerIdentity{ObjectMeta: metav1.ObjectMeta{Name: infrav1.AWSClusterControllerIdentityName},
		Spec: infrav1.AWSClusterControllerIdentitySpec{AWSClusterIdentitySpec: infrav1.AWSClusterIdentitySpec{AllowedNamespaces: &infrav1.AllowedNamespaces{}}}}
	return ownershiptest.Indexed(fake.NewClientBuilder().WithScheme(scheme).
		WithStatusSubresource(append(slices.Clone(Further.WithStatus), &infrav1.AWSCluster{}, &infrav1.AWSMachine{}, &infrav1.AWSMachinePool{}, &infrav1.AWSManagedMachinePool{}, &infrav1.AWSMachineTemplate{}, &infrav1.AWSManagedCluster{}, &infrav1.AWSFargateProfile{}, &controlplanev1.AWSManagedControlPlane{}, &clusterv1.Machine{}, &clusterv1.MachinePool{})...).
		WithObjects(append(objects, identity)...)).Build()
}

// Owner is the Cluster of an AWSCluster.
func Owner(cluster *infrav1.AWSCluster) *clusterv1.Cluster {
	return &clusterv1.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: cluster.Namespace, Name: cmp.Or(related.OwnerName(cluster, clusterv1.ClusterKind), ClusterName), UID: "owner"},
		Spec: clusterv1.ClusterSpec{InfrastructureRef: clusterv1.ContractVersionedObjectReference{Kind: "AWSCluster", Name: cluster.Name, APIGroup: infrav1.GroupName}}}
}

// Cluster is an AWSCluster as core's Cluster controller leaves it.
func Cluster(change ...func(*infrav1.AWSCluster)) *infrav1.AWSCluster {
	c := &infrav1.AWSCluster{
		ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: ClusterName, UID: "uid-of-c1", CreationTimestamp: metav1.Now(),
			OwnerReferences: []metav1.OwnerReference{{APIVersion: clusterv1.GroupVersion.String(), Kind: "Cluster", Name: ClusterName, UID: "owner"}}},
		Spec: infrav1.AWSClusterSpec{Region: Region, IdentityRef: infrav1.DefaultIdentity()},
	}
	for _, f := range change {
		f(c)
	}
	infrav1.SetObjectDefaults_AWSCluster(c)
	return c
}

// Boot starts a process that knows nothing, in place of the one before.
func (w *World) Boot() { w.Process = w.NewProcess() }

// Beside starts another process that acts on the same objects.
func (w *World) Beside() *Process {
	p := w.NewProcess()
	w.Others = append(w.Others, p)
	w.T.Cleanup(p.Stop)
	return p
}

// NewProcess starts a process.
func (w *World) NewProcess() *Process {
	w.T.Helper()
	p := &Process{t: w.T, Living: ownership.NewIndex(w.Kube, w.Kube)}
	p.Store = p.store(w.Kube)
	p.Mirror = mirror.New(mirror.Options{Clock: w.Now, Jitter: func(d time.Duration) time.Duration { return d },
		Tables: slices.Concat(mirror.NetworkTables, mirror.MachineTables, mirror.PoolTables, mirror.EKSTables)})
	var budget clock.WithDelayedExecution = w.Now
	if w.budget == RealTime {
		budget = nil
	}
	limits := func(string, string) cloud.Limit { return cloud.Limit{Burst: 1e6, Refill: 1e6} }
	if w.budget == AWSTime {
		limits = cloud.LimitOf
	}
	p.Sessions = cloud.NewSessions(cloud.Options{Clock: budget, Identities: w.Kube, Host: w.Kube, ControllerNamespace: "capa-system",
		Limits: limits,
		LoadConfig: func(context.Context) (aws.Config, error) {
			return aws.Config{Region: Region, BaseEndpoint: aws.String(w.URL),
				Credentials: credentials.NewStaticCredentialsProvider(ControllersKey, "secret", "")}, nil
		}})
	ctx, cancel := context.WithCancel(context.Background())
	var ended sync.WaitGroup
	ended.Go(func() { p.Mirror.Run(ctx) })
	p.Stop = func() { cancel(); ended.Wait() }
	return p
}

// Options are those of the process's reconcilers.
func (w *World) Options(p *Process) engine.Options {
	return engine.Options{Client: p.Store, Host: w.Kube, Events: w.Events, Sessions: p.Sessions, Mirror: p.Mirror, Living: p.Living, Clock: w.Now}
}

// Observer shows the objects of a kind as the process sees AWS.
func Observer[T engine.Object](w *World, kind engine.Kind[T]) *engine.Observer[T] {
	return &engine.Observer[T]{Kind: kind, Sessions: w.Sessions, Mirror: w.Mirror, Living: w.Living, Ours: w.Kube, Host: w.Kube, Clock: w.Now}
}

// store is the process's way to the store.
func (p *Process) store(kube client.WithWatch) client.Client {
	write := func(do func() error) error {
		if p.Ending != nil {
			if err := p.Ending(); err != nil {
				return err
			}
		}
		return do()
	}
	return interceptor.NewClient(kube, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
			err := c.Get(ctx, key, obj, opts...)
			if err == nil && p.Reading != nil {
				p.Reading(key, obj)
			}
			return err
		},
		Update: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.UpdateOption) error {
			return write(func() error {
				if p.Refusing != nil {
					if err := p.Refusing(obj); err != nil {
						return err
					}
				}
				return c.Update(ctx, obj, opts...)
			})
		},
		SubResourceUpdate: func(ctx context.Context, c client.Client, sub string, obj client.Object, opts ...client.SubResourceUpdateOption) error {
			p.note(obj)
			return write(func() error { return c.SubResource(sub).Update(ctx, obj, opts...) })
		},
	})
}

// Halt ends the process, and waits until AWS has dealt with what it had asked for: that a
// client has gone away doesn't keep its last requests from being counted.
func (w *World) Halt() {
	w.T.Helper()
	w.Stop()
	for before := -1; len(w.AWS.Log()) != before; time.Sleep(50 * time.Millisecond) {
		before = len(w.AWS.Log())
	}
}

// Must fails the test on an error.
func (w *World) Must(err error) {
	w.T.Helper()
	if err != nil {
		w.T.Fatal(err)
	}
}

// Key is that of an object of the name, or namespace/name.
func Key(name string) client.ObjectKey {
	if namespace, name, ok := strings.Cut(name, "/"); ok {
		return client.ObjectKey{Namespace: namespace, Name: name}
	}
	return client.ObjectKey{Namespace: metav1.NamespaceDefault, Name: name}
}

// Make makes objects.
func (w *World) Make(objects ...client.Object) {
	w.T.Helper()
	for _, o := range objects {
		w.Must(w.Kube.Create(context.Background(), o))
	}
}

// End deletes an object and waits until it is gone.
func (w *World) End(r func() reconcile.Reconciler, name string, obj engine.Object) {
	w.T.Helper()
	w.Must(w.Kube.Delete(context.Background(), Get(w, obj, name)))
	w.Settle(r, name, obj, func() bool { return w.Gone(obj, name) })
}

// Get reads an object.
func Get[O client.Object](w *World, obj O, name string) O {
	w.T.Helper()
	w.Must(w.Kube.Get(context.Background(), Key(name), obj))
	return obj
}

// Gone tells that there is no such object.
func (w *World) Gone(obj client.Object, name string) bool {
	err := w.Kube.Get(context.Background(), Key(name), obj)
	return err != nil && client.IgnoreNotFound(err) == nil
}

// TheCluster reads the AWSCluster.
func (w *World) TheCluster() *infrav1.AWSCluster {
	w.T.Helper()
	return Get(w, &infrav1.AWSCluster{}, ClusterName)
}

// Build has the AWSCluster's reconciler build its infrastructure.
func (w *World) Build(r reconcile.Reconciler) {
	w.T.Helper()
	for range 100 {
		_, _ = Reconcile(r, ClusterName)
		c := w.TheCluster()
		if c.Provisioned() && meta.IsStatusConditionTrue(c.Status.Conditions, infrav1.ReadyCondition) {
			w.Pass(2 * time.Minute) // so that AWS hides none of it in any test
			return
		}
		w.Pass(3 * time.Second)
	}
	w.T.Fatalf("the infrastructure never got ready: %+v", w.TheCluster().Status.Conditions)
}

// Reconcile runs one reconciliation.
func Reconcile(r reconcile.Reconciler, name string) (ctrl.Result, error) {
	return r.Reconcile(context.Background(), ctrl.Request{NamespacedName: Key(name)})
}

// Settle reconciles until done says so; it fails the test when that takes too long.
func (w *World) Settle(r func() reconcile.Reconciler, name string, obj engine.Object, done func() bool) {
	w.T.Helper()
	var last error
	for range 200 {
		_, last = Reconcile(r(), name)
		if done() {
			return
		}
		w.Pass(3 * time.Second)
	}
	w.T.Fatalf("it never settled; last error: %v\n%s", last, w.Describe(obj, name))
}

// Describe tells what an object says, and of the latest Events.
func (w *World) Describe(obj engine.Object, name string) string {
	if err := w.Kube.Get(context.Background(), Key(name), obj); err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, c := range obj.GetConditions() {
		fmt.Fprintf(&b, "%s=%s %s: %s\n", c.Type, c.Status, c.Reason, c.Message)
	}
	lines := w.Events.With("")
	b.WriteString(strings.Join(lines[max(0, len(lines)-8):], "\n"))
	return b.String()
}

// swept are the tables that Pass reads.
var swept = slices.Concat([]mirror.Kind{mirror.EKSClusters.Kind, mirror.EKSUpdates.Kind, mirror.Roles.Kind, mirror.InstanceProfiles.Kind, mirror.EKSAddons.Kind, mirror.EKSAccessEntries.Kind,
	mirror.EKSIdentityProviders.Kind, mirror.EKSPodIdentities.Kind, mirror.EKSFargateProfiles.Kind, mirror.EKSNodegroups.Kind, mirror.OIDCProviders.Kind, mirror.AutoScalingGroups.Kind, mirror.LaunchTemplates.Kind, mirror.Instances.Kind}, mirror.NetworkKinds)

// Pass lets time go by for AWS and all processes, and everything be read.
func (w *World) Pass(d time.Duration) {
	w.AWSNow.Advance(d)
	w.Now.Step(d)
	for _, p := range append(w.Others, w.Process) {
		for _, scope := range p.Mirror.Scopes() {
			_ = p.Mirror.Refresh(context.Background(), scope, 0, swept...)
		}
	}
}

// Elapse lets time go by without asking for anything: only what the mirror reads by itself
// is read. The short real wait gives its reads time to end; should they not, they end in
// the next step.
func (w *World) Elapse(d time.Duration) {
	w.AWSNow.Advance(d)
	w.Now.Step(d)
	time.Sleep(5 * time.Millisecond)
}

// Session is of the process's identity by its scope, with the rights of somebody who may do everything: what tests do in AWS beside the process, they do
// with it.
func (w *World) Session() *cloud.Session {
	w.T.Helper()
	its, err := w.Sessions.For(context.Background(), cloud.Site{Region: Region})
	w.Must(err)
	w.beside.Do(func() {
		unlimited := func(string, string) cloud.Limit { return cloud.Limit{Burst: 1e6, Refill: 1e6} }
		w.hands = cloud.NewSession(aws.Config{Region: Region, BaseEndpoint: &w.URL, Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", "")},
			cloud.NewLimiter(clock.RealClock{}, unlimited), its.Scope, its.Partition, its.Identity)
	})
	return w.hands
}

// Resources counts what the account holds, by kind, leaving out what AWS itself puts into
// every account and VPC, and instances that have ended.
func (w *World) Resources() map[string]int {
	counts := map[string]int{}
	for _, r := range w.AWS.Resources(emulator.DefaultAccount, Region) {
		if r.State != "terminated" {
			counts[r.Type]++
		}
	}
	return counts
}

// Mutations are the operations that AWS was asked for and that change something.
func (w *World) Mutations() []string {
	var all []string
	for _, e := range w.AWS.Log() {
		if !slices.ContainsFunc([]string{"Describe", "Get", "Head", "List"}, func(verb string) bool { return strings.HasPrefix(e.Operation, verb) }) {
			all = append(all, e.Service+"."+e.Operation)
		}
	}
	return all
}

// Condition returns a condition of an object, an empty one without it.
func Condition(obj engine.Object, kind string) metav1.Condition {
	if c := meta.FindStatusCondition(obj.GetConditions(), kind); c != nil {
		return *c
	}
	return metav1.Condition{}
}
