package awsfargateprofile

import (
	"context"
	"fmt"
	"slices"
	"time"

	awseks "github.com/aws/aws-sdk-go-v2/service/eks"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eksfargate"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/iamrole"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
	"github.com/capa-apiserver/capa-apiserver/reconcile/related"
)

// memory is what a process knows of an object from one pass to the next.
type memory struct {
	role iamrole.Propagation
}

// worker is one object in one pass or read.
type worker struct {
	engine.Idle
	options Options
	scene   engine.Scene[*infrav1.AWSFargateProfile]
	pass    *engine.Pass[*infrav1.AWSFargateProfile]
	obj     *infrav1.AWSFargateProfile
	memory  *memory

	// cluster and controlPlane are each nil while there is none.
	cluster      *clusterv1.Cluster
	controlPlane *controlplanev1.AWSManagedControlPlane
}

func begin(ctx context.Context, scene engine.Scene[*infrav1.AWSFargateProfile], o Options) (*worker, error) {
	w := &worker{options: o, scene: scene, pass: scene.Pass, obj: scene.Object, memory: &memory{}}
	if scene.Pass != nil {
		w.memory = scene.Pass.Memory.Own.(*memory)
	}
	var err error
	w.cluster, w.controlPlane, err = related.ControlPlane(ctx, scene.Host, scene.Ours, w.obj.Namespace, w.obj.Spec.ClusterName)
	return w, err
}

// Bond says what the profile hangs on.
func (w *worker) Bond() engine.Bond {
	b := engine.Bond{Cluster: w.cluster}
	if w.controlPlane == nil {
		b.Awaits = fmt.Sprintf("Cluster %s and an AWSManagedControlPlane that its spec.controlPlaneRef names; make them, or correct spec.clusterName", w.obj.Spec.ClusterName)
		return b
	}
	site, in := cloud.SiteOf(w.controlPlane), w.intent()
	b.Site = &site
	b.Refs = []engine.Ref{{By: byEKS, Value: w.controlPlane.ClusterName()}, {By: byRole, Value: in.roleName()}}
	return b
}

func (w *worker) intent() Intent {
	in := Intent{Profile: w.obj, Cluster: w.cluster, ControlPlane: w.controlPlane, MakeRoles: w.options.MakeRoles, Living: w.scene.Living, Failures: engine.FailuresOf(w.obj)}
	if w.pass != nil {
		in.Acting, in.Failures = true, w.pass.Memory.Holds.Failures()
	}
	return in
}

// View is what a snapshot shows of the profile.
func (w *worker) View(snap *mirror.Snapshot) engine.View[*infrav1.AWSFargateProfile] {
	return observe(w.intent(), snap)
}

// Untouched tells that nothing was ever asked of AWS for the profile.
func (w *worker) Untouched() bool {
	c, ok := conditions.Stored(w.pass.Stored(), eksfargate.Area)
	return !ok || slices.Contains([]string{infrav1.WaitingForEKSControlPlaneReason, conditions.WaitingForObservation}, c.Reason)
}

// Stranded says what to do with a profile whose control plane is gone.
func (w *worker) Stranded() string {
	return fmt.Sprintf("the AWSManagedControlPlane of Cluster %s is gone, so that nobody knows with whose credentials Fargate profile %s and its role are to be deleted; "+
		"delete what is left of them, and remove the finalizer %s", w.obj.Spec.ClusterName, w.obj.EKSProfileName(), infrav1.FargateProfileFinalizer)
}

// Prepare has the profile go with its cluster: EKS deletes none that has profiles.
func (w *worker) Prepare(ctx context.Context) error {
	leaving := func(obj client.Object) bool { return !obj.GetDeletionTimestamp().IsZero() }
	if w.pass.Deleting() || !leaving(w.cluster) && !leaving(w.controlPlane) {
		return nil
	}
	if err := w.pass.Client.Delete(ctx, w.obj, client.Preconditions{UID: &w.obj.UID}); err != nil {
		return fmt.Errorf("deleting the profile with its cluster: %w", client.IgnoreNotFound(err))
	}
	return nil
}

// Before has it written down that something is asked of AWS, before the first time.
func (w *worker) Before(ctx context.Context, ready []plan.Action) error {
	if slices.ContainsFunc(ready, func(a plan.Action) bool { return a.Verb == plan.Create }) && w.Untouched() {
		return w.pass.Project(ctx)
	}
	return nil
}

// Take notes what AWS needs time for to know it everywhere.
func (w *worker) Take(_ context.Context, r plan.Result) engine.Consequence {
	_, creates := r.Action.Input.(*awseks.CreateFargateProfileInput)
	if w.memory.role.Took(r, areaRole, creates, &w.pass.Memory.Holds, w.pass.Clock.Now()) {
		return engine.Silent
	}
	return engine.Untaken
}

// Proof is that EKS has no such profile after it must be showing it.
func (w *worker) Proof() (time.Time, []mirror.Interest) {
	return w.pass.Visible(), w.pass.View().(*view).profile.Wants()
}
