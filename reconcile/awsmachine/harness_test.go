package awsmachine

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/awscluster"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
)

const (
	testRegion = enginetest.Region
	testName   = enginetest.ClusterName
	// testData is what a bootstrap provider might write.
	testData = "#cloud-config\nruncmd: [kubeadm join]\n"
)

// world is AWS and a management cluster with a cluster whose infrastructure is there, and
// the reconciler between them.
type world struct {
	*enginetest.World
	*process
	// others are processes that run beside.
	others    []*process
	ofCluster *awscluster.Reconciler
}

// process is a process with its reconciler.
type process struct {
	its        *enginetest.Process
	reconciler *Reconciler
	// behind, unless nil, are the AWSMachines as this process read them last: a read gives
	// those, as from a cache that lags behind the process's own writes.
	behind map[client.ObjectKey]*infrav1.AWSMachine
}

// errEnded is what a process gets that has ended: nothing of it reaches the store.
var errEnded = errors.New("the process has ended")

// newWorld makes a cluster with a network load balancer and its infrastructure.
func newWorld(t *testing.T, change ...func(*infrav1.AWSCluster)) *world {
	t.Helper()
	cluster := newCluster(change...)
	w := &world{World: enginetest.New(t, enginetest.RealTime, enginetest.Owner(cluster), cluster)}
	w.process = w.attach(w.World.Process)
	w.ofCluster = awscluster.New(awscluster.Options{Options: w.Options(w.World.Process), Resolver: enginetest.Resolves{}})
	w.Build(w.ofCluster)
	return w
}

func newCluster(change ...func(*infrav1.AWSCluster)) *infrav1.AWSCluster {
	return enginetest.Cluster(append([]func(*infrav1.AWSCluster){func(c *infrav1.AWSCluster) {
		c.Spec.ControlPlaneLoadBalancer = &infrav1.AWSLoadBalancerSpec{LoadBalancerType: infrav1.LoadBalancerTypeNLB}
	}}, change...)...)
}

// attach gives a process its reconciler.
func (w *world) attach(p *enginetest.Process) *process {
	out := &process{its: p}
	p.Reading = func(key client.ObjectKey, obj client.Object) {
		if machine, ok := obj.(*infrav1.AWSMachine); ok && out.behind != nil {
			older := out.behind[key]
			out.behind[key] = machine.DeepCopy()
			if older != nil {
				older.DeepCopyInto(machine)
			}
		}
	}
	out.reconciler = New(Options{Options: w.Options(p)})
	return out
}

// boot starts a process that knows nothing.
func (w *world) boot() {
	w.Boot()
	w.process = w.attach(w.World.Process)
}

// beside starts another process that acts on the same objects.
func (w *world) beside() *process {
	w.others = append(w.others, w.attach(w.Beside()))
	return w.others[len(w.others)-1]
}

// restart drops everything that was in memory.
func (w *world) restart() {
	w.T.Helper()
	w.World.Stop()
	w.boot()
}

func (w *world) cluster() *infrav1.AWSCluster {
	w.T.Helper()
	return w.TheCluster()
}

// machine makes an AWSMachine as core leaves it, with its Machine and bootstrap data.
func (w *world) machine(name string, change ...func(*infrav1.AWSMachine, *clusterv1.Machine)) {
	w.T.Helper()
	labels := map[string]string{clusterv1.ClusterNameLabel: testName}
	owner := &clusterv1.Machine{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, UID: types.UID("machine-" + name), Labels: labels},
		Spec: clusterv1.MachineSpec{ClusterName: testName, Version: "v1.32.4", Bootstrap: clusterv1.Bootstrap{DataSecretName: aws.String(name)},
			InfrastructureRef: clusterv1.ContractVersionedObjectReference{Kind: "AWSMachine", Name: name, APIGroup: infrav1.GroupName}}}
	obj := &infrav1.AWSMachine{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, UID: types.UID("uid-of-" + name), Labels: labels,
			CreationTimestamp: metav1.NewTime(w.Now.Now()),
			OwnerReferences:   []metav1.OwnerReference{{APIVersion: clusterv1.GroupVersion.String(), Kind: "Machine", Name: name, UID: owner.UID}}},
		Spec: infrav1.AWSMachineSpec{InstanceType: "m5.large"},
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name},
		Data: map[string][]byte{"value": []byte(testData), "format": []byte("cloud-config")}}
	for _, f := range change {
		f(obj, owner)
	}
	infrav1.SetObjectDefaults_AWSMachine(obj)
	w.Make(owner, obj, secret)
}

// plainData keeps the bootstrap data in the user data.
func plainData(obj *infrav1.AWSMachine, _ *clusterv1.Machine) {
	obj.Spec.CloudInit = &infrav1.CloudInit{InsecureSkipSecretsManager: true}
}

func controlPlane(obj *infrav1.AWSMachine, owner *clusterv1.Machine) {
	obj.Labels = map[string]string{clusterv1.ClusterNameLabel: testName, clusterv1.MachineControlPlaneLabel: ""}
	owner.Labels = obj.Labels
}

func key(name string) client.ObjectKey { return enginetest.Key(name) }

func (w *world) get(name string) *infrav1.AWSMachine {
	w.T.Helper()
	return enginetest.Get(w.World, &infrav1.AWSMachine{}, name)
}

func (w *world) gone(name string) bool { return w.Gone(&infrav1.AWSMachine{}, name) }

// reconcile runs one reconciliation.
func (p *process) reconcile(name string) (ctrl.Result, error) {
	return enginetest.Reconcile(p.reconciler, name)
}

// settle reconciles until done says so; it fails the test when that takes too long.
func (w *world) settle(name string, done func() bool) {
	w.T.Helper()
	w.Settle(func() reconcile.Reconciler { return w.reconciler }, name, &infrav1.AWSMachine{}, done)
}

func (w *world) describe(name string) string { return w.Describe(&infrav1.AWSMachine{}, name) }

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
	w.T.Helper()
	return meta.IsStatusConditionTrue(w.get(name).Status.Conditions, infrav1.ReadyCondition)
}

// message returns the message of a condition, reason its reason.
func (w *world) message(name, kind string) string {
	w.T.Helper()
	return enginetest.Condition(w.get(name), kind).Message
}

func (w *world) reason(name, kind string) string {
	w.T.Helper()
	return enginetest.Condition(w.get(name), kind).Reason
}

// delete deletes the object and waits until it is gone.
func (w *world) delete(name string) {
	w.T.Helper()
	w.End(func() reconcile.Reconciler { return w.reconciler }, name, &infrav1.AWSMachine{})
}

// ec2 is the user's own way to AWS.
func (w *world) ec2() *ec2.Client { return w.Session().EC2 }

// instances returns the instances that haven't ended.
func (w *world) instances() []ec2types.Instance {
	w.T.Helper()
	out, err := w.ec2().DescribeInstances(context.Background(), &ec2.DescribeInstancesInput{Filters: []ec2types.Filter{
		{Name: aws.String("instance-state-name"), Values: []string{"pending", "running", "stopping", "stopped"}}}})
	w.Must(err)
	var list []ec2types.Instance
	for _, r := range out.Reservations {
		list = append(list, r.Instances...)
	}
	return list
}

// made counts the instances that were ever made and are still listed, whatever
// their state.
func (w *world) made() int {
	w.T.Helper()
	out, err := w.ec2().DescribeInstances(context.Background(), &ec2.DescribeInstancesInput{})
	w.Must(err)
	n := 0
	for _, r := range out.Reservations {
		n += len(r.Instances)
	}
	return n
}

// observer shows the objects as the process sees AWS.
func observer(w *world) *engine.Observer[*infrav1.AWSMachine] {
	return enginetest.Observer(w.World, Kind())
}
