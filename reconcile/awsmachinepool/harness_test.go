package awsmachinepool

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
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

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/awscluster"
	"github.com/capa-apiserver/capa-apiserver/reconcile/awsmachine"
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
	kube   client.Client
	events *eventLog
	before map[string]int
	// machines has each process make AWSMachines.
	machines bool
	*process
}

// process is all that a process keeps in memory.
type process struct {
	reconciler *Reconciler
	ofMachines *awsmachine.Reconciler
	mirror     *mirror.Mirror
	sessions   *cloud.Sessions
	stop       func()
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

func (e *eventLog) has(part string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.Contains(strings.Join(e.lines, "\n"), part)
}

type resolves struct{}

func (resolves) LookupHost(context.Context, string) ([]string, error) {
	return []string{"192.0.2.1"}, nil
}

func newWorld(t *testing.T) *world {
	t.Helper()
	start := time.Now().Truncate(time.Second)
	w := &world{t: t, now: clocktesting.NewFakeClock(start), awsNow: emulator.NewFakeClock(start), events: &eventLog{}}
	w.aws = emulator.New(emulator.Options{Clock: w.awsNow, Seed: 1})
	url, stop, err := w.aws.Start("127.0.0.1:0")
	w.must(err)
	t.Cleanup(stop)
	w.url = url
	w.kube = newKube()
	w.boot()
	t.Cleanup(func() { w.process.stop() })
	w.buildInfrastructure()
	w.before = w.resources()
	return w
}

func newKube() client.Client {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{infrav1.AddToScheme, clusterv1.AddToScheme, corev1.AddToScheme} {
		if err := add(scheme); err != nil {
			panic(err)
		}
	}
	owner := &clusterv1.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: testName, UID: "owner"},
		Spec: clusterv1.ClusterSpec{InfrastructureRef: clusterv1.ContractVersionedObjectReference{Kind: "AWSCluster", Name: testName, APIGroup: infrav1.GroupName}}}
	cluster := &infrav1.AWSCluster{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: testName, UID: "uid-of-c1", CreationTimestamp: metav1.Now(),
			OwnerReferences: []metav1.OwnerReference{{APIVersion: clusterv1.GroupVersion.String(), Kind: "Cluster", Name: testName, UID: "owner"}}},
		Spec: infrav1.AWSClusterSpec{Region: testRegion},
	}
	infrav1.SetObjectDefaults_AWSCluster(cluster)
	cluster.Spec.IdentityRef = nil // the process's own identity
	return ownershiptest.Indexed(fake.NewClientBuilder().WithScheme(scheme).
		WithStatusSubresource(&infrav1.AWSCluster{}, &infrav1.AWSMachinePool{}, &clusterv1.MachinePool{}, &infrav1.AWSMachine{}, &clusterv1.Machine{}).
		WithObjects(owner, cluster)).Build()
}

// boot starts a process that knows nothing.
func (w *world) boot() {
	w.t.Helper()
	m := mirror.New(mirror.Options{Clock: w.now, Jitter: func(d time.Duration) time.Duration { return d },
		Tables: append(append(append([]mirror.Resource{}, mirror.NetworkTables...), mirror.MachineTables...), mirror.PoolTables...)})
	sessions := cloud.NewSessions(cloud.Options{Limits: func(string, string) cloud.Limit { return cloud.Limit{Burst: 1e6, Refill: 1e6} },
		LoadConfig: func(context.Context) (aws.Config, error) {
			return aws.Config{Region: testRegion, BaseEndpoint: aws.String(w.url),
				Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", "")}, nil
		}})
	r := New(Options{Client: w.kube, Host: w.kube, Events: w.events, Sessions: noIdentity{sessions}, Mirror: m, Living: ownership.NewIndex(w.kube), Clock: w.now,
		MachinePoolMachines: w.machines})
	machines := awsmachine.New(awsmachine.Options{Client: w.kube, Host: w.kube, Events: w.events, Sessions: noIdentity{sessions}, Mirror: m, Living: ownership.NewIndex(w.kube), Clock: w.now})
	ctx, cancel := context.WithCancel(context.Background())
	var ended sync.WaitGroup
	ended.Go(func() { m.Run(ctx) })
	w.process = &process{reconciler: r, ofMachines: machines, mirror: m, sessions: sessions, stop: func() { cancel(); ended.Wait() }}
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
	for range 100 {
		_, _ = r.Reconcile(context.Background(), ctrl.Request{NamespacedName: key(testName)})
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
	w.must(w.kube.Get(context.Background(), key(testName), c))
	return c
}

// pool makes an AWSMachinePool of two instances as core leaves it, with its
// MachinePool and bootstrap data.
func (w *world) pool(name string, change ...func(*infrav1.AWSMachinePool, *clusterv1.MachinePool)) {
	w.t.Helper()
	k := key(name)
	name = k.Name
	labels := map[string]string{clusterv1.ClusterNameLabel: testName}
	owner := &clusterv1.MachinePool{ObjectMeta: metav1.ObjectMeta{Namespace: k.Namespace, Name: name, UID: types.UID("pool-" + string(uidOf(k))), Labels: labels},
		Spec: clusterv1.MachinePoolSpec{ClusterName: testName, Replicas: aws.Int32(2), Template: clusterv1.MachineTemplateSpec{
			Spec: clusterv1.MachineSpec{ClusterName: testName, Version: "v1.32.4", Bootstrap: clusterv1.Bootstrap{DataSecretName: aws.String(name)},
				InfrastructureRef: clusterv1.ContractVersionedObjectReference{Kind: "AWSMachinePool", Name: name, APIGroup: infrav1.GroupName}}}}}
	obj := &infrav1.AWSMachinePool{
		ObjectMeta: metav1.ObjectMeta{Namespace: k.Namespace, Name: name, UID: uidOf(k), Labels: labels,
			CreationTimestamp: metav1.NewTime(w.now.Now()),
			OwnerReferences:   []metav1.OwnerReference{{APIVersion: clusterv1.GroupVersion.String(), Kind: "MachinePool", Name: name, UID: owner.UID}}},
		Spec: infrav1.AWSMachinePoolSpec{MinSize: aws.Int32(1), MaxSize: aws.Int32(5),
			DefaultInstanceWarmup: aws.String("10s"), AWSLaunchTemplate: infrav1.AWSLaunchTemplate{InstanceType: "m5.large"}},
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: k.Namespace, Name: name},
		Data: map[string][]byte{"value": []byte(testData), "format": []byte("cloud-config")}}
	for _, f := range change {
		f(obj, owner)
	}
	infrav1.SetObjectDefaults_AWSMachinePool(obj)
	for _, o := range []client.Object{owner, obj, secret} {
		w.must(w.kube.Create(context.Background(), o))
	}
}

// uidOf is the UID of a pool.
func uidOf(k client.ObjectKey) types.UID {
	if k.Namespace == "default" {
		return types.UID("uid-of-" + k.Name)
	}
	return types.UID("uid-of-" + k.Name + "-in-" + k.Namespace)
}

// key is that of an object of the name, or namespace/name.
func key(name string) client.ObjectKey {
	if namespace, name, ok := strings.Cut(name, "/"); ok {
		return client.ObjectKey{Namespace: namespace, Name: name}
	}
	return client.ObjectKey{Namespace: "default", Name: name}
}

func (w *world) get(name string) *infrav1.AWSMachinePool {
	w.t.Helper()
	obj := &infrav1.AWSMachinePool{}
	w.must(w.kube.Get(context.Background(), key(name), obj))
	return obj
}

func (w *world) machinePool(name string) *clusterv1.MachinePool {
	w.t.Helper()
	obj := &clusterv1.MachinePool{}
	w.must(w.kube.Get(context.Background(), key(name), obj))
	return obj
}

// change changes the object as a user does.
func (w *world) change(name string, f func(*infrav1.AWSMachinePool)) {
	w.t.Helper()
	obj := w.get(name)
	f(obj)
	obj.Generation++
	w.must(w.kube.Update(context.Background(), obj))
}

func (w *world) changeOwner(name string, f func(*clusterv1.MachinePool)) {
	w.t.Helper()
	obj := w.machinePool(name)
	f(obj)
	w.must(w.kube.Update(context.Background(), obj))
}

// renewData writes other bootstrap data into the Secret.
func (w *world) renewData(name, data string) {
	w.t.Helper()
	secret := &corev1.Secret{}
	w.must(w.kube.Get(context.Background(), key(name), secret))
	secret.Data["value"] = []byte(data)
	w.must(w.kube.Update(context.Background(), secret))
}

func (w *world) gone(name string) bool {
	err := w.kube.Get(context.Background(), key(name), &infrav1.AWSMachinePool{})
	return err != nil && client.IgnoreNotFound(err) == nil
}

// reconcile runs one reconciliation.
func (w *world) reconcile(name string) (ctrl.Result, error) {
	return w.reconciler.Reconcile(context.Background(), ctrl.Request{NamespacedName: key(name)})
}

var allKinds = append([]mirror.Kind{mirror.AutoScalingGroups.Kind, mirror.LaunchTemplates.Kind}, mirror.NetworkKinds...)

// pass lets time go by for AWS and the process, and everything be read.
func (w *world) pass(d time.Duration) {
	w.awsNow.Advance(d)
	w.now.Step(d)
	for _, scope := range w.mirror.Scopes() {
		_ = w.mirror.Refresh(context.Background(), scope, 0, allKinds...)
	}
}

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

// rounds reconciles some times, so that whatever is left to do would be done.
func (w *world) rounds(name string, n int) {
	for range n {
		_, _ = w.reconcile(name)
		w.pass(3 * time.Second)
	}
}

func (w *world) describe(name string) string {
	obj := &infrav1.AWSMachinePool{}
	if err := w.kube.Get(context.Background(), key(name), obj); err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, c := range obj.Status.Conditions {
		fmt.Fprintf(&b, "%s=%s %s: %s\n", c.Type, c.Status, c.Reason, c.Message)
	}
	fmt.Fprintf(&b, "provider ids %s %v, replicas %d\n", obj.Spec.ProviderID, obj.Spec.ProviderIDList, obj.Status.Replicas)
	w.events.mu.Lock()
	defer w.events.mu.Unlock()
	b.WriteString(strings.Join(w.events.lines[max(0, len(w.events.lines)-8):], "\n"))
	return b.String()
}

// ready tells whether the object is as wanted, with as many instances in service.
func (w *world) ready(name string, instances int) func() bool {
	return func() bool {
		obj := w.get(name)
		return meta.IsStatusConditionTrue(obj.Status.Conditions, infrav1.ReadyCondition) && obj.Status.Ready &&
			len(obj.Spec.ProviderIDList) == instances && w.inService(name) == instances
	}
}

func (w *world) inService(name string) int {
	n := 0
	if g := w.group(name); g != nil {
		for _, i := range g.Instances {
			if i.LifecycleState == astypes.LifecycleStateInService {
				n++
			}
		}
	}
	return n
}

// delete deletes the object and waits until it is gone.
func (w *world) delete(name string) {
	w.t.Helper()
	w.must(w.kube.Delete(context.Background(), w.get(name)))
	w.settle(name, func() bool { return w.gone(name) })
}

func (w *world) session() *cloud.Session {
	w.t.Helper()
	session, err := w.sessions.For(context.Background(), cloud.Site{Namespace: "default", Region: testRegion})
	w.must(err)
	return session
}

// group returns AWS's group of the name, nil without one.
func (w *world) group(name string) *astypes.AutoScalingGroup {
	w.t.Helper()
	out, err := w.session().AutoScaling.DescribeAutoScalingGroups(context.Background(), &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{name}})
	w.must(err)
	if len(out.AutoScalingGroups) == 0 {
		return nil
	}
	return &out.AutoScalingGroups[0]
}

// versions returns the versions of a launch template, the newest first.
func (w *world) versions(name string) []ec2types.LaunchTemplateVersion {
	w.t.Helper()
	out, err := w.session().EC2.DescribeLaunchTemplateVersions(context.Background(), &ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateName: &name})
	w.must(err)
	return out.LaunchTemplateVersions
}

// refreshes returns the group's instance refreshes, the newest first.
func (w *world) refreshes(name string) []astypes.InstanceRefresh {
	w.t.Helper()
	out, err := w.session().AutoScaling.DescribeInstanceRefreshes(context.Background(), &autoscaling.DescribeInstanceRefreshesInput{AutoScalingGroupName: &name})
	w.must(err)
	return out.InstanceRefreshes
}

// resources counts what the account holds, by kind; ended instances don't count.
func (w *world) resources() map[string]int {
	counts := map[string]int{}
	for _, r := range w.aws.Resources(emulator.DefaultAccount, testRegion) {
		if r.State != "terminated" {
			counts[r.Type]++
		}
	}
	return counts
}

// nothingLeft compares what there is with what there was before the first pool.
func (w *world) nothingLeft() {
	w.t.Helper()
	w.pass(time.Minute)
	for kind, n := range w.resources() {
		if n != w.before[kind] {
			w.t.Errorf("%d of %s are there, want %d", n, kind, w.before[kind])
		}
	}
}

// condition returns a condition, an empty one without it.
func (w *world) condition(name, kind string) metav1.Condition {
	w.t.Helper()
	if c := meta.FindStatusCondition(w.get(name).Status.Conditions, kind); c != nil {
		return *c
	}
	return metav1.Condition{}
}
