package awscluster

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
)

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
