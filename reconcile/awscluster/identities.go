package awscluster

import (
	"context"
	"time"

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

// identityRetry is when an identity that gives no session is tried again: what ends
// its trouble may be a Secret, a label of a namespace or a right in AWS, of which
// nobody tells. All clusters of one identity share the look.
const identityRetry = 15 * time.Second

// identitySources put the AWSClusters into the queue whose identity changed, however
// long they would have waited.
func (r *Reconciler) identitySources(ours cache.Cache) []source.Source {
	return []source.Source{
		source.Kind(ours, &infrav1.AWSClusterControllerIdentity{}, handler.TypedEnqueueRequestsFromMapFunc(clustersOf[*infrav1.AWSClusterControllerIdentity](r, infrav1.ControllerIdentityKind)),
			predicate.TypedGenerationChangedPredicate[*infrav1.AWSClusterControllerIdentity]{}),
		source.Kind(ours, &infrav1.AWSClusterStaticIdentity{}, handler.TypedEnqueueRequestsFromMapFunc(clustersOf[*infrav1.AWSClusterStaticIdentity](r, infrav1.ClusterStaticIdentityKind)),
			predicate.TypedGenerationChangedPredicate[*infrav1.AWSClusterStaticIdentity]{}),
		source.Kind(ours, &infrav1.AWSClusterRoleIdentity{}, handler.TypedEnqueueRequestsFromMapFunc(clustersOf[*infrav1.AWSClusterRoleIdentity](r, infrav1.ClusterRoleIdentityKind)),
			predicate.TypedGenerationChangedPredicate[*infrav1.AWSClusterRoleIdentity]{}),
	}
}

func clustersOf[T client.Object](r *Reconciler, kind infrav1.AWSIdentityKind) func(context.Context, T) []reconcile.Request {
	return func(ctx context.Context, identity T) []reconcile.Request {
		return r.usersOf(ctx, infrav1.AWSIdentityReference{Kind: kind, Name: identity.GetName()})
	}
}

// usersOf returns the AWSClusters that use an identity, also through roles that are
// built on it.
func (r *Reconciler) usersOf(ctx context.Context, identity infrav1.AWSIdentityReference) []reconcile.Request {
	roles := &infrav1.AWSClusterRoleIdentityList{}
	clusters := &infrav1.AWSClusterList{}
	if r.Client.List(ctx, roles) != nil || r.Client.List(ctx, clusters) != nil {
		return nil // the cache doesn't fail once it is there
	}
	built := cloud.BuiltOn(roles.Items, identity)
	var requests []reconcile.Request
	for i := range clusters.Items {
		c := &clusters.Items[i]
		if ref := c.Spec.IdentityRef; ref != nil && built[*ref] && r.mine(c) {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(c)})
		}
	}
	return requests
}

// lookAtIdentities puts the AWSClusters into the queue, again and again, whose identity
// gives no session any more without their saying so: nobody tells of that.
func (r *Reconciler) lookAtIdentities(ctx context.Context, q queue) error {
	if r.IdentityPeriod > 0 {
		go wait.JitterUntilWithContext(ctx, func(ctx context.Context) {
			for _, request := range r.unnoticed(ctx) {
				q.Add(request)
			}
		}, r.IdentityPeriod, identityJitter, true)
	}
	return nil
}

// identityJitter keeps the looks apart from the sweeps.
const identityJitter = 0.1

// unnoticed returns the AWSClusters whose identity gives no session though they say
// nothing of it. Those of one site are looked at once.
func (r *Reconciler) unnoticed(ctx context.Context) []reconcile.Request {
	clusters := &infrav1.AWSClusterList{}
	if r.Client.List(ctx, clusters) != nil {
		return nil // the cache doesn't fail once it is there
	}
	type site struct {
		identity                   infrav1.AWSIdentityReference
		namespace, region, account string
	}
	troubled := map[site]bool{}
	var requests []reconcile.Request
	for i := range clusters.Items {
		c := &clusters.Items[i]
		if !r.mine(c) || !c.Provisioned() || related.IdentityTrouble(c) != "" {
			continue
		}
		at := cloud.SiteOf(c)
		key := site{ptr.Deref(at.Identity, infrav1.AWSIdentityReference{}), at.Namespace, at.Region, at.Account}
		if _, looked := troubled[key]; !looked {
			_, err := r.Sessions.For(ctx, at)
			_, troubled[key] = cloud.AsIdentityError(err)
		}
		if troubled[key] {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(c)})
		}
	}
	return requests
}
