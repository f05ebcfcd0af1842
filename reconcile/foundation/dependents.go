package foundation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/related"
)

// dependentKinds are the kinds of a cluster whose resources lie in its network and
// are deleted with its identity: while there is one, the cluster stays.
var dependentKinds = []struct {
	name string
	list func() client.ObjectList
}{
	{"AWSMachinePool", func() client.ObjectList { return &infrav1.AWSMachinePoolList{} }},
	{"AWSManagedMachinePool", func() client.ObjectList { return &infrav1.AWSManagedMachinePoolList{} }},
	{"AWSMachine", func() client.ObjectList { return &infrav1.AWSMachineList{} }},
	{"AWSFargateProfile", func() client.ObjectList { return &infrav1.AWSFargateProfileList{} }},
}

// dependents names the objects that still need a cluster's network, sorted, as
// "AWSMachine m1". Only a cluster that is being deleted is asked for them.
func dependents(ctx context.Context, reader client.Reader, cluster client.Object) ([]string, error) {
	if reader == nil || cluster.GetDeletionTimestamp().IsZero() {
		return nil, nil
	}
	var found []string
	for _, kind := range dependentKinds {
		list := kind.list()
		if err := reader.List(ctx, list, client.InNamespace(cluster.GetNamespace()), client.MatchingLabels{clusterv1.ClusterNameLabel: related.ClusterName(cluster)}); err != nil {
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

// describe lists some of them, for a condition.
func describe(names []string) string {
	if len(names) <= conditions.Shown {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:conditions.Shown], ", "), len(names)-conditions.Shown)
}

// Sources tell that what the deletion of a cluster waits for is gone. list makes an empty
// list of the clusters' kind.
func Sources(ours cache.Cache, reader client.Reader, list func() client.ObjectList) []source.Source {
	return []source.Source{
		source.Kind(ours, &infrav1.AWSMachine{}, handler.TypedEnqueueRequestsFromMapFunc(WaitingFor[*infrav1.AWSMachine](reader, list)), engine.OnlyDeleted[*infrav1.AWSMachine]()),
		source.Kind(ours, &infrav1.AWSMachinePool{}, handler.TypedEnqueueRequestsFromMapFunc(WaitingFor[*infrav1.AWSMachinePool](reader, list)), engine.OnlyDeleted[*infrav1.AWSMachinePool]()),
		source.Kind(ours, &infrav1.AWSManagedMachinePool{}, handler.TypedEnqueueRequestsFromMapFunc(WaitingFor[*infrav1.AWSManagedMachinePool](reader, list)), engine.OnlyDeleted[*infrav1.AWSManagedMachinePool]()),
		source.Kind(ours, &infrav1.AWSFargateProfile{}, handler.TypedEnqueueRequestsFromMapFunc(WaitingFor[*infrav1.AWSFargateProfile](reader, list)), engine.OnlyDeleted[*infrav1.AWSFargateProfile]()),
	}
}

// WaitingFor returns the clusters whose deletion may have waited for an object.
func WaitingFor[D client.Object](reader client.Reader, list func() client.ObjectList) func(context.Context, D) []reconcile.Request {
	return func(ctx context.Context, obj D) []reconcile.Request {
		clusters := list()
		if err := reader.List(ctx, clusters, client.InNamespace(obj.GetNamespace())); err != nil {
			return nil // the cache doesn't fail once it is there
		}
		var keys []client.ObjectKey
		_ = meta.EachListItem(clusters, func(item runtime.Object) error {
			c := item.(client.Object)
			if !c.GetDeletionTimestamp().IsZero() && related.ClusterName(c) == obj.GetLabels()[clusterv1.ClusterNameLabel] {
				keys = append(keys, client.ObjectKeyFromObject(c))
			}
			return nil
		})
		return engine.Requests(keys...)
	}
}
