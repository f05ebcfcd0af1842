package engine

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// converge plans and acts until nothing new can be done, and returns what is left.
// Decisions are recorded before anything is made by them.
func (p *Pass[T]) converge(ctx context.Context) (plan.Plan, error) {
	for round := 0; ; round++ {
		if err := p.record(ctx); err != nil {
			return plan.Plan{}, err
		}
		left, holds := p.View().Plan(), &p.Memory.Holds
		holds.ReleaseExcept(func(key string) bool {
			return isLook(key) || p.worker.Keeps(key) || slices.ContainsFunc(left.Actions, func(a plan.Action) bool { return a.Key == key })
		})
		ready := holds.Ready(left.Ready(), p.Clock.Now())
		if len(ready) == 0 || round == maxRounds || ctx.Err() != nil {
			p.Changed() // of what is held, the view has to tell
			return left, ctx.Err()
		}
		if err := p.act(ctx, ready); err != nil {
			return left, err
		}
	}
}

// act carries out actions.
func (p *Pass[T]) act(ctx context.Context, ready []plan.Action) error {
	if err := p.recordAccount(ctx, ready); err != nil {
		return err
	}
	if err := p.recordFormer(ctx); err != nil {
		return err
	}
	if err := p.worker.Before(ctx, ready); err != nil {
		return err
	}
	if slices.ContainsFunc(ready, func(a plan.Action) bool { return a.Verb == plan.Create }) {
		p.Memory.Tried = p.Clock.Now()
	}
	results, err := p.actor.Act(ctx, p.Session, (*journal[T])(p), ready)
	if err != nil {
		return err
	}
	for _, r := range results {
		p.take(ctx, r)
	}
	p.Changed()
	return nil
}

// take draws the consequences of a result.
func (p *Pass[T]) take(ctx context.Context, r plan.Result) {
	a, holds, now := r.Action, &p.Memory.Holds, p.Clock.Now()
	switch taken := p.worker.Take(ctx, r); {
	case taken == Silent:
		return
	case taken == Taken:
	case r.Outcome == plan.Failed && a.Verb == plan.Delete && r.Err.Class == cloud.DependencyViolation:
		message := r.Err.Message
		if users := p.worker.Users(ctx, a); users != "" {
			message += "; " + users
		}
		holds.Wait(a.Key, a.Area, message, now)
		return // it is waited for; an Event for each look would say nothing new
	default:
		// What exists and is planned all the same, after everything was read anew, is
		// something else, or not visible yet.
		holds.Took(r, now)
	}
	switch {
	case r.Outcome == plan.Done:
		p.Event(corev1.EventTypeNormal, "Successful"+r.Event, plan.Past(a.Summary))
	case r.Outcome == plan.Failed && r.Err.Class != cloud.Throttled:
		p.Event(corev1.EventTypeWarning, "Failed"+r.Event, fmt.Sprintf("Failed to %s: %s", a.Summary, r.Err.Message))
	}
}

// recordAccount notes, before anything is done, in which account it is: from then on
// another account shows nothing of the object, and nothing as gone. Where a journal is
// written, its update says so, too.
func (p *Pass[T]) recordAccount(ctx context.Context, ready []plan.Action) error {
	account := accountOf(p.Object)
	if account == nil || *account != "" || slices.ContainsFunc(ready, func(a plan.Action) bool { return a.Journal }) {
		return nil
	}
	*account = p.Session.Scope.Account
	if err := p.writeStatus(ctx); err != nil {
		*account = ""
		return err
	}
	return nil
}

// recordFormer notes, before anything is done, which UIDs in AWS are the object's from
// before it was moved: once the resource that proves it carries the new UID, nothing else
// would. That something is taken over is told once.
func (p *Pass[T]) recordFormer(ctx context.Context) error {
	stored, former := formerOf(p.Object), p.View().Former()
	if stored == nil || len(former) == 0 || slices.Equal(*stored, former) {
		return nil
	}
	before := *stored
	*stored = slices.Clone(former)
	if err := p.writeStatus(ctx); err != nil {
		*formerOf(p.Object) = before
		return err
	}
	for _, uid := range former {
		if !slices.Contains(before, uid) {
			p.Event(corev1.EventTypeWarning, "TakenOver", fmt.Sprintf("What carries the UID %s in AWS is taken over from now on: this object records it, and no object with that UID is in this server. "+
				"That is right after a move or restore; if another management cluster still has it, pause this object", uid))
		}
	}
	return nil
}

// journal keeps a pass's journal in the object's status.
type journal[T Object] Pass[T]

var _ plan.Journal = (*journal[Object])(nil)

// Begin writes entries for the actions in one update, and with the first of them in
// which account they are done. It fails where somebody wrote the object since it was
// read, so that two processes don't both go on.
func (j *journal[T]) Begin(ctx context.Context, actions []plan.Action) error {
	pending, account := pendingOf(j.Object), accountOf(j.Object)
	if pending == nil {
		return fmt.Errorf("%s objects keep no journal", j.kind.Name)
	}
	before, now := slices.Clone(*pending), metav1.NewMicroTime(j.Clock.Now())
	for _, a := range actions {
		delete(j.Ended, a.Key)
		*pending = slices.DeleteFunc(slices.Clone(*pending), func(e infrav1.PendingCreation) bool { return e.Key == a.Key })
		*pending = append(*pending, infrav1.PendingCreation{Key: a.Key, Operation: a.Operation, Since: now})
	}
	if account != nil && *account == "" {
		*account = j.Session.Scope.Account
	}
	if err := (*Pass[T])(j).writeStatus(ctx); err != nil {
		*pendingOf(j.Object) = before
		return err
	}
	return nil
}

// End notes which calls did nothing; the next write of the status removes their
// entries.
func (j *journal[T]) End(_ context.Context, keys []string) {
	for _, key := range keys {
		j.Ended[key] = true
	}
}
