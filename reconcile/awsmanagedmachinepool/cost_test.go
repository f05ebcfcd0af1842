package awsmanagedmachinepool

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/awsfargateprofile"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
)

// own are the calls of EKS and IAM so far. The sweeps of groups and instances are the
// account's, however many clusters it has.
func (w *world) own() (n int) {
	for op, calls := range w.AWS.Counts() {
		if op[:4] == "eks." || op[:4] == "iam." {
			n += calls
		}
	}
	return n
}

func TestANodegroupIsMadeWithFewerThanEightCalls(t *testing.T) {
	w := newWorld(t, true, newPool(testName), newPool("second"))
	w.buildCluster()
	w.settle(testName, w.ready(testName))
	w.makeRoles = false
	w.restart() // into a process that does nothing for others
	role := w.get(testName).Spec.RoleName
	w.change("second", func(p *infrav1.AWSManagedMachinePool) { p.Spec.RoleName = role })
	before := w.own()
	for range 40 {
		if w.ready("second")() {
			break
		}
		_, err := enginetest.Reconcile(w.pools, "second")
		w.Must(err)
		w.Elapse(3 * time.Second)
	}
	if n := w.own() - before; n >= 8 || !w.ready("second")() {
		t.Errorf("%d calls: %v; ready: %t", n, w.AWS.Counts(), w.ready("second")())
	}
}

// TestAnIdleClusterWithAllOfItCostsTenCallsInTenMinutes counts what EKS and IAM are asked for
// by a cluster with four add-ons, a Fargate profile and node groups.
func TestAnIdleClusterWithAllOfItCostsTenCallsInTenMinutes(t *testing.T) {
	for n, most := range map[int]float64{2: 10, 20: 50} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			var pools []*infrav1.AWSManagedMachinePool
			for i := range n {
				pools = append(pools, newPool(fmt.Sprintf("pool-%d", i)))
			}
			w := newWorld(t, true, pools...)
			c := enginetest.Get(w.World, &controlplanev1.AWSManagedControlPlane{}, controlPlane)
			for _, name := range []string{"vpc-cni", "kube-proxy", "coredns", "eks-pod-identity-agent"} {
				c.Spec.Addons = append(c.Spec.Addons, controlplanev1.Addon{Name: name, Version: "default"})
			}
			w.Must(w.Kube.Update(t.Context(), c))
			profile := &infrav1.AWSFargateProfile{ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: "fp", UID: types.UID("uid-of-fp"), Generation: 1,
				CreationTimestamp: metav1.Now(), Labels: map[string]string{clusterv1.ClusterNameLabel: enginetest.ClusterName}},
				Spec: infrav1.AWSFargateProfileSpec{ClusterName: enginetest.ClusterName, Selectors: []infrav1.FargateSelector{{Namespace: "apps"}}}}
			profile.Spec.ProfileName = profile.EKSProfileName()
			w.Make(profile)
			profiles := awsfargateprofile.New(awsfargateprofile.Options{Options: w.Options(w.Process), MakeRoles: true})
			w.buildCluster()
			for i := range pools {
				name := pools[i].Name
				w.settle(name, w.ready(name))
			}
			w.Settle(func() reconcile.Reconciler { return profiles }, "fp", &infrav1.AWSFargateProfile{}, func() bool {
				return enginetest.Get(w.World, &infrav1.AWSFargateProfile{}, "fp").Status.Ready
			})
			rounds := func(d time.Duration) {
				const step = time.Minute
				for ; d > 0; d -= step {
					w.Elapse(step)
					_, _ = enginetest.Reconcile(w.ofCluster, controlPlane)
					_, _ = enginetest.Reconcile(profiles, "fp")
					for _, p := range pools {
						_, _ = enginetest.Reconcile(w.pools, p.Name)
					}
				}
			}
			rounds(20 * time.Minute)
			before := w.own()
			rounds(time.Hour)
			per := float64(w.own()-before) / 6
			t.Logf("%.1f calls in ten minutes", per)
			if per > most {
				t.Errorf("%.1f calls in ten minutes, want %.0f: %v", per, most, w.AWS.Counts())
			}
		})
	}
}

func TestReplicasAreAsFreshAsTheSweepOfGroups(t *testing.T) {
	w := newWorld(t, true, newPool(testName))
	w.buildCluster()
	w.settle(testName, w.ready(testName))
	w.restart()
	_, err := enginetest.Reconcile(w.pools, testName)
	w.Must(err)
	gone := w.get(testName).Spec.ProviderIDList[0]
	w.endInstance(gone[len(gone)-len("i-0123456789abcdef0"):])
	for range 30 { // an instance that ends is replaced, without a look at the node group
		w.Elapse(10 * time.Second)
		_, _ = enginetest.Reconcile(w.pools, testName)
	}
	if p := w.get(testName); len(p.Spec.ProviderIDList) != 2 || p.Spec.ProviderIDList[0] == gone || p.Spec.ProviderIDList[1] == gone || !aws.ToBool(p.Status.Initialization.Provisioned) {
		t.Errorf("the instances are %v, and %s ended", p.Spec.ProviderIDList, gone)
	}
}
