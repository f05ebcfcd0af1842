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
	"github.com/capa-apiserver/capa-apiserver/reconcile/awscluster"
	"github.com/capa-apiserver/capa-apiserver/registry/generic"
)

// refreshers bounds how many objects of one read ask the mirror at once; the
// mirror itself joins those of one account and region into one refresh.
const refreshers = 32

// liveClusters makes reads of AWSClusters as fresh as AWS.
type liveClusters struct {
	observer *awscluster.Observer
	// maxAge is the promise; deadline how long a read waits for it.
	maxAge, deadline time.Duration
}

var _ generic.Live = (*liveClusters)(nil)

// Refresh asks for facts no older than the promise and stops waiting at the
// deadline. Its failures show as freshness, so they aren't returned.
func (l *liveClusters) Refresh(ctx context.Context, objs ...runtime.Object) {
	ctx, cancel := context.WithTimeout(cloud.WithPriority(ctx, cloud.Interactive), l.deadline)
	defer cancel()
	var group errgroup.Group
	group.SetLimit(refreshers)
	for _, obj := range objs {
		group.Go(func() error { return l.observer.Refresh(ctx, obj.(*infrav1.AWSCluster), l.maxAge) })
	}
	_ = group.Wait()
}

// Project returns the object with the status that follows from the known facts.
func (l *liveClusters) Project(ctx context.Context, obj runtime.Object) (runtime.Object, bool) {
	stored := obj.(*infrav1.AWSCluster)
	status, _ := l.observer.Project(ctx, stored)
	if equality.Semantic.DeepEqual(*status, stored.Status) {
		return obj, false
	}
	projected := stored.DeepCopy()
	projected.Status = *status
	return projected, true
}

// Decorate says how old the facts are, and why they are older than promised.
func (l *liveClusters) Decorate(ctx context.Context, obj runtime.Object) {
	cluster := obj.(*infrav1.AWSCluster)
	seen := l.observer.Freshness(ctx, cluster)
	observation := &infrav1.Observation{}
	if !seen.ObservedTime.IsZero() {
		age := time.Since(seen.ObservedTime)
		observation.ObservedTime = &metav1.Time{Time: seen.ObservedTime}
		observation.Age = duration.HumanDuration(age)
		observation.Stale = age > l.maxAge+l.deadline
	} else {
		observation.Age, observation.Stale = "unknown", true
	}
	if seen.Err != nil {
		class := cloud.Classify(seen.Err)
		observation.Reason, observation.Message = class.Reason, class.Message
	}
	cluster.Status.Observation = observation
}
