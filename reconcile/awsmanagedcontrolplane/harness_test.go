package awsmanagedcontrolplane

import (
	"context"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"k8s.io/apimachinery/pkg/api/meta"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/facts"
	"github.com/capa-apiserver/capa-apiserver/reconcile/endpoint"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
)

const testName = "c1-control-plane"

// world is AWS and a management cluster, with the reconciler between them.
type world struct {
	*enginetest.World
	reconciler *Reconciler
	makeRoles  bool
	// writes is asked before each write to the store; what it returns is the write's
	// failure. Nil lets all pass.
	writes func() error
	// inside is what runs behind the endpoint; nil where nothing does.
	inside *inside
}

func newWorld(t testing.TB, c *controlplanev1.AWSManagedControlPlane, change ...func(*world)) *world {
	t.Helper()
	return newWorldIn(t, enginetest.WorldTime, c, change...)
}

func newWorldIn(t testing.TB, budget enginetest.Budget, c *controlplanev1.AWSManagedControlPlane, change ...func(*world)) *world {
	t.Helper()
	w := &world{World: enginetest.New(t, budget, owner(c), c)}
	for _, f := range change {
		f(w)
	}
	w.attach()
	return w
}

func makingRoles(w *world) { w.makeRoles = true }

// attach gives the process its reconciler.
func (w *world) attach() {
	w.Ending = func() error {
		if w.writes != nil {
			return w.writes()
		}
		return nil
	}
	o := Options{Options: w.Options(w.Process), MakeRoles: w.makeRoles, Facts: facts.New(w.Mirror, cloud.NewImages(w.Now), w.Now)}
	if w.inside != nil {
		o.Endpoints = endpoint.New(w.inside.host(w.Kube), w.Now, w.inside.connect)
	}
	w.reconciler = New(o)
}

// restart drops everything that was in memory.
func (w *world) restart() {
	w.Stop()
	w.Boot()
	w.attach()
}

// owner is the Cluster of a control plane.
func owner(c *controlplanev1.AWSManagedControlPlane) *clusterv1.Cluster {
	return &clusterv1.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: c.Namespace, Name: c.OwnerReferences[0].Name, UID: "owner"},
		Spec: clusterv1.ClusterSpec{ControlPlaneRef: clusterv1.ContractVersionedObjectReference{Kind: "AWSManagedControlPlane", Name: c.Name, APIGroup: controlplanev1.GroupName}}}
}

// newControlPlane returns an AWSManagedControlPlane as core's Cluster controller leaves it.
func newControlPlane(change ...func(*controlplanev1.AWSManagedControlPlane)) *controlplanev1.AWSManagedControlPlane {
	version := "v1.33.0"
	c := &controlplanev1.AWSManagedControlPlane{
		ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: testName, UID: "uid-of-c1", Generation: 1, CreationTimestamp: metav1.Now(),
			OwnerReferences: []metav1.OwnerReference{{APIVersion: clusterv1.GroupVersion.String(), Kind: "Cluster", Name: enginetest.ClusterName, UID: "owner"}}},
		Spec: controlplanev1.AWSManagedControlPlaneSpec{AWSManagedControlPlaneCommonSpec: controlplanev1.AWSManagedControlPlaneCommonSpec{Region: enginetest.Region, IdentityRef: infrav1.DefaultIdentity(), Version: &version}},
	}
	for _, f := range change {
		f(c)
	}
	controlplanev1.SetObjectDefaults_AWSManagedControlPlane(c)
	return c
}

func (w *world) get() *controlplanev1.AWSManagedControlPlane {
	w.T.Helper()
	return enginetest.Get(w.World, &controlplanev1.AWSManagedControlPlane{}, testName)
}

// change changes the spec, as a user does.
func (w *world) change(f func(*controlplanev1.AWSManagedControlPlane)) {
	w.T.Helper()
	c := w.get()
	f(c)
	c.Generation++
	w.Must(w.Kube.Update(context.Background(), c))
}

func (w *world) gone() bool { return w.Gone(&controlplanev1.AWSManagedControlPlane{}, testName) }

func (w *world) reconcile() (ctrl.Result, error) { return enginetest.Reconcile(w.reconciler, testName) }

func (w *world) settle(done func() bool) {
	w.T.Helper()
	w.Settle(func() reconcile.Reconciler { return w.reconciler }, testName, &controlplanev1.AWSManagedControlPlane{}, done)
}

func (w *world) isReady() bool {
	return meta.IsStatusConditionTrue(w.get().Status.Conditions, infrav1.ReadyCondition)
}

// create brings the control plane up.
func (w *world) create() {
	w.T.Helper()
	w.settle(w.isReady)
}

// delete deletes the object and waits until it is gone.
func (w *world) delete() {
	w.T.Helper()
	w.Must(w.Kube.Delete(context.Background(), w.get()))
	w.settle(w.gone)
}

// quiet tells that nothing is left to do.
func (w *world) quiet() bool { return len(w.plan()) == 0 && w.isReady() }

func (w *world) plan() []string {
	in := NewIntent(w.get(), owner(w.get()))
	in.MakeRoles = w.makeRoles
	p := Plan(in, w.Mirror.Snapshot(w.Session().Scope))
	var lines []string
	for _, a := range p.Actions {
		lines = append(lines, a.Summary)
	}
	for _, x := range p.Waits {
		lines = append(lines, "wait for "+x.Summary)
	}
	for _, x := range p.Problems {
		lines = append(lines, x.Summary)
	}
	slices.Sort(lines)
	return lines
}

func (w *world) condition(kind string) metav1.Condition { return enginetest.Condition(w.get(), kind) }

// count is how often an operation was asked for.
func (w *world) count(operation string) int { return w.AWS.Counts()[operation] }

// asked are the calls of EKS and IAM, by operation.
func (w *world) asked() map[string]int {
	asked := map[string]int{}
	for op, n := range w.AWS.Counts() {
		if strings.HasPrefix(op, "eks.") || strings.HasPrefix(op, "iam.") {
			asked[op] = n
		}
	}
	return asked
}
