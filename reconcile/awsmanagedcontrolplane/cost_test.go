package awsmanagedcontrolplane

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
)

// own are the calls of EKS and IAM so far.
func (w *world) own() (n int) {
	for _, calls := range w.asked() {
		n += calls
	}
	return n
}

func fourAddons(c *controlplanev1.AWSManagedControlPlane) {
	for _, name := range []string{"vpc-cni", "kube-proxy", "coredns", "eks-pod-identity-agent"} {
		c.Spec.Addons = append(c.Spec.Addons, controlplanev1.Addon{Name: name, Version: "default"})
	}
}

// TestAnIdleControlPlaneCostsFourCallsInTenMinutes counts what EKS and IAM are asked for,
// beside the network's tables, which all clusters of an account share.
func TestAnIdleControlPlaneCostsFourCallsInTenMinutes(t *testing.T) {
	for _, n := range []int{1, 30} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, newControlPlane(fourAddons))
			planes := w.fleet(n, fourAddons)
			w.together(planes)
			w.rounds(planes, 20*time.Minute)
			before := w.own()
			const hours = 1
			w.rounds(planes, hours*time.Hour)
			if per := float64(w.own()-before) / hours / 6 / float64(n); per > 4 {
				t.Errorf("%.1f calls in ten minutes each, want 4: %v", per, w.asked())
			}
		})
	}
}

// fleet makes further control planes, so that there are n, and returns their names.
func (w *world) fleet(n int, change ...func(*controlplanev1.AWSManagedControlPlane)) []string {
	w.T.Helper()
	planes := []string{testName}
	for i := 1; i < n; i++ {
		name := fmt.Sprintf("c%d", i+1)
		c := newControlPlane(append(change, func(c *controlplanev1.AWSManagedControlPlane) {
			c.Name, c.UID, c.OwnerReferences[0].Name = name, types.UID("uid-of-"+name), name
		})...)
		w.Make(owner(c), c)
		planes = append(planes, name)
	}
	return planes
}

func (w *world) rounds(names []string, d time.Duration) {
	const step = 2 * time.Minute
	for ; d > 0; d -= step {
		w.Elapse(step)
		for _, name := range names {
			_, _ = enginetest.Reconcile(w.reconciler, name)
		}
	}
}

func TestAControlPlaneIsMadeWithFewerThanFortyCalls(t *testing.T) {
	w := newWorld(t, newControlPlane(fourAddons))
	for range 100 { // coredns has nowhere to run, and says so all the while
		_, _ = w.reconcile()
		w.Elapse(3 * time.Second)
	}
	if n := w.own(); n >= 40 || !w.isReady() {
		t.Errorf("%d calls: %v; left is %q", n, w.asked(), w.plan())
	}
}
