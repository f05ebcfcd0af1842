package awsmachine

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"k8s.io/apimachinery/pkg/api/meta"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// refusals are the ways in which AWS refuses launches.
var refusals = []struct {
	code   string
	status int
	want   string
}{
	{"InsufficientInstanceCapacity", 500, "InsufficientInstanceCapacity"},
	{"VcpuLimitExceeded", 400, "VcpuLimitExceeded"},
	{"UnauthorizedOperation", 403, "UnauthorizedOperation"},
	{"RequestExpired", 400, "RequestExpired"},
	{"RequestLimitExceeded", 503, "RequestLimitExceeded"},
	{"InvalidParameterValue", 400, "InvalidParameterValue"},
	{"InternalError", 500, "InternalError"},
}

// TestRefusedLaunchSaysWhyAndIsNotTriedInAHotLoop looks at each refusal for ten
// minutes, during which the object is reconciled every second, as by a storm of
// events; then AWS relents.
func TestRefusedLaunchSaysWhyAndIsNotTriedInAHotLoop(t *testing.T) {
	for _, x := range refusals {
		t.Run(x.code, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.AWS.Faults().Set(emulator.Fault{ID: "refusal", Operation: "RunInstances", Code: x.code, Status: x.status})
			w.machine("m1", plainData)
			reasons := map[string]bool{}
			for i := range 600 {
				_, _ = w.reconcile("m1")
				w.AWSNow.Advance(time.Second)
				w.Now.Step(time.Second)
				if i > 0 {
					reasons[w.reason("m1", infrav1.InstanceReadyCondition)] = true
				}
			}
			if len(reasons) != 1 || !reasons[infrav1.InstanceProvisionFailedReason] {
				t.Errorf("the reasons were %v, want only %s", reasons, infrav1.InstanceProvisionFailedReason)
			}
			c := meta.FindStatusCondition(w.get("m1").Status.Conditions, infrav1.InstanceReadyCondition)
			if !strings.Contains(c.Message, x.want) {
				t.Errorf("the message is %q, want %s in it", c.Message, x.want)
			}
			// 1, 2, 4 ... 120 s apart is 13 times in ten minutes; a throttled call is
			// tried three times at once.
			if n := w.AWS.Counts()["ec2.RunInstances"]; n < 5 || n > 13*3 {
				t.Errorf("%d launches were tried in ten minutes", n)
			}
			w.AWS.Faults().Clear()
			w.settle("m1", w.ready("m1"))
		})
	}
}

func TestTerminatedInstanceShowsAndIsNotReplacedHere(t *testing.T) {
	w := newWorld(t)
	w.machine("m1", plainData)
	w.settle("m1", w.ready("m1"))
	w.terminate("m1")
	w.settle("m1", func() bool { return w.reason("m1", infrav1.InstanceReadyCondition) == infrav1.InstanceTerminatedReason })
	w.Pass(time.Minute)
	_, err := w.reconcile("m1")
	w.Must(err)
	obj := w.get("m1")
	if *obj.Status.InstanceState != infrav1.InstanceStateTerminated || obj.Status.Deprecated.V1Beta1.FailureReason == nil ||
		w.reason("m1", infrav1.ReadyCondition) != infrav1.InstanceTerminatedReason || !obj.Provisioned() || len(obj.Status.Addresses) == 0 {
		t.Errorf("the status is %+v", obj.Status)
	}
	if n := w.made(); n != 1 {
		t.Errorf("%d instances were made, want 1", n)
	}
	w.delete("m1")
}

func TestReadShowsATerminatedInstanceAtOnce(t *testing.T) {
	w := newWorld(t)
	w.machine("m1", plainData)
	w.settle("m1", w.ready("m1"))
	o := observer(w)
	obj := w.get("m1")
	w.Must(o.Refresh(context.Background(), obj, 2*time.Second))
	shown, _ := o.Project(context.Background(), obj)
	if status := shown.Status; *status.InstanceState != infrav1.InstanceStateRunning || !meta.IsStatusConditionTrue(status.Conditions, infrav1.ReadyCondition) {
		t.Fatalf("before, the status is %+v", status)
	}
	w.terminate("m1")
	w.AWSNow.Advance(2 * time.Second)
	w.Now.Step(3 * time.Second)
	w.Must(o.Refresh(context.Background(), obj, 2*time.Second))
	shown, fresh := o.Project(context.Background(), obj)
	status := shown.Status
	if meta.IsStatusConditionTrue(status.Conditions, infrav1.ReadyCondition) || *status.InstanceState == infrav1.InstanceStateRunning {
		t.Errorf("the status is %+v", status)
	}
	if age := w.Now.Since(fresh.ObservedTime); age > 2*time.Second || fresh.Err != nil {
		t.Errorf("it is %s old: %v", age, fresh.Err)
	}
}

func TestStoppedInstanceIsNotReadyUntilItRunsAgain(t *testing.T) {
	w := newWorld(t)
	w.machine("m1", plainData)
	w.settle("m1", w.ready("m1"))
	id := []string{aws.ToString(w.get("m1").Spec.InstanceID)}
	_, err := w.ec2().StopInstances(context.Background(), &ec2.StopInstancesInput{InstanceIds: id})
	w.Must(err)
	w.settle("m1", func() bool { return w.reason("m1", infrav1.InstanceReadyCondition) == infrav1.InstanceStoppedReason })
	w.Pass(time.Minute)
	_, err = w.ec2().StartInstances(context.Background(), &ec2.StartInstancesInput{InstanceIds: id})
	w.Must(err)
	w.settle("m1", w.ready("m1"))
}

func (w *world) terminate(name string) {
	w.T.Helper()
	_, err := w.ec2().TerminateInstances(context.Background(), &ec2.TerminateInstancesInput{InstanceIds: []string{aws.ToString(w.get(name).Spec.InstanceID)}})
	w.Must(err)
}
