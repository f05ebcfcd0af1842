package awsmanagedcontrolplane

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	corev1 "k8s.io/api/core/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eks"
)

// versionAhead is the reason of the Event that tells of a cluster newer than its spec.
const versionAhead = "EKSControlPlaneAhead"

// healthy has AWS's words on what is wrong with a cluster. It serves its API all the same,
// so that nothing has to wait for their cure.
func (v *view) healthy() conditions.Condition {
	c := conditions.Condition{Type: controlplanev1.EKSControlPlaneHealthyCondition, OK: true}
	if issues := eks.Issues(v.cluster.Row); len(issues) > 0 {
		c.OK, c.Reason, c.Severity, c.Message = false, controlplanev1.EKSControlPlaneUnhealthyReason, clusterv1.ConditionSeverityWarning, "EKS says: "+conditions.Shorten(issues)
	}
	return c
}

// ahead says that the cluster is newer than the spec, and what to do.
func (v *view) ahead() string {
	return fmt.Sprintf("EKS cluster %s runs %s, which is newer than spec.version; AWS updates clusters at the end of a version's support. Set spec.version to it", v.cluster.Name, aws.ToString(v.cluster.Row.Version))
}

// Follow tells of what AWS, or somebody there, did and nothing here repairs.
func (w *worker) Follow(ctx context.Context) error {
	v := w.view()
	if v.cluster.Active() && !w.pass.Deleting() {
		w.tell(&w.memory.issues, corev1.EventTypeWarning, controlplanev1.EKSControlPlaneUnhealthyReason, v.healthy().Message)
		ahead := ""
		if v.cluster.Ahead() {
			ahead = v.ahead()
		}
		w.tell(&w.memory.ahead, corev1.EventTypeWarning, versionAhead, ahead)
	}
	return w.Worker.Follow(ctx)
}

// tell is an Event of what wasn't told yet; "" is nothing to tell.
func (w *worker) tell(told *string, eventType, reason, message string) {
	if message != "" && *told != message {
		w.pass.Event(eventType, reason, message)
	}
	*told = message
}
