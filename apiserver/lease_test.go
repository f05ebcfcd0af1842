package apiserver

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"sigs.k8s.io/controller-runtime/pkg/manager"
)

// candidate stands for the elections of a process.
type candidate struct {
	*lease
	acts chan struct{}
	lost chan error
	end  func()
}

// runLease runs the election that the manager would.
func runLease(t *testing.T, kube *fake.Clientset, store, identity string) *candidate {
	t.Helper()
	c := &candidate{acts: make(chan struct{}), lost: make(chan error, 10)}
	c.lease = &lease{name: "capa-system/" + leaderLease, store: store, lost: func(err error) { c.lost <- err }}
	var err error
	c.Interface, err = resourcelock.New(resourcelock.LeasesResourceLock, "capa-system", leaderLease, kube.CoreV1(), kube.CoordinationV1(),
		resourcelock.ResourceLockConfig{Identity: identity})
	if err != nil {
		t.Fatal(err)
	}
	var o manager.Options
	c.elect(&o)
	config := leaderelection.LeaderElectionConfig{
		Lock: o.LeaderElectionResourceLockInterface, ReleaseOnCancel: o.LeaderElectionReleaseOnCancel,
		LeaseDuration: 15 * time.Second, RenewDeadline: 10 * time.Second, RetryPeriod: 20 * time.Millisecond,
		Callbacks: leaderelection.LeaderCallbacks{OnStartedLeading: func(context.Context) { close(c.acts) }, OnStoppedLeading: func() {}},
	}
	if o.LeaseDuration != nil {
		config.LeaseDuration, config.RenewDeadline = *o.LeaseDuration, *o.RenewDeadline
	}
	elector, err := leaderelection.NewLeaderElector(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); elector.Run(ctx) }()
	c.end = func() { cancel(); <-done }
	t.Cleanup(c.end)
	return c
}

func (c *candidate) mustAct(t *testing.T) {
	t.Helper()
	select {
	case <-c.acts:
	case <-time.After(10 * time.Second):
		t.Fatalf("%s doesn't act: %v", c.Identity(), c.ready())
	}
	if err := c.ready(); err != nil {
		t.Errorf("%s acts and isn't ready: %v", c.Identity(), err)
	}
}

func (c *candidate) mustWait(t *testing.T) {
	t.Helper()
	time.Sleep(300 * time.Millisecond)
	select {
	case <-c.acts:
		t.Fatalf("%s acts", c.Identity())
	default:
	}
	if err := c.ready(); err == nil || !strings.Contains(err.Error(), "kubectl delete lease -n capa-system capa-apiserver") {
		t.Errorf("%s says %v, want the cure", c.Identity(), err)
	}
}

func TestAnotherStoreNeverServesUnlessSomebodySaysSo(t *testing.T) {
	kube := fake.NewClientset()
	first := runLease(t, kube, "store-a", "store-a")
	first.mustAct(t)
	second := runLease(t, kube, "store-b", "store-b")
	second.mustWait(t)

	// A restart of the same store acts at once; while it is away, nobody else does.
	first.end()
	second.mustWait(t)
	again := runLease(t, kube, "store-a", "store-a")
	again.mustAct(t)
	second.mustWait(t)
	common := runLease(t, kube, "", "replica")
	common.mustWait(t)
	common.end()

	// The first one is gone for good.
	again.end()
	if err := kube.CoordinationV1().Leases("capa-system").Delete(t.Context(), leaderLease, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	second.mustAct(t)
	if len(second.lost)+len(first.lost) > 0 {
		t.Error("a store was told that it lost the place that it has, or had given up")
	}
}

// Whoever deletes the Lease while its store serves may give the place to another one:
// then the first one ends.
func TestStoreThatLosesItsPlaceEnds(t *testing.T) {
	kube := fake.NewClientset()
	first := runLease(t, kube, "store-a", "store-a")
	first.mustAct(t)
	leases := kube.CoordinationV1().Leases("capa-system")
	taken, err := leases.Get(t.Context(), leaderLease, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	taken.Spec.HolderIdentity = new("store-b")
	// The fake knows no conflicts, which a host answers to who hasn't seen the change.
	kube.PrependReactor("update", "leases", func(action clienttesting.Action) (bool, runtime.Object, error) {
		if lease := action.(clienttesting.UpdateAction).GetObject().(*coordinationv1.Lease); *lease.Spec.HolderIdentity == "store-b" {
			return false, nil, nil
		}
		return true, nil, apierrors.NewConflict(coordinationv1.Resource("leases"), leaderLease, errors.New("changed"))
	})
	if _, err := leases.Update(t.Context(), taken, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-first.lost:
		t.Log(err)
	case <-time.After(10 * time.Second):
		t.Error("it goes on")
	}
}

func TestReplicasOfACommonStoreTakeOverAtOnce(t *testing.T) {
	kube := fake.NewClientset()
	first := runLease(t, kube, "", "replica-1")
	first.mustAct(t)
	second := runLease(t, kube, "", "replica-2")
	time.Sleep(200 * time.Millisecond)
	if err := second.ready(); err != nil {
		t.Errorf("a replica that doesn't act isn't ready: %v", err)
	}
	ended := time.Now()
	first.end()
	second.mustAct(t)
	if took := time.Since(ended); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}
