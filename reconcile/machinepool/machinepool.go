// Package machinepool is what the kinds behind Cluster API's MachinePools have in common: how
// they are found, and that they tell who scales them.
package machinepool

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/annotations"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/related"
)

// Owner returns the MachinePool of an object, nil while there is none, and the name of the
// Cluster that both belong to.
func Owner(ctx context.Context, host client.Reader, obj client.Object) (*clusterv1.MachinePool, string, error) {
	name := obj.GetLabels()[clusterv1.ClusterNameLabel]
	owner := related.OwnerName(obj, "MachinePool")
	if owner == "" {
		return nil, name, nil
	}
	pool := &clusterv1.MachinePool{}
	if err := host.Get(ctx, client.ObjectKey{Namespace: obj.GetNamespace(), Name: owner}, pool); err != nil {
		return nil, name, client.IgnoreNotFound(err)
	}
	return pool, pool.Spec.ClusterName, nil
}

// Awaits says what an object of the kind without a MachinePool waits for.
func Awaits(kind string) string {
	return "the MachinePool controller to set the owner reference; create a MachinePool whose spec.template.spec.infrastructureRef names this " + kind + ", if there is none"
}

// Source tells of the MachinePools of the objects of a kind, where that makes a difference.
func Source(host cache.Cache, kind string) source.Source {
	return source.Kind(host, &clusterv1.MachinePool{}, handler.TypedEnqueueRequestsFromMapFunc(func(_ context.Context, m *clusterv1.MachinePool) []reconcile.Request {
		ref := m.Spec.Template.Spec.InfrastructureRef
		if ref.Kind != kind || ref.APIGroup != infrav1.GroupName {
			return nil
		}
		return engine.Requests(client.ObjectKey{Namespace: m.Namespace, Name: ref.Name})
	}), changed())
}

// changed lets through what matters of a MachinePool: its spec, and who scales it.
func changed() predicate.TypedPredicate[*clusterv1.MachinePool] {
	return predicate.TypedFuncs[*clusterv1.MachinePool]{UpdateFunc: func(e event.TypedUpdateEvent[*clusterv1.MachinePool]) bool {
		return e.ObjectOld.Generation != e.ObjectNew.Generation || !equality.Semantic.DeepEqual(e.ObjectOld.Annotations, e.ObjectNew.Annotations)
	}}
}

// ScaledElsewhere tells that somebody else decides in AWS on the number of instances.
func ScaledElsewhere(pool *clusterv1.MachinePool) bool {
	return pool != nil && annotations.ReplicasManagedByExternalAutoscaler(pool)
}

// Follow tells the MachinePool how many instances there are to be, where somebody else
// decides that in AWS.
func Follow(ctx context.Context, host client.Client, pool *clusterv1.MachinePool, desired *int32) error {
	if desired == nil || !ScaledElsewhere(pool) || pool.Spec.Replicas != nil && *pool.Spec.Replicas == *desired {
		return nil
	}
	changed := pool.DeepCopy()
	changed.Spec.Replicas = desired
	if err := host.Patch(ctx, changed, client.MergeFrom(pool)); err != nil {
		return fmt.Errorf("writing the replicas of MachinePool %s: %w", pool.Name, client.IgnoreNotFound(err))
	}
	return nil
}
