package infrastructure

import (
	"context"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/related"
)

// adapter makes a Cluster of the objects of one kind.
type adapter struct {
	kind, group string
	empty       func() client.Object
	adapt       func(obj client.Object, cluster string) *Cluster
}

// adapters are of the kinds to which a Cluster's spec.infrastructureRef may lead.
var adapters = []adapter{awsCluster, awsManagedControlPlane}

// Find returns a Cluster and its infrastructure, each nil while it isn't there. host
// reads Clusters and ours the infrastructure kinds. The error says what couldn't be read.
func Find(ctx context.Context, ours, host client.Reader, namespace, name string) (*clusterv1.Cluster, *Cluster, error) {
	if name == "" {
		return nil, nil, nil
	}
	cluster := &clusterv1.Cluster{}
	if err := host.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, cluster); err != nil {
		return nil, nil, client.IgnoreNotFound(err)
	}
	ref := refOf(cluster)
	for _, a := range adapters {
		if ref.Kind != a.kind || ref.APIGroup != a.group {
			continue
		}
		obj := a.empty()
		if err := ours.Get(ctx, client.ObjectKey{Namespace: namespace, Name: ref.Name}, obj); err != nil {
			return cluster, nil, client.IgnoreNotFound(err)
		}
		return cluster, a.adapt(obj, cluster.Name), nil
	}
	return cluster, nil, nil
}

// Sources tell of the Clusters and their infrastructure, where that makes a difference
// to what belongs to them. of returns the objects of a Cluster.
func Sources(ours, host cache.Cache, of func(ctx context.Context, namespace, cluster string) []reconcile.Request) []source.Source {
	return []source.Source{
		related.Source(host, &clusterv1.Cluster{}, of, predicate.TypedGenerationChangedPredicate[*clusterv1.Cluster]{}),
		related.Source(ours, &infrav1.AWSCluster{}, of, predicate.TypedFuncs[*infrav1.AWSCluster]{UpdateFunc: func(e event.TypedUpdateEvent[*infrav1.AWSCluster]) bool {
			return !OfAWSCluster(e.ObjectOld, "").Same(OfAWSCluster(e.ObjectNew, ""))
		}}),
		related.Source(ours, &controlplanev1.AWSManagedControlPlane{}, of, predicate.TypedFuncs[*controlplanev1.AWSManagedControlPlane]{UpdateFunc: func(e event.TypedUpdateEvent[*controlplanev1.AWSManagedControlPlane]) bool {
			return !OfAWSManagedControlPlane(e.ObjectOld, "").Same(OfAWSManagedControlPlane(e.ObjectNew, ""))
		}}),
	}
}
