package iamrole

import (
	"time"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

const (
	// propagation is how long a role that was made or changed may not be known to EKS.
	propagation = time.Minute
	// askAgain is when EKS is asked again meanwhile.
	askAgain = 5 * time.Second
)

// Propagation remembers when a role was made or changed last.
type Propagation struct{ changed time.Time }

// Took notes a result, and tells whether it is only that EKS doesn't know the role yet: then it is held for a moment.
// The area is the role's; creates tells that the action makes what needs the role.
func (p *Propagation) Took(r plan.Result, area string, creates bool, holds *plan.Holds, now time.Time) (unknown bool) {
	if r.Action.Area == area && r.Outcome == plan.Done {
		p.changed = now
	}
	if !creates || r.Err.Class != cloud.InvalidParameter || !now.Before(p.changed.Add(propagation)) {
		return false
	}
	holds.Until(r.Action.Key, r.Action.Area, now.Add(askAgain))
	return true
}
