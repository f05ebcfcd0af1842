package awsmachinepool

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// refusing gives no session.
type refusing struct{ cause error }

func (r refusing) For(context.Context, cloud.Site) (*cloud.Session, error) { return nil, r.cause }

// healthy checks that nobody would replace anything of the pool.
func (w *world) healthy(name string) {
	w.T.Helper()
	if obj := w.get(name); !meta.IsStatusConditionTrue(obj.Status.Conditions, infrav1.ReadyCondition) || !obj.Status.Ready || obj.Status.Replicas != 2 || len(obj.Spec.ProviderIDList) != 2 {
		w.T.Errorf("the pool is shown as %+v\n%s", obj.Status, w.describe(name))
	}
}

// waits reconciles some times, and checks that waiting is no error.
func (w *world) waits(name string) {
	w.T.Helper()
	for range 3 {
		if result, err := w.reconcile(name); err != nil || result.RequeueAfter <= 0 {
			w.T.Errorf("reconciled to %+v, %v", result, err)
		}
		w.Pass(3 * time.Second)
	}
}

func TestTroubleWithTheIdentityIsNoneOfThePool(t *testing.T) {
	for name, x := range map[string]struct {
		kind, reason string
		cause        error
	}{
		"a namespace that isn't allowed any more": {kind: infrav1.PrincipalUsageAllowedCondition, reason: cloud.PrincipalUsageUnauthorizedReason,
			cause: &cloud.IdentityError{Reason: cloud.PrincipalUsageUnauthorizedReason, Identity: "AWSClusterStaticIdentity st", Err: errors.New("not allowed")}},
		"a Secret that is gone": {kind: infrav1.PrincipalCredentialRetrievedCondition, reason: cloud.CredentialProviderBuildFailedReason,
			cause: &cloud.IdentityError{Reason: cloud.CredentialProviderBuildFailedReason, Identity: "AWSClusterStaticIdentity st", Err: errors.New("no Secret st")}},
		"keys of another account": {kind: infrav1.PrincipalCredentialRetrievedCondition, reason: cloud.PrincipalAccountMismatchReason},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.pool("pool-1")
			w.settle("pool-1", w.ready("pool-1", 2))
			w.Pass(time60)
			w.AWS.ResetCounts()
			good, before := w.reconciler.Sessions, w.records()
			fail := func() {
				w.reconciler.Sessions = refusing{x.cause}
				if x.cause == nil {
					w.reconciler.Sessions = good
					w.account("999999999999")
				}
			}
			mend := func() {
				w.reconciler.Sessions = good
				w.account(emulator.DefaultAccount)
			}
			fail()
			w.waits("pool-1")
			w.healthy("pool-1")
			if c := w.condition("pool-1", x.kind); c.Status != metav1.ConditionFalse || c.Reason != x.reason {
				t.Errorf("the condition is %+v", c)
			}
			mend()
			w.rounds("pool-1", 2)
			w.healthy("pool-1")
			if c := w.condition("pool-1", x.kind); c.Type != "" {
				t.Errorf("it still says %+v", c)
			}

			fail()
			w.Must(w.Kube.Delete(t.Context(), w.get("pool-1")))
			w.waits("pool-1")
			if c := w.condition("pool-1", infrav1.ReadyCondition); c.Status != metav1.ConditionFalse || c.Reason != x.reason {
				t.Errorf("while it can't be deleted, Ready is %+v", c)
			}
			w.changesNothing()
			w.unchanged(before)
			mend()
			w.settle("pool-1", func() bool { return w.gone("pool-1") })
			w.nothingLeft()
		})
	}
}

// account records an account in the AWSCluster.
func (w *world) account(id string) {
	w.T.Helper()
	c := w.cluster()
	c.Status.AccountID = id
	w.Must(w.Kube.Status().Update(context.Background(), c))
}

func TestPoolThatNeverHadAnIdentityGoesWithoutAWS(t *testing.T) {
	w := newWorld(t)
	w.reconciler.Sessions = refusing{&cloud.IdentityError{Reason: cloud.CredentialProviderBuildFailedReason, Identity: "AWSClusterStaticIdentity st", Err: errors.New("no such identity")}}
	w.pool("pool-1")
	w.waits("pool-1")
	if c := w.condition("pool-1", infrav1.ReadyCondition); c.Status != metav1.ConditionFalse || c.Reason != cloud.CredentialProviderBuildFailedReason {
		t.Errorf("Ready is %+v", c)
	}
	w.Must(w.Kube.Delete(t.Context(), w.get("pool-1")))
	_, err := w.reconcile("pool-1")
	w.Must(err)
	if !w.gone("pool-1") {
		t.Errorf("it waits for AWS: %s", w.describe("pool-1"))
	}
}

// TestPoolThatMayHaveATemplateWaitsForItsIdentity is about a process that died before
// it could record what it made first.
func TestPoolThatMayHaveATemplateWaitsForItsIdentity(t *testing.T) {
	w := newWorld(t)
	w.pool("pool-1")
	w.AWS.Faults().Set(emulator.Fault{ID: "away", Service: "ec2", Operation: "CreateLaunchTemplate", Code: "InternalError", Status: 500})
	_, _ = w.reconcile("pool-1")
	w.reconciler.Sessions = refusing{&cloud.IdentityError{Reason: cloud.CredentialProviderBuildFailedReason, Identity: "AWSClusterStaticIdentity st", Err: errors.New("gone")}}
	w.Must(w.Kube.Delete(t.Context(), w.get("pool-1")))
	w.waits("pool-1")
	if w.gone("pool-1") {
		t.Error("it went, and nobody knows whether there is a template")
	}
}

func TestRefusedListingsAreSaidAndTakeNothingHealthyOut(t *testing.T) {
	w := newWorld(t)
	w.pool("pool-1")
	w.settle("pool-1", w.ready("pool-1", 2))
	w.Pass(time60)
	w.restart()
	w.AWS.Faults().Set(emulator.Fault{ID: "denied", Service: "autoscaling", Operation: "DescribeAutoScalingGroups", Code: "AccessDenied", Message: "not authorized to look", Status: 403})
	w.waits("pool-1")
	w.healthy("pool-1")
	if c := w.condition("pool-1", infrav1.ASGReadyCondition); c.Status != metav1.ConditionFalse || !strings.Contains(c.Message, "not authorized to look") {
		t.Errorf("the condition is %+v", c)
	}
	w.Must(w.Kube.Delete(t.Context(), w.get("pool-1")))
	w.waits("pool-1")
	if c := w.condition("pool-1", infrav1.ReadyCondition); c.Status != metav1.ConditionFalse || !strings.Contains(c.Message, "not authorized to look") {
		t.Errorf("while it can't be deleted, Ready is %+v", c)
	}
	w.AWS.Faults().Clear()
	w.settle("pool-1", func() bool { return w.gone("pool-1") })
	w.nothingLeft()
}

// TestWishesThatCannotBeTakeNothingHealthyOut is about what users write, or what
// becomes of what they named, after the group was there.
func TestWishesThatCannotBeTakeNothingHealthyOut(t *testing.T) {
	w := newWorld(t)
	w.pool("pool-1")
	w.settle("pool-1", w.ready("pool-1", 2))
	w.Pass(time60)
	for name, x := range map[string]struct {
		kind   string
		change func(*infrav1.AWSMachinePool)
		owner  func(*clusterv1.MachinePool)
	}{
		"no security group passes": {kind: infrav1.LaunchTemplateReadyCondition, change: func(p *infrav1.AWSMachinePool) {
			p.Spec.AWSLaunchTemplate.AdditionalSecurityGroups = []infrav1.AWSResourceReference{{Filters: []infrav1.Filter{{Name: "group-name", Values: []string{"none"}}}}}
		}},
		"no subnet in the zone": {kind: infrav1.ASGReadyCondition, change: func(p *infrav1.AWSMachinePool) { p.Spec.AvailabilityZones = []string{"us-east-1f"} }},
		"more than it may have": {kind: infrav1.ASGReadyCondition, owner: func(m *clusterv1.MachinePool) { m.Spec.Replicas = aws.Int32(99) }},
	} {
		before, owner := w.get("pool-1").Spec, w.machinePool("pool-1").Spec
		if x.change != nil {
			w.change("pool-1", x.change)
		}
		if x.owner != nil {
			w.changeOwner("pool-1", x.owner)
		}
		w.rounds("pool-1", 3)
		w.healthy("pool-1")
		if c := w.condition("pool-1", x.kind); c.Status != metav1.ConditionFalse {
			t.Errorf("%s: %+v", name, c)
		}
		w.change("pool-1", func(p *infrav1.AWSMachinePool) { p.Spec = before })
		w.changeOwner("pool-1", func(m *clusterv1.MachinePool) { m.Spec = owner })
		w.rounds("pool-1", 2)
	}
}
