package awscluster

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"k8s.io/apimachinery/pkg/api/equality"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// TestAReaderSeesADeletionAsTheReconcilerLeftIt has a bucket, which only the
// reconciler looks at, and a security group that AWS doesn't delete.
func TestAReaderSeesADeletionAsTheReconcilerLeftIt(t *testing.T) {
	w := newWorld(t, newCluster(withBucket))
	w.create()
	w.AWS.Faults().Set(emulator.Fault{Service: "ec2", Operation: "DeleteSecurityGroup", Code: "DependencyViolation", Status: 400})
	w.Must(w.Kube.Delete(context.Background(), w.get()))
	for range 5 {
		_, err := w.reconcile()
		w.Must(err)
		w.Pass(5 * time.Second)
	}
	_, err := w.reconcile()
	w.Must(err)
	o := observer(w)
	w.Must(o.Refresh(context.Background(), w.get(), time.Hour))
	stored := w.get().Status
	stored.Observation = nil
	shown, _ := o.Project(context.Background(), w.get())
	if status := shown.Status; !equality.Semantic.DeepEqual(status, stored) {
		t.Errorf("a read would store\n%+v\nover\n%+v", status.Conditions, stored.Conditions)
	}
}

// TestWaitingIsNoError: what a pass returns as an error is logged as one.
func TestWaitingIsNoError(t *testing.T) {
	w := newWorld(t, newCluster())
	quietly := func(what string, done func() bool) {
		for range 60 {
			if _, err := w.reconcile(); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if done() {
				return
			}
			w.Pass(10 * time.Second)
		}
		t.Fatalf("%s takes too long", what)
	}
	quietly("creation", w.isReady)
	w.Must(w.Kube.Delete(context.Background(), w.get()))
	quietly("deletion", w.gone)
}

func TestEndpointsAreNotReadyWhileThereIsNoVPC(t *testing.T) {
	w := newWorld(t, newCluster(withBucket))
	w.AWS.Faults().Set(emulator.Fault{Service: "ec2", Operation: "CreateVpc", Code: "VpcLimitExceeded", Status: 400})
	for range 3 {
		_, _ = w.reconcile()
	}
	if c, _ := w.condition(infrav1.VpcEndpointsReadyCondition); c.Status == "True" {
		t.Errorf("it is %+v", c)
	}
}

// TestAVPCThatMayBeMeantIsNamedBeforeASecondOneIsMade has a VPC of an object of this
// name that lives no more, and two that could continue it.
func TestAVPCThatMayBeMeantIsNamedBeforeASecondOneIsMade(t *testing.T) {
	w := newWorld(t, newCluster())
	w.add(newCluster(func(c *infrav1.AWSCluster) { c.Namespace, c.UID = "other", "uid-of-twin" }))
	out, err := w.ec2().CreateVpc(context.Background(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16"), TagSpecifications: []ec2types.TagSpecification{{
		ResourceType: ec2types.ResourceTypeVpc, Tags: []ec2types.Tag{
			{Key: aws.String(names.TagOwnedPrefix + testName), Value: aws.String(names.Owned)},
			{Key: aws.String(names.TagUID), Value: aws.String("of nobody who lives")},
		}}}})
	w.Must(err)
	w.AWS.ResetCounts()
	for range 3 {
		_, _ = w.reconcile()
	}
	if c, _ := w.condition(infrav1.VpcReadyCondition); c.Status != "False" || !strings.Contains(c.Message, aws.ToString(out.Vpc.VpcId)) {
		t.Errorf("VpcReady is %+v", c)
	}
	if n := w.AWS.Counts()["ec2.CreateVpc"]; n != 0 {
		t.Errorf("%d VPCs were made", n)
	}
}
