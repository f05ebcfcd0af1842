package awscluster

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/related"
)

// dependentKinds are the kinds of a cluster whose resources lie in its network and
// are deleted with its identity: while there is one, the AWSCluster stays.
var dependentKinds = []struct {
	name string
	list func() client.ObjectList
}{
	{"AWSMachinePool", func() client.ObjectList { return &infrav1.AWSMachinePoolList{} }},
	{"AWSMachine", func() client.ObjectList { return &infrav1.AWSMachineList{} }},
}

// dependents names the objects that still need a cluster's network, sorted, as
// "AWSMachine m1". Only a cluster that is being deleted is asked for them.
func dependents(ctx context.Context, reader client.Reader, cluster *infrav1.AWSCluster) ([]string, error) {
	if reader == nil || cluster.DeletionTimestamp.IsZero() {
		return nil, nil
	}
	var found []string
	for _, kind := range dependentKinds {
		list := kind.list()
		if err := reader.List(ctx, list, client.InNamespace(cluster.Namespace), client.MatchingLabels{clusterv1.ClusterNameLabel: related.ClusterName(cluster)}); err != nil {
			return nil, fmt.Errorf("listing the %s objects of Cluster %s: %w", kind.name, related.ClusterName(cluster), err)
		}
		_ = meta.EachListItem(list, func(item runtime.Object) error {
			found = append(found, kind.name+" "+item.(client.Object).GetName())
			return nil
		})
	}
	slices.Sort(found)
	return found, nil
}

// describeDependents lists some of them, for a condition.
func describeDependents(names []string) string {
	if len(names) <= conditions.Shown {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:conditions.Shown], ", "), len(names)-conditions.Shown)
}

// waitingFor returns the AWSClusters whose deletion may have waited for an object.
func waitingFor[T client.Object](reader client.Reader) func(context.Context, T) []reconcile.Request {
	return func(ctx context.Context, obj T) []reconcile.Request {
		list := &infrav1.AWSClusterList{}
		if err := reader.List(ctx, list, client.InNamespace(obj.GetNamespace())); err != nil {
			return nil // the cache doesn't fail once it is there
		}
		var requests []reconcile.Request
		for i := range list.Items {
			c := &list.Items[i]
			if !c.DeletionTimestamp.IsZero() && related.ClusterName(c) == obj.GetLabels()[clusterv1.ClusterNameLabel] {
				requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(c)})
			}
		}
		return requests
	}
}
