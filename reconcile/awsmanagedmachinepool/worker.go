package awsmanagedmachinepool

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	awseks "github.com/aws/aws-sdk-go-v2/service/eks"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bootstrap"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eksupdate"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/iamrole"
	"github.com/capa-apiserver/capa-apiserver/reconcile/infrastructure"
	"github.com/capa-apiserver/capa-apiserver/reconcile/machinepool"
	"github.com/capa-apiserver/capa-apiserver/reconcile/nodegroup"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
	"github.com/capa-apiserver/capa-apiserver/reconcile/related"
)

const (
	// quiet is for how long nothing may have changed before nodes are replaced: who changes
	// several objects at once has them replaced once.
	quiet = 3 * time.Second
	// doubtAgain is when EKS is asked again what is wrong with a node group.
	doubtAgain = time.Minute
)

// memory is what a process knows of an object from one pass to the next.
type memory struct {
	role iamrole.Propagation
	// settled is the update of which the node group was read after its end.
	settled string
	// wanted is what nodes are replaced for, and wantedSince when that changed last.
	wanted      string
	wantedSince time.Time
	// doubted is when EKS was asked last what is wrong.
	doubted time.Time
	// told is the update whose end was told last.
	told string
}

// worker is one object in one pass or read.
type worker struct {
	engine.Idle
	options Options
	scene   engine.Scene[*infrav1.AWSManagedMachinePool]
	pass    *engine.Pass[*infrav1.AWSManagedMachinePool]
	obj     *infrav1.AWSManagedMachinePool
	memory  *memory

	// owner, cluster and controlPlane are each nil while there is none.
	owner        *clusterv1.MachinePool
	cluster      *clusterv1.Cluster
	controlPlane *controlplanev1.AWSManagedControlPlane
	clusterName  string

	// What the launch template needs, once it was read.
	data    *bootstrap.Data
	imageID string
	image   *ec2types.Image
	// unready says what bootstrap data is still to come.
	unready string
}

func begin(ctx context.Context, scene engine.Scene[*infrav1.AWSManagedMachinePool], o Options) (*worker, error) {
	w := &worker{options: o, scene: scene, pass: scene.Pass, obj: scene.Object, memory: &memory{}}
	if scene.Pass != nil {
		w.memory = scene.Pass.Memory.Own.(*memory)
	}
	var err error
	if w.owner, w.clusterName, err = machinepool.Owner(ctx, scene.Host, w.obj); err != nil || w.clusterName == "" {
		return w, err
	}
	w.cluster, w.controlPlane, err = related.ControlPlane(ctx, scene.Host, scene.Ours, w.obj.Namespace, w.clusterName)
	return w, err
}

// Bond says what the pool hangs on.
func (w *worker) Bond() engine.Bond {
	b := engine.Bond{Cluster: w.cluster}
	if w.owner == nil {
		b.Awaits = machinepool.Awaits(poolKind)
	} else if w.controlPlane == nil {
		b.Awaits = fmt.Sprintf("Cluster %s and an AWSManagedControlPlane that its spec.controlPlaneRef names; make them, or correct spec.clusterName of the MachinePool", w.clusterName)
	}
	if w.controlPlane == nil {
		return b
	}
	site, in := cloud.SiteOf(w.controlPlane), w.intent()
	b.Site = &site
	cluster := w.controlPlane.ClusterName()
	b.Refs = []engine.Ref{{By: byEKS, Value: cluster}, {By: byNodegroup, Value: mirror.NameIn(cluster, w.obj.NodegroupName())}, {By: byRole, Value: in.roleName()}}
	if in.made() {
		b.Refs = append(b.Refs, engine.Ref{By: byTemplate, Value: in.templateName()})
	}
	return b
}

func (w *worker) intent() Intent {
	in := Intent{Pool: w.obj, Owner: w.owner, Cluster: w.cluster, ControlPlane: w.controlPlane, Infra: infrastructure.OfAWSManagedControlPlane(w.controlPlane, w.clusterName),
		MakeRoles: w.options.MakeRoles, RolePolicies: w.options.RolePolicies, Living: w.scene.Living, Failures: engine.FailuresOf(w.obj), Settled: w.memory.settled}
	if w.pass == nil {
		return in
	}
	in.Acting, in.Failures = true, w.pass.Memory.Holds.Failures()
	in.Bootstrap, in.ImageID, in.Image, in.Unsettled = w.data, w.imageID, w.image, w.unready
	if in.Unsettled == "" && w.left() > 0 {
		in.Unsettled = "a moment, since more may change that has nodes replaced"
	}
	if u := w.obj.Status.Update; u != nil {
		in.RetryFailed = !w.pass.Clock.Now().Before(u.Since.Add(eksupdate.RetryFailed))
	}
	return in
}

// left is how long it is until nothing changed for a while.
func (w *worker) left() time.Duration {
	return w.memory.wantedSince.Add(quiet).Sub(w.pass.Clock.Now())
}

// View is what a snapshot shows of the pool.
func (w *worker) View(snap *mirror.Snapshot) engine.View[*infrav1.AWSManagedMachinePool] {
	return observe(w.intent(), snap)
}

func (w *worker) view() *view { return w.pass.View().(*view) }

// Untouched tells that nothing was ever asked of AWS for the pool.
func (w *worker) Untouched() bool {
	c, ok := conditions.Stored(w.pass.Stored(), nodegroup.Area)
	return !ok || slices.Contains([]string{infrav1.WaitingForEKSControlPlaneReason, conditions.WaitingForObservation}, c.Reason)
}

// Stranded says what to do with a pool whose control plane is gone.
func (w *worker) Stranded() string {
	return fmt.Sprintf("the AWSManagedControlPlane of Cluster %s is gone, so that nobody knows with whose credentials node group %s and what was made for it are to be deleted; "+
		"delete what is left of them, and remove the finalizer %s", w.clusterName, w.obj.NodegroupName(), infrav1.ManagedMachinePoolFinalizer)
}

// Look reads the node group once more when an update of it has ended, since until then it may
// look as if nothing had been done, and where its Auto Scaling group isn't as it should be.
func (w *worker) Look(ctx context.Context) error {
	v := w.view()
	ending, now := v.nodegroup.Updates.Ending, w.pass.Clock.Now()
	switch {
	case ending != "":
		stale := v.nodegroup.Intent.Wants()
		if group := v.nodegroup.GroupName(); group != "" {
			stale = append(stale, mirror.Interest{Kind: mirror.AutoScalingGroups.Kind, IDs: []string{group}})
		}
		if err := w.pass.Mirror.RefreshOf(ctx, w.pass.Session.Scope, 0, stale...); err != nil {
			return err
		}
		w.memory.settled = ending
	case v.nodegroup.Doubtful() && now.Sub(w.memory.doubted) >= doubtAgain:
		w.memory.doubted = now
		_ = w.pass.Mirror.RefreshOf(ctx, w.pass.Session.Scope, 0, v.nodegroup.Intent.Wants()...) // that it fails shows in the table
	default:
		return nil
	}
	w.pass.Changed()
	w.tellUpdate()
	return nil
}

// tellUpdate tells how an update ended, before what follows from that is told, and whether
// there was one.
func (w *worker) tellUpdate() bool {
	updates := w.view().nodegroup.Updates
	e := updates.News("node group " + w.view().nodegroup.Name)
	if e != nil && w.memory.told != updates.Current.ID {
		w.pass.Event(e.Type, e.Reason, e.Message)
		w.memory.told = updates.Current.ID
	}
	return e != nil
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
	_, creates := r.Action.Input.(*awseks.CreateNodegroupInput)
	if w.memory.role.Took(r, areaRole, creates, &w.pass.Memory.Holds, w.pass.Clock.Now()) {
		return engine.Silent
	}
	return engine.Untaken
}

// Settle comes back when something may be done that waits for time only.
func (w *worker) Settle(context.Context, plan.Plan) (again time.Duration, err error) {
	sooner := func(d time.Duration) {
		if again == 0 || d < again {
			again = max(d, time.Millisecond)
		}
	}
	updates := w.view().nodegroup.Updates
	if w.tellUpdate() {
		sooner(time.Millisecond) // what is next waits for the status to be written
	}
	if left := w.left(); left > 0 {
		sooner(left)
	}
	if at := updates.Again(); !at.IsZero() && !w.pass.Deleting() && at.After(w.pass.Clock.Now()) {
		sooner(at.Sub(w.pass.Clock.Now()))
	}
	return again, nil
}

// Follow has the MachinePool follow the group.
func (w *worker) Follow(ctx context.Context) error {
	v := w.view()
	if v.deleting() || v.nodegroup.Own() == nil || v.nodegroup.Group == nil {
		return nil
	}
	return machinepool.Follow(ctx, w.pass.Host, w.owner, v.nodegroup.Group.DesiredCapacity)
}

// Proof is that EKS has no such node group, and EC2 no such launch template, after they must
// be showing them.
func (w *worker) Proof() (time.Time, []mirror.Interest) {
	v := w.view()
	of := v.nodegroup.Intent.Wants()
	if v.made() {
		of = append(of, mirror.Whole(mirror.LaunchTemplates.Kind)...)
	}
	return w.pass.Visible(), of
}

// wantedNow tells apart what nodes are replaced for.
func (w *worker) wantedNow() string {
	var owner int64
	if w.owner != nil {
		owner = w.owner.Generation
	}
	digest := ""
	if w.data != nil {
		digest = bootstrap.Digest(w.data.Value)
	}
	return fmt.Sprint(w.obj.Generation, owner, digest, w.imageID, w.unready, aws.ToString(w.controlPlane.Spec.Version))
}
