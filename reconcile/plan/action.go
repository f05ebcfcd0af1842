// Package plan holds what a planner says and carries it out: actions as
// printable values, the journal of creations that AWS can't be asked to do only
// once, and the loop that acts.
package plan

import (
	"fmt"
	"slices"
)

// Verb is what an action does to a resource.
type Verb string

// The verbs of actions.
const (
	Create Verb = "create"
	Update Verb = "update"
	Delete Verb = "delete"
)

// Action is one mutation of AWS: nothing happens to AWS that was not first an
// Action in a plan.
type Action struct {
	// Key names the resource within its cluster and doesn't change between plans,
	// for example "vpc", "subnet/c1-subnet-public-us-east-1a" or
	// "security-group/node/ingress".
	Key string
	// Area is the condition type that reports on the action, for example VpcReady.
	Area string
	// Verb is what happens to the resource.
	Verb Verb
	// Operation is AWS's name of the call, as "ec2.CreateVpc".
	Operation string
	// Input is the SDK's input struct (a pointer), complete but for what WaitsFor
	// still has to make. Its ClientToken, where the API takes one, is set.
	Input any
	// Journal asks for an entry in the object's journal before the call, because
	// neither a client token nor a unique name makes the creation idempotent.
	Journal bool
	// Summary is a sentence a person understands: "create route 0.0.0.0/0 to
	// nat-1 in route table rtb-2 (c1-rt-private-us-east-1a)".
	Summary string
	// Claims tells that the action rewrites the UID tag of what an object had before
	// it was moved, so that nobody doubts later whose it is.
	Claims bool
	// By says who made what the action puts right, where AWS shows that: "principal
	// arn:aws:iam::123456789012:user/alice".
	By string
	// WaitsFor names what must exist or end first, in words; an action that waits
	// is shown and not carried out.
	WaitsFor string
}

// Wait is something a plan can't change and has to see before it goes on.
type Wait struct {
	// Area is the condition type that reports on the wait.
	Area string
	// Reason is the condition's reason, for example NatGatewaysCreationStarted.
	Reason string
	// Summary says what is waited for.
	Summary string
}

// Problem is something that a person has to put right.
type Problem struct {
	Area, Reason, Summary string
}

// Plan is what has to be done so that AWS matches the intent, and what stands
// in the way. The zero Plan means that all is done.
type Plan struct {
	Actions  []Action
	Waits    []Wait
	Problems []Problem
}

// Done tells that nothing is left to do or to wait for.
func (p Plan) Done() bool {
	return len(p.Actions) == 0 && len(p.Waits) == 0 && len(p.Problems) == 0
}

// Add adds actions.
func (p *Plan) Add(actions ...Action) { p.Actions = append(p.Actions, actions...) }

// Wait adds something to wait for.
func (p *Plan) Wait(area, reason, summary string) {
	p.Waits = append(p.Waits, Wait{Area: area, Reason: reason, Summary: summary})
}

// Problem adds something that a person has to put right.
func (p *Plan) Problem(area, reason, format string, args ...any) {
	p.Problems = append(p.Problems, Problem{Area: area, Reason: reason, Summary: fmt.Sprintf(format, args...)})
}

// Without is the plan without what is to be done and waited for in an area; problems stay.
func (p Plan) Without(area string) Plan {
	p.Actions = slices.DeleteFunc(slices.Clone(p.Actions), func(a Action) bool { return a.Area == area })
	p.Waits = slices.DeleteFunc(slices.Clone(p.Waits), func(w Wait) bool { return w.Area == area })
	return p
}

// Join adds all of another plan.
func (p *Plan) Join(other Plan) {
	p.Actions, p.Waits, p.Problems = append(p.Actions, other.Actions...), append(p.Waits, other.Waits...), append(p.Problems, other.Problems...)
}

// Open tells whether anything is left in an area.
func (p Plan) Open(area string) bool {
	return p.Troubled(area) || slices.ContainsFunc(p.Actions, func(a Action) bool { return a.Area == area })
}

// Stalled are the areas in which something is waited for, or stands in the way.
func (p Plan) Stalled() map[string]bool {
	areas := map[string]bool{}
	for _, w := range p.Waits {
		areas[w.Area] = true
	}
	for _, x := range p.Problems {
		areas[x.Area] = true
	}
	return areas
}

// Troubled tells whether something stands in the way in an area.
func (p Plan) Troubled(area string) bool {
	return slices.ContainsFunc(p.Waits, func(w Wait) bool { return w.Area == area }) ||
		slices.ContainsFunc(p.Problems, func(x Problem) bool { return x.Area == area })
}

// Creates tells whether something is to be made in an area.
func (p Plan) Creates(area string) bool {
	return slices.ContainsFunc(p.Actions, func(a Action) bool { return a.Area == area && a.Verb == Create })
}

// ClaimsFirst makes all actions wait for those that rewrite UID tags: what is done
// to one resource can take away the proof of whose another one is.
func (p *Plan) ClaimsFirst() {
	claims := func(a Action) bool { return a.Claims }
	if !slices.ContainsFunc(p.Actions, claims) {
		return
	}
	for i := range p.Actions {
		if a := &p.Actions[i]; !a.Claims && a.WaitsFor == "" {
			a.WaitsFor = "the UID tags of what was moved"
		}
	}
}

// Ready returns the actions that wait for nothing.
func (p Plan) Ready() []Action {
	var ready []Action
	for _, a := range p.Actions {
		if a.WaitsFor == "" {
			ready = append(ready, a)
		}
	}
	return ready
}
