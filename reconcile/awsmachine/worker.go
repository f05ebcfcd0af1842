package awsmachine

import (
	"context"
	"fmt"
	"slices"
	"time"

	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bootstrap"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// worker is one object in one pass or read.
type worker struct {
	engine.Idle
	*acting
	scene   engine.Scene[*infrav1.AWSMachine]
	pass    *engine.Pass[*infrav1.AWSMachine]
	obj     *infrav1.AWSMachine
	related related
	memory  *memory
	// before is the status as the pass found it.
	before *infrav1.AWSMachineStatus
	// tolerated are the keys of actions that hold nothing up any more.
	tolerated map[string]bool
	// inLine tells that the launch waits for its turn.
	inLine bool
	// poolExhausted is set when the user's address pool had none left.
	poolExhausted bool

	// What a launch needs, once it was read.
	data      *bootstrap.Data
	imageID   string
	image     *ec2types.Image
	objectURL string
}

func begin(ctx context.Context, scene engine.Scene[*infrav1.AWSMachine], a *acting) (*worker, error) {
	rel, err := relativesOf(ctx, scene.Ours, scene.Host, scene.Object)
	if err != nil {
		return nil, err
	}
	w := &worker{acting: a, scene: scene, pass: scene.Pass, obj: scene.Object, related: rel}
	if scene.Pass != nil {
		w.memory, w.before, w.tolerated = scene.Pass.Memory.Own.(*memory), scene.Object.Status.DeepCopy(), map[string]bool{}
	}
	return w, nil
}

// Bond says what the machine hangs on.
func (w *worker) Bond() engine.Bond {
	b := engine.Bond{Cluster: w.related.cluster, Refs: []engine.Ref{{By: byUID, Value: string(w.obj.UID)}, {By: byID, Value: instance.RecordedID(&w.obj.Spec)}}}
	if spec := &w.obj.Spec; len(spec.AdditionalSecurityGroups)+len(spec.SecurityGroupOverrides) > 0 {
		b.Refs = append(b.Refs, engine.Ref{By: byGroups, Value: anyGroup})
	}
	switch {
	case w.related.machine != nil:
	case w.obj.PoolName() != "":
		b.Awaits, b.Usual = "Cluster API to make a Machine of it", true
	default:
		b.Awaits = "the Machine controller to set the owner reference; create a Machine whose spec.infrastructureRef names this AWSMachine, if there is none"
	}
	if infra := w.related.infra; infra != nil {
		b.Site = &infra.Site
		if in := (Intent{Machine: w.obj, Owner: w.related.machine}); in.controlPlane() {
			b.Refs = append(b.Refs, engine.Ref{By: byCluster, Value: infra.Cluster})
		}
	}
	return b
}

func (w *worker) intent() Intent {
	in := newIntent(w.obj, w.related, w.scene.Living)
	in.Started, in.Failures = w.scene.Since(instance.RecordedID(&w.obj.Spec)), engine.FailuresOf(w.obj)
	if w.pass == nil {
		return in
	}
	in.Acting, in.Failures, in.Tolerated = true, w.pass.Memory.Holds.Failures(), w.tolerated
	in.Bootstrap, in.ImageID, in.Image, in.ObjectURL = w.data, w.imageID, w.image, w.objectURL
	in.Stored, in.Removed, in.Proven, in.InLine = w.memory.stored, w.memory.removed, w.memory.proven, w.inLine
	in.Ended, in.PoolExhausted, in.Awaited = w.pass.Ended, w.poolExhausted, w.pass.Awaited
	if w.pass.Deleting() && w.pass.Clock.Now().Before(w.memory.visible) {
		in.Awaited = "secrets with bootstrap data to show, should any be left, which AWS does by " + engine.ClockTime(w.memory.visible)
	}
	if w.pass.Session != nil {
		in.Notice = w.notices.of(w.pass.Session.Scope, &w.obj.Spec)
	}
	return in
}

// View is what a snapshot shows of the machine.
func (w *worker) View(snap *mirror.Snapshot) engine.View[*infrav1.AWSMachine] {
	v := observe(w.intent(), snap)
	v.make()
	return v
}

func (w *worker) view() *view { return w.pass.View().(*view) }

// Untouched tells that nothing was ever asked of AWS for the machine.
func (w *worker) Untouched() bool {
	in := w.intent()
	if instance.RecordedID(&w.obj.Spec) != "" || in.Infra == nil {
		return instance.RecordedID(&w.obj.Spec) == "" || in.pooled()
	}
	c, ok := conditions.Stored(w.pass.Stored(), infrav1.InstanceReadyCondition)
	return len(w.obj.Status.PendingCreations) == 0 &&
		(!ok || slices.Contains([]string{infrav1.WaitingForClusterInfrastructureReason, infrav1.WaitingForBootstrapDataReason, conditions.WaitingForObservation}, c.Reason))
}

// Stranded says what to do with a machine whose infrastructure is gone.
func (w *worker) Stranded() string {
	return fmt.Sprintf("the AWSCluster is gone, so that nobody knows with whose credentials instance %s is to be terminated; terminate it, and remove the finalizer %s",
		instance.RecordedID(&w.obj.Spec), infrav1.MachineFinalizer)
}

// Keeps keeps what kept the machine from being launched, as long as it isn't.
func (w *worker) Keeps(string) bool { return w.view().row == nil && !w.pass.Deleting() }

// Before notes what is about to be asked for.
func (w *worker) Before(_ context.Context, ready []plan.Action) error {
	for _, a := range ready {
		if a.Key != launchKey && a.Verb == plan.Create {
			w.memory.storedAt[a.Key] = w.pass.Clock.Now()
		}
	}
	return nil
}

// Take draws the consequences of a result.
func (w *worker) Take(_ context.Context, r plan.Result) engine.Consequence {
	a, holds, now := r.Action, &w.pass.Memory.Holds, w.pass.Clock.Now()
	switch {
	case instance.PoolExhausted(r) && instance.FallsBack(w.obj.Spec.ElasticIPPool):
		holds.Release(a.Key)
		w.poolExhausted = true
		return engine.Silent // Amazon's pool comes next
	case r.Outcome == plan.Failed && w.tolerate(r):
		holds.Release(a.Key)
		w.tolerated[a.Key] = true
	case r.Outcome == plan.Failed, r.Outcome == plan.Busy:
		return engine.Untaken
	case a.Verb == plan.Delete && a.Area == infrav1.ELBAttachedCondition:
		// It is out, whether or not the targets can be read.
		holds.Did(a, now)
		w.tolerated[a.Key] = true
	case a.Verb == plan.Delete && a.Key == instance.AddressKey:
		// What the journal's entry stands for was there, and is no more.
		holds.Release(a.Key)
		w.pass.Ended[a.Key] = true
	case r.Outcome == plan.Existed && a.Verb != plan.Delete:
		return engine.Untaken
	case a.Verb == plan.Create && a.Key != launchKey:
		holds.Did(a, now)
		w.memory.stored[a.Key] = digest(a)
	case a.Verb == plan.Delete && a.Area == areaBootstrap:
		w.removed(r)
	default:
		return engine.Untaken
	}
	return engine.Taken
}

// tolerate tells that a failure holds nothing up: whoever may not touch load balancers
// may still end machines, and AWS takes ended instances out itself.
func (w *worker) tolerate(r plan.Result) bool {
	if !w.pass.Deleting() || r.Action.Area != infrav1.ELBAttachedCondition {
		return r.Action.Operation == "s3.DeleteObject" && r.Err.Class == cloud.Unauthorized && w.related.infra.BestEffort()
	}
	return r.Err.Class == cloud.Unauthorized || r.Err.Class == cloud.NotFound
}

// removed notes that bootstrap data is gone. What AWS says doesn't exist may have been
// made so shortly before that AWS doesn't show it yet; then it is removed once more when
// AWS must be showing it.
func (w *worker) removed(r plan.Result) {
	key := r.Action.Key
	if !certainlyRemoved(r) {
		made, known := w.memory.storedAt[key]
		if !known {
			made = w.pass.Started()
		}
		if visible := made.Add(w.pass.Snapshot().Grace); w.pass.Clock.Now().Before(visible) {
			w.pass.Memory.Holds.Until(key, areaBootstrap, visible)
			w.memory.visible = visible
			return
		}
	}
	w.pass.Memory.Holds.Release(key)
	delete(w.memory.stored, key)
	w.memory.removed[key] = true
}

// certainlyRemoved tells whether the answer to a removal says that there was something,
// or that there is certainly nothing: S3 always shows what is. Secrets Manager doesn't
// say whether there was a secret to remove at once.
func certainlyRemoved(r plan.Result) bool {
	switch r.Action.Operation {
	case "s3.DeleteObject":
		return true
	case "secretsmanager.DeleteSecret":
		return false
	}
	return r.Outcome == plan.Done
}

// digest tells the contents of stored data apart.
func digest(a plan.Action) string {
	data, err := bootstrap.Content(a.Input)
	if err != nil {
		return ""
	}
	return bootstrap.Digest(data)
}

// Follow tells of what the object says now and didn't before.
func (w *worker) Follow(context.Context) error {
	w.warn(w.before, &w.obj.Status)
	return nil
}

// Proof is that the instance is not listed after it must be, unless AWS tells what has
// become of it.
func (w *worker) Proof() (time.Time, []mirror.Interest) {
	v := w.view()
	visible, tables := w.pass.Visible(), []mirror.Kind{mirror.Instances.Kind}
	switch {
	case v.pooled():
		return time.Time{}, nil
	case v.ownHost():
		tables = append(tables, mirror.Hosts.Kind)
	case v.row != nil || v.foreign != nil || v.vanished():
		return time.Time{}, nil
	}
	return visible, mirror.Whole(tables...)
}

// Close gives the machine's place among those that launch to another one.
func (w *worker) Close() {
	if w.pass.Session != nil {
		w.gate.leave(w.pass.Session.Scope, w.pass.Key())
	}
	if w.pass.Deleting() || w.pass.Paused() {
		w.gate.abandon(w.pass.Key())
	}
}
