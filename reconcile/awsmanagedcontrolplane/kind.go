package awsmanagedcontrolplane

import (
	"context"
	"time"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/facts"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eks"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eksparts"
	"github.com/capa-apiserver/capa-apiserver/reconcile/endpoint"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/foundation"
	"github.com/capa-apiserver/capa-apiserver/reconcile/iamrole"
	"github.com/capa-apiserver/capa-apiserver/reconcile/network"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// lookAgain is when something that is waited for is looked at again, should no change of the
// mirror have told before.
const lookAgain = 30 * time.Second

// Options are what a Reconciler is made of.
type Options struct {
	engine.Options
	// Images finds the bastion's image; a new finder if nil.
	Images *cloud.Images
	// MakeRoles lets the roles that EKS assumes be made, changed and deleted.
	MakeRoles bool
	// RolePolicies are the policies that specs may give them besides the usual ones.
	RolePolicies cloud.RolePolicies
	// Facts tell what EKS says of an upgrade; nil: it isn't asked.
	Facts *facts.Facts
	// Endpoints are those of all clusters; new ones if nil.
	Endpoints *endpoint.Endpoints
}

// Reconciler makes AWS match AWSManagedControlPlanes.
type Reconciler struct {
	*engine.Engine[*controlplanev1.AWSManagedControlPlane]
}

// New makes a reconciler. The mirror keeps mirror.NetworkTables and mirror.EKSTables.
func New(o Options) *Reconciler {
	if o.Images == nil {
		o.Images = cloud.NewImages(nil)
	}
	if o.Endpoints == nil {
		o.Endpoints = endpoint.New(o.Host, o.Clock, nil)
	}
	return &Reconciler{engine.New(kind(o), o.Options)}
}

// Kind is what observers have to know of AWSManagedControlPlanes.
func Kind(o Options) engine.Kind[*controlplanev1.AWSManagedControlPlane] { return kind(o) }

func kind(o Options) engine.Kind[*controlplanev1.AWSManagedControlPlane] {
	return engine.Kind[*controlplanev1.AWSManagedControlPlane]{
		Name: "AWSManagedControlPlane", Finalizer: controlplanev1.ControlPlaneFinalizer, Area: network.AreaVPC, LookAgain: lookAgain,
		SiteOf:   cloud.SiteOf[*controlplanev1.AWSManagedControlPlane],
		Handlers: plan.NewHandlers(foundation.Handlers(), iamrole.Handlers(), eks.Handlers(), eksparts.Handlers(), o.Endpoints.Handlers()),
		NewList:  newList,
		Remember: func() any { return &memory{Memory: foundation.NewMemory()} },
		Begin: func(ctx context.Context, scene engine.Scene[*controlplanev1.AWSManagedControlPlane]) (engine.Worker[*controlplanev1.AWSManagedControlPlane], error) {
			return begin(ctx, scene, o)
		},
		Concerned: concerned,
		Sources:   func(ours, host cache.Cache) []source.Source { return sources(ours, host, o.Client) },
	}
}

func newList() client.ObjectList { return &controlplanev1.AWSManagedControlPlaneList{} }

// By what changes of what is read by name find control planes.
const (
	byEKS  = "eks"
	byRole = "role"
)

// concerned returns by what the control planes can be found that a change concerns.
func concerned(c mirror.Change) []engine.Ref {
	switch c.Kind {
	case mirror.Roles.Kind:
		return []engine.Ref{{By: byRole, Value: c.ID}}
	case mirror.EKSClusters.Kind:
		return []engine.Ref{{By: byEKS, Value: c.ID}}
	}
	if c.Parent != "" {
		return []engine.Ref{{By: byEKS, Value: c.Parent}}
	}
	return foundation.Concerned(c)
}

func sources(ours, host cache.Cache, reader client.Reader) []source.Source {
	return append(append(foundation.Sources(ours, reader, newList), nodeSources(ours, reader)...),
		source.Kind(host, &clusterv1.Cluster{}, handler.TypedEnqueueRequestsFromMapFunc(controlPlaneOf), predicate.TypedGenerationChangedPredicate[*clusterv1.Cluster]{}))
}

// controlPlaneOf returns the AWSManagedControlPlane of a Cluster.
func controlPlaneOf(_ context.Context, c *clusterv1.Cluster) []reconcile.Request {
	for _, ref := range []clusterv1.ContractVersionedObjectReference{c.Spec.ControlPlaneRef, c.Spec.InfrastructureRef} {
		if ref.Kind == "AWSManagedControlPlane" && ref.APIGroup == controlplanev1.GroupName {
			return engine.Requests(client.ObjectKey{Namespace: c.Namespace, Name: ref.Name})
		}
	}
	return nil
}
