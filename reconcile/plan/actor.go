package plan

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
)

// actionsAtOnce bounds the calls of one object that are under way together. The
// budget of the account is kept elsewhere; this only keeps one object from
// filling the queue.
const actionsAtOnce = 8

// Outcome is how an action ended.
type Outcome string

// The outcomes of actions.
const (
	// Done: AWS did it.
	Done Outcome = "Done"
	// Existed: what was to be made is there already, or what was to be deleted is gone.
	Existed Outcome = "Existed"
	// Busy: AWS is at another change, and will do it when that is over.
	Busy Outcome = "Busy"
	// Failed: AWS refused, or nobody knows.
	Failed Outcome = "Failed"
)

// Result is how one action ended.
type Result struct {
	Action  Action
	Outcome Outcome
	// Event is the handler's Event.
	Event string
	// Err is set for Busy and Failed.
	Err cloud.Error
}

// Settled tells that AWS has what the action wants, or nothing of what it deletes.
func (r Result) Settled() bool { return r.Outcome == Done || r.Outcome == Existed }

// Actor carries out actions.
type Actor struct {
	Handlers Handlers
	Mirror   *mirror.Mirror
}

// Act carries out the actions that wait for nothing, some at a time, and returns
// how each ended, in their order. Answers are in the mirror when it returns. It
// never waits for AWS to finish what it began. The error is for what kept all of
// them from being tried.
func (a *Actor) Act(ctx context.Context, s *cloud.Session, journal Journal, actions []Action) ([]Result, error) {
	var noted []Action
	for _, action := range actions {
		if action.Journal {
			noted = append(noted, action)
		}
	}
	if len(noted) > 0 {
		if err := journal.Begin(ctx, noted); err != nil {
			return nil, fmt.Errorf("writing the journal before %s: %w", noted[0].Operation, err)
		}
	}
	results := make([]Result, len(actions))
	definite := make([]bool, len(actions))
	var group errgroup.Group
	group.SetLimit(actionsAtOnce)
	for i, action := range actions {
		group.Go(func() error {
			results[i], definite[i] = a.carryOut(ctx, s, action)
			return nil
		})
	}
	_ = group.Wait()
	a.settle(ctx, s, journal, results, definite)
	return results, nil
}

// carryOut makes one call. definite tells that it is known whether AWS did it.
func (a *Actor) carryOut(ctx context.Context, s *cloud.Session, action Action) (result Result, definite bool) {
	h, ok := a.Handlers.For(action)
	if !ok {
		return Result{Action: action, Outcome: Failed, Err: cloud.Error{Class: cloud.Unknown, Reason: string(cloud.Unknown),
			Message: fmt.Sprintf("no handler carries out %s (%T)", action.Operation, action.Input)}}, true
	}
	result = Result{Action: action, Outcome: Done, Event: h.Event}
	out, err := h.call(ctx, s, action.Input)
	w := &Writer{mirror: a.Mirror, scope: s.Scope}
	if err == nil {
		h.write(w, action.Input, out)
		return result, true
	}
	result.Err = cloud.Classify(err)
	switch {
	case action.Verb == Delete && result.Err.Class == cloud.NotFound:
		result.Outcome, result.Err = Existed, cloud.Error{}
		h.write(w, action.Input, out)
	case action.Verb != Delete && (result.Err.Class == cloud.AlreadyExists || result.Err.Class == cloud.IdempotencyMismatch):
		result.Outcome = Existed
	case result.Err.Class == cloud.Busy:
		result.Outcome = Busy
	default:
		result.Outcome = Failed
	}
	return result, cloud.Definite(err)
}

// settle ends the journal's entries whose calls were refused, and reads anew
// what turned out to be different from what the mirror shows.
func (a *Actor) settle(ctx context.Context, s *cloud.Session, journal Journal, results []Result, definite []bool) {
	var ended []string
	var stale []mirror.Interest
	for i, r := range results {
		if r.Action.Journal && (r.Outcome == Failed || r.Outcome == Busy) && definite[i] {
			ended = append(ended, r.Action.Key)
		}
		if r.Outcome == Existed && r.Action.Verb != Delete || r.Outcome == Busy || r.Outcome == Failed && r.Err.Class == cloud.NotFound {
			h, _ := a.Handlers.For(r.Action)
			stale = append(stale, h.stale(r.Action.Input)...)
		}
	}
	if len(ended) > 0 {
		journal.End(ctx, ended)
	}
	if len(stale) > 0 {
		a.refresh(ctx, s, stale)
	}
}
