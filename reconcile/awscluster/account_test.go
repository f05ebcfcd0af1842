package awscluster

import (
	"context"
	"strings"
	"testing"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
)

// noSession is an identity that doesn't work.
type noSession struct{}

func (noSession) For(context.Context, cloud.Site) (*cloud.Session, error) {
	return nil, &cloud.IdentityError{Reason: "PrincipalCredentialRetrievalFailed", Err: context.Canceled}
}

func TestAClusterThatNeverHadAnythingGoesWithoutAWS(t *testing.T) {
	w := newWorld(t, newCluster())
	w.reconciler.Sessions = noSession{}
	_, _ = w.reconcile()
	w.Must(w.Kube.Delete(context.Background(), w.get()))
	_, _ = w.reconcile()
	if !w.gone() {
		t.Error(w.describe())
	}
}

func TestAClusterThatHadSomethingStaysWithoutASession(t *testing.T) {
	w := newWorld(t, newCluster())
	w.create()
	if got := w.get().Status.AccountID; got == "" {
		t.Error("no account is recorded")
	}
	w.reconciler.Sessions = noSession{}
	w.Must(w.Kube.Delete(context.Background(), w.get()))
	_, _ = w.reconcile()
	if w.gone() {
		t.Error("it went with all it has in AWS")
	}
}

func TestAnotherAccountShowsNothingAsGone(t *testing.T) {
	w := newWorld(t, newCluster())
	w.create()
	obj := w.get()
	obj.Status.AccountID = "999999999999"
	w.Must(w.Kube.Status().Update(context.Background(), obj))
	w.restart()
	w.AWS.ResetCounts()
	w.Must(w.Kube.Delete(context.Background(), w.get()))
	w.try()
	if w.gone() || len(w.mutations()) > 0 {
		t.Errorf("gone: %v; AWS was asked for %v", w.gone(), w.mutations())
	}
	if c, _ := w.condition(infrav1.ReadyCondition); c.Status != "False" || !strings.Contains(c.Message, "account") {
		t.Errorf("Ready is %+v", c)
	}
}

func TestWhatIsRecordedWithoutAnAccountIsNotGoneWhereItIsNotSeen(t *testing.T) {
	w := newWorld(t, newCluster(func(c *infrav1.AWSCluster) {
		c.Spec.Network.VPC.ID = "vpc-0123456789abcdef0"
		c.Spec.Network.Subnets = infrav1.Subnets{{ID: "a", ResourceID: "subnet-0123456789abcdef0", AvailabilityZone: "us-east-1a"}}
	}))
	w.try()
	w.Must(w.Kube.Delete(context.Background(), w.get()))
	w.try()
	if w.gone() {
		t.Fatal("it went")
	}
	if c, _ := w.condition(infrav1.VpcReadyCondition); !strings.Contains(c.Message, "isn't in 123456789012/us-east-1") {
		t.Errorf("VpcReady is %+v", c)
	}
}
