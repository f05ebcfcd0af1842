package awsmachine

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/events"
)

func spot(obj *infrav1.AWSMachine, _ *clusterv1.Machine) {
	obj.Spec.SpotMarketOptions = &infrav1.SpotMarketOptions{}
}

// notify hands a notice about a machine's instance to the reconciler, and runs it.
func (w *world) notify(name, reason string) events.Notice {
	w.T.Helper()
	n := events.Notice{InstanceID: aws.ToString(w.get(name).Spec.InstanceID), Reason: reason, Message: reason + " of it", Time: w.Now.Now()}
	w.reconciler.Notify(w.Session().Scope, n)
	_, err := w.reconcile(name)
	w.Must(err)
	return n
}

func (w *world) announcement(name string) *metav1.Condition {
	return meta.FindStatusCondition(w.get(name).Status.Conditions, infrav1.InterruptionAnnouncedCondition)
}

// told counts the Events with a reason.
func (w *world) told(reason string) int {
	n := 0
	for _, line := range w.Events.With("") {
		if strings.HasPrefix(line, reason+": ") {
			n++
		}
	}
	return n
}

func TestAnnouncementsShowAndAreToldOnce(t *testing.T) {
	w := newWorld(t)
	w.machine("w1", plainData, spot)
	w.settle("w1", w.ready("w1"))
	if c := w.announcement("w1"); c != nil {
		t.Fatalf("a new machine says %+v", c)
	}
	w.notify("w1", infrav1.RebalanceRecommendedReason)
	if c := w.announcement("w1"); c == nil || c.Status != metav1.ConditionTrue || c.Reason != infrav1.RebalanceRecommendedReason || !w.ready("w1")() {
		t.Errorf("after a recommendation it says %+v\n%s", c, w.describe("w1"))
	}
	w.Pass(time.Minute)
	n := w.notify("w1", infrav1.SpotInterruptionReason)
	w.reconciler.Notify(w.Session().Scope, n)
	w.notify("w1", infrav1.RebalanceRecommendedReason) // less pressing by now
	c := w.announcement("w1")
	if c == nil || c.Reason != infrav1.SpotInterruptionReason || !c.LastTransitionTime.Equal(&metav1.Time{Time: n.Time}) {
		t.Errorf("after a warning it says %+v", c)
	}
	if w.ready("w1")() || w.reason("w1", infrav1.ReadyCondition) != infrav1.SpotInterruptionReason {
		t.Errorf("a machine about to end is ready:\n%s", w.describe("w1"))
	}
	if a, b := w.told(infrav1.RebalanceRecommendedReason), w.told(infrav1.SpotInterruptionReason); a != 1 || b != 1 {
		t.Errorf("%d and %d Events, want one each", a, b)
	}
	if d := w.get("w1").Status.Deprecated; d != nil && d.V1Beta1 != nil && d.V1Beta1.FailureReason != nil {
		t.Error("the machine has failed for good, though its instance runs")
	}
}

func TestAnnouncementOutlivesTheProcessAndTheInstance(t *testing.T) {
	w := newWorld(t)
	w.machine("w1", plainData, spot)
	w.settle("w1", w.ready("w1"))
	w.notify("w1", infrav1.SpotInterruptionReason)
	w.restart()
	_, err := w.reconcile("w1")
	w.Must(err)
	found, err := w.AWS.Act("spot-interruption", "", testRegion, aws.ToString(w.get("w1").Spec.InstanceID))
	if err != nil || !found {
		t.Fatalf("interrupting: %v, %v", found, err)
	}
	w.Pass(3 * time.Minute)
	_, err = w.reconcile("w1")
	w.Must(err)
	if w.announcement("w1") == nil || w.reason("w1", infrav1.ReadyCondition) != infrav1.InstanceTerminatedReason {
		t.Errorf("after the end it says:\n%s", w.describe("w1"))
	}
	_, err = w.reconcile("w1")
	w.Must(err)
	if a, b := w.told(infrav1.SpotInterruptionReason), w.told(infrav1.InstanceTerminatedReason); a != 1 || b != 1 {
		t.Errorf("%d Events of the interruption and %d of the end, want one each", a, b)
	}
}

// TestInstanceThatRunsOnIsReadyAgain: what AWS has counts, not what was announced.
func TestInstanceThatRunsOnIsReadyAgain(t *testing.T) {
	w := newWorld(t)
	w.machine("w1", plainData, spot)
	w.settle("w1", w.ready("w1"))
	w.notify("w1", infrav1.SpotInterruptionReason)
	w.Pass(interruptionOverdue)
	if r, err := w.reconcile("w1"); err != nil || w.ready("w1")() || r.RequeueAfter == 0 {
		t.Errorf("it is ready at once, or not looked at again: %+v, %v", r, err)
	}
	w.Pass(time.Minute)
	_, err := w.reconcile("w1")
	w.Must(err)
	if !w.ready("w1")() || w.announcement("w1") != nil {
		t.Errorf("long after the announcement it says:\n%s", w.describe("w1"))
	}
}

func TestAnnouncementsAboutOtherInstancesChangeNothing(t *testing.T) {
	w := newWorld(t)
	w.machine("w1", plainData, spot)
	w.settle("w1", w.ready("w1"))
	id := aws.ToString(w.get("w1").Spec.InstanceID)
	other := cloud.Scope{Account: "999999999999", Region: testRegion}
	w.reconciler.Notify(other, events.Notice{InstanceID: id, Reason: infrav1.SpotInterruptionReason, Time: w.Now.Now()})
	w.reconciler.Notify(w.Session().Scope, events.Notice{InstanceID: "i-other", Reason: infrav1.SpotInterruptionReason, Time: w.Now.Now()})
	_, err := w.reconcile("w1")
	w.Must(err)
	if w.announcement("w1") != nil {
		t.Errorf("it says:\n%s", w.describe("w1"))
	}
}
