package awsmachinepool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bootstrap"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// maxRounds bounds the rounds of one pass; the longest chain of things that need
// each other is shorter.
const maxRounds = 8

// pass is one reconciliation of one object.
type pass struct {
	*Reconciler
	obj *infrav1.AWSMachinePool
	// stored is the status as it is in the store.
	stored  *infrav1.AWSMachinePoolStatus
	related related
	memory  *memory
	session *cloud.Session

	// What the launch template needs, once it was read.
	data    *bootstrap.Data
	imageID string
	image   *ec2types.Image
	// machinesLeft is how many AWSMachines are there after the group.
	machinesLeft int
}

func (p *pass) key() client.ObjectKey { return client.ObjectKeyFromObject(p.obj) }

func (p *pass) deleting() bool { return !p.obj.DeletionTimestamp.IsZero() }

func (p *pass) snapshot() *mirror.Snapshot {
	if p.session == nil {
		return mirror.NewSnapshot(cloud.Scope{})
	}
	return p.Mirror.Snapshot(p.session.Scope)
}

func (p *pass) intent() Intent {
	in := newIntent(p.obj, p.related, p.Living)
	in.Started, in.Failures, in.Bootstrap, in.ImageID, in.Image = p.started, p.memory.holds.Failures(), p.data, p.imageID, p.image
	in.Stored, in.ObjectRemoved = p.storedDigest(), p.memory.objectRemoved
	in.Machines, in.MachinesLeft = p.MachinePoolMachines, p.machinesLeft
	return in
}

func (p *pass) view() *view {
	v := observe(p.intent(), p.snapshot())
	v.make()
	return v
}

// run observes, plans and acts until nothing is left that can be done now, and
// then writes the projection.
func (p *pass) run(ctx context.Context) (ctrl.Result, error) {
	ctx = cloud.ForUpkeep(ctx, p.obj.Provisioned())
	if p.related.infra == nil {
		return p.rootless(ctx)
	}
	if err := p.connect(ctx); err != nil {
		return p.disconnected(ctx, err)
	}
	in := p.intent()
	if err := p.observe(ctx, in.Kinds()); err != nil {
		return p.observeFailed(ctx, observeKey, err)
	}
	p.memory.holds.Release(observeKey)
	p.memory.holds.Renew(p.obj.Generation)
	if err := p.prepare(ctx); err != nil {
		return ctrl.Result{}, err
	}
	left, err := p.converge(ctx)
	if err != nil {
		return ctrl.Result{}, err
	}
	if p.deleting() && left.Done() {
		return p.finish(ctx)
	}
	if err := errors.Join(p.project(ctx), p.followReplicas(ctx), p.keepMachines(ctx)); err != nil {
		return ctrl.Result{}, err
	}
	return p.next(), nil
}

// rootless deals with a pool without infrastructure: it waits, or goes if it never
// had a group.
func (p *pass) rootless(ctx context.Context) (ctrl.Result, error) {
	switch {
	case !p.deleting():
		return ctrl.Result{}, p.project(ctx)
	case p.untouched():
		return p.release(ctx)
	}
	setNotReady(&p.obj.Status, infrav1.DeletingFailedReason, fmt.Sprintf("the AWSCluster is gone, so that nobody knows with whose credentials "+
		"Auto Scaling group %s and its launch template are to be deleted; delete them, and remove the finalizer %s", p.obj.Name, infrav1.MachinePoolFinalizer), p.obj.Generation)
	return ctrl.Result{RequeueAfter: lookAgain}, p.writeStatus(ctx, p.obj, p.stored, p.obj.Status)
}

// connect gets the session of the cluster's identity.
func (p *pass) connect(ctx context.Context) error {
	session, err := p.Sessions.For(ctx, cloud.SiteOf(p.related.infra))
	if err != nil {
		return err
	}
	setIdentity(&p.obj.Status, nil, p.obj.Generation)
	p.memory.holds.Release(connectKey)
	p.session = session
	p.Mirror.Watch(session)
	in := p.intent()
	p.index.set(p.key(), entry{scope: session.Scope, group: p.obj.Name, template: in.templateName()})
	return nil
}

// disconnected deals with a pool whose AWS can't be reached as its identity: it
// waits, or goes if nothing of it was ever there.
func (p *pass) disconnected(ctx context.Context, cause error) (ctrl.Result, error) {
	e, ok := cloud.AsIdentityError(cause)
	switch {
	case !ok:
		return ctrl.Result{}, cause
	case p.deleting() && p.untouched():
		return p.release(ctx)
	}
	setIdentity(&p.obj.Status, e, p.obj.Generation)
	if p.deleting() || !p.obj.Provisioned() {
		setNotReady(&p.obj.Status, e.Reason, e.Error(), p.obj.Generation)
	}
	p.memory.holds.Fail(connectKey, "", "", p.Clock.Now())
	return p.again(connectKey), p.writeStatus(ctx, p.obj, p.stored, p.obj.Status)
}

// untouched tells that nothing was ever asked of AWS for the pool: nothing is
// recorded, and before the first creation the condition of the template says more
// than what is waited for.
func (p *pass) untouched() bool {
	if p.obj.Spec.ProviderID != "" || p.stored.LaunchTemplateID != "" {
		return false
	}
	c, ok := conditions.Stored(&infrav1.AWSMachinePool{Status: *p.stored}, areaTemplate)
	return !ok || slices.Contains([]string{infrav1.WaitingForClusterInfrastructureReason, infrav1.WaitingForBootstrapDataReason, ReasonWaitingForObservation}, c.Reason)
}

// observeFailed has it shown, and tried again later.
func (p *pass) observeFailed(ctx context.Context, key string, err error) (ctrl.Result, error) {
	p.memory.holds.Fail(key, areaGroup, cloud.Classify(err).Message, p.Clock.Now())
	return p.again(key), p.project(ctx)
}

// again comes back when the hold of the key ends.
func (p *pass) again(key string) ctrl.Result {
	return ctrl.Result{RequeueAfter: max(p.memory.holds.Left(key, p.Clock.Now()), 100*time.Millisecond)}
}

// observe sees to it that the tables are there. Once they are, the mirror keeps them.
func (p *pass) observe(ctx context.Context, kinds []mirror.Kind) error {
	ctx, cancel := context.WithTimeout(ctx, observeTimeout)
	defer cancel()
	snap := p.snapshot()
	unseen := slices.DeleteFunc(slices.Clone(kinds), func(kind mirror.Kind) bool { return snap.Seen(kind) })
	if len(unseen) == 0 {
		return nil
	}
	return p.Mirror.Refresh(ctx, p.session.Scope, time.Hour, unseen...)
}

// converge plans and acts until nothing new can be done, and returns what is left.
func (p *pass) converge(ctx context.Context) (plan.Plan, error) {
	for round := 0; ; round++ {
		v := p.view()
		if err := p.record(ctx, v); err != nil {
			return v.plan, err
		}
		p.memory.holds.ReleaseExcept(func(key string) bool {
			return key == prepareKey || key == finishKey || slices.ContainsFunc(v.plan.Actions, func(a plan.Action) bool { return a.Key == key })
		})
		ready := p.memory.holds.Ready(v.plan.Ready(), p.Clock.Now())
		if len(ready) == 0 || round == maxRounds || ctx.Err() != nil {
			return v.plan, ctx.Err()
		}
		if slices.ContainsFunc(ready, func(a plan.Action) bool { return a.Verb == plan.Create }) {
			p.memory.tried = p.Clock.Now()
			if p.untouched() {
				if err := p.project(ctx); err != nil {
					return v.plan, err
				}
			}
		}
		results, err := p.actor.Act(ctx, p.session, noJournal{}, ready)
		if err != nil {
			return v.plan, err
		}
		for _, r := range results {
			p.take(r)
		}
	}
}

// take draws the consequences of a result.
func (p *pass) take(r plan.Result) {
	borne := p.tookObject(r)
	if !borne {
		p.memory.holds.Took(r, p.Clock.Now())
	}
	switch {
	case r.Outcome == plan.Done:
		p.Events.Event(p.obj, corev1.EventTypeNormal, "Successful"+r.Event, plan.Past(r.Action.Summary))
	case r.Outcome == plan.Failed && r.Err.Class != cloud.Throttled:
		p.Events.Event(p.obj, corev1.EventTypeWarning, "Failed"+r.Event, fmt.Sprintf("Failed to %s: %s", r.Action.Summary, r.Err.Message))
	}
}

// record writes the group, its instances and the tags' annotation, if they changed.
func (p *pass) record(ctx context.Context, v *view) error {
	spec, annotation := v.record(), v.annotation()
	in := newIntent(p.obj, p.related, p.Living)
	if p.deleting() || equality.Semantic.DeepEqual(spec, in.Pool.Spec) && annotation == p.obj.Annotations[lastAppliedTags] {
		return nil
	}
	p.obj.Spec = spec
	switch {
	case annotation == "":
		delete(p.obj.Annotations, lastAppliedTags)
	case p.obj.Annotations == nil:
		p.obj.Annotations = map[string]string{lastAppliedTags: annotation}
	default:
		p.obj.Annotations[lastAppliedTags] = annotation
	}
	return p.update(ctx, p.obj)
}

// project writes spec and status as they have to be now, if they differ.
func (p *pass) project(ctx context.Context) error {
	if err := p.record(ctx, p.view()); err != nil {
		return err
	}
	// Recording the spec may have changed the generation.
	return p.writeStatus(ctx, p.obj, p.stored, p.view().status())
}

// followReplicas tells the MachinePool how many instances there are to be, where
// somebody else decides that in AWS.
func (p *pass) followReplicas(ctx context.Context) error {
	v := p.view()
	if p.deleting() || !v.scaledElsewhere() || !v.seen() || v.group.DesiredCapacity == nil {
		return nil
	}
	if have := v.Owner.Spec.Replicas; have != nil && *have == *v.group.DesiredCapacity {
		return nil
	}
	changed := v.Owner.DeepCopy()
	changed.Spec.Replicas = v.group.DesiredCapacity
	if err := p.Host.Patch(ctx, changed, client.MergeFrom(v.Owner)); err != nil {
		return fmt.Errorf("writing the replicas of MachinePool %s: %w", v.Owner.Name, client.IgnoreNotFound(err))
	}
	return nil
}

// finish lets the object go when nothing is left of it in AWS. What was made
// shortly before may not be visible yet.
func (p *pass) finish(ctx context.Context) (ctrl.Result, error) {
	snap, kinds := p.snapshot(), []mirror.Kind{mirror.AutoScalingGroups.Kind, mirror.LaunchTemplates.Kind}
	var visible time.Time
	if !p.memory.tried.IsZero() {
		visible = p.memory.tried.Add(snap.Grace)
	}
	if bound := p.started.Add(snap.Grace); p.obj.CreationTimestamp.Time.Before(p.started) && bound.After(visible) {
		visible = bound
	}
	if !snap.Observed(kinds...).Before(visible) {
		return p.releaseAfterMachines(ctx)
	}
	if err := p.project(ctx); err != nil {
		return ctrl.Result{}, err
	}
	if wait := visible.Sub(p.Clock.Now()); wait > 0 {
		return ctrl.Result{RequeueAfter: wait}, nil
	}
	if err := p.Mirror.Refresh(ctx, p.session.Scope, 0, kinds...); err != nil {
		return p.observeFailed(ctx, finishKey, err)
	}
	p.memory.holds.Release(finishKey)
	return ctrl.Result{RequeueAfter: time.Second}, nil
}

// releaseAfterMachines lets the object go once its AWSMachines have gone.
func (p *pass) releaseAfterMachines(ctx context.Context) (ctrl.Result, error) {
	left, err := p.dismissAll(ctx)
	if err != nil {
		return ctrl.Result{}, err
	}
	if left == 0 {
		return p.release(ctx)
	}
	p.machinesLeft = left
	return ctrl.Result{RequeueAfter: lookAgain}, p.project(ctx)
}

// release removes the finalizer.
func (p *pass) release(ctx context.Context) (ctrl.Result, error) {
	if controllerutil.RemoveFinalizer(p.obj, infrav1.MachinePoolFinalizer) {
		if err := p.update(ctx, p.obj); err != nil {
			return ctrl.Result{}, client.IgnoreNotFound(err)
		}
	}
	p.forget(p.obj)
	return ctrl.Result{}, nil
}

// next says when to look at the object again. Changes in AWS and of the objects it
// belongs to come by themselves, but for those of bootstrap data: tokens in it are
// renewed every few minutes.
func (p *pass) next() ctrl.Result {
	if at := p.memory.holds.Next(); !at.IsZero() {
		return ctrl.Result{RequeueAfter: min(max(at.Sub(p.Clock.Now()), 100*time.Millisecond), lookAgain)}
	}
	return ctrl.Result{RequeueAfter: lookAgain}
}

// noJournal is for objects whose creations all carry tokens or unique names.
type noJournal struct{}

var _ plan.Journal = noJournal{}

// Begin is never called: no action asks for an entry.
func (noJournal) Begin(context.Context, []plan.Action) error {
	return errors.New("an AWSMachinePool keeps no journal")
}

// End has nothing to remove.
func (noJournal) End(context.Context, []string) {}
