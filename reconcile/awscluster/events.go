package awscluster

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
)

// DriftRepaired is the reason of Events about what was changed in AWS behind a
// complete cluster's back, and put right.
const DriftRepaired = "DriftRepaired"

// EventsUnavailable is the reason of Events about AWS's own events, when they can't
// be received.
const EventsUnavailable = "EventsUnavailable"

// ReportEvents tells at each object of an account and region why AWS's events
// aren't received there.
func (r *Reconciler) ReportEvents(scope cloud.Scope, cause cloud.Error) {
	for _, key := range r.In(scope) {
		obj := &infrav1.AWSCluster{}
		if err := r.Client.Get(context.Background(), key, obj); err != nil {
			continue // it is gone
		}
		r.Events.Event(obj, corev1.EventTypeWarning, EventsUnavailable,
			fmt.Sprintf("AWS's events aren't received in %s, so that changes in AWS show by the next sweep: %s", scope, cause.Message))
	}
}

// reportRepairs tells what was found different from what is wanted.
func (w *worker) reportRepairs() {
	if len(w.repaired) > 0 {
		w.pass.Event(corev1.EventTypeWarning, DriftRepaired,
			"AWS differed from what is wanted; repaired: "+conditions.Shorten(w.repaired))
	}
}
