package awsmachine

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
)

func TestTheConsoleIsThatOfTheMachinesOwnInstance(t *testing.T) {
	w := newWorld(t)
	w.machine("mine", plainData)
	w.settle("mine", w.ready("mine"))
	id := instance.RecordedID(&w.get("mine").Spec)
	names := func(id string) func(*infrav1.AWSMachine, *clusterv1.Machine) {
		return func(m *infrav1.AWSMachine, _ *clusterv1.Machine) {
			m.Spec.InstanceID, m.Spec.ProviderID = aws.String(id), aws.String("aws:///us-east-1a/"+id)
		}
	}
	w.machine("new", plainData)
	w.machine("thief", plainData, names(id))
	w.machine("lost", plainData, names("i-0123456789abcdef0"))
	// An instance that no cluster made.
	image, subnet := w.instances()[0].ImageId, w.instances()[0].SubnetId
	out, err := w.ec2().RunInstances(context.Background(), &ec2.RunInstancesInput{MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
		InstanceType: "m5.large", ImageId: image, SubnetId: subnet})
	w.Must(err)
	w.machine("finder", plainData, names(*out.Instances[0].InstanceId))
	w.Pass(2 * time.Minute)
	o := observer(w)
	for name, want := range map[string]error{"mine": nil, "new": ErrNoInstance, "thief": ErrForeignInstance, "finder": ErrForeignInstance, "lost": ErrInstanceGone} {
		at, err := ConsoleOf(context.Background(), o, w.get(name))
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
		if err == nil && at.InstanceID != id {
			t.Errorf("%s: the console of %s, want that of %s", name, at.InstanceID, id)
		}
	}
}
