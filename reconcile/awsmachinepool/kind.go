// Package awsmachinepool makes AWS match AWSMachinePool objects, and tells in their
// status how far it does.
package awsmachinepool

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/autoscaling"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bootstrap"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/infrastructure"
	"github.com/capa-apiserver/capa-apiserver/reconcile/machinepool"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// lookAgain is when an object is looked at again, should nothing have told before;
// among other things for renewed bootstrap data: tokens in it are renewed every few
// minutes.
const lookAgain = time.Minute

// Reconciler makes AWS match AWSMachinePools.
type Reconciler = engine.Engine[*infrav1.AWSMachinePool]

// Options are what a Reconciler is made of.
type Options struct {
	engine.Options
	// Images finds images; share one with whoever else looks for images. Nil makes one.
	Images *cloud.Images
	// MachinePoolMachines has each instance of a pool get an AWSMachine, of which
	// Cluster API makes a Machine.
	MachinePoolMachines bool
}

// New makes a reconciler. The mirror keeps mirror.NetworkTables, mirror.MachineTables and
// mirror.PoolTables.
func New(o Options) *Reconciler {
	if o.Images == nil {
		o.Images = cloud.NewImages(o.Clock)
	}
	return engine.New(kind(o), o.Options)
}

// Kind is what observers have to know of AWSMachinePools.
func Kind() engine.Kind[*infrav1.AWSMachinePool] { return kind(Options{}) }

func kind(o Options) engine.Kind[*infrav1.AWSMachinePool] {
	return engine.Kind[*infrav1.AWSMachinePool]{
		Name: poolKind, Finalizer: infrav1.MachinePoolFinalizer, Area: areaGroup, LookAgain: lookAgain, Restless: true,
		Handlers: plan.NewHandlers(autoscaling.Handlers(), bootstrap.Handlers()),
		Remember: func() any { return &memory{} },
		Begin: func(ctx context.Context, scene engine.Scene[*infrav1.AWSMachinePool]) (engine.Worker[*infrav1.AWSMachinePool], error) {
			return begin(ctx, scene, o)
		},
		Concerned: concerned,
		Sources:   func(ours, host cache.Cache) []source.Source { return sources(ours, host, o.Client) },
	}
}

// By what changes find pools.
const (
	byGroup    = "group"
	byTemplate = "template"
)

// concerned returns the names of what changed: a group's id is its name.
func concerned(c mirror.Change) []engine.Ref {
	if c.Kind == mirror.AutoScalingGroups.Kind {
		return []engine.Ref{{By: byGroup, Value: c.ID}}
	}
	for _, row := range []any{c.New, c.Old} {
		if t, ok := row.(*mirror.LaunchTemplate); ok {
			return []engine.Ref{{By: byTemplate, Value: aws.ToString(t.LaunchTemplateName)}}
		}
	}
	return nil
}

func sources(ours, host cache.Cache, reader client.Reader) []source.Source {
	return append(infrastructure.Sources(ours, host, func(ctx context.Context, namespace, cluster string) []reconcile.Request {
		return engine.Of(ctx, reader, &infrav1.AWSMachinePoolList{}, namespace, cluster)
	}),
		machinepool.Source(host, poolKind),
		source.Kind(ours, &infrav1.AWSMachine{}, handler.TypedEnqueueRequestsFromMapFunc(poolOf), engine.OnlyDeleted[*infrav1.AWSMachine]()))
}

// poolOf returns the AWSMachinePool of an AWSMachine, whose end the pool may wait for.
func poolOf(_ context.Context, m *infrav1.AWSMachine) []reconcile.Request {
	if name := m.PoolName(); name != "" {
		return engine.Requests(client.ObjectKey{Namespace: m.Namespace, Name: name})
	}
	return nil
}
