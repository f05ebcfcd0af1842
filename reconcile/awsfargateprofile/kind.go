// Package awsfargateprofile makes AWS match AWSFargateProfile objects, and tells in their
// status how far it does.
package awsfargateprofile

import (
	"context"
	"time"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ekschild"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eksfargate"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/iamrole"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
	"github.com/capa-apiserver/capa-apiserver/reconcile/related"
)

// lookAgain is when an object for which something is left to do is looked at again, should
// nothing have told before.
const lookAgain = time.Minute

// Reconciler makes AWS match AWSFargateProfiles.
type Reconciler = engine.Engine[*infrav1.AWSFargateProfile]

// Options are what a Reconciler is made of.
type Options struct {
	engine.Options
	// MakeRoles lets IAM roles be made.
	MakeRoles bool
}

// New makes a reconciler. The mirror keeps mirror.EKSTables.
func New(o Options) *Reconciler { return engine.New(kind(o), o.Options) }

// Kind is what observers have to know of AWSFargateProfiles.
func Kind(o Options) engine.Kind[*infrav1.AWSFargateProfile] { return kind(o) }

func kind(o Options) engine.Kind[*infrav1.AWSFargateProfile] {
	return engine.Kind[*infrav1.AWSFargateProfile]{
		Name: "AWSFargateProfile", Finalizer: infrav1.FargateProfileFinalizer, Area: eksfargate.Area, LookAgain: lookAgain,
		Handlers: plan.NewHandlers(ekschild.Handlers(), eksfargate.Handlers(), iamrole.Handlers()),
		Remember: func() any { return &memory{} },
		Begin: func(ctx context.Context, scene engine.Scene[*infrav1.AWSFargateProfile]) (engine.Worker[*infrav1.AWSFargateProfile], error) {
			return begin(ctx, scene, o)
		},
		Concerned: concerned,
		Sources:   func(ours, host cache.Cache) []source.Source { return sources(ours, host, o.Client) },
	}
}

// By what changes find profiles.
const (
	byEKS  = "eks"
	byRole = "role"
)

// concerned returns by what the profiles can be found that a change concerns: of a cluster's
// profiles each waits for the others.
func concerned(c mirror.Change) []engine.Ref {
	switch c.Kind {
	case mirror.Roles.Kind:
		return []engine.Ref{{By: byRole, Value: c.ID}}
	case mirror.EKSClusters.Kind:
		return []engine.Ref{{By: byEKS, Value: c.ID}}
	case mirror.EKSFargateProfiles.Kind:
		return []engine.Ref{{By: byEKS, Value: c.Parent}}
	}
	return nil
}

func sources(ours, host cache.Cache, reader client.Reader) []source.Source {
	of := func(ctx context.Context, namespace, cluster string) []reconcile.Request {
		return engine.Of(ctx, reader, &infrav1.AWSFargateProfileList{}, namespace, cluster)
	}
	return []source.Source{related.Source(host, &clusterv1.Cluster{}, of), related.Source(ours, &controlplanev1.AWSManagedControlPlane{}, of)}
}
