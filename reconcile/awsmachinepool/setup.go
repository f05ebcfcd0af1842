package awsmachinepool

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
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
	// workers is how many AWSMachinePools are reconciled at once by default.
	workers = 10
	// firstRetry and lastRetry bound the time between attempts that fail.
	firstRetry, lastRetry = time.Second, 2 * time.Minute
)

// Setup adds a controller to the manager that runs the reconciler. ours is the
// cache of AWSMachinePools and AWSClusters, host that of the management cluster's
// MachinePools and Clusters.
func (r *Reconciler) Setup(mgr manager.Manager, ours, host cache.Cache) error {
	c, err := controller.New("awsmachinepool", mgr, controller.Options{
		Reconciler:              r,
		MaxConcurrentReconciles: r.Concurrency,
		RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstRetry, lastRetry),
	})
	if err != nil {
		return err
	}
	for _, s := range []source.Source{
		source.Kind(ours, &infrav1.AWSMachinePool{}, &handler.TypedEnqueueRequestForObject[*infrav1.AWSMachinePool]{},
			predicate.NewTypedPredicateFuncs(r.mine)),
		source.Kind(host, &clusterv1.MachinePool{}, handler.TypedEnqueueRequestsFromMapFunc(infrastructureOf), poolChanged()),
		source.Kind(host, &clusterv1.Cluster{}, handler.TypedEnqueueRequestsFromMapFunc(r.poolsOf),
			predicate.TypedGenerationChangedPredicate[*clusterv1.Cluster]{}),
		source.Kind(ours, &infrav1.AWSCluster{}, handler.TypedEnqueueRequestsFromMapFunc(r.poolsOn), infraChanged()),
		source.Kind(ours, &infrav1.AWSMachine{}, handler.TypedEnqueueRequestsFromMapFunc(poolOf), machineGone()),
		source.Func(r.index.start),
	} {
		if err := c.Watch(s); err != nil {
			return err
		}
	}
	return nil
}

// mine tells whether an object is for this process.
func (r *Reconciler) mine(obj *infrav1.AWSMachinePool) bool {
	return r.WatchFilter == "" || obj.Labels[clusterv1.WatchLabel] == r.WatchFilter
}

// poolChanged lets through what matters of a MachinePool: its spec, and who scales
// it.
func poolChanged() predicate.TypedPredicate[*clusterv1.MachinePool] {
	return predicate.TypedFuncs[*clusterv1.MachinePool]{UpdateFunc: func(e event.TypedUpdateEvent[*clusterv1.MachinePool]) bool {
		return e.ObjectOld.Generation != e.ObjectNew.Generation || !equality.Semantic.DeepEqual(e.ObjectOld.Annotations, e.ObjectNew.Annotations)
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

// infrastructureOf returns the AWSMachinePool of a MachinePool.
func infrastructureOf(_ context.Context, m *clusterv1.MachinePool) []reconcile.Request {
	ref := m.Spec.Template.Spec.InfrastructureRef
	if ref.Kind != "AWSMachinePool" || ref.APIGroup != infrav1.GroupName {
		return nil
	}
	return []reconcile.Request{{NamespacedName: client.ObjectKey{Namespace: m.Namespace, Name: ref.Name}}}
}

// machineGone lets through that an AWSMachine is gone: the pool may wait for that.
func machineGone() predicate.TypedPredicate[*infrav1.AWSMachine] {
	return predicate.TypedFuncs[*infrav1.AWSMachine]{
		CreateFunc: func(event.TypedCreateEvent[*infrav1.AWSMachine]) bool { return false },
		UpdateFunc: func(event.TypedUpdateEvent[*infrav1.AWSMachine]) bool { return false },
	}
}

// poolOf returns the AWSMachinePool of an AWSMachine.
func poolOf(_ context.Context, m *infrav1.AWSMachine) []reconcile.Request {
	name := m.PoolName()
	if name == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: client.ObjectKey{Namespace: m.Namespace, Name: name}}}
}

// poolsOf returns the AWSMachinePools of a Cluster.
func (r *Reconciler) poolsOf(ctx context.Context, c *clusterv1.Cluster) []reconcile.Request {
	return r.poolsNamed(ctx, c.Namespace, c.Name)
}

// poolsOn returns the AWSMachinePools on an AWSCluster.
func (r *Reconciler) poolsOn(ctx context.Context, c *infrav1.AWSCluster) []reconcile.Request {
	name := c.Labels[clusterv1.ClusterNameLabel]
	for _, ref := range c.OwnerReferences {
		if ref.Kind == clusterv1.ClusterKind {
			name = ref.Name
		}
	}
	return r.poolsNamed(ctx, c.Namespace, name)
}

func (r *Reconciler) poolsNamed(ctx context.Context, namespace, cluster string) []reconcile.Request {
	list := &infrav1.AWSMachinePoolList{}
	if err := r.Client.List(ctx, list, client.InNamespace(namespace), client.MatchingLabels{clusterv1.ClusterNameLabel: cluster}); err != nil {
		return nil // the cache doesn't fail once it is there
	}
	requests := make([]reconcile.Request, len(list.Items))
	for i := range list.Items {
		requests[i].NamespacedName = client.ObjectKeyFromObject(&list.Items[i])
	}
	return requests
}
