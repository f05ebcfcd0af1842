// Package awsmachine makes AWS match AWSMachine objects, and tells in their status how
// far it does.
package awsmachine

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/autoscaling"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bootstrap"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/infrastructure"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

const (
	// workers is how many AWSMachines are reconciled at once by default. Most of the
	// time they wait for the request budget.
	workers = 50
	// lookAgain is when something that is waited for is looked at again, should nothing
	// have told before.
	lookAgain = time.Minute
)

// Options are what a Reconciler is made of.
type Options struct {
	engine.Options
	// Images finds images; share one with whoever else looks for images. Nil makes one.
	Images *cloud.Images
	// Terminator ends instances; share one likewise. Nil makes one.
	Terminator *instance.Terminator
}

// Reconciler makes AWS match AWSMachines.
type Reconciler struct {
	*engine.Engine[*infrav1.AWSMachine]
	notices *notices
	gate    *gate
}

// New makes a reconciler. The mirror keeps mirror.NetworkTables, mirror.MachineTables and
// mirror.PoolTables.
func New(o Options) *Reconciler {
	if o.Images == nil {
		o.Images = cloud.NewImages(o.Clock)
	}
	if o.Terminator == nil {
		o.Terminator = instance.NewTerminator()
	}
	r := &Reconciler{notices: &notices{}}
	acting := acting{Options: &o, notices: r.notices}
	r.Engine = engine.New(kind(&acting), o.Options)
	o.Options = r.Options
	r.gate = newGate(r.Clock, r.Enqueue)
	acting.gate = r.gate
	return r
}

// acting is what those share who act.
type acting struct {
	*Options
	notices *notices
	gate    *gate
}

// Kind is what observers have to know of AWSMachines.
func Kind() engine.Kind[*infrav1.AWSMachine] {
	return kind(&acting{Options: &Options{Terminator: instance.NewTerminator()}})
}

func kind(a *acting) engine.Kind[*infrav1.AWSMachine] {
	return engine.Kind[*infrav1.AWSMachine]{
		Name: "AWSMachine", Finalizer: infrav1.MachineFinalizer, Area: infrav1.InstanceReadyCondition, Workers: workers, LookAgain: lookAgain,
		Handlers: plan.NewHandlers(instance.Handlers(a.Terminator), bootstrap.Handlers(), autoscaling.MemberHandlers()),
		Remember: func() any { return newMemory() },
		Begin: func(ctx context.Context, scene engine.Scene[*infrav1.AWSMachine]) (engine.Worker[*infrav1.AWSMachine], error) {
			return begin(ctx, scene, a)
		},
		Concerned: concerned,
		Sources:   func(ours, host cache.Cache) []source.Source { return sources(ours, host, a.Client) },
	}
}

// By what changes find machines.
const (
	byUID = "uid"
	byID  = "instance"
	// byCluster finds those of the control plane, which load balancers matter to.
	byCluster = "cluster"
	// byGroups finds those that name security groups beside the cluster's, all under one value:
	// which ones pass a filter isn't known before they are compared.
	byGroups, anyGroup = "groups", "any"
)

// concerned returns by what the machines can be found that a change concerns.
func concerned(c mirror.Change) []engine.Ref {
	switch c.Kind {
	case mirror.Instances.Kind, mirror.Hosts.Kind, mirror.Addresses.Kind:
		return []engine.Ref{{By: byID, Value: c.ID}, {By: byUID, Value: c.Tags[names.TagUID]}}
	case mirror.TargetGroups.Kind, mirror.ClassicLoadBalancers.Kind, mirror.LoadBalancers.Kind:
		return engine.RefsOfOwners(byCluster, c.Tags)
	case mirror.SecurityGroups.Kind:
		return []engine.Ref{{By: byGroups, Value: anyGroup}}
	}
	return nil
}

func sources(ours, host cache.Cache, reader client.Reader) []source.Source {
	return append(infrastructure.Sources(ours, host, func(ctx context.Context, namespace, cluster string) []reconcile.Request {
		return engine.Of(ctx, reader, &infrav1.AWSMachineList{}, namespace, cluster)
	}), source.Kind(host, &clusterv1.Machine{}, handler.TypedEnqueueRequestsFromMapFunc(infrastructureOf), machineChanged()))
}

// machineChanged lets through what matters of a Machine: its spec, which names the
// bootstrap data, and its node.
func machineChanged() predicate.TypedPredicate[*clusterv1.Machine] {
	return predicate.TypedFuncs[*clusterv1.Machine]{UpdateFunc: func(e event.TypedUpdateEvent[*clusterv1.Machine]) bool {
		return e.ObjectOld.Generation != e.ObjectNew.Generation || e.ObjectOld.Status.NodeRef != e.ObjectNew.Status.NodeRef ||
			!equality.Semantic.DeepEqual(e.ObjectOld.Labels, e.ObjectNew.Labels)
	}}
}

// infrastructureOf returns the AWSMachine of a Machine.
func infrastructureOf(_ context.Context, m *clusterv1.Machine) []reconcile.Request {
	ref := m.Spec.InfrastructureRef
	if ref.Kind != "AWSMachine" || ref.APIGroup != infrav1.GroupName {
		return nil
	}
	return engine.Requests(client.ObjectKey{Namespace: m.Namespace, Name: ref.Name})
}
