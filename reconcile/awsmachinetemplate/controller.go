// Package awsmachinetemplate tells in the status of AWSMachineTemplates what a
// machine of theirs would have, so that an autoscaler can scale from zero.
package awsmachinetemplate

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
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
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
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

// Sessions gives sessions by identity.
type Sessions interface {
	For(ctx context.Context, site cloud.Site) (*cloud.Session, error)
}

// Options are what a Reconciler is made of.
type Options struct {
	// Client reads and writes AWSMachineTemplates, and reads AWSClusters, at the hub
	// version, from a cache.
	Client client.Client
	// Host reads the Clusters of the management cluster.
	Host client.Reader
	// Sessions and Mirror are the way to AWS. The mirror keeps mirror.MachineTables.
	Sessions Sessions
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
	infra, err := r.infrastructure(ctx, obj)
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
		log.FromContext(ctx).Info("The instance type isn't offered", "instanceType", spec.InstanceType, "region", infra.Spec.Region)
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
func (r *Reconciler) observe(ctx context.Context, infra *infrav1.AWSCluster) (*mirror.Snapshot, error) {
	session, err := r.Sessions.For(ctx, cloud.SiteOf(infra))
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

// infrastructure returns the AWSCluster that the template's owner or label leads
// to; nil while there is none.
func (r *Reconciler) infrastructure(ctx context.Context, obj *infrav1.AWSMachineTemplate) (*infrav1.AWSCluster, error) {
	name := obj.Labels[clusterv1.ClusterNameLabel]
	for _, ref := range obj.OwnerReferences {
		if group, err := schema.ParseGroupVersion(ref.APIVersion); err == nil && ref.Kind == clusterv1.ClusterKind && group.Group == clusterv1.GroupVersion.Group {
			name = ref.Name
		}
	}
	if name == "" {
		return nil, nil
	}
	owner := &clusterv1.Cluster{}
	if err := r.Host.Get(ctx, client.ObjectKey{Namespace: obj.Namespace, Name: name}, owner); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	ref := owner.Spec.InfrastructureRef
	if ref.Kind != "AWSCluster" || ref.APIGroup != infrav1.GroupName {
		return nil, nil
	}
	infra := &infrav1.AWSCluster{}
	if err := r.Client.Get(ctx, client.ObjectKey{Namespace: obj.Namespace, Name: ref.Name}, infra); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	return infra, nil
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
