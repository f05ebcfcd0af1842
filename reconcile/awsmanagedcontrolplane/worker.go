package awsmanagedcontrolplane

import (
	"context"
	"time"

	awseks "github.com/aws/aws-sdk-go-v2/service/eks"
	corev1 "k8s.io/api/core/v1"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eksupdate"
	"github.com/capa-apiserver/capa-apiserver/reconcile/endpoint"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/foundation"
	"github.com/capa-apiserver/capa-apiserver/reconcile/iamrole"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
	"github.com/capa-apiserver/capa-apiserver/reconcile/related"
)

// memory is what a process knows of an object from one pass to the next.
type memory struct {
	foundation.Memory
	// settled is the update of which the cluster was read after its end.
	settled string
	role    iamrole.Propagation
	// advice is what EKS said last of an upgrade, nil while none is asked for.
	advice *advice
	// issues, ahead, addons and update are what was told last of the cluster's health, its
	// version, its add-ons and its updates.
	issues, ahead, addons, update string
}

// worker is one object in one pass or read.
type worker struct {
	foundation.Worker[*controlplanev1.AWSManagedControlPlane]
	options Options
	pass    *engine.Pass[*controlplanev1.AWSManagedControlPlane]
	obj     *controlplanev1.AWSManagedControlPlane
	memory  *memory
	nodes   Nodes
}

func begin(ctx context.Context, scene engine.Scene[*controlplanev1.AWSManagedControlPlane], o Options) (*worker, error) {
	m := &memory{}
	if scene.Pass != nil {
		m = scene.Pass.Memory.Own.(*memory)
	}
	base, err := foundation.Begin(ctx, scene, o.Images, &m.Memory)
	w := &worker{Worker: base, options: o, pass: scene.Pass, obj: scene.Object, memory: m}
	if err == nil && scene.Object.DeletionTimestamp.IsZero() {
		w.nodes, err = nodesOf(ctx, scene.Ours, scene.Object.Namespace, related.ClusterName(scene.Object))
	}
	return w, err
}

// Bond says what the control plane hangs on.
func (w *worker) Bond() engine.Bond {
	b := w.Worker.Bond(cloud.SiteOf(w.obj), "AWSManagedControlPlane", "controlPlaneRef", w.obj.Spec.Network.VPC.ID)
	in := w.intent()
	b.Refs = append(b.Refs, engine.Ref{By: byEKS, Value: w.obj.ClusterName()}, engine.Ref{By: byRole, Value: in.roleName()})
	return b
}

func (w *worker) intent() Intent {
	in := NewIntent(w.obj, w.Owner)
	in.Known, in.MakeRoles, in.RolePolicies, in.Settled = w.Known(nil), w.options.MakeRoles, w.options.RolePolicies, w.memory.settled
	in.Nodes, in.Advice = w.nodes, w.memory.advice
	if w.pass != nil && w.pass.Session != nil {
		in.AtEndpoint = func(e *endpoint.Intent) endpoint.Facts { return w.options.Endpoints.Facts(w.pass.Session, e) }
	}
	if u := w.obj.Status.Update; w.pass != nil && u != nil {
		in.RetryFailed = !w.pass.Clock.Now().Before(u.Since.Add(eksupdate.RetryFailed))
	}
	return in
}

// View is what a snapshot shows of the control plane.
func (w *worker) View(snap *mirror.Snapshot) engine.View[*controlplanev1.AWSManagedControlPlane] {
	return observe(w.intent(), snap)
}

func (w *worker) view() *view { return w.pass.View().(*view) }

// Look reads the cluster once more when an update of it has ended: until then it may look as
// if nothing had been done.
func (w *worker) Look(ctx context.Context) error {
	if err := w.Worker.Look(ctx); err != nil {
		return err
	}
	if ending := w.view().cluster.Updates.Ending; ending != "" {
		if err := w.pass.Mirror.RefreshOf(ctx, w.pass.Session.Scope, 0, w.view().cluster.Intent.Wants()...); err != nil {
			return err
		}
		w.memory.settled = ending
		w.pass.Changed()
		w.tellUpdate()
	}
	return nil
}

// tellUpdate tells how an update ended, before what follows from that is told, and whether
// there was one.
func (w *worker) tellUpdate() bool {
	e := w.view().cluster.Updates.News("EKS cluster " + w.view().cluster.Name)
	if e != nil {
		w.tell(&w.memory.update, e.Type, e.Reason, e.Message)
	}
	return e != nil
}

// Prepare looks at what the foundation needs, and at what is at the cluster's endpoint.
func (w *worker) Prepare(ctx context.Context) error {
	if err := w.Worker.Prepare(ctx); err != nil {
		return err
	}
	if v := w.view(); v.cluster.Active() && !w.pass.Deleting() { // before it is tried again
		w.tell(&w.memory.addons, corev1.EventTypeWarning, controlplanev1.EKSAddonsConfiguredFailedReason, v.parts.Addons.Trouble())
	}
	w.lookAtUpgrade(ctx)
	return w.lookAtEndpoint(ctx)
}

// Take notes what AWS needs time for to know it everywhere.
func (w *worker) Take(ctx context.Context, r plan.Result) engine.Consequence {
	_, creates := r.Action.Input.(*awseks.CreateClusterInput)
	if w.memory.role.Took(r, areaRole, creates, &w.pass.Memory.Holds, w.pass.Clock.Now()) {
		return engine.Silent
	}
	if endpoint.Is(r.Action) {
		return w.tookAtEndpoint(r)
	}
	return w.Worker.Take(ctx, r)
}

// Settle comes back when an update that failed may be tried again.
func (w *worker) Settle(ctx context.Context, left plan.Plan) (time.Duration, error) {
	again, err := w.Worker.Settle(ctx, left)
	if w.tellUpdate() {
		return time.Millisecond, err // what is next waits for the status to be written
	}
	if at := w.view().cluster.Updates.Again(); err == nil && again == 0 && !at.IsZero() && !w.pass.Deleting() {
		again = max(at.Sub(w.pass.Clock.Now()), 0)
	}
	if a := w.memory.advice; err == nil && a != nil && len(a.against) > 0 && (again == 0 || adviceAge < again) {
		again = adviceAge
	}
	if at := w.options.Endpoints.Again(w.pass.Session, &w.view().endpoint); err == nil && at != 0 && (again == 0 || at < again) {
		again = at
	}
	return again, err
}

// Dismiss forgets what was at the endpoint.
func (w *worker) Dismiss(ctx context.Context) (bool, error) {
	gone, err := w.Worker.Dismiss(ctx)
	if gone && err == nil {
		w.options.Endpoints.Forget(w.pass.Session, &w.view().endpoint)
	}
	return gone, err
}

// Proof is that all was read after the deletion began.
func (w *worker) Proof() (time.Time, []mirror.Interest) {
	visible, _ := w.Worker.Proof()
	return visible, w.view().Wants()
}
