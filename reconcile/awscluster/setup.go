package awscluster

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

const (
	// workers is how many AWSClusters are reconciled at once by default.
	workers = 10
	// firstRetry and lastRetry bound the time between attempts that fail.
	firstRetry, lastRetry = time.Second, 30 * time.Second
)

// Setup adds a controller to the manager that runs the reconciler. ours is the
// cache of AWSClusters, AWSMachines and AWSMachinePools, host that of the management cluster's Clusters.
func (r *Reconciler) Setup(mgr manager.Manager, ours, host cache.Cache) error {
	c, err := controller.New("awscluster", mgr, controller.Options{
		Reconciler:              r,
		MaxConcurrentReconciles: r.Concurrency,
		RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstRetry, lastRetry),
	})
	if err != nil {
		return err
	}
	for _, s := range append(r.identitySources(ours), []source.Source{
		source.Kind(ours, &infrav1.AWSCluster{}, &handler.TypedEnqueueRequestForObject[*infrav1.AWSCluster]{},
			predicate.NewTypedPredicateFuncs(r.mine), intentChanged()),
		source.Kind(host, &clusterv1.Cluster{}, handler.TypedEnqueueRequestsFromMapFunc(infrastructureOf),
			predicate.TypedGenerationChangedPredicate[*clusterv1.Cluster]{}),
		source.Kind(ours, &infrav1.AWSMachine{}, handler.TypedEnqueueRequestsFromMapFunc(waitingFor[*infrav1.AWSMachine](r)),
			deleted[*infrav1.AWSMachine]()),
		source.Kind(ours, &infrav1.AWSMachinePool{}, handler.TypedEnqueueRequestsFromMapFunc(waitingFor[*infrav1.AWSMachinePool](r)),
			deleted[*infrav1.AWSMachinePool]()),
		source.Func(r.index.start),
		source.Func(r.lookAtIdentities),
	}...) {
		if err := c.Watch(s); err != nil {
			return err
		}
	}
	return nil
}

// mine tells whether an object is for this process.
func (r *Reconciler) mine(obj *infrav1.AWSCluster) bool {
	return r.WatchFilter == "" || obj.Labels[clusterv1.WatchLabel] == r.WatchFilter
}

// infrastructureOf returns the AWSCluster of a Cluster.
func infrastructureOf(_ context.Context, c *clusterv1.Cluster) []reconcile.Request {
	ref := c.Spec.InfrastructureRef
	if ref.Kind != "AWSCluster" || ref.APIGroup != infrav1.GroupName {
		return nil
	}
	return []reconcile.Request{{NamespacedName: client.ObjectKey{Namespace: c.Namespace, Name: ref.Name}}}
}

// intentChanged leaves out updates of the status only: reads write it too, and a
// reader never makes the reconciler act.
func intentChanged() predicate.TypedPredicate[*infrav1.AWSCluster] {
	return predicate.TypedFuncs[*infrav1.AWSCluster]{UpdateFunc: func(e event.TypedUpdateEvent[*infrav1.AWSCluster]) bool {
		before, after := e.ObjectOld.ObjectMeta.DeepCopy(), e.ObjectNew.ObjectMeta.DeepCopy()
		for _, m := range []*metav1.ObjectMeta{before, after} {
			m.ResourceVersion, m.ManagedFields = "", nil
		}
		return !equality.Semantic.DeepEqual(before, after)
	}}
}
