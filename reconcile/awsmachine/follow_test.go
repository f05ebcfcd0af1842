package awsmachine

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
)

// TestReplicasFollowWhatAnotherOneStored: the mirror looks at an instance whose
// object says another state, and at no other.
func TestReplicasFollowWhatAnotherOneStored(t *testing.T) {
	w := newWorld(t)
	w.machine("w1", plainData)
	w.settle("w1", w.ready("w1"))
	id := aws.ToString(w.get("w1").Spec.InstanceID)
	scope := w.Session().Scope
	state := func() infrav1.InstanceState {
		row, ok := mirror.Get(w.Mirror.Snapshot(scope), mirror.Instances, id)
		if !ok {
			return ""
		}
		return instance.State(row)
	}
	before := w.AWS.Counts()["ec2.DescribeInstances"]
	followState(w.Mirror, id, infrav1.InstanceStateRunning)
	followState(w.Mirror, "i-other", infrav1.InstanceStateTerminated)
	_, err := w.ec2().TerminateInstances(context.Background(), &ec2.TerminateInstancesInput{InstanceIds: []string{id}})
	w.Must(err)
	followState(w.Mirror, id, infrav1.InstanceStateShuttingDown)
	for range 1000 {
		w.Now.Step(10 * time.Millisecond)
		if state() == infrav1.InstanceStateShuttingDown {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if n := w.AWS.Counts()["ec2.DescribeInstances"] - before; state() != infrav1.InstanceStateShuttingDown || n != 1 {
		t.Errorf("the instance is %s after %d looks, want one", state(), n)
	}
}
