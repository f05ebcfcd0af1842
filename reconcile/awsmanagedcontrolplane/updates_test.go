package awsmanagedcontrolplane

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awseks "github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eks"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// cluster is the EKS cluster as AWS has it.
func (w *world) cluster() *ekstypes.Cluster {
	w.T.Helper()
	out, err := w.Session().EKS.DescribeCluster(context.Background(), &awseks.DescribeClusterInput{Name: aws.String(eksName)})
	w.Must(err)
	return out.Cluster
}

// refused are the calls that change EKS clusters or roles and that AWS refused.
func (w *world) refused() []string {
	var all []string
	for _, e := range w.AWS.Log() {
		if (e.Service == "eks" || e.Service == "iam") && e.Status >= 400 && !strings.HasPrefix(e.Operation, "Describe") && !strings.HasPrefix(e.Operation, "Get") {
			all = append(all, e.Operation+" "+e.Code)
		}
	}
	return all
}

func allUpdates(c *controlplanev1.AWSManagedControlPlane) {
	policy, version := controlplanev1.UpgradePolicyStandard, "v1.35.2"
	c.Spec.Logging = &controlplanev1.ControlPlaneLoggingSpec{Audit: true, Scheduler: true}
	c.Spec.EndpointAccess = controlplanev1.EndpointAccess{Public: aws.Bool(true), Private: aws.Bool(true), PublicCIDRs: []string{"198.51.100.7/24"}}
	c.Spec.AccessConfig = &controlplanev1.AccessConfig{AuthenticationMode: controlplanev1.EKSAuthenticationModeAPI}
	c.Spec.DeletionProtection = aws.Bool(true)
	c.Spec.UpgradePolicy, c.Spec.Version = &policy, &version
}

func TestAllThatChangesIsUpdatedOneAfterTheOther(t *testing.T) {
	w := newWorld(t, newControlPlane())
	w.create()
	w.change(allUpdates)
	w.settle(w.quiet)
	if told := w.Events.With("DriftRepaired"); len(told) > 0 {
		t.Errorf("what the spec asks for is told as drift: %q", told)
	}
	c := w.cluster()
	if v := c.ResourcesVpcConfig; !v.EndpointPrivateAccess || len(v.PublicAccessCidrs) != 1 || v.PublicAccessCidrs[0] != "198.51.100.0/24" {
		t.Errorf("the endpoint is %+v", v)
	}
	if *c.Version != "1.35" || c.AccessConfig.AuthenticationMode != ekstypes.AuthenticationModeApi || !*c.DeletionProtection || c.UpgradePolicy.SupportType != ekstypes.SupportTypeStandard {
		t.Errorf("the cluster is %+v", c)
	}
	if on := c.Logging.ClusterLogging[0]; !*on.Enabled || len(on.Types) != 2 {
		t.Errorf("the logging is %+v", c.Logging)
	}
	// Two steps of the authentication mode, and two minor versions.
	if config, version := w.count("eks.UpdateClusterConfig"), w.count("eks.UpdateClusterVersion"); config != 6 || version != 2 {
		t.Errorf("%d updates of the configuration and %d of the version, want 6 and 2", config, version)
	}
	if refused := w.refused(); len(refused) > 0 {
		t.Errorf("AWS refused %q", refused)
	}
	if v := w.get().Status.Version; v == nil || *v != "v1.35.2" {
		t.Errorf("the version is %v", v)
	}
	w.Must(w.Kube.Delete(context.Background(), w.get()))
	w.settle(func() bool { return strings.Contains(w.condition(eks.AreaReady).Message, "protected from deletion") })
	w.change(func(c *controlplanev1.AWSManagedControlPlane) { c.Spec.DeletionProtection = aws.Bool(false) })
	w.settle(w.gone)
	if left := w.Resources(); len(left) > 0 {
		t.Errorf("the account isn't empty: %v", left)
	}
}

func TestAnUpdateThatFailsIsToldInAWSsWordsAndNotTriedAgainAtOnce(t *testing.T) {
	w := newWorld(t, newControlPlane())
	w.create()
	w.act("fail-next-cluster-update", eksName)
	w.change(func(c *controlplanev1.AWSManagedControlPlane) {
		c.Spec.Logging = &controlplanev1.ControlPlaneLoggingSpec{Audit: true}
		c.Spec.DeletionProtection = aws.Bool(true)
	})
	failed := func() bool {
		c := w.condition(eks.AreaUpdating)
		return c.Reason == eks.Failed && strings.Contains(c.Message, "The update failed.")
	}
	w.settle(failed)
	for range 20 {
		w.Pass(2 * time.Minute)
		_, _ = w.reconcile()
		if w.get().Status.Update.Since.Add(50 * time.Minute).Before(w.Now.Now()) {
			break
		}
	}
	// The one that failed, and the other one, which it didn't hold up.
	if n := w.count("eks.UpdateClusterConfig"); n != 2 || w.cluster().DeletionProtection == nil {
		t.Errorf("%d updates, want the one that failed and another one", n)
	}
	w.restart()
	_, _ = w.reconcile()
	_, _ = w.reconcile()
	if n := w.count("eks.UpdateClusterConfig"); n != 2 {
		t.Errorf("%d updates after a restart", n)
	}
	if !w.get().Status.Ready || w.isReady() {
		t.Errorf("the control plane serves, and isn't as wanted: %s", w.Describe(&controlplanev1.AWSManagedControlPlane{}, testName))
	}
	w.change(func(c *controlplanev1.AWSManagedControlPlane) { c.Spec.AdditionalTags = map[string]string{"a": "b"} })
	w.settle(w.quiet)
	if n := w.count("eks.UpdateClusterConfig"); n != 3 {
		t.Errorf("%d updates once the spec had changed", n)
	}
}

func TestWhereUpdatesCannotBeReadTheClusterTellsWhenTheyEnd(t *testing.T) {
	w := newWorld(t, newControlPlane())
	w.create()
	w.AWS.Faults().Set(emulator.Fault{ID: "denied", Service: "eks", Operation: "DescribeUpdate", Mode: emulator.ErrorBefore, Code: "AccessDeniedException", Status: 403})
	w.change(func(c *controlplanev1.AWSManagedControlPlane) {
		c.Spec.Logging = &controlplanev1.ControlPlaneLoggingSpec{Audit: true}
		c.Spec.DeletionProtection = aws.Bool(true)
	})
	told := false
	w.settle(func() bool {
		told = told || strings.Contains(w.condition(eks.AreaUpdating).Message, "allow eks:DescribeUpdate")
		return w.quiet()
	})
	if n := w.count("eks.UpdateClusterConfig"); n != 2 || !told {
		t.Errorf("%d updates; told: %t", n, told)
	}
	if refused := w.refused(); len(refused) > 0 {
		t.Errorf("AWS refused %q", refused)
	}
}

func TestAnUpdateOfSomebodyElseIsWaitedFor(t *testing.T) {
	w := newWorld(t, newControlPlane())
	w.create()
	_, err := w.Session().EKS.UpdateClusterConfig(context.Background(), &awseks.UpdateClusterConfigInput{Name: aws.String(eksName), DeletionProtection: aws.Bool(true)})
	w.Must(err)
	w.change(func(c *controlplanev1.AWSManagedControlPlane) {
		c.Spec.Logging = &controlplanev1.ControlPlaneLoggingSpec{Audit: true}
	})
	w.settle(w.quiet)
	if !*w.cluster().Logging.ClusterLogging[0].Enabled || w.Events.Has("FailedUpdateEKSControlPlane") {
		t.Errorf("logging %+v, Events %q", w.cluster().Logging, w.Events.With("Failed"))
	}
	if !*w.cluster().DeletionProtection {
		t.Error("what the spec says nothing of was changed")
	}
}

func TestAnUpdateWhoseAnswerWasLostIsFoundThoughTheSpecChanged(t *testing.T) {
	w := newWorld(t, newControlPlane())
	w.create()
	w.AWS.Faults().Set(emulator.Fault{ID: "lost", Service: "eks", Operation: "UpdateClusterConfig", Mode: emulator.DropAfter, Count: 1})
	w.change(func(c *controlplanev1.AWSManagedControlPlane) {
		c.Spec.Logging = &controlplanev1.ControlPlaneLoggingSpec{Audit: true}
	})
	w.settle(func() bool { return w.count("eks.UpdateClusterConfig") > 0 })
	w.change(func(c *controlplanev1.AWSManagedControlPlane) {
		c.Spec.Logging = &controlplanev1.ControlPlaneLoggingSpec{Scheduler: true}
	})
	w.settle(w.quiet)
	if on := w.cluster().Logging.ClusterLogging[0]; !*on.Enabled || len(on.Types) != 1 || on.Types[0] != ekstypes.LogTypeScheduler {
		t.Errorf("the logging is %+v", on)
	}
}

func TestAClusterThatAWSUpdatedIsShownAndNotFought(t *testing.T) {
	w := newWorld(t, newControlPlane())
	w.create()
	_, err := w.Session().EKS.UpdateClusterVersion(context.Background(), &awseks.UpdateClusterVersionInput{Name: aws.String(eksName), Version: aws.String("1.34")})
	w.Must(err)
	w.settle(func() bool { v := w.get().Status.Version; return v != nil && *v == "v1.34.0" && w.isReady() })
	if c := w.condition(eks.AreaUpdating); c.Status != metav1.ConditionFalse || !strings.Contains(c.Message, "Set spec.version") {
		t.Errorf("it says %+v", c)
	}
	if n := w.count("eks.UpdateClusterVersion"); n != 1 {
		t.Errorf("%d updates of the version", n)
	}
}

// TestAReadWaitsForWhatFollowsFromNewFacts: which versions of the add-ons there are depends on
// the version that the read finds, and nothing but the read looks.
func TestAReadWaitsForWhatFollowsFromNewFacts(t *testing.T) {
	w := newWorld(t, newControlPlane(func(c *controlplanev1.AWSManagedControlPlane) {
		c.Spec.Addons = []controlplanev1.Addon{{Name: "vpc-cni", Version: "latest"}}
	}))
	w.create()
	_, err := w.Session().EKS.UpdateClusterVersion(t.Context(), &awseks.UpdateClusterVersionInput{Name: aws.String(eksName), Version: aws.String("1.34")})
	w.Must(err)
	o := enginetest.Observer(w.World, Kind(Options{}))
	w.Must(o.Refresh(t.Context(), w.get(), time.Hour))
	w.AWSNow.Advance(time.Hour)
	w.Now.Step(time.Hour)
	w.Must(o.Refresh(t.Context(), w.get(), time.Second))
	shown, fresh := o.Project(t.Context(), w.get())
	c := meta.FindStatusCondition(shown.Status.Conditions, eks.AreaUpdating)
	if v := aws.ToString(shown.Status.Version); v != "v1.34.0" || c == nil || !strings.Contains(c.Message, "Set spec.version") || w.Now.Since(fresh.ObservedTime) > time.Second {
		t.Errorf("as of %s it shows %s and %+v", fresh.ObservedTime, v, c)
	}
}
