package awsmachine

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
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
	owners "github.com/capa-apiserver/capa-apiserver/reconcile/related"
)

const (
	// workers is how many AWSMachines are reconciled at once by default. Most of
	// the time they wait for the request budget.
	workers = 50
	// firstRetry and lastRetry bound the time between attempts that fail.
	firstRetry, lastRetry = time.Second, 2 * time.Minute
)

// Setup adds a controller to the manager that runs the reconciler. ours is the
// cache of AWSMachines and AWSClusters, host that of the management cluster's
// Machines and Clusters.
func (r *Reconciler) Setup(mgr manager.Manager, ours, host cache.Cache) error {
	c, err := controller.New("awsmachine", mgr, controller.Options{
		Reconciler:              r,
		MaxConcurrentReconciles: r.Concurrency,
		RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstRetry, lastRetry),
	})
	if err != nil {
		return err
	}
	for _, s := range []source.Source{
		source.Kind(ours, &infrav1.AWSMachine{}, &handler.TypedEnqueueRequestForObject[*infrav1.AWSMachine]{},
			predicate.NewTypedPredicateFuncs(r.mine)),
		source.Kind(host, &clusterv1.Machine{}, handler.TypedEnqueueRequestsFromMapFunc(infrastructureOf), machineChanged()),
		source.Kind(host, &clusterv1.Cluster{}, handler.TypedEnqueueRequestsFromMapFunc(r.machinesOf),
			predicate.TypedGenerationChangedPredicate[*clusterv1.Cluster]{}),
		source.Kind(ours, &infrav1.AWSCluster{}, handler.TypedEnqueueRequestsFromMapFunc(r.machinesOn), infraChanged()),
		source.Func(r.index.start),
	} {
		if err := c.Watch(s); err != nil {
			return err
		}
	}
	return nil
}

// mine tells whether an object is for this process.
func (r *Reconciler) mine(obj *infrav1.AWSMachine) bool {
	return r.WatchFilter == "" || obj.Labels[clusterv1.WatchLabel] == r.WatchFilter
}

// machineChanged lets through what matters of a Machine: its spec, which names the
// bootstrap data, and its node.
func machineChanged() predicate.TypedPredicate[*clusterv1.Machine] {
	return predicate.TypedFuncs[*clusterv1.Machine]{UpdateFunc: func(e event.TypedUpdateEvent[*clusterv1.Machine]) bool {
		return e.ObjectOld.Generation != e.ObjectNew.Generation || e.ObjectOld.Status.NodeRef != e.ObjectNew.Status.NodeRef ||
			!equality.Semantic.DeepEqual(e.ObjectOld.Labels, e.ObjectNew.Labels)
	}}
}

// infraChanged lets through what matters of an AWSCluster.
func infraChanged() predicate.TypedPredicate[*infrav1.AWSCluster] {
	return predicate.TypedFuncs[*infrav1.AWSCluster]{UpdateFunc: func(e event.TypedUpdateEvent[*infrav1.AWSCluster]) bool {
		return !instance.InfraOf(e.ObjectOld, "", false).Same(instance.InfraOf(e.ObjectNew, "", false)) ||
			!equality.Semantic.DeepEqual(e.ObjectOld.Spec.IdentityRef, e.ObjectNew.Spec.IdentityRef) ||
			owners.IdentityTrouble(e.ObjectOld) != owners.IdentityTrouble(e.ObjectNew)
	}}
}

// infrastructureOf returns the AWSMachine of a Machine.
func infrastructureOf(_ context.Context, m *clusterv1.Machine) []reconcile.Request {
	ref := m.Spec.InfrastructureRef
	if ref.Kind != "AWSMachine" || ref.APIGroup != infrav1.GroupName {
		return nil
	}
	return []reconcile.Request{{NamespacedName: client.ObjectKey{Namespace: m.Namespace, Name: ref.Name}}}
}

// machinesOf returns the AWSMachines of a Cluster.
func (r *Reconciler) machinesOf(ctx context.Context, c *clusterv1.Cluster) []reconcile.Request {
	list := &infrav1.AWSMachineList{}
	if err := r.Client.List(ctx, list, client.InNamespace(c.Namespace), client.MatchingLabels{clusterv1.ClusterNameLabel: c.Name}); err != nil {
		return nil // the cache doesn't fail once it is there
	}
	requests := make([]reconcile.Request, len(list.Items))
	for i := range list.Items {
		requests[i].NamespacedName = client.ObjectKeyFromObject(&list.Items[i])
	}
	return requests
}

// machinesOn returns the AWSMachines on an AWSCluster.
func (r *Reconciler) machinesOn(ctx context.Context, c *infrav1.AWSCluster) []reconcile.Request {
	name := c.Labels[clusterv1.ClusterNameLabel]
	for _, ref := range c.OwnerReferences {
		if ref.Kind == clusterv1.ClusterKind {
			name = ref.Name
		}
	}
	return r.machinesOf(ctx, &clusterv1.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: c.Namespace, Name: name}})
}
