package foundation

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// ofAnotherKind is the intent of an object that isn't an AWSCluster.
func ofAnotherKind() Intent {
	obj := &infrav1.AWSMachinePool{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "other", UID: "u"}}
	return Intent{Object: obj, Known: Known{Acting: true}, APIPort: 443,
		Owner: ownership.Owner{Owner: names.Owner{Cluster: "other", UID: "u", Namespace: "default"}, Kind: "Other", Name: "other", Region: "us-east-1"}}
}

// emptyAccount shows an account that was listed, and in which nothing is.
func emptyAccount() *mirror.Snapshot {
	snap, now := mirror.NewSnapshot(cloud.Scope{Account: "123456789012", Region: "us-east-1"}), time.Now()
	snap = mirror.With(snap, mirror.AvailabilityZones, now, ec2types.AvailabilityZone{ZoneName: aws.String("us-east-1a")})
	snap = mirror.With(mirror.With(snap, mirror.VPCs, now), mirror.Addresses, now)
	return mirror.With(mirror.With(snap, mirror.InternetGateways, now), mirror.Subnets, now)
}

// own is what the other kind has besides.
func own() (p plan.Plan, inside string) {
	p.Add(plan.Action{Key: "own", Area: "OwnReady", Verb: plan.Delete, Summary: "delete what is its own"})
	return p, "what is its own"
}

func TestAKindThatIsNoAWSClusterStandsOnTheSame(t *testing.T) {
	in := ofAnotherKind()
	s := Observe(in, emptyAccount())
	p := s.Plan(own)
	if !p.Creates(infrav1.VpcReadyCondition) || !slices.ContainsFunc(p.Actions, func(a plan.Action) bool { return a.Key == "own" }) {
		t.Errorf("planned is %+v", p)
	}
	into := &infrav1.AWSMachinePool{}
	s.SetConditions(into, p, conditions.Area{Type: "OwnReady", Failed: "OwnFailed"})
	for _, kind := range []string{infrav1.ReadyCondition, infrav1.VpcReadyCondition, "OwnReady"} {
		if c, ok := conditions.Stored(into, kind); !ok || c.OK {
			t.Errorf("of %s is said %+v", kind, c)
		}
	}
}

func TestNothingIsSaidOfWhatWasNotListed(t *testing.T) {
	in := ofAnotherKind()
	s := Observe(in, mirror.NewSnapshot(cloud.Scope{}))
	if p := s.Plan(own); !s.Blind() || len(p.Actions) > 0 || len(p.Waits) != 1 || !strings.HasPrefix(p.Waits[0].Summary, "the first complete listing of") {
		t.Errorf("blind: %v, planned is %+v", s.Blind(), p)
	}
}
