// Package awsmachinetemplate tells in the status of AWSMachineTemplates what a
// machine of theirs would have, so that an autoscaler can scale from zero.
package awsmachinetemplate

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/util/workqueue"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/infrastructure"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
	"github.com/capa-apiserver/capa-apiserver/reconcile/related"
)

const (
	// workers is how many templates are reconciled at once: they only look things up.
	workers = 4
	// lookAgain is when a template is looked at again whose cluster or instance type
	// isn't known.
	lookAgain = time.Minute
	// observeTimeout bounds the wait for the first listing of instance types.
	observeTimeout = 30 * time.Second
	// firstRetry and lastRetry bound the time between attempts that fail.
	firstRetry, lastRetry = time.Second, 2 * time.Minute
)

// Options are what a Reconciler is made of.
type Options struct {
	// Client reads and writes AWSMachineTemplates, and reads AWSClusters, at the hub
	// version, from a cache.
	Client client.Client
	// Host reads the Clusters of the management cluster.
	Host client.Reader
	// Sessions and Mirror are the way to AWS. The mirror keeps mirror.MachineTables.
	Sessions engine.Sessions
	Mirror   *mirror.Mirror
	// WatchFilter, unless empty, is the value of the label
	// cluster.x-k8s.io/watch-filter of the objects to reconcile.
	WatchFilter string
}

// Reconciler keeps the status of AWSMachineTemplates.
type Reconciler struct{ Options }

var _ reconcile.Reconciler = (*Reconciler)(nil)

// New makes a reconciler.
func New(o Options) *Reconciler { return &Reconciler{o} }

// Reconcile fills one template's status.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	obj := &infrav1.AWSMachineTemplate{}
	if err := r.Client.Get(ctx, req.NamespacedName, obj); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !obj.DeletionTimestamp.IsZero() || len(obj.Status.Capacity) > 0 && obj.Status.NodeInfo != nil {
		return ctrl.Result{}, nil // neither spec nor instance type ever changes
	}
	_, infra, err := infrastructure.Find(ctx, r.Client, r.Host, obj.Namespace, related.ClusterName(obj))
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("reading what AWSMachineTemplate %s belongs to: %w", req, err)
	}
	if infra == nil {
		return ctrl.Result{RequeueAfter: lookAgain}, nil
	}
	snap, err := r.observe(ctx, infra)
	if err != nil {
		return ctrl.Result{}, err
	}
	spec := &obj.Spec.Template.Spec
	row, ok := mirror.Get(snap, mirror.InstanceTypes, spec.InstanceType)
	if !ok {
		log.FromContext(ctx).Info("The instance type isn't offered", "instanceType", spec.InstanceType, "region", infra.Region)
		return ctrl.Result{RequeueAfter: lookAgain}, nil
	}
	before := obj.Status.DeepCopy()
	obj.Status.Capacity, obj.Status.NodeInfo = instance.Capacity(row, spec), instance.NodeInfo(row)
	if equality.Semantic.DeepEqual(*before, obj.Status) {
		return ctrl.Result{}, nil
	}
	if err := r.Client.Status().Update(ctx, obj); err != nil && !apierrors.IsNotFound(err) {
		return ctrl.Result{}, err
	}
	return ctrl.Result{}, nil
}

// observe returns a snapshot in which the region's instance types were seen.
func (r *Reconciler) observe(ctx context.Context, infra *infrastructure.Cluster) (*mirror.Snapshot, error) {
	session, err := r.Sessions.For(ctx, infra.Site)
	if err != nil {
		return nil, err
	}
	r.Mirror.WantFor("templates/"+session.Scope.String()+"/"+session.Identity, session, observeTimeout)
	if snap := r.Mirror.Snapshot(session.Scope); snap.Seen(mirror.InstanceTypes.Kind) {
		return snap, nil
	}
	ctx, cancel := context.WithTimeout(ctx, observeTimeout)
	defer cancel()
	if err := r.Mirror.Refresh(ctx, session.Scope, time.Hour, mirror.InstanceTypes.Kind); err != nil {
		return nil, err
	}
	return r.Mirror.Snapshot(session.Scope), nil
}

// Setup adds a controller to the manager that runs the reconciler. ours is the
// cache of AWSMachineTemplates.
func (r *Reconciler) Setup(mgr manager.Manager, ours cache.Cache) error {
	c, err := controller.New("awsmachinetemplate", mgr, controller.Options{
		Reconciler:              r,
		MaxConcurrentReconciles: workers,
		RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstRetry, lastRetry),
	})
	if err != nil {
		return err
	}
	return c.Watch(source.Kind(ours, &infrav1.AWSMachineTemplate{}, &handler.TypedEnqueueRequestForObject[*infrav1.AWSMachineTemplate]{},
		predicate.NewTypedPredicateFuncs(r.mine)))
}

// mine tells whether an object is for this process.
func (r *Reconciler) mine(obj *infrav1.AWSMachineTemplate) bool {
	return r.WatchFilter == "" || obj.Labels[clusterv1.WatchLabel] == r.WatchFilter
}
