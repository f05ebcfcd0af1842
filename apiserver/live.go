package apiserver

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/duration"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/awscluster"
	"github.com/capa-apiserver/capa-apiserver/reconcile/awsmachine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/awsmachinepool"
	"github.com/capa-apiserver/capa-apiserver/reconcile/observing"
	"github.com/capa-apiserver/capa-apiserver/registry/generic"
)

// refreshers bounds how many objects of one read ask the mirror at once; the
// mirror itself joins those of one account and region into one refresh.
const refreshers = 32

// Promise is how fresh reads are.
type Promise struct {
	// MaxAge is how old facts may be; Deadline how long a read waits for them.
	MaxAge, Deadline time.Duration
}

// observer knows the state of the kind T in AWS, which has the status S.
type observer[T runtime.Object, S any] interface {
	Refresh(ctx context.Context, obj T, maxAge time.Duration) error
	Project(ctx context.Context, obj T) (*S, observing.Freshness)
	Freshness(ctx context.Context, obj T) observing.Freshness
}

// live makes reads of the kind T, which has the status S, as fresh as AWS.
type live[T runtime.Object, S any] struct {
	Promise
	observer observer[T, S]
	status   func(obj T) *S
}

var _ generic.Live = live[*infrav1.AWSCluster, infrav1.AWSClusterStatus]{}

func liveClusters(p Parts) generic.Live {
	o := &awscluster.Observer{Sessions: p.Sessions, Mirror: p.Mirror, Living: p.Living, Owners: owners{p.Host}, Reader: p.Ours}
	return live[*infrav1.AWSCluster, infrav1.AWSClusterStatus]{Promise: p.Promise, observer: o,
		status: func(obj *infrav1.AWSCluster) *infrav1.AWSClusterStatus { return &obj.Status }}
}

func observeMachines(p Parts) *awsmachine.Observer {
	return &awsmachine.Observer{Sessions: p.Sessions, Mirror: p.Mirror, Living: p.Living, Client: p.Ours, Host: p.Host}
}

func liveMachines(p Parts) generic.Live {
	return live[*infrav1.AWSMachine, infrav1.AWSMachineStatus]{Promise: p.Promise, observer: observeMachines(p),
		status: func(obj *infrav1.AWSMachine) *infrav1.AWSMachineStatus { return &obj.Status }}
}

func liveMachinePools(p Parts) generic.Live {
	o := &awsmachinepool.Observer{Sessions: p.Sessions, Mirror: p.Mirror, Living: p.Living, Client: p.Ours, Host: p.Host}
	return live[*infrav1.AWSMachinePool, infrav1.AWSMachinePoolStatus]{Promise: p.Promise, observer: o,
		status: func(obj *infrav1.AWSMachinePool) *infrav1.AWSMachinePoolStatus { return &obj.Status }}
}

// Refresh asks for facts no older than the promise and stops waiting at the
// deadline. Its failures show as freshness, so they aren't returned.
func (l live[T, S]) Refresh(ctx context.Context, objs ...runtime.Object) {
	ctx, cancel := context.WithTimeout(cloud.WithPriority(ctx, cloud.Interactive), l.Deadline)
	defer cancel()
	var group errgroup.Group
	group.SetLimit(refreshers)
	for _, obj := range objs {
		group.Go(func() error { return l.observer.Refresh(ctx, obj.(T), l.MaxAge) })
	}
	_ = group.Wait()
}

// Project returns the object with the status that follows from the known facts.
func (l live[T, S]) Project(ctx context.Context, obj runtime.Object) (runtime.Object, *infrav1.Observation) {
	stored := obj.(T)
	status, fresh := l.observer.Project(ctx, stored)
	if equality.Semantic.DeepEqual(status, l.status(stored)) {
		return obj, l.observation(fresh)
	}
	projected := stored.DeepCopyObject().(T)
	*l.status(projected) = *status
	return projected, l.observation(fresh)
}

// Observation says how old the facts are.
func (l live[T, S]) Observation(ctx context.Context, obj runtime.Object) *infrav1.Observation {
	return l.observation(l.observer.Freshness(ctx, obj.(T)))
}

// observation is what a reader is told of the age of facts, and why they are older than
// promised.
func (p Promise) observation(fresh observing.Freshness) *infrav1.Observation {
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
