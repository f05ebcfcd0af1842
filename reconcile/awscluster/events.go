package awscluster

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// DriftRepaired is the reason of Events about what was changed in AWS behind a
// complete cluster's back, and put right.
const DriftRepaired = "DriftRepaired"

// event tells of one call.
func (p *pass) event(r plan.Result) {
	switch r.Outcome {
	case plan.Done:
		p.Events.Event(p.obj, corev1.EventTypeNormal, "Successful"+r.Event, plan.Past(r.Action.Summary))
	case plan.Failed:
		p.Events.Event(p.obj, corev1.EventTypeWarning, "Failed"+r.Event, fmt.Sprintf("Failed to %s: %s", r.Action.Summary, r.Err.Message))
	}
}

// EventsUnavailable is the reason of Events about AWS's own events, when they can't
// be received.
const EventsUnavailable = "EventsUnavailable"

// Scopes returns the accounts and regions that objects need.
func (r *Reconciler) Scopes() []cloud.Scope { return r.index.scopes() }

// ReportEvents tells at each object of an account and region why AWS's events
// aren't received there.
func (r *Reconciler) ReportEvents(scope cloud.Scope, cause cloud.Error) {
	for _, key := range r.index.in(scope) {
		obj := &infrav1.AWSCluster{}
		if err := r.Client.Get(context.Background(), key, obj); err != nil {
			continue // it is gone
		}
		r.Events.Event(obj, corev1.EventTypeWarning, EventsUnavailable,
			fmt.Sprintf("AWS's events aren't received in %s, so that changes in AWS show by the next sweep: %s", scope, cause.Message))
	}
}

// reportRepairs tells what was found different from what is wanted.
func (p *pass) reportRepairs() {
	if len(p.repaired) > 0 {
		p.Events.Event(p.obj, corev1.EventTypeWarning, DriftRepaired,
			"AWS differed from what is wanted; repaired: "+shorten(p.repaired))
	}
}
