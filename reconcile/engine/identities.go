package engine

import (
	"context"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/reconcile/related"
)

// identitySources put the objects into the queue whose identity changed, however long
// they would have waited, and look at identities of which nobody tells.
func (e *Engine[T]) identitySources(ours cache.Cache) []source.Source {
	return []source.Source{
		source.Kind(ours, &infrav1.AWSClusterControllerIdentity{}, handler.TypedEnqueueRequestsFromMapFunc(usersOf[*infrav1.AWSClusterControllerIdentity](e, infrav1.ControllerIdentityKind)),
			predicate.TypedGenerationChangedPredicate[*infrav1.AWSClusterControllerIdentity]{}),
		source.Kind(ours, &infrav1.AWSClusterStaticIdentity{}, handler.TypedEnqueueRequestsFromMapFunc(usersOf[*infrav1.AWSClusterStaticIdentity](e, infrav1.ClusterStaticIdentityKind)),
			predicate.TypedGenerationChangedPredicate[*infrav1.AWSClusterStaticIdentity]{}),
		source.Kind(ours, &infrav1.AWSClusterRoleIdentity{}, handler.TypedEnqueueRequestsFromMapFunc(usersOf[*infrav1.AWSClusterRoleIdentity](e, infrav1.ClusterRoleIdentityKind)),
			predicate.TypedGenerationChangedPredicate[*infrav1.AWSClusterRoleIdentity]{}),
		source.Func(e.lookAtIdentities),
	}
}

func usersOf[I client.Object, T Object](e *Engine[T], kind infrav1.AWSIdentityKind) func(context.Context, I) []reconcile.Request {
	return func(ctx context.Context, identity I) []reconcile.Request {
		return e.users(ctx, infrav1.AWSIdentityReference{Kind: kind, Name: identity.GetName()})
	}
}

// users returns the objects that use an identity, also through roles that are built on
// it.
func (e *Engine[T]) users(ctx context.Context, identity infrav1.AWSIdentityReference) []reconcile.Request {
	roles := &infrav1.AWSClusterRoleIdentityList{}
	if e.Client.List(ctx, roles) != nil {
		return nil // the cache doesn't fail once it is there
	}
	built := cloud.BuiltOn(roles.Items, identity)
	var keys []client.ObjectKey
	e.each(ctx, func(obj T) {
		if ref := e.kind.SiteOf(obj).Identity; ref != nil && built[*ref] {
			keys = append(keys, client.ObjectKeyFromObject(obj))
		}
	})
	return Requests(keys...)
}

// each calls f with every object that is for this process, from the cache.
func (e *Engine[T]) each(ctx context.Context, f func(T)) {
	list := e.kind.NewList()
	if e.Client.List(ctx, list, client.UnsafeDisableDeepCopy) != nil {
		return // the cache doesn't fail once it is there
	}
	_ = meta.EachListItem(list, func(item runtime.Object) error {
		if obj, ok := item.(T); ok && e.mine(obj) {
			f(obj)
		}
		return nil
	})
}

// lookAtIdentities puts the objects into the queue, again and again, whose identity
// gives no session any more without their saying so: nobody tells of that.
func (e *Engine[T]) lookAtIdentities(ctx context.Context, q queue) error { //nolint:unparam // a source
	if e.IdentityPeriod > 0 {
		go wait.JitterUntilWithContext(ctx, func(ctx context.Context) {
			for _, request := range e.unnoticed(ctx) {
				q.Add(request)
			}
		}, e.IdentityPeriod, identityJitter, true)
	}
	return nil
}

// identityJitter keeps the looks apart from the sweeps.
const identityJitter = 0.1

// unnoticed returns the objects whose identity gives no session though they say nothing
// of it. Those of one site are looked at once.
func (e *Engine[T]) unnoticed(ctx context.Context) []reconcile.Request {
	type site struct {
		identity                   infrav1.AWSIdentityReference
		namespace, region, account string
	}
	troubled := map[site]bool{}
	var keys []client.ObjectKey
	e.each(ctx, func(obj T) {
		if !obj.Provisioned() || related.IdentityTrouble(obj) != "" {
			return
		}
		at := e.kind.SiteOf(obj)
		key := site{ptr.Deref(at.Identity, infrav1.AWSIdentityReference{}), at.Namespace, at.Region, at.Account}
		if _, looked := troubled[key]; !looked {
			_, err := e.Sessions.For(ctx, at)
			_, troubled[key] = cloud.AsIdentityError(err)
		}
		if troubled[key] {
			keys = append(keys, client.ObjectKeyFromObject(obj))
		}
	})
	return Requests(keys...)
}
