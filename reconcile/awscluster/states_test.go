package awscluster

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// condition returns one of the object's conditions in both forms.
func (w *world) condition(kind string) (metav1.Condition, infrav1.V1Beta1Condition) {
	w.T.Helper()
	obj := w.get()
	c := meta.FindStatusCondition(obj.Status.Conditions, kind)
	if c == nil || obj.Status.Deprecated == nil {
		w.T.Fatalf("no condition %s in\n%s", kind, w.describe())
	}
	for _, old := range obj.Status.Deprecated.V1Beta1.Conditions {
		if old.Type == kind {
			return *c, old
		}
	}
	w.T.Fatalf("no condition %s in the old form", kind)
	return metav1.Condition{}, infrav1.V1Beta1Condition{}
}

func TestPausedClusterIsLeftAloneAndSaysSo(t *testing.T) {
	for name, pause := range map[string]func(*world){
		"by its annotation": func(w *world) {
			obj := w.get()
			obj.Annotations = map[string]string{clusterv1.PausedAnnotation: ""}
			w.Must(w.Kube.Update(context.Background(), obj))
		},
		"by its Cluster": func(w *world) {
			owner := &clusterv1.Cluster{}
			w.Must(w.Kube.Get(context.Background(), w.key(), owner))
			owner.Spec.Paused = aws.Bool(true)
			w.Must(w.Kube.Update(context.Background(), owner))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, newCluster())
			pause(w)
			_, err := w.reconcile()
			w.Must(err)
			if c, old := w.condition(infrav1.PausedCondition); c.Status != "True" || old.Status != "True" {
				t.Errorf("Paused is %s and %s", c.Status, old.Status)
			}
			if calls := w.mutations(); len(calls) > 0 {
				t.Errorf("AWS was changed: %v", calls)
			}
			if obj := w.get(); len(obj.Finalizers) > 0 {
				t.Errorf("finalizers %v", obj.Finalizers)
			}
			if c, _ := w.condition(infrav1.VpcReadyCondition); c.Reason != infrav1.VpcCreationStartedReason {
				t.Errorf("what AWS has is told as %+v", c)
			}
		})
	}
}

func TestClusterOfAnotherManagerIsNotTouched(t *testing.T) {
	w := newWorld(t, newCluster(func(c *infrav1.AWSCluster) {
		c.Annotations = map[string]string{clusterv1.ManagedByAnnotation: "terraform"}
	}))
	before := w.get()
	_, err := w.reconcile()
	w.Must(err)
	if after := w.get(); after.ResourceVersion != before.ResourceVersion || len(w.AWS.Counts()) > 0 {
		t.Errorf("it was touched: version %s, was %s; calls %v", after.ResourceVersion, before.ResourceVersion, w.AWS.Counts())
	}
}

func TestClusterWithoutAnOwnerWaits(t *testing.T) {
	w := newWorld(t, newCluster(func(c *infrav1.AWSCluster) { c.OwnerReferences = nil }))
	_, err := w.reconcile()
	w.Must(err)
	if calls := w.AWS.Counts(); len(calls) > 0 {
		t.Errorf("AWS was called: %v", calls)
	}
	const want = "waiting for the Cluster controller to set the owner reference; create a Cluster whose spec.infrastructureRef names this AWSCluster, if there is none"
	said := func(who string, obj *infrav1.AWSCluster) {
		t.Helper()
		if c := enginetest.Condition(obj, infrav1.ReadyCondition); c.Status != "False" || c.Reason != infrav1.WaitingForOwnerReason || c.Message != want {
			t.Errorf("%s: Ready is %+v, want it to say what to do", who, c)
		}
	}
	said("stored", w.get())
	observer := observer(w)
	w.Must(observer.Refresh(t.Context(), w.get(), 0))
	shown, _ := observer.Project(t.Context(), w.get())
	said("read", shown)
	obj := w.get()
	obj.OwnerReferences = newCluster().OwnerReferences
	w.Must(w.Kube.Update(t.Context(), obj))
	w.create()
}

func TestARecordThatTheStoreRefusesShowsInTheStatusUntilItIsTaken(t *testing.T) {
	w := newWorld(t, newCluster())
	_, err := w.reconcile()
	w.Must(err)
	refusal := apierrors.NewInvalid(schema.GroupKind{Kind: "AWSCluster"}, testName, field.ErrorList{field.Invalid(field.NewPath("spec", "network"), "x", "is too small")})
	w.Refusing = func(obj client.Object) error {
		if obj.(*infrav1.AWSCluster).Spec.Network.VPC.ID != "" || len(obj.(*infrav1.AWSCluster).Spec.Network.Subnets) > 0 {
			return refusal
		}
		return nil
	}
	for range 5 {
		if _, err := w.reconcile(); err != nil && !strings.Contains(err.Error(), "is too small") {
			t.Fatal(err)
		}
		w.Pass(3 * time.Second)
	}
	c, _ := w.condition(infrav1.VpcReadyCondition)
	if !strings.Contains(c.Message, "recording in the spec") || !strings.Contains(c.Message, "is too small") {
		t.Errorf("VpcReady is %+v", c)
	}
	w.Refusing = nil
	w.create()
	if failures := w.get().Status.Failures; len(failures) > 0 {
		t.Errorf("it still says %v", failures)
	}
}

func TestRefusedCallShowsInConditionAndEvent(t *testing.T) {
	w := newWorld(t, newCluster())
	w.AWS.Faults().Set(emulator.Fault{Service: "ec2", Operation: "CreateSubnet", Mode: emulator.ErrorBefore, Code: "UnauthorizedOperation",
		Message: "You are not authorized", Status: 403})
	for range 3 {
		_, err := w.reconcile()
		if err != nil && !strings.Contains(err.Error(), "UnauthorizedOperation") {
			t.Fatal(err)
		}
		w.Pass(3 * time.Second)
	}
	c, old := w.condition(infrav1.SubnetsReadyCondition)
	if c.Status != "False" || c.Reason != infrav1.SubnetsReconciliationFailedReason || !strings.Contains(c.Message, "UnauthorizedOperation") ||
		old.Severity != string(clusterv1.ConditionSeverityWarning) {
		t.Errorf("SubnetsReady is %+v, %+v", c, old)
	}
	if len(w.Events.With("FailedCreateSubnet: ")) == 0 {
		t.Errorf("no event in %q", w.Events.With(""))
	}
	// A read by another replica, which didn't try, doesn't drop the error.
	observer := observer(w)
	w.Must(observer.Refresh(context.Background(), w.get(), 0))
	shown, _ := observer.Project(context.Background(), w.get())
	status := shown.Status
	if c := meta.FindStatusCondition(status.Conditions, infrav1.SubnetsReadyCondition); !strings.Contains(c.Message, "UnauthorizedOperation") {
		t.Errorf("a read shows %+v", c)
	}
	w.AWS.Faults().Clear()
	w.create()
}

func TestEndpointWaitsUntilItsNameResolves(t *testing.T) {
	w := newWorld(t, newCluster())
	w.dns = func(string) error { return errors.New("no such host") }
	var waits []time.Duration
	w.settle(func() bool {
		c := meta.FindStatusCondition(w.get().Status.Conditions, infrav1.LoadBalancerReadyCondition)
		return c != nil && strings.Contains(c.Message, "to resolve")
	})
	for range 5 {
		result, err := w.reconcile()
		w.Must(err)
		waits = append(waits, result.RequeueAfter)
	}
	if waits[4] != maxResolveWait || waits[0] >= waits[2] {
		t.Errorf("it looks again after %v", waits)
	}
	if c, _ := w.condition(infrav1.LoadBalancerReadyCondition); c.Reason != infrav1.WaitForDNSNameResolveReason {
		t.Errorf("LoadBalancerReady is %+v", c)
	}
	if obj := w.get(); !obj.Spec.ControlPlaneEndpoint.IsZero() || obj.Provisioned() {
		t.Errorf("endpoint %v, provisioned %v", obj.Spec.ControlPlaneEndpoint, obj.Provisioned())
	}
	w.dns = func(string) error { return nil }
	w.create()
}

func TestDisabledLoadBalancerWaitsForTheUsersEndpoint(t *testing.T) {
	w := newWorld(t, newCluster(func(c *infrav1.AWSCluster) {
		c.Spec.ControlPlaneLoadBalancer = &infrav1.AWSLoadBalancerSpec{LoadBalancerType: infrav1.LoadBalancerTypeDisabled}
	}))
	w.settle(func() bool {
		c := meta.FindStatusCondition(w.get().Status.Conditions, infrav1.LoadBalancerReadyCondition)
		return c != nil && c.Reason == infrav1.WaitForExternalControlPlaneEndpointReason
	})
	obj := w.get()
	obj.Spec.ControlPlaneEndpoint = infrav1.APIEndpoint{Host: "api.example.com", Port: 443}
	w.Must(w.Kube.Update(context.Background(), obj))
	w.create()
}

func TestCompleteClusterCostsNothingAndWritesNothing(t *testing.T) {
	w := newWorld(t, newCluster())
	w.create()
	w.settle(func() bool { return len(w.get().Status.PendingCreations) == 0 })
	before := w.get()
	w.AWS.ResetCounts()
	for range 5 {
		_, err := w.reconcile()
		w.Must(err)
	}
	if calls := w.AWS.Counts(); len(calls) > 0 {
		t.Errorf("AWS was called: %v", calls)
	}
	if after := w.get(); after.ResourceVersion != before.ResourceVersion {
		t.Errorf("the object was written (-before +after):\n%s", cmp.Diff(before, after))
	}
}

func TestOutageChangesNothingAndIsTold(t *testing.T) {
	w := newWorld(t, newCluster())
	w.create()
	w.AWS.Configure(func(c *emulator.Config) { c.Outage = "503" })
	before := w.Resources()
	conditions := w.get().Status.Conditions
	for range 5 {
		w.Pass(2 * time.Minute)
		_, _ = w.reconcile()
	}
	observer := observer(w)
	if err := observer.Refresh(context.Background(), w.get(), 0); err == nil {
		t.Error("a refresh succeeded in an outage")
	}
	shown, fresh := observer.Project(context.Background(), w.get())
	status := shown.Status
	if fresh.Err == nil || cloud.Classify(fresh.Err).Message == "" || fresh.ObservedTime.IsZero() {
		t.Errorf("freshness %+v", fresh)
	}
	if !meta.IsStatusConditionTrue(status.Conditions, infrav1.ReadyCondition) || len(w.get().Status.Conditions) != len(conditions) {
		t.Errorf("the outage changed the status: %+v", status.Conditions)
	}
	w.AWS.Configure(func(c *emulator.Config) { c.Outage = "" })
	if after := w.Resources(); len(after) != len(before) {
		t.Errorf("there is %v, want %v", after, before)
	}
	w.create()
}

func TestLostLoadBalancerIsReportedAndNotReplaced(t *testing.T) {
	w := newWorld(t, newCluster())
	w.create()
	host := w.get().Spec.ControlPlaneEndpoint.Host
	w.deleteLoadBalancer(w.Session())
	w.settle(func() bool {
		c := meta.FindStatusCondition(w.get().Status.Conditions, infrav1.LoadBalancerReadyCondition)
		return c != nil && strings.Contains(c.Message, "doesn't exist any more")
	})
	if n := w.Resources()["load-balancer"]; n != 0 {
		t.Errorf("there are %d load balancers", n)
	}
	if obj := w.get(); !obj.Provisioned() || obj.Spec.ControlPlaneEndpoint.Host != host {
		t.Errorf("provisioned %v, endpoint %v", obj.Provisioned(), obj.Spec.ControlPlaneEndpoint)
	}
	w.delete()
}

func TestDeletionWaitsForWhatIsStillInUseAndSaysSo(t *testing.T) {
	w := newWorld(t, newCluster())
	w.create()
	before := w.get()
	release := w.occupy(before.Spec.Network.Subnets[1].ResourceID)
	w.Must(w.Kube.Delete(context.Background(), before))
	for range 10 {
		_, _ = w.reconcile()
		w.Pass(3 * time.Second)
	}
	c, _ := w.condition(infrav1.SubnetsReadyCondition)
	if c.Reason != infrav1.DeletingFailedReason || !strings.Contains(c.Message, "DependencyViolation") || !strings.Contains(c.Message, "in use by network interface eni-") {
		t.Errorf("SubnetsReady is %+v", c)
	}
	release()
	w.settle(w.gone)
	if left := w.Resources(); len(left) > 0 {
		t.Errorf("the account isn't empty: %v", left)
	}
}

func TestInterfacesThatInstancesLeftBehindAreDeleted(t *testing.T) {
	w := newWorld(t, newCluster())
	w.create()
	obj := w.get()
	_, err := w.ec2().CreateNetworkInterface(context.Background(), &ec2.CreateNetworkInterfaceInput{
		SubnetId: aws.String(obj.Spec.Network.Subnets[1].ResourceID),
		Groups:   []string{obj.Status.NetworkStatus.SecurityGroups[infrav1.SecurityGroupNode].ID}})
	w.Must(err)
	w.delete()
	if left := w.Resources(); len(left) > 0 {
		t.Errorf("the account isn't empty: %v", left)
	}
}

// TestANewClusterHasAnAgeBeforeItsTablesAreSwept lets AWS fail right after a
// cluster came up, of whose network nobody has listed anything yet.
func TestANewClusterHasAnAgeBeforeItsTablesAreSwept(t *testing.T) {
	w := newWorld(t, newCluster())
	for range 200 {
		_, _ = w.reconcile()
		if w.isReady() {
			break
		}
		w.Elapse(250 * time.Millisecond)
	}
	scope := w.Mirror.Scopes()[0]
	if !w.isReady() || w.Mirror.Snapshot(scope).Seen(mirror.RouteTables.Kind) {
		t.Fatalf("the cluster has to be ready before its route tables are listed\n%s", w.describe())
	}
	w.AWS.Configure(func(c *emulator.Config) { c.Outage = "503" })
	o := observer(w)
	if o.Refresh(context.Background(), w.get(), 0) == nil {
		t.Error("a refresh succeeded in an outage")
	}
	shown, fresh := o.Project(context.Background(), w.get())
	status := shown.Status
	if fresh.ObservedTime.IsZero() || fresh.Err == nil {
		t.Errorf("freshness is %+v, want a time and the reason", fresh)
	}
	if !meta.IsStatusConditionTrue(status.Conditions, infrav1.ReadyCondition) {
		t.Errorf("the outage changed the status: %+v", status.Conditions)
	}
}
