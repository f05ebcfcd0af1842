// Package bootstrapconfig makes the bootstrap data that NodeadmConfigs and EKSConfigs say, and
// keeps it in Secrets. It writes to the host alone: AWS is asked nothing.
package bootstrapconfig

import (
	"context"
	"errors"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/annotations"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
)

const (
	// lookAgain is when a pool's configuration is looked at again: Secrets that it takes
	// content from aren't watched. And when one is that waits, lest a change be missed.
	lookAgain = 5 * time.Minute
	// tryAgain is when one is whose data can't be made, as the reason may be such a Secret.
	tryAgain = 30 * time.Second
)

// Options are what a Reconciler is made of.
type Options struct {
	// Client reads and writes configurations, and reads AWSManagedControlPlanes, at the hub
	// version, from a cache.
	Client client.Client
	// Host reads and writes what is of the management cluster; its Secrets without a cache.
	Host   client.Client
	Events record.EventRecorder
	// WatchFilter, unless empty, is the value of the label cluster.x-k8s.io/watch-filter of
	// the objects to reconcile.
	WatchFilter string
	Concurrency int
	// Clock is the real one if nil.
	Clock clock.PassiveClock
}

// Reconciler makes the data of configurations of one kind.
type Reconciler[T Config] struct {
	Options
	kind kind[T]
}

func newReconciler[T Config](k kind[T], o Options) *Reconciler[T] {
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	return &Reconciler[T]{o, k}
}

// Reconcile makes the data of one configuration, as far as it is needed.
func (r *Reconciler[T]) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	obj := r.kind.empty()
	if err := r.Client.Get(ctx, req.NamespacedName, obj); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !obj.GetDeletionTimestamp().IsZero() || !r.mine(obj) {
		return ctrl.Result{}, nil // the Secret goes with its owner
	}
	stored := obj.DeepCopyObject().(T)
	again, err := r.pass(ctx, obj)
	var why *problem
	if errors.As(err, &why) {
		again, err = why.again, nil
		setUnavailable(obj, why)
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	err = r.writeStatus(ctx, obj, stored)
	switch {
	case apierrors.IsConflict(err):
		return ctrl.Result{RequeueAfter: engine.FirstRetry}, nil // the cache will show what somebody else wrote
	case err != nil:
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	return ctrl.Result{RequeueAfter: again}, nil
}

// mine tells whether an object is for this process.
func (r *Reconciler[T]) mine(obj client.Object) bool {
	return r.WatchFilter == "" || obj.GetLabels()[clusterv1.WatchLabel] == r.WatchFilter
}

// pass is one turn. A *problem says why there is no data, or no data of the spec.
func (r *Reconciler[T]) pass(ctx context.Context, obj T) (again time.Duration, err error) {
	user, err := r.userOf(ctx, obj)
	if err != nil {
		return 0, err
	}
	paused := annotations.HasPaused(obj) || user.cluster != nil && user.cluster.Spec.Paused != nil && *user.cluster.Spec.Paused
	setPaused(obj, paused)
	switch {
	case paused:
		return 0, nil
	case user.awaits != "" && created(obj):
		return 0, nil // who moves or restores objects sets the reference later
	case user.awaits != "":
		return 0, waiting(waitingForOwner, "waiting for "+user.awaits)
	}
	have, err := r.look(ctx, obj)
	if err != nil {
		return 0, err
	}
	if user.once && have != nil {
		// The instance has the data already, or soon will.
		return 0, r.take(ctx, obj, user.cluster, have, have.Data[valueKey])
	}
	data, err := r.data(ctx, obj, user)
	if err != nil {
		return 0, err
	}
	if !user.once {
		again = lookAgain
	}
	return again, r.take(ctx, obj, user.cluster, have, data)
}

// writeStatus stores the status, where it says something else than before.
func (r *Reconciler[T]) writeStatus(ctx context.Context, obj, stored T) error {
	obj.ConfigStatus().ObservedGeneration = obj.GetGeneration()
	if equality.Semantic.DeepEqual(obj.ConfigStatus(), stored.ConfigStatus()) {
		return nil
	}
	conditions.Stamp(obj, metav1.NewTime(r.Clock.Now()))
	return r.Client.Status().Update(ctx, obj)
}

// Setup adds a controller to the manager that runs the reconciler. ours is the cache of
// configurations, host that of the management cluster's objects.
func (r *Reconciler[T]) Setup(mgr manager.Manager, ours, host cache.Cache) error {
	c, err := controller.New(strings.ToLower(r.kind.name), mgr, controller.Options{
		Reconciler:              r,
		MaxConcurrentReconciles: r.Concurrency,
		RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](engine.FirstRetry, engine.LastRetry),
	})
	if err != nil {
		return err
	}
	return errors.Join(
		c.Watch(source.Kind(ours, r.kind.empty(), &handler.TypedEnqueueRequestForObject[T]{})),
		c.Watch(source.Kind(host, &clusterv1.Cluster{}, handler.TypedEnqueueRequestsFromMapFunc(r.ofCluster), clusterChanged)),
		c.Watch(source.Kind(host, &clusterv1.Machine{}, handler.TypedEnqueueRequestsFromMapFunc(r.ofMachine), onlyMade)),
		c.Watch(source.Kind(host, &clusterv1.MachinePool{}, handler.TypedEnqueueRequestsFromMapFunc(r.ofPool), predicate.TypedGenerationChangedPredicate[*clusterv1.MachinePool]{})),
	)
}

// clusterChanged leaves out updates of a Cluster that make no difference here. Its status
// changes often, and it may have thousands of configurations.
var clusterChanged = predicate.TypedFuncs[*clusterv1.Cluster]{UpdateFunc: func(e event.TypedUpdateEvent[*clusterv1.Cluster]) bool {
	return e.ObjectOld.Generation != e.ObjectNew.Generation || !equality.Semantic.DeepEqual(e.ObjectOld.Status.Initialization, e.ObjectNew.Status.Initialization)
}}

// onlyMade lets through that a Machine is there: its configuration may have been seen before it.
var onlyMade = predicate.TypedFuncs[*clusterv1.Machine]{
	UpdateFunc: func(event.TypedUpdateEvent[*clusterv1.Machine]) bool { return false },
	DeleteFunc: func(event.TypedDeleteEvent[*clusterv1.Machine]) bool { return false },
}

// ofCluster are the configurations of a Cluster. Cluster API labels those that are used.
func (r *Reconciler[T]) ofCluster(ctx context.Context, cluster *clusterv1.Cluster) []reconcile.Request {
	return engine.Of(ctx, r.Client, r.kind.list(), cluster.Namespace, cluster.Name)
}

func (r *Reconciler[T]) ofMachine(_ context.Context, machine *clusterv1.Machine) []reconcile.Request {
	return r.named(machine.Namespace, machine.Spec.Bootstrap)
}

func (r *Reconciler[T]) ofPool(_ context.Context, pool *clusterv1.MachinePool) []reconcile.Request {
	return r.named(pool.Namespace, pool.Spec.Template.Spec.Bootstrap)
}

func (r *Reconciler[T]) named(namespace string, by clusterv1.Bootstrap) []reconcile.Request {
	if by.ConfigRef.Kind != r.kind.name {
		return nil
	}
	return engine.Requests(client.ObjectKey{Namespace: namespace, Name: by.ConfigRef.Name})
}
