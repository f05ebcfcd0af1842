package awsmanagedmachinepool

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	awseks "github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	bootstrapv1 "github.com/capa-apiserver/capa-apiserver/apis/bootstrap/v2beta1"
	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/awsmanagedcontrolplane"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

const (
	controlPlane = "c1-control-plane"
	eksName      = "default_" + controlPlane
	testName     = "pool"
	testVersion  = "v1.33.0"
	newVersion   = "v1.34.0"
)

// world is AWS with an EKS cluster, and the reconcilers of it and its pools.
type world struct {
	*enginetest.World
	makeRoles bool
	pools     *Reconciler
	ofCluster *awsmanagedcontrolplane.Reconciler
}

func newWorld(t testing.TB, makeRoles bool, pools ...*infrav1.AWSManagedMachinePool) *world {
	t.Helper()
	version := newVersion
	c := &controlplanev1.AWSManagedControlPlane{
		ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: controlPlane, UID: "uid-of-c1", Generation: 1, CreationTimestamp: metav1.Now(),
			OwnerReferences: []metav1.OwnerReference{{APIVersion: clusterv1.GroupVersion.String(), Kind: "Cluster", Name: enginetest.ClusterName, UID: "owner"}}},
		Spec: controlplanev1.AWSManagedControlPlaneSpec{AWSManagedControlPlaneCommonSpec: controlplanev1.AWSManagedControlPlaneCommonSpec{Region: enginetest.Region, IdentityRef: infrav1.DefaultIdentity(), Version: &version}},
	}
	controlplanev1.SetObjectDefaults_AWSManagedControlPlane(c)
	cluster := &clusterv1.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: c.Namespace, Name: enginetest.ClusterName, UID: "owner"},
		Spec: clusterv1.ClusterSpec{ControlPlaneRef: clusterv1.ContractVersionedObjectReference{Kind: "AWSManagedControlPlane", Name: c.Name, APIGroup: controlplanev1.GroupName}}}
	objects := []client.Object{cluster, c}
	for _, p := range pools {
		objects = append(objects, p, machinePool(p))
	}
	w := &world{World: enginetest.New(t, enginetest.WorldTime, objects...), makeRoles: makeRoles}
	w.attach()
	return w
}

// attach gives the process its reconcilers.
func (w *world) attach() {
	w.pools = New(Options{Options: w.Options(w.Process), MakeRoles: w.makeRoles})
	w.ofCluster = awsmanagedcontrolplane.New(awsmanagedcontrolplane.Options{Options: w.Options(w.Process), MakeRoles: true})
}

func init() { enginetest.Further.AddToScheme = bootstrapv1.AddToScheme }

// restart starts a process that knows nothing.
func (w *world) restart() {
	w.Stop()
	w.Boot()
	w.attach()
}

func machinePool(p *infrav1.AWSManagedMachinePool) *clusterv1.MachinePool {
	m := &clusterv1.MachinePool{ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: p.Name, UID: types.UID("owner-of-" + p.Name), Generation: 1},
		Spec: clusterv1.MachinePoolSpec{ClusterName: enginetest.ClusterName, Replicas: aws.Int32(2)}}
	m.Spec.Template.Spec.Version = testVersion
	m.Spec.Template.Spec.InfrastructureRef = clusterv1.ContractVersionedObjectReference{Kind: poolKind, Name: p.Name, APIGroup: infrav1.GroupName}
	return m
}

func newPool(name string, change ...func(*infrav1.AWSManagedMachinePool)) *infrav1.AWSManagedMachinePool {
	p := &infrav1.AWSManagedMachinePool{ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: name, UID: types.UID("uid-of-" + name), Generation: 1,
		CreationTimestamp: metav1.Now(), Labels: map[string]string{clusterv1.ClusterNameLabel: enginetest.ClusterName},
		OwnerReferences: []metav1.OwnerReference{{APIVersion: clusterv1.GroupVersion.String(), Kind: "MachinePool", Name: name, UID: types.UID("owner-of-" + name)}}}}
	for _, f := range change {
		f(p)
	}
	infrav1.SetObjectDefaults_AWSManagedMachinePool(p)
	p.Spec.EKSNodegroupName = p.NodegroupName()
	return p
}

// buildCluster makes the EKS cluster.
func (w *world) buildCluster() {
	w.T.Helper()
	w.Settle(func() reconcile.Reconciler { return w.ofCluster }, controlPlane, &controlplanev1.AWSManagedControlPlane{}, func() bool {
		c := enginetest.Get(w.World, &controlplanev1.AWSManagedControlPlane{}, controlPlane)
		return meta.IsStatusConditionTrue(c.Status.Conditions, infrav1.ReadyCondition)
	})
}

func (w *world) get(name string) *infrav1.AWSManagedMachinePool {
	w.T.Helper()
	return enginetest.Get(w.World, &infrav1.AWSManagedMachinePool{}, name)
}

func (w *world) settle(name string, done func() bool) {
	w.T.Helper()
	w.Settle(func() reconcile.Reconciler { return w.pools }, name, &infrav1.AWSManagedMachinePool{}, done)
}

// ready tells that a pool's node group is there, with all of its nodes, and as wanted.
func (w *world) ready(name string) func() bool {
	return func() bool {
		p := w.get(name)
		m := w.owner(name)
		return meta.IsStatusConditionTrue(p.Status.Conditions, infrav1.ReadyCondition) && p.Status.Ready && p.Status.Replicas == *m.Spec.Replicas &&
			p.Status.Nodegroup != nil && p.Status.Nodegroup.Status == "ACTIVE"
	}
}

func (w *world) owner(name string) *clusterv1.MachinePool {
	w.T.Helper()
	return enginetest.Get(w.World, &clusterv1.MachinePool{}, name)
}

// change changes a pool as a user does.
func (w *world) change(name string, change func(*infrav1.AWSManagedMachinePool)) {
	w.T.Helper()
	p := w.get(name)
	change(p)
	p.Generation++
	w.Must(w.Kube.Update(context.Background(), p))
}

// changeOwner changes a MachinePool as a user does.
func (w *world) changeOwner(name string, change func(*clusterv1.MachinePool)) {
	w.T.Helper()
	m := w.owner(name)
	change(m)
	m.Generation++
	w.Must(w.Kube.Update(context.Background(), m))
}

func (w *world) condition(name, kind string) metav1.Condition {
	return enginetest.Condition(w.get(name), kind)
}

func (w *world) describe(name string) *ekstypes.Nodegroup {
	w.T.Helper()
	out, err := w.Session().EKS.DescribeNodegroup(w.T.Context(), &awseks.DescribeNodegroupInput{ClusterName: aws.String(eksName), NodegroupName: aws.String("default_" + name)})
	w.Must(err)
	return out.Nodegroup
}

// count is how often an operation was asked for.
func (w *world) count(op string) int { return w.AWS.Counts()[op] }

func (w *world) gone(name string) func() bool {
	return func() bool { return w.Gone(&infrav1.AWSManagedMachinePool{}, name) }
}

// act has something happen to the EKS cluster.
func (w *world) act(what string) {
	w.T.Helper()
	if done, err := w.AWS.Act(what, "", enginetest.Region, eksName); err != nil || !done {
		w.T.Fatalf("%s: %t, %v", what, done, err)
	}
}

// deny takes the right to an operation of EKS from the identity.
func (w *world) deny(operation string) {
	w.AWS.Faults().Set(emulator.Fault{ID: "denied", Service: "eks", Operation: operation, Mode: emulator.ErrorBefore, Code: "AccessDeniedException", Status: 403, Message: "not allowed"})
}

// endInstance terminates an instance as somebody does in the console.
func (w *world) endInstance(id string) {
	w.T.Helper()
	_, err := w.Session().EC2.TerminateInstances(w.T.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{id}})
	w.Must(err)
}
