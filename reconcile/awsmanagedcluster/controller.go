// Package awsmanagedcluster keeps AWSManagedClusters, which show Cluster API what their control
// plane has: the endpoint and the failure domains. AWS is asked for nothing.
package awsmanagedcluster

import (
	"context"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/ptr"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/annotations"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/related"
)

// workers is how many are reconciled at once: they only copy.
const workers = 4

// Options are what a Reconciler is made of.
type Options struct {
	// Client reads and writes AWSManagedClusters, and reads control planes, from a cache.
	Client client.Client
	// Host reads the Clusters of the management cluster.
	Host client.Reader
	// WatchFilter, unless empty, is the value of the label cluster.x-k8s.io/watch-filter of
	// the objects to reconcile.
	WatchFilter string
}

// Reconciler keeps AWSManagedClusters.
type Reconciler struct{ Options }

var _ reconcile.Reconciler = (*Reconciler)(nil)

// New makes a reconciler.
func New(o Options) *Reconciler { return &Reconciler{o} }

// Reconcile brings one object up to date.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	obj := &infrav1.AWSManagedCluster{}
	if err := r.Client.Get(ctx, req.NamespacedName, obj); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !obj.DeletionTimestamp.IsZero() || annotations.IsExternallyManaged(obj) || r.WatchFilter != "" && obj.Labels[clusterv1.WatchLabel] != r.WatchFilter {
		return ctrl.Result{}, nil
	}
	cluster, plane, err := r.controlPlane(ctx, obj)
	if err != nil || cluster == nil {
		return ctrl.Result{}, err
	}
	paused := annotations.IsPaused(cluster, obj)
	if !paused && plane != nil && obj.Spec.ControlPlaneEndpoint.IsZero() && !plane.Spec.ControlPlaneEndpoint.IsZero() {
		obj.Spec.ControlPlaneEndpoint = plane.Spec.ControlPlaneEndpoint
		if err := r.Client.Update(ctx, obj); err != nil {
			return again(err)
		}
	}
	before := obj.Status.DeepCopy()
	if !paused {
		show(obj, plane)
	}
	setConditions(obj, paused)
	if equality.Semantic.DeepEqual(*before, obj.Status) {
		return ctrl.Result{}, nil
	}
	conditions.Stamp(obj, metav1.Now())
	return again(r.Client.Status().Update(ctx, obj))
}

// again has a conflict tried once more: somebody else wrote the object.
func again(err error) (ctrl.Result, error) {
	switch {
	case apierrors.IsConflict(err):
		return ctrl.Result{RequeueAfter: time.Second}, nil
	case apierrors.IsNotFound(err):
		return ctrl.Result{}, nil
	}
	return ctrl.Result{}, err
}

// controlPlane returns the Cluster of an object and its control plane, each nil while it
// isn't there.
func (r *Reconciler) controlPlane(ctx context.Context, obj *infrav1.AWSManagedCluster) (*clusterv1.Cluster, *controlplanev1.AWSManagedControlPlane, error) {
	name := related.OwnerName(obj, clusterv1.ClusterKind)
	if name == "" {
		return nil, nil, nil
	}
	return related.ControlPlane(ctx, r.Host, r.Client, obj.Namespace, name)
}

// show copies what the control plane has. There is nothing else to be made, so that Cluster
// API may go on at once.
func show(obj *infrav1.AWSManagedCluster, plane *controlplanev1.AWSManagedControlPlane) {
	obj.Status.Initialization, obj.Status.Ready = &infrav1.Initialization{Provisioned: ptr.To(true)}, true
	if plane != nil {
		obj.Status.FailureDomains = slices.Clone(plane.Status.FailureDomains)
	}
}

func setConditions(obj *infrav1.AWSManagedCluster, paused bool) {
	pause := conditions.Condition{Type: infrav1.PausedCondition, OK: paused, Reason: clusterv1.NotPausedReason, Severity: clusterv1.ConditionSeverityInfo}
	if paused {
		pause.Reason, pause.Message = clusterv1.PausedReason, "the Cluster's spec.paused or the annotation "+clusterv1.PausedAnnotation+" keeps everything as it is"
	}
	ready := conditions.Condition{Type: infrav1.ReadyCondition, OK: !obj.Spec.ControlPlaneEndpoint.IsZero()}
	if !ready.OK {
		ready.Reason, ready.Severity, ready.Message = infrav1.InProgressReason, clusterv1.ConditionSeverityInfo, "waiting for the control plane to have an endpoint"
	}
	conditions.Replace(obj, []conditions.Condition{pause, ready}, []string{pause.Type, ready.Type}, obj.Generation)
}

// Setup adds a controller to the manager that runs the reconciler. ours is the cache of the
// infrastructure kinds, host that of the management cluster's.
func (r *Reconciler) Setup(mgr manager.Manager, ours, host cache.Cache) error {
	c, err := controller.New("awsmanagedcluster", mgr, controller.Options{
		Reconciler: r, MaxConcurrentReconciles: workers,
		RateLimiter: workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](engine.FirstRetry, engine.LastRetry),
	})
	if err != nil {
		return err
	}
	for _, s := range []source.Source{
		source.Kind(ours, &infrav1.AWSManagedCluster{}, &handler.TypedEnqueueRequestForObject[*infrav1.AWSManagedCluster]{}),
		source.Kind(ours, &controlplanev1.AWSManagedControlPlane{}, handler.TypedEnqueueRequestsFromMapFunc(r.ofControlPlane)),
		source.Kind(host, &clusterv1.Cluster{}, handler.TypedEnqueueRequestsFromMapFunc(ofCluster)),
	} {
		if err := c.Watch(s); err != nil {
			return err
		}
	}
	return nil
}

// ofControlPlane returns the AWSManagedCluster beside a control plane.
func (r *Reconciler) ofControlPlane(ctx context.Context, plane *controlplanev1.AWSManagedControlPlane) []reconcile.Request {
	cluster := &clusterv1.Cluster{}
	if r.Host.Get(ctx, client.ObjectKey{Namespace: plane.Namespace, Name: related.ClusterName(plane)}, cluster) != nil {
		return nil // the Cluster's own event comes
	}
	return ofCluster(ctx, cluster)
}

// ofCluster returns the AWSManagedCluster of a Cluster.
func ofCluster(_ context.Context, c *clusterv1.Cluster) []reconcile.Request {
	ref := c.Spec.InfrastructureRef
	if ref.Kind != "AWSManagedCluster" || ref.APIGroup != infrav1.GroupName {
		return nil
	}
	return engine.Requests(client.ObjectKey{Namespace: c.Namespace, Name: ref.Name})
}
