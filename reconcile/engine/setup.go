package engine

import (
	"context"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
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

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

// FirstRetry is the time to the next pass after one that failed without anything being
// held; it doubles with each.
const FirstRetry = time.Second

// LastRetry is the longest such time.
const LastRetry = 2 * time.Minute

// Setup adds a controller to the manager that runs the reconciler. ours is the cache of
// the infrastructure kinds, host that of the management cluster's. What tells that an
// object may have changed needn't look whose it is: Reconcile does.
func (e *Engine[T]) Setup(mgr manager.Manager, ours, host cache.Cache) error {
	c, err := controller.New(strings.ToLower(e.kind.Name), mgr, controller.Options{
		Reconciler:              e,
		MaxConcurrentReconciles: e.Concurrency,
		RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](FirstRetry, LastRetry),
	})
	if err != nil {
		return err
	}
	sources := []source.Source{
		source.Kind(ours, e.kind.New(), &handler.TypedEnqueueRequestForObject[T]{}, intentChanged[T]()),
		source.Func(e.Feed),
	}
	if e.kind.SiteOf != nil {
		sources = append(sources, e.identitySources(ours)...)
	}
	if e.kind.Sources != nil {
		sources = append(sources, e.kind.Sources(ours, host)...)
	}
	for _, s := range sources {
		if err := c.Watch(s); err != nil {
			return err
		}
	}
	return nil
}

// intentChanged leaves out updates of the status only: reads write it too, and a reader
// never makes the reconciler act.
func intentChanged[T Object]() predicate.TypedPredicate[T] {
	return predicate.TypedFuncs[T]{UpdateFunc: func(e event.TypedUpdateEvent[T]) bool {
		before, after := metaOf(e.ObjectOld), metaOf(e.ObjectNew)
		for _, m := range []*metav1.ObjectMeta{&before, &after} {
			m.ResourceVersion, m.ManagedFields = "", nil
		}
		return !equality.Semantic.DeepEqual(before, after) // the generation stands for the spec
	}}
}

// Requests are the objects' names, as a source gives them.
func Requests(keys ...client.ObjectKey) []reconcile.Request {
	requests := make([]reconcile.Request, len(keys))
	for i, key := range keys {
		requests[i].NamespacedName = key
	}
	return requests
}

// Of returns the objects of a kind that carry the label of a Cluster.
func Of(ctx context.Context, reader client.Reader, list client.ObjectList, namespace, cluster string) []reconcile.Request {
	if reader.List(ctx, list, client.InNamespace(namespace), client.MatchingLabels{clusterv1.ClusterNameLabel: cluster}, client.UnsafeDisableDeepCopy) != nil {
		return nil // the cache doesn't fail once it is there
	}
	var keys []client.ObjectKey
	_ = meta.EachListItem(list, func(item runtime.Object) error {
		keys = append(keys, client.ObjectKeyFromObject(item.(client.Object)))
		return nil
	})
	return Requests(keys...)
}

// OnlyDeleted lets only deletions through.
func OnlyDeleted[O client.Object]() predicate.TypedPredicate[O] {
	return predicate.TypedFuncs[O]{
		CreateFunc:  func(event.TypedCreateEvent[O]) bool { return false },
		UpdateFunc:  func(event.TypedUpdateEvent[O]) bool { return false },
		GenericFunc: func(event.TypedGenericEvent[O]) bool { return false },
	}
}

// Feed gives the engine the queue that changes in AWS fill.
func (e *Engine[T]) Feed(ctx context.Context, q workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
	return e.index.feed(ctx, q)
}

// Scopes returns the accounts and regions that objects need.
func (e *Engine[T]) Scopes() []cloud.Scope { return e.index.scopes() }

// In returns the objects of an account and region.
func (e *Engine[T]) In(scope cloud.Scope) []client.ObjectKey { return e.index.in(scope) }

// Enqueue has an object looked at.
func (e *Engine[T]) Enqueue(key client.ObjectKey) { e.index.enqueue(key) }

// EnqueueNamed has the objects with a reference looked at.
func (e *Engine[T]) EnqueueNamed(scope cloud.Scope, ref Ref) { e.index.named(scope, ref) }
