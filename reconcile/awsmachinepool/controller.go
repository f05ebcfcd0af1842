package awsmachinepool

import (
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/cluster-api/util/annotations"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/autoscaling"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bootstrap"
	"github.com/capa-apiserver/capa-apiserver/reconcile/perobject"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

const (
	// lookAgain is when an object is looked at again, should nothing have told
	// before; among other things for renewed bootstrap data.
	lookAgain = time.Minute
	// observeTimeout bounds the wait for the first listing of the tables.
	observeTimeout = 30 * time.Second
)

// Reconciler makes AWS match AWSMachinePools.
type Reconciler struct {
	Options
	actor    *plan.Actor
	index    *index
	memories perobject.Memories[memory]
	// started is when this process began to act, as begin says once. It may have
	// looked at AWS for long before, as a standby.
	started time.Time
	begin   sync.Once
}

var _ reconcile.Reconciler = (*Reconciler)(nil)

// New makes a reconciler.
func New(o Options) *Reconciler {
	o = o.withDefaults()
	r := &Reconciler{Options: o, index: newIndex()}
	r.actor = &plan.Actor{Mirror: o.Mirror, Handlers: plan.NewHandlers(autoscaling.Handlers(), bootstrap.Handlers())}
	o.Mirror.Subscribe(r.index.changed)
	return r
}

// Reconcile brings one AWSMachinePool closer to what it says.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	r.begin.Do(func() { r.started = r.Clock.Now() })
	obj := &infrav1.AWSMachinePool{}
	if err := r.Client.Get(ctx, req.NamespacedName, obj); err != nil {
		if apierrors.IsNotFound(err) {
			r.index.remove(req.NamespacedName)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if annotations.IsExternallyManaged(obj) {
		return ctrl.Result{}, nil
	}
	rel, err := relativesOf(ctx, r.Client, r.Host, obj)
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("reading what AWSMachinePool %s belongs to: %w", req, err)
	}
	if rel.pool == nil && obj.DeletionTimestamp.IsZero() {
		log.FromContext(ctx).Info("Waiting for the MachinePool controller to set the owner reference")
		return ctrl.Result{}, nil
	}
	result, err := r.reconcile(ctx, obj, rel)
	if apierrors.IsConflict(err) {
		// Somebody else wrote the object, or the cache is behind.
		return ctrl.Result{RequeueAfter: time.Second}, nil
	}
	return result, err
}

func (r *Reconciler) reconcile(ctx context.Context, obj *infrav1.AWSMachinePool, rel related) (ctrl.Result, error) {
	stored := obj.Status.DeepCopy()
	paused := annotations.HasPaused(obj) || rel.cluster != nil && annotations.IsPaused(rel.cluster, obj)
	setPaused(&obj.Status, paused, obj.Generation)
	if paused {
		return ctrl.Result{}, r.writeStatus(ctx, obj, stored, obj.Status)
	}
	if !obj.DeletionTimestamp.IsZero() {
		if !controllerutil.ContainsFinalizer(obj, infrav1.MachinePoolFinalizer) {
			return ctrl.Result{}, nil
		}
	} else if controllerutil.AddFinalizer(obj, infrav1.MachinePoolFinalizer) {
		if err := r.update(ctx, obj); err != nil {
			return ctrl.Result{}, err
		}
	}
	p := &pass{Reconciler: r, obj: obj, stored: stored, related: rel, memory: r.memories.Of(obj.UID)}
	return p.run(ctx)
}

// update writes spec and metadata. The status of obj stays what it is.
func (r *Reconciler) update(ctx context.Context, obj *infrav1.AWSMachinePool) error {
	status := obj.Status.DeepCopy()
	if err := r.Client.Update(ctx, obj); err != nil {
		return err
	}
	obj.Status = *status
	return nil
}

// writeStatus writes a status, if it differs from the stored one.
func (r *Reconciler) writeStatus(ctx context.Context, obj *infrav1.AWSMachinePool, stored *infrav1.AWSMachinePoolStatus, status infrav1.AWSMachinePoolStatus) error {
	status.Observation = nil
	Stamp(&status, metav1.NewTime(r.Clock.Now()))
	if equality.Semantic.DeepEqual(status, *stored) {
		return nil
	}
	obj.Status = status
	if err := r.Client.Status().Update(ctx, obj); err != nil {
		return err
	}
	*stored = *obj.Status.DeepCopy()
	return nil
}

// forget drops what is known of an object that is gone.
func (r *Reconciler) forget(obj *infrav1.AWSMachinePool) {
	r.index.remove(client.ObjectKeyFromObject(obj))
	r.memories.Forget(obj.UID)
}

// memory is what this process knows of an object beyond what the object says.
// Losing it costs calls and time, never correctness.
type memory struct {
	// tried is when a creation was last asked for.
	tried time.Time
	holds plan.Holds
	// object is what was stored in the bucket; objectRemoved tells that it is gone.
	object        storedObject
	objectRemoved bool
}
