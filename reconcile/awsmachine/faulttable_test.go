package awsmachine

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"k8s.io/apimachinery/pkg/api/meta"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// faultTime is how long each fault lasts, recoveryTime how long a machine may take to
// run afterwards, by itself: the longest time between attempts, and a launch.
const (
	faultTime    = 10 * time.Minute
	recoveryTime = 3 * time.Minute
	// mostCalls bounds all calls to AWS during a fault, sweeps included: instances alone
	// are swept 46 times.
	mostCalls = 100
)

// faults are what may be wrong with AWS while a machine is to be launched.
var faults = []struct {
	name   string
	fault  emulator.Fault
	change func(*emulator.Config)
	// reason and message are those of InstanceReady, once the fault was met.
	reason, message string
	// launches bounds RunInstances: 1, 2, 4 ... 120 s apart are 13 in ten minutes, and up to 60 s apart 16.
	launches int
}{
	{name: "no capacity", fault: emulator.Fault{Operation: "RunInstances", Code: "InsufficientInstanceCapacity", Status: 500},
		reason: infrav1.InstanceProvisionFailedReason, message: "InsufficientInstanceCapacity", launches: 13},
	{name: "vCPU quota used up", fault: emulator.Fault{Operation: "RunInstances", Code: "VcpuLimitExceeded", Status: 400},
		reason: infrav1.InstanceProvisionFailedReason, message: "VcpuLimitExceeded", launches: 13},
	{name: "launches denied", fault: emulator.Fault{Operation: "RunInstances", Code: "UnauthorizedOperation", Status: 403},
		reason: infrav1.InstanceProvisionFailedReason, message: "UnauthorizedOperation", launches: 16},
	{name: "credentials expired", fault: emulator.Fault{Code: "RequestExpired", Status: 400},
		reason: conditions.WaitingForObservation, message: "RequestExpired"},
	{name: "throttles", fault: emulator.Fault{Code: "RequestLimitExceeded", Status: 503},
		reason: conditions.WaitingForObservation, message: "RequestLimitExceeded"},
	{name: "half pages", fault: emulator.Fault{Operation: "DescribeInstances", Page: 2, Code: "InternalError", Status: 500},
		change: func(c *emulator.Config) { c.MaxPageSize = 2 },
		reason: conditions.WaitingForObservation, message: "InternalError"},
}

// TestFaultsShowTheirReasonCostLittleAndPass lets each fault last for ten minutes, with
// the object reconciled as the controller's queue would. Then AWS is well again.
func TestFaultsShowTheirReasonCostLittleAndPass(t *testing.T) {
	for _, x := range faults {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			for range 3 { // somebody else's, so that a listing has pages
				w.foreignInstance()
			}
			w.Pass(time.Minute)
			w.restart()
			w.Session() // whose AWS it is, is known; what is in it isn't
			if x.change != nil {
				w.AWS.Configure(x.change)
			}
			w.machine("m1", plainData)
			w.AWS.Faults().Set(x.fault)
			w.AWS.ResetCounts()
			q := &queueOf{world: w, name: "m1"}
			reasons := map[string]int{}
			for range int(faultTime / time.Second) {
				if q.second() {
					reasons[w.reason("m1", infrav1.InstanceReadyCondition)]++
				}
			}
			total := 0
			for _, n := range w.AWS.Counts() {
				total += n
			}
			launches := w.AWS.Counts()["ec2.RunInstances"]
			c := meta.FindStatusCondition(w.get("m1").Status.Conditions, infrav1.InstanceReadyCondition)
			t.Logf("%-20s %3d calls in %s, %2d of them launches; %2d looks; %s: %s", x.name, total, faultTime, launches, q.looks, c.Reason, c.Message)
			if len(reasons) != 1 || reasons[x.reason] == 0 {
				t.Errorf("the reasons were %v, want only %s", reasons, x.reason)
			}
			if !strings.Contains(c.Message, x.message) {
				t.Errorf("the message is %q, want %s in it", c.Message, x.message)
			}
			if total > mostCalls || launches > x.launches {
				t.Errorf("%d calls, %d launches, want at most %d and %d: %v", total, launches, mostCalls, x.launches, w.AWS.Counts())
			}
			w.AWS.Faults().Clear()
			for i := 0; i < int(recoveryTime/time.Second) && !w.ready("m1")(); i++ {
				q.second()
			}
			if !w.ready("m1")() {
				t.Errorf("it didn't recover: %s", w.describe("m1"))
			}
			w.AWS.Configure(func(c *emulator.Config) { c.MaxPageSize = 0 })
			if n := len(w.instances()); n != 4 {
				t.Errorf("there are %d instances, want the machine's and 3 others", n)
			}
		})
	}
}

// foreignInstance launches an instance that is nobody's here.
func (w *world) foreignInstance() {
	w.T.Helper()
	ctx := context.Background()
	image, err := w.ec2().RegisterImage(ctx, &ec2.RegisterImageInput{Name: aws.String(fmt.Sprintf("other-%d", len(w.instances())))})
	w.Must(err)
	_, err = w.ec2().RunInstances(ctx, &ec2.RunInstancesInput{MinCount: aws.Int32(1), MaxCount: aws.Int32(1), ImageId: image.ImageId,
		InstanceType: "m5.large", SubnetId: aws.String(w.cluster().Spec.Network.Subnets[0].ResourceID)})
	w.Must(err)
}

// queueOf looks at one object when the controller's queue would: at once, after what
// the last look asked for, or after a failure later each time.
type queueOf struct {
	*world
	name     string
	due      time.Time
	failures int
	looks    int
}

// second lets a second go by, and tells whether the object was looked at.
func (q *queueOf) second() bool {
	now := q.Now.Now()
	looked := !now.Before(q.due)
	if looked {
		q.looks++
		result, err := q.reconcile(q.name)
		wait := result.RequeueAfter
		if err != nil {
			wait = min(engine.FirstRetry<<min(q.failures, 10), engine.LastRetry)
			q.failures++
		} else {
			q.failures = 0
		}
		if wait == 0 {
			wait = time.Minute // a change of AWS's wakes it at the latest then
		}
		q.due = now.Add(wait)
	}
	q.AWSNow.Advance(time.Second)
	q.Now.Step(time.Second)
	time.Sleep(2 * time.Millisecond) // the mirror reads in the background
	return looked
}
