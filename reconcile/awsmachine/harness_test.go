package awsmachine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
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
	"sigs.k8s.io/controller-runtime/pkg/log"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/awscluster"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership/ownershiptest"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

const (
	testRegion = "us-east-1"
	testName   = "c1"
	// testData is what a bootstrap provider might write.
	testData = "#cloud-config\nruncmd: [kubeadm join]\n"
)

// world is AWS and a management cluster with a cluster whose infrastructure is
// there, and the reconciler between them.
type world struct {
	t      *testing.T
	aws    *emulator.Emulator
	url    string
	now    *clocktesting.FakeClock
	awsNow *emulator.FakeClock
	kube   client.WithWatch
	events *eventLog
	// process is the one that the world's methods mean, others run beside it.
	*process
	others []*process
}

// process is all that a process keeps in memory.
type process struct {
	reconciler *Reconciler
	mirror     *mirror.Mirror
	sessions   *cloud.Sessions
	stop       func()
	// ending, unless nil, tells before each write whether the process has ended.
	ending func() bool
	// behind, unless nil, are the AWSMachines as this process read them last: a read
	// gives those, as from a cache that lags behind the process's own writes.
	behind map[client.ObjectKey]*infrav1.AWSMachine
}

func init() { log.SetLogger(logr.Discard()) }

// errEnded is what a process gets that has ended: nothing of it reaches the store.
var errEnded = errors.New("the process has ended")

// store is the process's way to the store.
func (p *process) store(kube client.WithWatch) client.Client {
	write := func(do func() error) error {
		if p.ending != nil && p.ending() {
			return errEnded
		}
		return do()
	}
	return interceptor.NewClient(kube, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
			err := c.Get(ctx, key, obj, opts...)
			if machine, ok := obj.(*infrav1.AWSMachine); ok && err == nil && p.behind != nil {
				older := p.behind[key]
				p.behind[key] = machine.DeepCopy()
				if older != nil {
					older.DeepCopyInto(machine)
				}
			}
			return err
		},
		Update: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.UpdateOption) error {
			return write(func() error { return c.Update(ctx, obj, opts...) })
		},
		SubResourceUpdate: func(ctx context.Context, c client.Client, sub string, obj client.Object, opts ...client.SubResourceUpdateOption) error {
			return write(func() error { return c.SubResource(sub).Update(ctx, obj, opts...) })
		},
	})
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

type resolves struct{}

func (resolves) LookupHost(context.Context, string) ([]string, error) {
	return []string{"192.0.2.1"}, nil
}

// newWorld makes a cluster with a network load balancer and its infrastructure.
func newWorld(t *testing.T, change ...func(*infrav1.AWSCluster)) *world {
	t.Helper()
	start := time.Now().Truncate(time.Second)
	w := &world{t: t, now: clocktesting.NewFakeClock(start), awsNow: emulator.NewFakeClock(start), events: &eventLog{}}
	w.aws = emulator.New(emulator.Options{Clock: w.awsNow, Seed: 1})
	url, stop, err := w.aws.Start("127.0.0.1:0")
	w.must(err)
	t.Cleanup(stop)
	w.url = url
	w.kube = newKube(newCluster(change...))
	w.boot()
	t.Cleanup(func() { w.process.stop() })
	w.buildInfrastructure()
	return w
}

func newKube(cluster *infrav1.AWSCluster) client.WithWatch {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{infrav1.AddToScheme, clusterv1.AddToScheme, corev1.AddToScheme} {
		if err := add(scheme); err != nil {
			panic(err)
		}
	}
	owner := &clusterv1.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: testName, UID: "owner"},
		Spec: clusterv1.ClusterSpec{InfrastructureRef: clusterv1.ContractVersionedObjectReference{Kind: "AWSCluster", Name: testName, APIGroup: infrav1.GroupName}}}
	return ownershiptest.Indexed(fake.NewClientBuilder().WithScheme(scheme).
		WithStatusSubresource(&infrav1.AWSCluster{}, &infrav1.AWSMachine{}, &infrav1.AWSMachineTemplate{}, &clusterv1.Machine{}).
		WithObjects(owner, cluster)).Build()
}

func newCluster(change ...func(*infrav1.AWSCluster)) *infrav1.AWSCluster {
	c := &infrav1.AWSCluster{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: testName, UID: "uid-of-c1", CreationTimestamp: metav1.Now(),
			OwnerReferences: []metav1.OwnerReference{{APIVersion: clusterv1.GroupVersion.String(), Kind: "Cluster", Name: testName, UID: "owner"}}},
		Spec: infrav1.AWSClusterSpec{Region: testRegion,
			ControlPlaneLoadBalancer: &infrav1.AWSLoadBalancerSpec{LoadBalancerType: infrav1.LoadBalancerTypeNLB}},
	}
	for _, f := range change {
		f(c)
	}
	infrav1.SetObjectDefaults_AWSCluster(c)
	c.Spec.IdentityRef = nil // the process's own identity
	return c
}

// boot starts a process that knows nothing.
func (w *world) boot() { w.process = w.newProcess() }

// beside starts another process that acts on the same objects.
func (w *world) beside() *process {
	p := w.newProcess()
	w.others = append(w.others, p)
	w.t.Cleanup(p.stop)
	return p
}

func (w *world) newProcess() *process {
	w.t.Helper()
	p := &process{}
	m := mirror.New(mirror.Options{Clock: w.now, Jitter: func(d time.Duration) time.Duration { return d },
		Tables: append(append([]mirror.Resource{}, mirror.NetworkTables...), mirror.MachineTables...)})
	sessions := cloud.NewSessions(cloud.Options{Limits: func(string, string) cloud.Limit { return cloud.Limit{Burst: 1e6, Refill: 1e6} },
		LoadConfig: func(context.Context) (aws.Config, error) {
			return aws.Config{Region: testRegion, BaseEndpoint: aws.String(w.url),
				Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", "")}, nil
		}})
	p.reconciler = New(Options{Client: p.store(w.kube), Host: w.kube, Events: w.events, Sessions: noIdentity{sessions}, Mirror: m, Living: ownership.NewIndex(w.kube), Clock: w.now})
	ctx, cancel := context.WithCancel(context.Background())
	var ended sync.WaitGroup
	ended.Go(func() { m.Run(ctx) })
	p.mirror, p.sessions, p.stop = m, sessions, func() { cancel(); ended.Wait() }
	return p
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

// halt ends the process, and waits until AWS has dealt with what it had asked for:
// that a client has gone away doesn't keep its last requests from being counted.
func (w *world) halt() {
	w.t.Helper()
	w.process.stop()
	for before := -1; len(w.aws.Log()) != before; time.Sleep(50 * time.Millisecond) {
		before = len(w.aws.Log())
	}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// buildInfrastructure lets the AWSCluster's own reconciler do it.
func (w *world) buildInfrastructure() {
	w.t.Helper()
	r := awscluster.New(awscluster.Options{Client: w.kube, Host: w.kube, Events: w.events, Sessions: noIdentity{w.sessions}, Mirror: w.mirror, Living: ownership.NewIndex(w.kube),
		Resolver: resolves{}, Clock: w.now})
	key := client.ObjectKey{Namespace: "default", Name: testName}
	for range 100 {
		_, _ = r.Reconcile(context.Background(), ctrl.Request{NamespacedName: key})
		c := w.cluster()
		if c.Provisioned() && meta.IsStatusConditionTrue(c.Status.Conditions, infrav1.ReadyCondition) {
			w.pass(2 * time.Minute) // so that AWS hides none of it in any test
			return
		}
		w.pass(3 * time.Second)
	}
	w.t.Fatalf("the infrastructure never got ready: %+v", w.cluster().Status.Conditions)
}

func (w *world) cluster() *infrav1.AWSCluster {
	w.t.Helper()
	c := &infrav1.AWSCluster{}
	w.must(w.kube.Get(context.Background(), client.ObjectKey{Namespace: "default", Name: testName}, c))
	return c
}

// machine makes an AWSMachine as core leaves it, with its Machine and bootstrap data.
func (w *world) machine(name string, change ...func(*infrav1.AWSMachine, *clusterv1.Machine)) {
	w.t.Helper()
	labels := map[string]string{clusterv1.ClusterNameLabel: testName}
	owner := &clusterv1.Machine{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, UID: types.UID("machine-" + name), Labels: labels},
		Spec: clusterv1.MachineSpec{ClusterName: testName, Version: "v1.32.4", Bootstrap: clusterv1.Bootstrap{DataSecretName: aws.String(name)},
			InfrastructureRef: clusterv1.ContractVersionedObjectReference{Kind: "AWSMachine", Name: name, APIGroup: infrav1.GroupName}}}
	obj := &infrav1.AWSMachine{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, UID: types.UID("uid-of-" + name), Labels: labels,
			CreationTimestamp: metav1.NewTime(w.now.Now()),
			OwnerReferences:   []metav1.OwnerReference{{APIVersion: clusterv1.GroupVersion.String(), Kind: "Machine", Name: name, UID: owner.UID}}},
		Spec: infrav1.AWSMachineSpec{InstanceType: "m5.large"},
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name},
		Data: map[string][]byte{"value": []byte(testData), "format": []byte("cloud-config")}}
	for _, f := range change {
		f(obj, owner)
	}
	infrav1.SetObjectDefaults_AWSMachine(obj)
	for _, o := range []client.Object{owner, obj, secret} {
		w.must(w.kube.Create(context.Background(), o))
	}
}

// plainData keeps the bootstrap data in the user data.
func plainData(obj *infrav1.AWSMachine, _ *clusterv1.Machine) {
	obj.Spec.CloudInit = &infrav1.CloudInit{InsecureSkipSecretsManager: true}
}

func controlPlane(obj *infrav1.AWSMachine, owner *clusterv1.Machine) {
	obj.Labels = map[string]string{clusterv1.ClusterNameLabel: testName, clusterv1.MachineControlPlaneLabel: ""}
	owner.Labels = obj.Labels
}

func key(name string) client.ObjectKey { return client.ObjectKey{Namespace: "default", Name: name} }

func (w *world) get(name string) *infrav1.AWSMachine {
	w.t.Helper()
	obj := &infrav1.AWSMachine{}
	w.must(w.kube.Get(context.Background(), key(name), obj))
	return obj
}

func (w *world) gone(name string) bool {
	err := w.kube.Get(context.Background(), key(name), &infrav1.AWSMachine{})
	return err != nil && client.IgnoreNotFound(err) == nil
}

// reconcile runs one reconciliation.
func (p *process) reconcile(name string) (ctrl.Result, error) {
	return p.reconciler.Reconcile(context.Background(), ctrl.Request{NamespacedName: key(name)})
}

// pass lets time go by for AWS and the process, and everything be read.
func (w *world) pass(d time.Duration) {
	w.awsNow.Advance(d)
	w.now.Step(d)
	for _, p := range append(w.others, w.process) {
		for _, scope := range p.mirror.Scopes() {
			_ = p.mirror.Refresh(context.Background(), scope, 0, allKinds...)
		}
	}
}

var allKinds = append([]mirror.Kind{mirror.Instances.Kind}, mirror.NetworkKinds...)

// settle reconciles until done says so; it fails the test when that takes too long.
func (w *world) settle(name string, done func() bool) {
	w.t.Helper()
	var last error
	for range 120 {
		_, last = w.reconcile(name)
		if done() {
			return
		}
		w.pass(3 * time.Second)
	}
	w.t.Fatalf("it never settled; last error: %v\n%s", last, w.describe(name))
}

func (w *world) describe(name string) string {
	obj := &infrav1.AWSMachine{}
	if err := w.kube.Get(context.Background(), key(name), obj); err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, c := range obj.Status.Conditions {
		fmt.Fprintf(&b, "%s=%s %s: %s\n", c.Type, c.Status, c.Reason, c.Message)
	}
	fmt.Fprintf(&b, "provider id %s, state %v\n", aws.ToString(obj.Spec.ProviderID), obj.Status.InstanceState)
	w.events.mu.Lock()
	defer w.events.mu.Unlock()
	b.WriteString(strings.Join(w.events.lines[max(0, len(w.events.lines)-5):], "\n"))
	return b.String()
}

// ready tells whether the object says that everything is as wanted.
func (w *world) ready(name string) func() bool {
	return func() bool {
		list := w.get(name).Status.Conditions
		return meta.IsStatusConditionTrue(list, infrav1.ReadyCondition) &&
			!slices.ContainsFunc(projected, func(kind string) bool { return meta.IsStatusConditionFalse(list, kind) })
	}
}

// healthy tells whether Ready is true, whatever else may be wrong.
func (w *world) healthy(name string) bool {
	w.t.Helper()
	return meta.IsStatusConditionTrue(w.get(name).Status.Conditions, infrav1.ReadyCondition)
}

// message returns the message of a condition.
func (w *world) message(name, kind string) string {
	w.t.Helper()
	c := meta.FindStatusCondition(w.get(name).Status.Conditions, kind)
	if c == nil {
		return ""
	}
	return c.Message
}

// delete deletes the object and waits until it is gone.
func (w *world) delete(name string) {
	w.t.Helper()
	w.must(w.kube.Delete(context.Background(), w.get(name)))
	w.settle(name, func() bool { return w.gone(name) })
}

// ec2 is the user's own way to AWS.
func (w *world) ec2() *ec2.Client { return w.session().EC2 }

func (w *world) session() *cloud.Session {
	w.t.Helper()
	session, err := w.sessions.For(context.Background(), cloud.Site{Namespace: "default", Region: testRegion})
	w.must(err)
	return session
}

// instances returns the instances that haven't ended.
func (w *world) instances() []ec2types.Instance {
	w.t.Helper()
	out, err := w.ec2().DescribeInstances(context.Background(), &ec2.DescribeInstancesInput{Filters: []ec2types.Filter{
		{Name: aws.String("instance-state-name"), Values: []string{"pending", "running", "stopping", "stopped"}}}})
	w.must(err)
	var list []ec2types.Instance
	for _, r := range out.Reservations {
		list = append(list, r.Instances...)
	}
	return list
}

// made counts the instances that were ever made and are still listed, whatever
// their state.
func (w *world) made() int {
	w.t.Helper()
	out, err := w.ec2().DescribeInstances(context.Background(), &ec2.DescribeInstancesInput{})
	w.must(err)
	n := 0
	for _, r := range out.Reservations {
		n += len(r.Instances)
	}
	return n
}

// resources counts what the account holds, by kind.
func (w *world) resources() map[string]int {
	counts := map[string]int{}
	for _, r := range w.aws.Resources(emulator.DefaultAccount, testRegion) {
		counts[r.Type]++
	}
	return counts
}

// reason returns the reason of a condition.
func (w *world) reason(name, kind string) string {
	w.t.Helper()
	c := meta.FindStatusCondition(w.get(name).Status.Conditions, kind)
	if c == nil {
		return ""
	}
	return c.Reason
}
