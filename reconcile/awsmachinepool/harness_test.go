package awsmachinepool

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
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
	"github.com/capa-apiserver/capa-apiserver/reconcile/awsmachine"
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
// the reconcilers between them.
type world struct {
	*enginetest.World
	before map[string]int
	// machines has each process make AWSMachines.
	machines   bool
	reconciler *Reconciler
	ofMachines *awsmachine.Reconciler
	ofCluster  *awscluster.Reconciler
}

func newWorld(t *testing.T) *world {
	t.Helper()
	cluster := enginetest.Cluster()
	w := &world{World: enginetest.New(t, enginetest.RealTime, enginetest.Owner(cluster), cluster)}
	w.attach()
	w.buildInfrastructure()
	w.before = w.Resources()
	return w
}

// buildInfrastructure lets the AWSCluster's own reconciler do it.
func (w *world) buildInfrastructure() {
	w.T.Helper()
	w.ofCluster = awscluster.New(awscluster.Options{Options: w.Options(w.Process), Resolver: enginetest.Resolves{}})
	w.Build(w.ofCluster)
}

// attach gives the process its reconcilers.
func (w *world) attach() {
	w.reconciler = New(Options{Options: w.Options(w.Process), MachinePoolMachines: w.machines})
	w.ofMachines = awsmachine.New(awsmachine.Options{Options: w.Options(w.Process)})
}

// boot starts a process that knows nothing.
func (w *world) boot() {
	w.Boot()
	w.attach()
}

// restart drops everything that was in memory.
func (w *world) restart() {
	w.Stop()
	w.boot()
}

func (w *world) cluster() *infrav1.AWSCluster {
	w.T.Helper()
	return w.TheCluster()
}

// pool makes an AWSMachinePool of two instances as core leaves it, with its
// MachinePool and bootstrap data.
func (w *world) pool(name string, change ...func(*infrav1.AWSMachinePool, *clusterv1.MachinePool)) {
	w.T.Helper()
	k := key(name)
	name = k.Name
	labels := map[string]string{clusterv1.ClusterNameLabel: testName}
	owner := &clusterv1.MachinePool{ObjectMeta: metav1.ObjectMeta{Namespace: k.Namespace, Name: name, UID: types.UID("pool-" + string(uidOf(k))), Labels: labels},
		Spec: clusterv1.MachinePoolSpec{ClusterName: testName, Replicas: aws.Int32(2), Template: clusterv1.MachineTemplateSpec{
			Spec: clusterv1.MachineSpec{ClusterName: testName, Version: "v1.32.4", Bootstrap: clusterv1.Bootstrap{DataSecretName: aws.String(name)},
				InfrastructureRef: clusterv1.ContractVersionedObjectReference{Kind: "AWSMachinePool", Name: name, APIGroup: infrav1.GroupName}}}}}
	obj := &infrav1.AWSMachinePool{
		ObjectMeta: metav1.ObjectMeta{Namespace: k.Namespace, Name: name, UID: uidOf(k), Labels: labels,
			CreationTimestamp: metav1.NewTime(w.Now.Now()),
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
	w.Make(owner, obj, secret)
}

// uidOf is the UID of a pool.
func uidOf(k client.ObjectKey) types.UID {
	if k.Namespace == "default" {
		return types.UID("uid-of-" + k.Name)
	}
	return types.UID("uid-of-" + k.Name + "-in-" + k.Namespace)
}

func key(name string) client.ObjectKey { return enginetest.Key(name) }

func (w *world) get(name string) *infrav1.AWSMachinePool {
	w.T.Helper()
	return enginetest.Get(w.World, &infrav1.AWSMachinePool{}, name)
}

func (w *world) machinePool(name string) *clusterv1.MachinePool {
	w.T.Helper()
	return enginetest.Get(w.World, &clusterv1.MachinePool{}, name)
}

// change changes the object as a user does.
func (w *world) change(name string, f func(*infrav1.AWSMachinePool)) {
	w.T.Helper()
	obj := w.get(name)
	f(obj)
	obj.Generation++
	w.Must(w.Kube.Update(context.Background(), obj))
}

func (w *world) changeOwner(name string, f func(*clusterv1.MachinePool)) {
	w.T.Helper()
	obj := w.machinePool(name)
	f(obj)
	w.Must(w.Kube.Update(context.Background(), obj))
}

// renewData writes other bootstrap data into the Secret.
func (w *world) renewData(name, data string) {
	w.T.Helper()
	secret := &corev1.Secret{}
	w.Must(w.Kube.Get(context.Background(), key(name), secret))
	secret.Data["value"] = []byte(data)
	w.Must(w.Kube.Update(context.Background(), secret))
}

func (w *world) gone(name string) bool { return w.Gone(&infrav1.AWSMachinePool{}, name) }

// reconcile runs one reconciliation.
func (w *world) reconcile(name string) (ctrl.Result, error) {
	return enginetest.Reconcile(w.reconciler, name)
}

// settle reconciles until done says so; it fails the test when that takes too long.
func (w *world) settle(name string, done func() bool) {
	w.T.Helper()
	w.Settle(func() reconcile.Reconciler { return w.reconciler }, name, &infrav1.AWSMachinePool{}, done)
}

// rounds reconciles some times, so that whatever is left to do would be done.
func (w *world) rounds(name string, n int) {
	for range n {
		_, _ = w.reconcile(name)
		w.Pass(3 * time.Second)
	}
}

func (w *world) describe(name string) string { return w.Describe(&infrav1.AWSMachinePool{}, name) }

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
	w.T.Helper()
	w.End(func() reconcile.Reconciler { return w.reconciler }, name, &infrav1.AWSMachinePool{})
}

// group returns AWS's group of the name, nil without one.
func (w *world) group(name string) *astypes.AutoScalingGroup {
	w.T.Helper()
	out, err := w.Session().AutoScaling.DescribeAutoScalingGroups(context.Background(), &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{name}})
	w.Must(err)
	if len(out.AutoScalingGroups) == 0 {
		return nil
	}
	return &out.AutoScalingGroups[0]
}

// versions returns the versions of a launch template, the newest first.
func (w *world) versions(name string) []ec2types.LaunchTemplateVersion {
	w.T.Helper()
	out, err := w.Session().EC2.DescribeLaunchTemplateVersions(context.Background(), &ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateName: &name})
	w.Must(err)
	return out.LaunchTemplateVersions
}

// refreshes returns the group's instance refreshes, the newest first.
func (w *world) refreshes(name string) []astypes.InstanceRefresh {
	w.T.Helper()
	out, err := w.Session().AutoScaling.DescribeInstanceRefreshes(context.Background(), &autoscaling.DescribeInstanceRefreshesInput{AutoScalingGroupName: &name})
	w.Must(err)
	return out.InstanceRefreshes
}

// nothingLeft compares what there is with what there was before the first pool.
func (w *world) nothingLeft() {
	w.T.Helper()
	w.Pass(time.Minute)
	for kind, n := range w.Resources() {
		if n != w.before[kind] {
			w.T.Errorf("%d of %s are there, want %d", n, kind, w.before[kind])
		}
	}
}

// condition returns a condition, an empty one without it.
func (w *world) condition(name, kind string) metav1.Condition {
	w.T.Helper()
	return enginetest.Condition(w.get(name), kind)
}

// observer shows the objects as the process sees AWS.
func observer(w *world) *engine.Observer[*infrav1.AWSMachinePool] {
	return enginetest.Observer(w.World, Kind())
}
