package awsmachine

import (
	"cmp"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/events"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
)

// interruptionOverdue is how long after the announcement of an interruption, which
// AWS says is two minutes ahead, an instance that still runs isn't to be interrupted
// any more: what AWS has counts, not what was announced.
const interruptionOverdue = 10 * time.Minute

// announced returns the condition that tells what AWS announced of the instance,
// nil when nothing was, or nothing came of it.
func (v *view) announced() *metav1.Condition {
	said := meta.FindStatusCondition(v.Machine.Status.Conditions, infrav1.InterruptionAnnouncedCondition)
	if n := v.Notice; n != nil && (said == nil || morePressing(n, said)) {
		said = condition(n, v.Machine.Generation)
	}
	if said != nil && said.Reason == infrav1.SpotInterruptionReason && v.running() &&
		v.snap.Observed(mirror.Instances.Kind).After(said.LastTransitionTime.Add(interruptionOverdue)) {
		return nil
	}
	return said
}

// morePressing tells that a notice says more than the object does. Of two that AWS
// takes the instance away, the later one counts.
func morePressing(n *events.Notice, said *metav1.Condition) bool {
	if said.Reason == infrav1.SpotInterruptionReason && n.Reason != infrav1.SpotInterruptionReason {
		return false
	}
	return n.Reason == infrav1.SpotInterruptionReason && said.Reason != n.Reason || n.Time.Truncate(time.Second).After(said.LastTransitionTime.Time)
}

func condition(n *events.Notice, generation int64) *metav1.Condition {
	return &metav1.Condition{Type: infrav1.InterruptionAnnouncedCondition, Status: metav1.ConditionTrue, Reason: n.Reason, Message: n.Message,
		LastTransitionTime: metav1.NewTime(n.Time).Rfc3339Copy(), ObservedGeneration: generation}
}

// setAnnounced puts the condition into the status, or takes it out.
func (v *view) setAnnounced(status *infrav1.AWSMachineStatus) {
	said := v.announced()
	status.Conditions = slices.DeleteFunc(status.Conditions, func(c metav1.Condition) bool { return c.Type == infrav1.InterruptionAnnouncedCondition })
	if said == nil {
		return
	}
	status.Conditions = append(status.Conditions, *said)
	slices.SortFunc(status.Conditions, func(a, b metav1.Condition) int { return cmp.Compare(a.Type, b.Type) })
}
