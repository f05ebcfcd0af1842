package awsmachine

import (
	"context"
	"fmt"
	"slices"
	"time"

	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/log"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bootstrap"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// maxRounds bounds the rounds of one pass; the longest chain of things that need
// each other is shorter.
const maxRounds = 8

// pass is one reconciliation of one object.
type pass struct {
	*Reconciler
	obj *infrav1.AWSMachine
	// stored is the status as it is in the store.
	stored  *infrav1.AWSMachineStatus
	related related
	memory  *memory
	session *cloud.Session
	// tolerated are the keys of actions that hold nothing up any more.
	tolerated map[string]bool
	// inLine tells that the launch waits for its turn.
	inLine bool
	// unread is why tables weren't seen.
	unread map[mirror.Kind]cloud.Error
	// awaited says what AWS may still not show of a machine that is to go.
	awaited string
	// ended are the keys of journal entries that stand for nothing any more.
	ended map[string]bool
	// poolExhausted is set when the user's address pool had none left.
	poolExhausted bool

	// What a launch needs, once it was read.
	data      *bootstrap.Data
	imageID   string
	image     *ec2types.Image
	objectURL string
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
	in.Started, in.Failures, in.Tolerated = p.started, p.memory.holds.Failures(), p.tolerated
	in.Bootstrap, in.ImageID, in.Image, in.ObjectURL = p.data, p.imageID, p.image, p.objectURL
	in.Stored, in.Removed, in.Proven, in.InLine = p.memory.stored, p.memory.removed, p.memory.proven, p.inLine
	in.Ended, in.PoolExhausted, in.Unread, in.Awaited = p.ended, p.poolExhausted, p.unread, p.awaited
	if p.deleting() && p.Clock.Now().Before(p.memory.visible) {
		in.Awaited = "secrets with bootstrap data to show, should any be left, which AWS does by " + clockTime(p.memory.visible)
	}
	if p.session != nil {
		in.Notice = p.notices.of(p.session.Scope, &p.obj.Spec)
	}
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
		return p.unconnected(ctx, err)
	}
	in := p.intent()
	if err := p.observe(ctx, in.lifeKinds()); err != nil {
		return p.observeFailed(ctx, err)
	}
	p.memory.holds.Release(observeKey)
	p.observeParts(ctx)
	p.memory.holds.Renew(p.obj.Generation)
	defer p.gate.leave(p.session.Scope, p.key())
	p.judge(ctx)
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
	if err := p.project(ctx); err != nil {
		return ctrl.Result{}, err
	}
	return p.next(left), nil
}

// rootless deals with a machine without infrastructure: it waits, or goes if it
// never had an instance of its own.
func (p *pass) rootless(ctx context.Context) (ctrl.Result, error) {
	in := p.intent()
	switch {
	case !p.deleting():
		return ctrl.Result{}, p.project(ctx)
	case instance.RecordedID(&p.obj.Spec) == "", in.pooled():
		return p.release(ctx)
	}
	setNotReady(&p.obj.Status, infrav1.DeletingFailedReason, fmt.Sprintf("the AWSCluster is gone, so that nobody knows with whose credentials "+
		"instance %s is to be terminated; terminate it, and remove the finalizer %s", instance.RecordedID(&p.obj.Spec), infrav1.MachineFinalizer), p.obj.Generation)
	return ctrl.Result{RequeueAfter: lookAgain}, p.writeStatus(ctx, p.obj, p.stored, p.obj.Status)
}

// connect gets the session of the cluster's identity.
func (p *pass) connect(ctx context.Context) error {
	session, err := p.Sessions.For(ctx, cloud.SiteOf(p.related.infra))
	if err != nil {
		return err
	}
	p.memory.holds.Release(connectKey)
	setIdentified(&p.obj.Status)
	p.session = session
	p.Mirror.Watch(session)
	p.register()
	return nil
}

// unconnected says why there is no session. That makes no machine unready whose
// instance was there: nobody knows anything new of it.
func (p *pass) unconnected(ctx context.Context, cause error) (ctrl.Result, error) {
	e, ok := cloud.AsIdentityError(cause)
	if !ok {
		return ctrl.Result{}, cause
	}
	setUnidentified(&p.obj.Status, e, p.obj.Generation)
	if p.deleting() || !p.obj.Provisioned() {
		setNotReady(&p.obj.Status, e.Reason, e.Error(), p.obj.Generation)
	}
	p.memory.holds.Fail(connectKey, "", "", p.Clock.Now())
	log.FromContext(ctx).Info("No session with AWS", "reason", e.Reason, "cause", e.Error())
	return p.again(connectKey), p.writeStatus(ctx, p.obj, p.stored, p.obj.Status)
}

// register says by what the object is found when something changes in AWS.
func (p *pass) register() {
	in := p.intent()
	p.index.set(p.key(), entry{scope: p.session.Scope, uid: string(p.obj.UID), id: instance.RecordedID(&p.obj.Spec),
		cluster: p.related.cluster.Name, controlPlane: in.controlPlane()})
}

// observe sees to it that the tables are there. Once they are, the mirror keeps them.
func (p *pass) observe(ctx context.Context, kinds []mirror.Kind) error {
	ctx, cancel := context.WithTimeout(ctx, observeTimeout)
	defer cancel()
	snap := p.snapshot()
	var unseen []mirror.Kind
	for _, kind := range kinds {
		if !snap.Seen(kind) {
			unseen = append(unseen, kind)
		}
	}
	if len(unseen) == 0 {
		return nil
	}
	return p.Mirror.Refresh(ctx, p.session.Scope, time.Hour, unseen...)
}

// observeParts sees to it that the tables of what belongs to the instance are there.
// One that can't be read holds up what it is about, and nothing else.
func (p *pass) observeParts(ctx context.Context) {
	in := p.intent()
	for _, kind := range in.partKinds() {
		if err := p.observe(ctx, []mirror.Kind{kind}); err != nil {
			p.unread[kind] = cloud.Classify(err)
		}
	}
}

// observeFailed says in the status that AWS can't be seen, and changes nothing.
func (p *pass) observeFailed(ctx context.Context, cause error) (ctrl.Result, error) {
	e := cloud.Classify(cause)
	p.memory.holds.Fail(observeKey, infrav1.InstanceReadyCondition, e.Message, p.Clock.Now())
	log.FromContext(ctx).Info("AWS can't be seen", "scope", p.session.Scope.String(), "reason", e.Reason, "cause", e.Message)
	return p.again(observeKey), p.project(ctx)
}

// converge plans and acts until nothing new can be done, and returns what is left.
func (p *pass) converge(ctx context.Context) (plan.Plan, error) {
	for round := 0; ; round++ {
		v := p.view()
		if err := p.record(ctx, v); err != nil {
			return v.plan, err
		}
		p.settled(v)
		ready := p.memory.holds.Ready(v.plan.Ready(), p.Clock.Now())
		if len(ready) == 0 || round == maxRounds || ctx.Err() != nil {
			return v.plan, ctx.Err()
		}
		p.before(ready)
		results, err := p.actor.Act(ctx, p.session, (*journal)(p), ready)
		if err != nil {
			return v.plan, err
		}
		for _, r := range results {
			p.take(r)
		}
	}
}

// settled forgets the failures of what isn't to be done any more: the instance is
// there all the same, or nobody wants it.
func (p *pass) settled(v *view) {
	if v.row == nil && !p.deleting() {
		return
	}
	p.memory.holds.ReleaseExcept(func(key string) bool {
		return slices.ContainsFunc(v.plan.Actions, func(a plan.Action) bool { return a.Key == key })
	})
}

// before notes what is about to be asked for.
func (p *pass) before(ready []plan.Action) {
	now := p.Clock.Now()
	for _, a := range ready {
		if a.Key == launchKey && a.Verb == plan.Create {
			p.memory.tried = now
		} else if a.Verb == plan.Create {
			p.memory.storedAt[a.Key] = now
		}
	}
}

// take draws the consequences of a result.
func (p *pass) take(r plan.Result) {
	a := r.Action
	switch {
	case instance.PoolExhausted(r) && instance.FallsBack(p.obj.Spec.ElasticIPPool):
		p.memory.holds.Release(a.Key)
		p.poolExhausted = true
		return // Amazon's pool comes next
	case r.Outcome == plan.Failed && p.tolerate(r):
		p.memory.holds.Release(a.Key)
		p.tolerated[a.Key] = true
	case r.Outcome == plan.Busy:
		p.memory.holds.Took(r, p.Clock.Now())
	case r.Outcome != plan.Failed && a.Verb == plan.Delete && a.Area == infrav1.ELBAttachedCondition:
		// It is out, whether or not the targets can be read.
		p.memory.holds.Did(a, p.Clock.Now())
		p.tolerated[a.Key] = true
	case r.Outcome != plan.Failed && a.Verb == plan.Delete && a.Key == instance.AddressKey:
		// What the journal's entry stands for was there, and is no more.
		p.memory.holds.Release(a.Key)
		p.ended[a.Key] = true
	case r.Outcome == plan.Failed, r.Outcome == plan.Existed && a.Verb != plan.Delete:
		p.memory.holds.Took(r, p.Clock.Now())
	case a.Verb == plan.Create && a.Key != launchKey:
		p.memory.holds.Did(a, p.Clock.Now())
		p.memory.stored[a.Key] = digest(a)
	case a.Verb == plan.Delete && a.Area == areaBootstrap:
		p.removed(r)
	default:
		p.memory.holds.Did(a, p.Clock.Now())
	}
	p.event(r)
}

// tolerate tells that a failure holds nothing up: whoever may not touch load
// balancers may still end machines, and AWS takes ended instances out itself.
func (p *pass) tolerate(r plan.Result) bool {
	if !p.deleting() || r.Action.Area != infrav1.ELBAttachedCondition {
		return r.Action.Operation == "s3.DeleteObject" && r.Err.Class == cloud.Unauthorized && p.related.infra.Spec.S3Bucket != nil &&
			p.related.infra.Spec.S3Bucket.BestEffortDeleteObjects != nil && *p.related.infra.Spec.S3Bucket.BestEffortDeleteObjects
	}
	return r.Err.Class == cloud.Unauthorized || r.Err.Class == cloud.NotFound
}

// removed notes that bootstrap data is gone. What AWS says doesn't exist may have
// been made so shortly before that AWS doesn't show it yet; then it is removed
// once more when AWS must be showing it.
func (p *pass) removed(r plan.Result) {
	key := r.Action.Key
	if !certainlyRemoved(r) {
		made, known := p.memory.storedAt[key]
		if !known {
			made = p.started
		}
		if visible := made.Add(p.snapshot().Grace); p.Clock.Now().Before(visible) {
			p.memory.holds.Until(key, areaBootstrap, visible)
			p.memory.visible = visible
			return
		}
	}
	p.memory.holds.Release(key)
	delete(p.memory.stored, key)
	p.memory.removed[key] = true
}

// certainlyRemoved tells whether the answer to a removal says that there was
// something, or that there is certainly nothing: S3 always shows what is.
// Secrets Manager doesn't say whether there was a secret to remove at once.
func certainlyRemoved(r plan.Result) bool {
	switch r.Action.Operation {
	case "s3.DeleteObject":
		return true
	case "secretsmanager.DeleteSecret":
		return false
	}
	return r.Outcome == plan.Done
}

func (p *pass) event(r plan.Result) {
	switch {
	case r.Outcome == plan.Done:
		p.Events.Event(p.obj, corev1.EventTypeNormal, "Successful"+r.Event, plan.Past(r.Action.Summary))
	case r.Outcome == plan.Failed && r.Err.Class != cloud.Throttled:
		p.Events.Event(p.obj, corev1.EventTypeWarning, "Failed"+r.Event, fmt.Sprintf("Failed to %s: %s", r.Action.Summary, r.Err.Message))
	}
}

// record writes decisions and ids, if there are new ones.
func (p *pass) record(ctx context.Context, v *view) error {
	spec, annotation := v.record(), v.annotation()
	in := newIntent(p.obj, p.related, p.Living)
	if p.deleting() || equality.Semantic.DeepEqual(spec, in.Machine.Spec) && annotation == p.obj.Annotations[lastAppliedTags] {
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
	if err := p.update(ctx, p.obj); err != nil {
		return err
	}
	p.register()
	return nil
}

// project writes spec and status as they have to be now, if they differ.
func (p *pass) project(ctx context.Context) error {
	v := p.view()
	if err := p.record(ctx, v); err != nil {
		return err
	}
	// Recording the spec may have changed the generation, and the ids make a
	// difference to the status.
	before := p.stored.DeepCopy()
	if err := p.writeStatus(ctx, p.obj, p.stored, p.view().status()); err != nil {
		return err
	}
	p.warn(before, p.stored)
	return nil
}

// finish lets the object go when nothing is left of it in AWS. What was launched
// shortly before may not be visible yet.
func (p *pass) finish(ctx context.Context) (ctrl.Result, error) {
	v := p.view()
	known, visible := p.hostsKnown(v)
	if v.pooled() || known && (v.row != nil || v.foreign != nil || v.vanished()) {
		return p.release(ctx)
	}
	if tried := p.memory.tried.Add(v.snap.Grace); !p.memory.tried.IsZero() && tried.After(visible) {
		visible = tried
	}
	if bound := p.started.Add(v.snap.Grace); p.obj.CreationTimestamp.Time.Before(p.started) && bound.After(visible) {
		visible = bound
	}
	if known && instance.RecordedID(&p.obj.Spec) == "" && !v.snap.Observed(mirror.Instances.Kind).Before(visible) {
		return p.release(ctx)
	}
	p.awaited = "AWS to show whatever may have been made for the machine shortly before, which it does by " + clockTime(visible)
	if err := p.project(ctx); err != nil {
		return ctrl.Result{}, err
	}
	if wait := visible.Sub(p.Clock.Now()); wait > 0 {
		return ctrl.Result{RequeueAfter: wait}, nil
	}
	in := p.intent()
	if err := p.Mirror.Refresh(ctx, p.session.Scope, 0, in.Kinds()...); err != nil {
		return p.observeFailed(ctx, err)
	}
	return ctrl.Result{RequeueAfter: time.Second}, nil
}

// clockTime is how a moment is told in messages.
func clockTime(t time.Time) string { return t.UTC().Format(time.TimeOnly) + " UTC" }

// release removes the finalizer.
func (p *pass) release(ctx context.Context) (ctrl.Result, error) {
	if controllerutil.RemoveFinalizer(p.obj, infrav1.MachineFinalizer) {
		if err := p.update(ctx, p.obj); err != nil {
			return ctrl.Result{}, client.IgnoreNotFound(err)
		}
	}
	p.forget(p.obj)
	return ctrl.Result{}, nil
}

// next says when to look at the object again. Changes in AWS and of the objects
// it belongs to come by themselves, but not all that puts a problem right does: a
// security group that passes the filters again, say.
func (p *pass) next(left plan.Plan) ctrl.Result {
	if at := p.memory.holds.Next(); !at.IsZero() {
		return ctrl.Result{RequeueAfter: max(at.Sub(p.Clock.Now()), 100*time.Millisecond)}
	}
	if !left.Done() || len(p.obj.Status.PendingCreations) > 0 {
		return ctrl.Result{RequeueAfter: lookAgain}
	}
	return ctrl.Result{}
}

// again says when to try once more what is held.
func (p *pass) again(key string) ctrl.Result {
	return ctrl.Result{RequeueAfter: p.memory.holds.Left(key, p.Clock.Now())}
}

// digest tells the contents of stored data apart.
func digest(a plan.Action) string {
	data, err := bootstrap.Content(a.Input)
	if err != nil {
		return ""
	}
	return bootstrap.Digest(data)
}
