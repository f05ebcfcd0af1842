package awsmachinepool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bootstrap"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/machinepool"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// memory is what this process knows of an object beyond what the object says.
type memory struct {
	// object is what was stored in the bucket; objectRemoved tells that it is gone.
	object        storedObject
	objectRemoved bool
}

// worker is one object in one pass or read.
type worker struct {
	engine.Idle
	Options
	scene   engine.Scene[*infrav1.AWSMachinePool]
	pass    *engine.Pass[*infrav1.AWSMachinePool]
	obj     *infrav1.AWSMachinePool
	related related
	memory  *memory

	// What the launch template needs, once it was read.
	data    *bootstrap.Data
	imageID string
	image   *ec2types.Image
	// machinesLeft is how many AWSMachines are there after the group.
	machinesLeft int
}

func begin(ctx context.Context, scene engine.Scene[*infrav1.AWSMachinePool], o Options) (*worker, error) {
	rel, err := relativesOf(ctx, scene.Ours, scene.Host, scene.Object)
	if err != nil {
		return nil, err
	}
	w := &worker{Options: o, scene: scene, pass: scene.Pass, obj: scene.Object, related: rel}
	if scene.Pass != nil {
		w.memory = scene.Pass.Memory.Own.(*memory)
	}
	return w, nil
}

// Bond says what the pool hangs on.
func (w *worker) Bond() engine.Bond {
	in := Intent{Pool: w.obj}
	b := engine.Bond{Cluster: w.related.cluster, Refs: []engine.Ref{{By: byGroup, Value: w.obj.Name}, {By: byTemplate, Value: in.templateName()}}}
	if w.related.pool == nil {
		b.Awaits = machinepool.Awaits(poolKind)
	}
	if w.related.infra != nil {
		b.Site = &w.related.infra.Site
	}
	return b
}

func (w *worker) intent() Intent {
	in := newIntent(w.obj, w.related, w.scene.Living)
	in.Started, in.Failures = w.scene.Since(in.recordedARN()), engine.FailuresOf(w.obj)
	if w.pass == nil {
		return in
	}
	in.Acting, in.Failures, in.Bootstrap, in.ImageID, in.Image = true, w.pass.Memory.Holds.Failures(), w.data, w.imageID, w.image
	in.Stored, in.ObjectRemoved = w.storedDigest(), w.memory.objectRemoved
	in.Machines, in.MachinesLeft = w.MachinePoolMachines, w.machinesLeft
	return in
}

// View is what a snapshot shows of the pool.
func (w *worker) View(snap *mirror.Snapshot) engine.View[*infrav1.AWSMachinePool] {
	v := observe(w.intent(), snap)
	v.make()
	return v
}

func (w *worker) view() *view { return w.pass.View().(*view) }

// Untouched tells that nothing was ever asked of AWS for the pool: nothing is recorded,
// and before the first creation the condition of the template says more than what is
// waited for.
func (w *worker) Untouched() bool {
	stored := w.pass.Stored()
	if w.obj.Spec.ProviderID != "" || stored.Status.LaunchTemplateID != "" {
		return false
	}
	c, ok := conditions.Stored(stored, areaTemplate)
	return !ok || slices.Contains([]string{infrav1.WaitingForClusterInfrastructureReason, infrav1.WaitingForBootstrapDataReason, conditions.WaitingForObservation}, c.Reason)
}

// Stranded says what to do with a pool whose infrastructure is gone.
func (w *worker) Stranded() string {
	return fmt.Sprintf("the AWSCluster is gone, so that nobody knows with whose credentials "+
		"Auto Scaling group %s and its launch template are to be deleted; delete them, and remove the finalizer %s", w.obj.Name, infrav1.MachinePoolFinalizer)
}

// Before has it written down that something is asked of AWS, before the first time.
func (w *worker) Before(ctx context.Context, ready []plan.Action) error {
	if slices.ContainsFunc(ready, func(a plan.Action) bool { return a.Verb == plan.Create }) && w.Untouched() {
		return w.pass.Project(ctx)
	}
	return nil
}

// Take notes what became of the bootstrap data in the bucket.
func (w *worker) Take(_ context.Context, r plan.Result) engine.Consequence {
	if w.tookObject(r) {
		return engine.Taken
	}
	return engine.Untaken
}

// Follow has the MachinePool and the AWSMachines follow the group.
func (w *worker) Follow(ctx context.Context) error {
	return errors.Join(w.followReplicas(ctx), w.keepMachines(ctx))
}

// followReplicas tells the MachinePool how many instances there are to be, where
// somebody else decides that in AWS.
func (w *worker) followReplicas(ctx context.Context) error {
	v := w.view()
	if v.deleting() || !v.seen() {
		return nil
	}
	return machinepool.Follow(ctx, w.pass.Host, v.Owner, v.group.DesiredCapacity)
}

// Proof is that group and template are not listed after they must be.
func (w *worker) Proof() (time.Time, []mirror.Interest) {
	return w.pass.Visible(), mirror.Whole(mirror.AutoScalingGroups.Kind, mirror.LaunchTemplates.Kind)
}

// Dismiss lets the AWSMachines of the group's instances go.
func (w *worker) Dismiss(ctx context.Context) (gone bool, err error) {
	w.machinesLeft, err = w.dismissAll(ctx)
	return w.machinesLeft == 0, err
}
