package engine

import (
	"context"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/log"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

const (
	// maxRounds bounds the rounds of one pass; the longest chain of things that need
	// each other is shorter.
	maxRounds = 20
	// observeTimeout bounds the wait for the first listing of the tables.
	observeTimeout = 30 * time.Second
	// soonest is when an object is looked at again at the earliest.
	soonest = 100 * time.Millisecond
)

// LookPrefix begins the keys by which holds keep looks that failed, apart from those of
// actions.
const LookPrefix = "look/"

const (
	lookSession = LookPrefix + "session"
	lookTables  = LookPrefix + "tables"
	lookLast    = LookPrefix + "last"
	lookRecord  = LookPrefix + "record"
)

// Pass is one reconciliation of one object.
type Pass[T Object] struct {
	*Engine[T]
	// Object is the object, as it was written last in this pass.
	Object T
	Memory *Memory
	// Session is nil before AWS can be reached.
	Session *cloud.Session
	// Awaited says what AWS may still not show of an object that is to go.
	Awaited string
	// Ended are the keys of journal entries that stand for nothing any more.
	Ended map[string]bool

	// stored is the object with the status as it is in the store.
	stored T
	worker Worker[T]
	bond   Bond
	paused bool
	// began tells that all could be read that the object belongs to.
	began bool
	// view is what seen shows; nil when something else changed since.
	view View[T]
	seen *mirror.Snapshot
}

// Key is the object's.
func (p *Pass[T]) Key() client.ObjectKey { return client.ObjectKeyFromObject(p.Object) }

// Stored is the object with the status as it is in the store.
func (p *Pass[T]) Stored() T { return p.stored }

// Started is when this process began to act.
func (p *Pass[T]) Started() time.Time { return p.started }

func (p *Pass[T]) since(string) time.Time { return p.started }

// Deleting tells that the object is to go.
func (p *Pass[T]) Deleting() bool { return !p.Object.GetDeletionTimestamp().IsZero() }

// Paused tells that nothing may be changed.
func (p *Pass[T]) Paused() bool { return p.paused }

// Snapshot is what is known of AWS now.
func (p *Pass[T]) Snapshot() *mirror.Snapshot {
	if p.Session == nil {
		return mirror.NewSnapshot(cloud.Scope{})
	}
	return p.Mirror.Snapshot(p.Session.Scope)
}

// View is what is known of the object now. It is made anew when the snapshot or
// something else changed.
func (p *Pass[T]) View() View[T] {
	if snap := p.Snapshot(); p.view == nil || p.Session == nil || snap != p.seen {
		p.view, p.seen = p.worker.View(snap), snap
	}
	return p.view
}

// Changed tells that the view has to be made anew.
func (p *Pass[T]) Changed() { p.view = nil }

// Event tells of the object.
func (p *Pass[T]) Event(eventType, reason, message string) {
	p.Events.Event(p.Object, eventType, reason, message)
}

// run observes, plans and acts until nothing is left that can be done now, and then
// writes the projection. Of a paused object it only writes the projection.
func (p *Pass[T]) run(ctx context.Context) (ctrl.Result, error) {
	ctx = cloud.ForUpkeep(ctx, p.Object.Provisioned())
	p.Ended = map[string]bool{}
	if p.bond.Site == nil {
		return p.homeless(ctx)
	}
	if err := p.connect(ctx); err != nil {
		return p.unconnected(ctx, err)
	}
	if err := p.observe(ctx); err != nil {
		return p.unobserved(ctx, lookTables, err)
	}
	p.Memory.Holds.Release(lookTables)
	p.Memory.Holds.Renew(p.Object.GetGeneration())
	p.Changed()
	if p.paused {
		return ctrl.Result{}, p.Project(ctx)
	}
	if err := p.worker.Prepare(ctx); err != nil {
		return ctrl.Result{}, err
	}
	left, err := p.converge(ctx)
	if err != nil {
		return ctrl.Result{}, err
	}
	if p.Deleting() && left.Done() {
		return p.finish(ctx)
	}
	again, err := p.worker.Settle(ctx, left)
	if err != nil {
		return ctrl.Result{}, err
	}
	p.Changed()
	if err := p.Project(ctx); err != nil {
		return ctrl.Result{}, err
	}
	return p.next(left, again), p.worker.Follow(ctx)
}

// homeless deals with an object whose AWS nobody knows: it waits, or goes if it never
// had anything there.
func (p *Pass[T]) homeless(ctx context.Context) (ctrl.Result, error) {
	switch {
	case p.paused, !p.Deleting():
		return ctrl.Result{}, p.Project(ctx)
	case p.worker.Untouched():
		return ctrl.Result{}, p.release(ctx)
	}
	setNotReady(p.Object, infrav1.DeletingFailedReason, p.worker.Stranded())
	return ctrl.Result{RequeueAfter: p.kind.LookAgain}, p.writeStatus(ctx)
}

// connect gets the session of the object's identity.
func (p *Pass[T]) connect(ctx context.Context) error {
	session, err := p.Sessions.For(ctx, *p.bond.Site)
	if err != nil {
		return err
	}
	p.Memory.Holds.Release(lookSession)
	p.Memory.identity = ""
	setIdentified(p.Object, p.kind.SiteOf != nil)
	p.Session = session
	p.register()
	return nil
}

// unconnected says why there is no session. That makes nothing unready that was there:
// nobody knows anything new of it.
func (p *Pass[T]) unconnected(ctx context.Context, cause error) (ctrl.Result, error) {
	e, ok := cloud.AsIdentityError(cause)
	switch {
	case !ok:
		return ctrl.Result{}, cause
	case !p.paused && p.Deleting() && p.worker.Untouched():
		return ctrl.Result{}, p.release(ctx)
	}
	log.FromContext(ctx).Info("No session with AWS", "reason", e.Reason, "cause", e.Error())
	p.Mirror.LetGo(string(p.Object.GetUID()))
	setUnidentified(p.Object, e, p.kind.SiteOf != nil)
	switch {
	case p.kind.SiteOf != nil:
		setNotReady(p.Object, e.Reason, "* "+e.Condition()+": "+e.Error())
		if p.Memory.identity != e.Error() {
			p.Memory.identity = e.Error()
			p.Event(corev1.EventTypeWarning, e.Reason, e.Error())
		}
	case p.Deleting() || !p.Object.Provisioned():
		setNotReady(p.Object, e.Reason, e.Error())
	}
	p.Memory.Holds.Wait(lookSession, "", "", p.Clock.Now())
	return p.held(lookSession), p.writeStatus(ctx)
}

// observe sees to it that the tables are there. Once they are, the mirror keeps them.
// One that can't be read holds up what it is about, and nothing else, unless nothing is
// known of the object without it.
func (p *Pass[T]) observe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, observeTimeout)
	defer cancel()
	for unseen, _ := p.View().Unseen(); len(unseen) > 0; {
		p.register() // what is read by name is read for those who want it
		err := p.See(ctx, unseen...)
		left, _ := p.View().Unseen()
		if err != nil && slices.ContainsFunc(left, func(i mirror.Interest) bool { return slices.ContainsFunc(unseen, i.Equal) }) {
			return err
		}
		unseen = left // what was refused may have turned out not to be needed
	}
	p.register()
	_, wished := p.View().Unseen()
	for _, i := range wished {
		if p.Snapshot().ErrOf(i) == nil {
			_ = p.See(ctx, i) // the view says why it isn't there
		}
	}
	if p.paused {
		return nil
	}
	return p.worker.Look(ctx)
}

// See waits for the first reading of what wasn't read yet.
func (p *Pass[T]) See(ctx context.Context, interests ...mirror.Interest) error {
	unseen := p.Snapshot().Unseen(interests)
	if len(unseen) == 0 {
		return nil
	}
	return p.Mirror.RefreshOf(ctx, p.Session.Scope, time.Hour, unseen...)
}

// register says by what the object is found when something changes in AWS, and what of AWS
// is to be kept for it.
func (p *Pass[T]) register() {
	wants := p.View().Wants()
	p.index.set(p.Key(), entry{scope: p.Session.Scope, refs: p.worker.Bond().Refs, wants: wants})
	p.Mirror.Want(string(p.Object.GetUID()), p.Session, mirror.Later(firstSweep, wants...)...)
}

// firstSweep is when tables are swept first that nobody had to see before: what others
// change in a network that was just made is noticed as soon as in others.
const firstSweep = time.Minute

// unobserved says in the status that AWS can't be seen, and changes nothing.
func (p *Pass[T]) unobserved(ctx context.Context, key string, cause error) (ctrl.Result, error) {
	e := cloud.Classify(cause)
	p.FailLook(key, p.kind.Area, e.Message)
	log.FromContext(ctx).Info("AWS can't be seen", "scope", p.Session.Scope.String(), "reason", e.Reason, "cause", e.Message)
	return p.held(key), p.Project(ctx)
}

// FailLook has it said that something couldn't be looked at, and tried again later. Its
// key begins with LookPrefix.
func (p *Pass[T]) FailLook(key, area, message string) {
	p.Memory.Holds.Fail(key, area, message, p.Clock.Now())
	p.Changed()
}

// LookFailed is FailLook with AWS's words where the error has some.
func (p *Pass[T]) LookFailed(key, area string, err error) {
	message := err.Error()
	if e := cloud.Classify(err); e.Class != cloud.Unknown {
		message = e.Message
	}
	p.FailLook(key, area, message)
}

// Project writes spec and status as they have to be now, if they differ.
func (p *Pass[T]) Project(ctx context.Context) error {
	if !p.paused {
		if err := p.record(ctx); err != nil {
			return err
		}
	}
	// Recording the spec may have changed the generation, and the ids make a
	// difference to the status.
	p.View().Status(p.Object)
	return p.writeStatus(ctx)
}

// record writes decisions and ids, if there are new ones.
func (p *Pass[T]) record(ctx context.Context) error {
	if !p.View().Record(p.Object) {
		p.Memory.Holds.Release(lookRecord)
		return nil
	}
	if err := p.update(ctx); err != nil {
		return p.unrecorded(ctx, err)
	}
	p.Memory.Holds.Release(lookRecord)
	if p.Session != nil {
		p.register()
	}
	return nil
}

// unrecorded says in the status that the store refuses what has to be recorded, before
// which nothing is done; it returns the cause.
func (p *Pass[T]) unrecorded(ctx context.Context, cause error) error {
	if !apierrors.IsInvalid(cause) && !apierrors.IsForbidden(cause) && !apierrors.IsBadRequest(cause) && !apierrors.IsRequestEntityTooLargeError(cause) {
		return cause
	}
	stored, err := p.get(ctx, p.Key())
	if err != nil {
		return cause
	}
	setAll(p.Object, stored)
	p.FailLook(lookRecord, p.kind.Area, "recording in the spec what was decided or made is refused, and nothing is done before: "+cause.Error())
	p.View().Status(p.Object)
	if err := p.writeStatus(ctx); err != nil {
		log.FromContext(ctx).Error(err, "Writing the status failed")
	}
	return cause
}

// update writes spec and metadata. The status stays what it is here.
func (p *Pass[T]) update(ctx context.Context) error {
	status := p.Object.DeepCopyObject().(T)
	if err := p.Client.Update(ctx, p.Object); err != nil {
		return err
	}
	setStatus(p.stored, p.Object.DeepCopyObject())
	setStatus(p.Object, status)
	p.remember(p.Object)
	p.Changed()
	return nil
}

// writeStatus writes the status, if it differs from the stored one.
func (p *Pass[T]) writeStatus(ctx context.Context) error {
	setFailures(p.Object, p.Memory.Holds.Failures())
	stamp(p.Object, metav1.NewTime(p.Clock.Now()))
	if equality.Semantic.DeepEqual(statusOf(p.Object), statusOf(p.stored)) {
		return nil
	}
	if err := p.Client.Status().Update(ctx, p.Object); err != nil {
		return err
	}
	setStatus(p.stored, p.Object.DeepCopyObject())
	p.remember(p.Object)
	p.Changed()
	return nil
}

// finish lets the object go when nothing is left of it in AWS. What was made shortly
// before may not be visible yet.
func (p *Pass[T]) finish(ctx context.Context) (ctrl.Result, error) {
	p.register() // what proves it is read for those who want it
	visible, of := p.worker.Proof()
	if !p.proven(visible, of) {
		p.Awaited = "AWS to show whatever may have been made shortly before, which it does by " + ClockTime(visible)
		p.Changed()
		if err := p.Project(ctx); err != nil {
			return ctrl.Result{}, err
		}
		if wait := visible.Sub(p.Clock.Now()); wait > 0 {
			return ctrl.Result{RequeueAfter: wait}, nil
		}
		if err := p.Mirror.RefreshOf(ctx, p.Session.Scope, p.Clock.Now().Sub(visible), of...); err != nil {
			return p.unobserved(ctx, lookLast, err)
		}
		p.Memory.Holds.Release(lookLast)
		p.Awaited = ""
		p.Changed()
		if !p.View().Plan().Done() {
			return ctrl.Result{RequeueAfter: time.Second}, p.Project(ctx)
		}
	}
	gone, err := p.worker.Dismiss(ctx)
	if err != nil {
		return ctrl.Result{}, err
	}
	if !gone {
		p.Changed()
		return ctrl.Result{RequeueAfter: p.kind.LookAgain}, p.Project(ctx)
	}
	return ctrl.Result{}, p.release(ctx)
}

func (p *Pass[T]) proven(visible time.Time, of []mirror.Interest) bool {
	return visible.IsZero() || !p.Snapshot().ObservedOf(of...).Before(visible)
}

// Visible is when AWS must be showing what may have been made for the object: by this
// process, or by one before it.
func (p *Pass[T]) Visible() time.Time {
	grace := p.Snapshot().Grace
	var visible time.Time
	if !p.Memory.Tried.IsZero() {
		visible = p.Memory.Tried.Add(grace)
	}
	if bound := p.started.Add(grace); p.Object.GetCreationTimestamp().Time.Before(p.started) && bound.After(visible) {
		visible = bound
	}
	return visible
}

// ClockTime is how a moment is told in messages.
func ClockTime(t time.Time) string { return t.UTC().Format(time.TimeOnly) + " UTC" }

// release removes the finalizer.
func (p *Pass[T]) release(ctx context.Context) error {
	if controllerutil.RemoveFinalizer(p.Object, p.kind.Finalizer) {
		if err := p.update(ctx); err != nil {
			return client.IgnoreNotFound(err)
		}
	}
	p.forget(p.Key())
	return nil
}

// next says when to look at the object again. Changes in AWS and of the objects it
// belongs to come by themselves, but not all that puts a problem right does.
func (p *Pass[T]) next(left plan.Plan, again time.Duration) ctrl.Result {
	sooner := func(d time.Duration) {
		if again == 0 || d < again {
			again = max(d, soonest)
		}
	}
	if at := p.Memory.Holds.Next(); !at.IsZero() {
		sooner(at.Sub(p.Clock.Now()))
	}
	if pending := pendingOf(p.Object); p.kind.Restless || !left.Done() || pending != nil && len(*pending) > 0 {
		sooner(p.kind.LookAgain)
	}
	return ctrl.Result{RequeueAfter: again}
}

// held comes back when the hold of the key ends.
func (p *Pass[T]) held(key string) ctrl.Result {
	return ctrl.Result{RequeueAfter: max(p.Memory.Holds.Left(key, p.Clock.Now()), soonest)}
}

// isLook tells the keys of looks apart from those of actions.
func isLook(key string) bool { return strings.HasPrefix(key, LookPrefix) }
