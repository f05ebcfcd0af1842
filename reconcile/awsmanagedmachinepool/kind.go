// Package awsmanagedmachinepool makes AWS match AWSManagedMachinePool objects, and tells in
// their status how far it does.
package awsmanagedmachinepool

import (
	"context"
	"time"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	bootstrapv1 "github.com/capa-apiserver/capa-apiserver/apis/bootstrap/v2beta1"
	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/autoscaling"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ekschild"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/iamrole"
	"github.com/capa-apiserver/capa-apiserver/reconcile/machinepool"
	"github.com/capa-apiserver/capa-apiserver/reconcile/nodegroup"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
	"github.com/capa-apiserver/capa-apiserver/reconcile/related"
)

// poolKind is the kind.
const poolKind = "AWSManagedMachinePool"

// lookAgain is when an object for which something is left to do is looked at again, should
// nothing have told before.
const lookAgain = time.Minute

// Reconciler makes AWS match AWSManagedMachinePools.
type Reconciler = engine.Engine[*infrav1.AWSManagedMachinePool]

// Options are what a Reconciler is made of.
type Options struct {
	engine.Options
	// Images finds images; share one with whoever else looks for images. Nil makes one.
	Images *cloud.Images
	// MakeRoles lets IAM roles be made. RolePolicies are those that specs may give them besides the usual ones.
	MakeRoles    bool
	RolePolicies cloud.RolePolicies
}

// New makes a reconciler. The mirror keeps mirror.EKSTables, mirror.PoolTables and
// mirror.NetworkTables.
func New(o Options) *Reconciler {
	if o.Images == nil {
		o.Images = cloud.NewImages(o.Clock)
	}
	return engine.New(kind(o), o.Options)
}

// Kind is what observers have to know of AWSManagedMachinePools.
func Kind(o Options) engine.Kind[*infrav1.AWSManagedMachinePool] { return kind(o) }

func kind(o Options) engine.Kind[*infrav1.AWSManagedMachinePool] {
	return engine.Kind[*infrav1.AWSManagedMachinePool]{
		Name: poolKind, Finalizer: infrav1.ManagedMachinePoolFinalizer, Area: nodegroup.Area, LookAgain: lookAgain,
		Handlers: plan.NewHandlers(ekschild.Handlers(), nodegroup.Handlers(), iamrole.Handlers(), autoscaling.Handlers()),
		Remember: func() any { return &memory{} },
		Begin: func(ctx context.Context, scene engine.Scene[*infrav1.AWSManagedMachinePool]) (engine.Worker[*infrav1.AWSManagedMachinePool], error) {
			return begin(ctx, scene, o)
		},
		Concerned: concerned,
		Sources:   func(ours, host cache.Cache) []source.Source { return sources(ours, host, o.Client) },
	}
}

// By what changes find pools.
const (
	byEKS       = "eks"
	byNodegroup = "nodegroup"
	byRole      = "role"
	byTemplate  = "template"
)

// concerned returns by what the pools can be found that a change concerns: an Auto Scaling
// group says of which node group it is.
func concerned(c mirror.Change) []engine.Ref {
	switch c.Kind {
	case mirror.Roles.Kind:
		return []engine.Ref{{By: byRole, Value: c.ID}}
	case mirror.EKSClusters.Kind:
		return []engine.Ref{{By: byEKS, Value: c.ID}}
	case mirror.EKSNodegroups.Kind:
		if c.ID == "" { // something about all of the cluster's
			return []engine.Ref{{By: byEKS, Value: c.Parent}}
		}
		return []engine.Ref{{By: byNodegroup, Value: c.ID}}
	case mirror.EKSUpdates.Kind:
		return []engine.Ref{{By: byNodegroup, Value: c.Parent}}
	case mirror.AutoScalingGroups.Kind:
		if of := nodegroup.OfGroup(c.Tags); of != "" {
			return []engine.Ref{{By: byNodegroup, Value: of}}
		}
	case mirror.LaunchTemplates.Kind:
		for _, row := range []any{c.New, c.Old} {
			if t, ok := row.(*mirror.LaunchTemplate); ok && t.LaunchTemplateName != nil {
				return []engine.Ref{{By: byTemplate, Value: *t.LaunchTemplateName}}
			}
		}
	}
	return nil
}

func sources(ours, host cache.Cache, reader client.Reader) []source.Source {
	of := func(ctx context.Context, namespace, cluster string) []reconcile.Request {
		return engine.Of(ctx, reader, &infrav1.AWSManagedMachinePoolList{}, namespace, cluster)
	}
	return []source.Source{
		related.Source(host, &clusterv1.Cluster{}, of), related.Source(ours, &controlplanev1.AWSManagedControlPlane{}, of),
		related.Source(ours, &bootstrapv1.NodeadmConfig{}, of), related.Source(ours, &bootstrapv1.EKSConfig{}, of),
		machinepool.Source(host, poolKind),
	}
}
