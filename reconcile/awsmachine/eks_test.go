package awsmachine

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/awsmanagedcontrolplane"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
)

// newEKSWorld makes an EKS cluster in which machines can join.
func newEKSWorld(t *testing.T, version string) *world {
	t.Helper()
	ref := clusterv1.ContractVersionedObjectReference{Kind: "AWSManagedControlPlane", Name: "cp", APIGroup: controlplanev1.GroupName}
	c := &controlplanev1.AWSManagedControlPlane{
		ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: ref.Name, UID: "uid-of-cp", Generation: 1, CreationTimestamp: metav1.Now(),
			OwnerReferences: []metav1.OwnerReference{{APIVersion: clusterv1.GroupVersion.String(), Kind: clusterv1.ClusterKind, Name: testName, UID: "owner"}}},
		Spec: controlplanev1.AWSManagedControlPlaneSpec{AWSManagedControlPlaneCommonSpec: controlplanev1.AWSManagedControlPlaneCommonSpec{
			Region: testRegion, IdentityRef: infrav1.DefaultIdentity(), Version: &version}},
	}
	controlplanev1.SetObjectDefaults_AWSManagedControlPlane(c)
	cluster := &clusterv1.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: c.Namespace, Name: testName, UID: "owner"},
		Spec: clusterv1.ClusterSpec{InfrastructureRef: ref, ControlPlaneRef: ref}}
	w := &world{World: enginetest.New(t, enginetest.WorldTime, cluster, c)}
	w.process = w.attach(w.World.Process)
	ofCluster := awsmanagedcontrolplane.New(awsmanagedcontrolplane.Options{Options: w.Options(w.World.Process), MakeRoles: true})
	w.Settle(func() reconcile.Reconciler { return ofCluster }, ref.Name, &controlplanev1.AWSManagedControlPlane{}, func() bool {
		return meta.IsStatusConditionTrue(enginetest.Get(w.World, &controlplanev1.AWSManagedControlPlane{}, ref.Name).Status.Conditions, infrav1.ReadyCondition)
	})
	return w
}

// TestAWorkerOfAnEKSClusterCostsTwoCalls counts what many cost together, the sweeps meanwhile included.
func TestAWorkerOfAnEKSClusterCostsTwoCalls(t *testing.T) {
	const workers, version = 40, "v1.33.0"
	w := newEKSWorld(t, version)
	worker := func(name string) {
		w.machine(name, func(_ *infrav1.AWSMachine, m *clusterv1.Machine) { m.Spec.Version = version })
	}
	worker("warm") // asks for the image and what else is kept
	w.settle("warm", w.ready("warm"))
	w.AWS.ResetCounts()
	for i := range workers {
		worker(fmt.Sprint("w", i))
	}
	ready := 0
	for range 60 {
		ready = 0
		for i := range workers {
			name := fmt.Sprint("w", i)
			_, err := w.reconcile(name)
			w.Must(err)
			if w.ready(name)() {
				ready++
			}
		}
		if ready == workers {
			break
		}
		w.Elapse(time.Second)
	}
	if ready < workers {
		t.Fatal(w.describe("w0"))
	}
	counts, total := w.AWS.Counts(), 0
	for _, n := range counts {
		total += n
	}
	own := counts["ec2.RunInstances"] + counts["secretsmanager.CreateSecret"]
	if own != 2*workers || total-own > workers/10 {
		t.Errorf("%d calls for %d workers and %d that they share, want 2 each: %v", own, workers, total-own, counts)
	}
	if ids := len(w.instances()); ids != workers+1 {
		t.Errorf("%d instances", ids)
	}
	t.Logf("%.2f calls each: %v", float64(total)/workers, counts)
}
