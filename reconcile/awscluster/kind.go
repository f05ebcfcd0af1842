// Package awscluster makes AWS match AWSCluster objects, and tells in their status how
// far it does.
package awscluster

import (
	"context"
	"net"
	"time"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/foundation"
	"github.com/capa-apiserver/capa-apiserver/reconcile/network"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// lookAgain is when something that is waited for is looked at again, should no change
// of the mirror have told before.
const lookAgain = 30 * time.Second

// Resolver looks names up in DNS; a *net.Resolver does.
type Resolver interface {
	LookupHost(ctx context.Context, host string) ([]string, error)
}

var _ Resolver = (*net.Resolver)(nil)

// Options are what a Reconciler is made of.
type Options struct {
	engine.Options
	// Resolver is the system's if nil.
	Resolver Resolver
	// Images finds the bastion's image; a new finder if nil.
	Images *cloud.Images
}

// Reconciler makes AWS match AWSClusters.
type Reconciler struct {
	*engine.Engine[*infrav1.AWSCluster]
}

// New makes a reconciler. The mirror keeps mirror.NetworkTables.
func New(o Options) *Reconciler {
	if o.Resolver == nil {
		o.Resolver = net.DefaultResolver
	}
	if o.Images == nil {
		o.Images = cloud.NewImages(nil)
	}
	return &Reconciler{engine.New(kind(o), o.Options)}
}

// Kind is what observers have to know of AWSClusters.
func Kind() engine.Kind[*infrav1.AWSCluster] { return kind(Options{}) }

func kind(o Options) engine.Kind[*infrav1.AWSCluster] {
	return engine.Kind[*infrav1.AWSCluster]{
		Name: "AWSCluster", Finalizer: infrav1.ClusterFinalizer, Area: network.AreaVPC, LookAgain: lookAgain, SiteOf: cloud.SiteOf[*infrav1.AWSCluster],
		Handlers: plan.NewHandlers(foundation.Handlers()),
		NewList:  newList,
		Remember: func() any { return &memory{Memory: foundation.NewMemory()} },
		Begin: func(ctx context.Context, scene engine.Scene[*infrav1.AWSCluster]) (engine.Worker[*infrav1.AWSCluster], error) {
			return begin(ctx, scene, o)
		},
		Concerned: foundation.Concerned,
		Sources:   func(ours, host cache.Cache) []source.Source { return sources(ours, host, o.Client) },
	}
}

func newList() client.ObjectList { return &infrav1.AWSClusterList{} }

func sources(ours, host cache.Cache, reader client.Reader) []source.Source {
	return append(foundation.Sources(ours, reader, newList),
		source.Kind(host, &clusterv1.Cluster{}, handler.TypedEnqueueRequestsFromMapFunc(infrastructureOf), predicate.TypedGenerationChangedPredicate[*clusterv1.Cluster]{}))
}

// infrastructureOf returns the AWSCluster of a Cluster.
func infrastructureOf(_ context.Context, c *clusterv1.Cluster) []reconcile.Request {
	ref := c.Spec.InfrastructureRef
	if ref.Kind != "AWSCluster" || ref.APIGroup != infrav1.GroupName {
		return nil
	}
	return engine.Requests(client.ObjectKey{Namespace: c.Namespace, Name: ref.Name})
}
