// Package related reads the objects that machines and pools belong to.
package related

import (
	"context"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// ClusterName returns the name of the Cluster that an object belongs to: that of its
// owner reference, else of its label, else, for an object that is a cluster's own, its name;
// of a Cluster its own.
func ClusterName(obj client.Object) string {
	if _, itself := obj.(*clusterv1.Cluster); itself {
		return obj.GetName()
	}
	if name := OwnerName(obj, clusterv1.ClusterKind); name != "" {
		return name
	}
	if name := obj.GetLabels()[clusterv1.ClusterNameLabel]; name != "" {
		return name
	}
	switch obj.(type) {
	case *infrav1.AWSCluster, *controlplanev1.AWSManagedControlPlane:
		return obj.GetName()
	}
	return ""
}

// ControlPlane returns a Cluster and the AWSManagedControlPlane that its spec.controlPlaneRef
// names, each nil while it isn't there. host reads Clusters and ours control planes.
func ControlPlane(ctx context.Context, host, ours client.Reader, namespace, name string) (*clusterv1.Cluster, *controlplanev1.AWSManagedControlPlane, error) {
	cluster, plane := &clusterv1.Cluster{}, &controlplanev1.AWSManagedControlPlane{}
	if err := host.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, cluster); err != nil {
		return nil, nil, client.IgnoreNotFound(err)
	}
	ref := cluster.Spec.ControlPlaneRef
	if ref.Kind != "AWSManagedControlPlane" || ref.APIGroup != controlplanev1.GroupName {
		return cluster, nil, nil
	}
	if err := ours.Get(ctx, client.ObjectKey{Namespace: namespace, Name: ref.Name}, plane); err != nil {
		return cluster, nil, client.IgnoreNotFound(err)
	}
	return cluster, plane, nil
}

// Source tells, with each object of T that changes, what belongs to its cluster: of returns that.
func Source[T client.Object](from cache.Cache, object T, of func(ctx context.Context, namespace, cluster string) []reconcile.Request, filters ...predicate.TypedPredicate[T]) source.Source {
	return source.Kind(from, object, handler.TypedEnqueueRequestsFromMapFunc(func(ctx context.Context, obj T) []reconcile.Request {
		return of(ctx, obj.GetNamespace(), ClusterName(obj))
	}), filters...)
}

// OwnerName returns the name of the object of a kind of Cluster API that owns obj,
// or "".
func OwnerName(obj client.Object, kind string) string {
	for _, ref := range obj.GetOwnerReferences() {
		if group, err := schema.ParseGroupVersion(ref.APIVersion); err == nil && ref.Kind == kind && group.Group == clusterv1.GroupVersion.Group {
			return ref.Name
		}
	}
	return ""
}

// IdentityTrouble tells what an object says of its identity's trouble, "" without any.
// Who belongs to the object shares its sessions: when the trouble ends, all go on at
// once.
func IdentityTrouble(obj interface{ GetConditions() []metav1.Condition }) string {
	for _, kind := range []string{infrav1.PrincipalCredentialRetrievedCondition, infrav1.PrincipalUsageAllowedCondition} {
		if x := meta.FindStatusCondition(obj.GetConditions(), kind); x != nil && x.Status == metav1.ConditionFalse {
			return x.Reason
		}
	}
	return ""
}
