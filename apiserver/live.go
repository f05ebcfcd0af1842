package apiserver

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/duration"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/awscluster"
	"github.com/capa-apiserver/capa-apiserver/reconcile/awsfargateprofile"
	"github.com/capa-apiserver/capa-apiserver/reconcile/awsmachine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/awsmachinepool"
	"github.com/capa-apiserver/capa-apiserver/reconcile/awsmanagedcontrolplane"
	"github.com/capa-apiserver/capa-apiserver/reconcile/awsmanagedmachinepool"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
	"github.com/capa-apiserver/capa-apiserver/registry/generic"
)

// Promise is how fresh reads are.
type Promise struct {
	// MaxAge is how old facts may be; Deadline how long a read waits for them.
	MaxAge, Deadline time.Duration
}

// live makes reads of the kind T as fresh as AWS.
type live[T engine.Object] struct {
	Promise
	observer *engine.Observer[T]
}

var _ generic.Live = live[*infrav1.AWSCluster]{}

// observe shows the objects of a kind as AWS is.
func observe[T engine.Object](p Parts, kind engine.Kind[T]) *engine.Observer[T] {
	return &engine.Observer[T]{Kind: kind, Sessions: p.Sessions, Mirror: p.Mirror, Living: p.Living, Ours: p.Ours, Host: p.Host}
}

// LiveOf makes reads of a kind live.
func LiveOf[T engine.Object](kind engine.Kind[T]) func(Parts) generic.Live {
	return func(p Parts) generic.Live { return live[T]{p.Promise, observe(p, kind)} }
}

func observeMachines(p Parts) *engine.Observer[*infrav1.AWSMachine] {
	return observe(p, awsmachine.Kind())
}

var (
	liveClusters     = LiveOf(awscluster.Kind())
	liveMachines     = LiveOf(awsmachine.Kind())
	liveMachinePools = LiveOf(awsmachinepool.Kind())
)

func controlPlanes(p Parts) engine.Kind[*controlplanev1.AWSManagedControlPlane] {
	return awsmanagedcontrolplane.Kind(awsmanagedcontrolplane.Options{MakeRoles: p.MakeRoles, RolePolicies: p.RolePolicies})
}

func liveControlPlanes(p Parts) generic.Live { return LiveOf(controlPlanes(p))(p) }

func observeControlPlanes(p Parts) *engine.Observer[*controlplanev1.AWSManagedControlPlane] {
	return observe(p, controlPlanes(p))
}

func liveFargateProfiles(p Parts) generic.Live {
	return LiveOf(awsfargateprofile.Kind(awsfargateprofile.Options{MakeRoles: p.MakeRoles}))(p)
}

func liveManagedPools(p Parts) generic.Live {
	return LiveOf(awsmanagedmachinepool.Kind(awsmanagedmachinepool.Options{MakeRoles: p.MakeRoles, RolePolicies: p.RolePolicies}))(p)
}

// Refresh asks for facts no older than the promise and stops waiting at the
// deadline. Its failures show as freshness, so they aren't returned.
func (l live[T]) Refresh(ctx context.Context, objs ...runtime.Object) {
	ctx, cancel := context.WithTimeout(cloud.WithPriority(ctx, cloud.Interactive), l.Deadline)
	defer cancel()
	_ = l.observer.RefreshAll(ctx, l.MaxAge, typed[T](objs)...)
}

// Project returns the objects with the status that follows from the known facts.
func (l live[T]) Project(ctx context.Context, objs ...runtime.Object) []generic.Shown {
	all := make([]generic.Shown, len(objs))
	for i, shown := range l.observer.ProjectAll(ctx, typed[T](objs)...) {
		all[i] = generic.Shown{Object: shown.Object, Observation: l.observation(shown.Freshness)}
	}
	return all
}

func typed[T engine.Object](objs []runtime.Object) []T {
	all := make([]T, len(objs))
	for i, obj := range objs {
		all[i] = obj.(T)
	}
	return all
}

// observation is what a reader is told of the age of facts, and why they are older than
// promised.
func (p Promise) observation(fresh engine.Freshness) *infrav1.Observation {
	observation := &infrav1.Observation{Age: "unknown", Stale: true}
	if !fresh.ObservedTime.IsZero() {
		age := time.Since(fresh.ObservedTime)
		mirror.ObserveServed(age)
		observation.ObservedTime = &metav1.Time{Time: fresh.ObservedTime}
		observation.Age = duration.HumanDuration(age)
		observation.Stale = age > p.MaxAge+p.Deadline
	}
	if err := fresh.Err; err != nil {
		observation.Reason, observation.Message = cloud.ObservationReason(err), cloud.Explain(err)
	}
	return observation
}
