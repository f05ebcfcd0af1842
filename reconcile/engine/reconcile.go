package engine

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/cluster-api/util/annotations"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/log"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
)

// Reconcile brings one object closer to what it says.
func (e *Engine[T]) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	e.begin.Do(func() { e.started = e.Clock.Now() })
	obj, err := e.get(ctx, req.NamespacedName)
	if apierrors.IsNotFound(err) {
		e.forget(req.NamespacedName)
		return ctrl.Result{}, nil
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	if !e.mine(obj) {
		e.forget(req.NamespacedName)
		return ctrl.Result{}, nil
	}
	p := &Pass[T]{Engine: e, Object: obj, stored: obj.DeepCopyObject().(T), Memory: e.memory(obj)}
	result, err := p.reconcile(ctx)
	if apierrors.IsConflict(err) {
		// Somebody else wrote the object. Until the cache shows that, what was written
		// here last stays the newest known: it holds the journal.
		return ctrl.Result{RequeueAfter: time.Second}, nil
	}
	if apierrors.IsNotFound(err) && p.began {
		return ctrl.Result{RequeueAfter: time.Second}, nil // it went meanwhile, which the cache will show
	}
	return result, err
}

// unbound tells that nothing can be said of an object but what it waits for. What was
// there keeps its status: who restores or moves objects sets the reference later.
func unbound(obj Object, bond Bond) bool {
	return bond.Awaits != "" && !bond.Usual && obj.GetDeletionTimestamp().IsZero() && !obj.Provisioned()
}

// await says what the object waits for.
func (p *Pass[T]) await(ctx context.Context) error {
	log.FromContext(ctx).Info("Waiting for " + p.bond.Awaits)
	if !unbound(p.Object, p.bond) {
		return nil
	}
	replace(p.Object, conditions.Condition{Type: infrav1.ReadyCondition, Reason: infrav1.WaitingForOwnerReason, Severity: clusterv1.ConditionSeverityInfo,
		Message: "waiting for " + p.bond.Awaits})
	return p.writeStatus(ctx)
}

// mine tells whether an object is for this process, whatever told of it.
func (e *Engine[T]) mine(obj client.Object) bool {
	return !annotations.IsExternallyManaged(obj) && (e.WatchFilter == "" || obj.GetLabels()[clusterv1.WatchLabel] == e.WatchFilter)
}

func (p *Pass[T]) reconcile(ctx context.Context) (ctrl.Result, error) {
	var err error
	p.worker, err = p.kind.Begin(ctx, Scene[T]{Object: p.Object, Ours: p.Client, Host: p.Host, Living: p.Living, Since: p.since, Pass: p})
	if err != nil {
		return ctrl.Result{}, fmt.Errorf("reading what %s %s belongs to: %w", p.kind.Name, p.Key(), err)
	}
	defer p.worker.Close()
	p.bond, p.began = p.worker.Bond(), true
	if p.bond.Awaits != "" && !p.Deleting() {
		return ctrl.Result{}, p.await(ctx)
	}
	p.paused = annotations.HasPaused(p.Object) || p.bond.Cluster != nil && annotations.IsPaused(p.bond.Cluster, p.Object)
	setPaused(p.Object, p.paused)
	if p.paused {
		return p.run(ctx)
	}
	if p.Deleting() {
		if !controllerutil.ContainsFinalizer(p.Object, p.kind.Finalizer) {
			return ctrl.Result{}, nil
		}
	} else if controllerutil.AddFinalizer(p.Object, p.kind.Finalizer) {
		if err := p.update(ctx); err != nil {
			return ctrl.Result{}, err
		}
	}
	return p.run(ctx)
}
