package awsmanagedcontrolplane

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awseks "github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eks"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// loseRole deletes the role that the cluster runs with, behind the server's back.
func (w *world) loseRole() (name string) {
	w.T.Helper()
	arn := *w.cluster().RoleArn
	name = arn[strings.LastIndex(arn, "/")+1:]
	client := w.Session().IAM
	attached, err := client.ListAttachedRolePolicies(w.T.Context(), &iam.ListAttachedRolePoliciesInput{RoleName: &name})
	w.Must(err)
	for _, p := range attached.AttachedPolicies {
		_, err := client.DetachRolePolicy(w.T.Context(), &iam.DetachRolePolicyInput{RoleName: &name, PolicyArn: p.PolicyArn})
		w.Must(err)
	}
	_, err = client.DeleteRole(w.T.Context(), &iam.DeleteRoleInput{RoleName: &name})
	w.Must(err)
	return name
}

func (w *world) unhealthy() bool {
	c := w.condition(controlplanev1.EKSControlPlaneHealthyCondition)
	return c.Status == metav1.ConditionFalse && c.Reason == controlplanev1.EKSControlPlaneUnhealthyReason
}

func (w *world) healthy() bool {
	return w.condition(controlplanev1.EKSControlPlaneHealthyCondition).Status == metav1.ConditionTrue
}

func TestARoleDeletedUnderAClusterIsToldInAWSsWordsAndOverWhenItIsThereAgain(t *testing.T) {
	w := newWorld(t, newControlPlane())
	w.create()
	if !w.healthy() {
		t.Fatalf("the health is %+v", w.condition(controlplanev1.EKSControlPlaneHealthyCondition))
	}
	name := w.loseRole()
	w.settle(w.unhealthy)
	for range 10 {
		w.Pass(time.Minute)
		_, err := w.reconcile()
		w.Must(err)
	}
	if told := w.Events.With(controlplanev1.EKSControlPlaneUnhealthyReason + ": EKS says: IamRoleNotFound"); len(told) != 1 {
		t.Errorf("told is %q, want it once", w.Events.With(controlplanev1.EKSControlPlaneUnhealthyReason))
	}
	if c := w.condition(controlplanev1.AvailableCondition); c.Status != metav1.ConditionTrue || !w.isReady() {
		t.Errorf("the cluster serves all the same: %+v", c)
	}
	_, err := w.Session().IAM.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"eks.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)})
	w.Must(err)
	w.settle(w.healthy)
}

func TestARoleThatWasMadeForAClusterIsMadeAgain(t *testing.T) {
	w := newWorld(t, newControlPlane(), makingRoles)
	w.create()
	w.loseRole()
	w.settle(func() bool { return w.quiet() && w.healthy() && w.count("iam.CreateRole") == 2 })
	if w.count("eks.CreateCluster") != 1 {
		t.Error("the cluster was made again")
	}
	w.delete()
	if left := w.Resources(); len(left) > 0 {
		t.Errorf("the account isn't empty: %v", left)
	}
}

func TestARoleThatEKSDoesNotKnowYetIsNoFailure(t *testing.T) {
	w := newWorld(t, newControlPlane(), makingRoles)
	w.AWS.Configure(func(c *emulator.Config) { c.IAMPropagation = 20 * time.Second })
	w.create()
	if told := w.Events.With("Failed"); len(told) > 0 {
		t.Errorf("told is %q", told)
	}
	if n := len(w.refused()); n < 1 || n > 6 {
		t.Errorf("EKS refused %d requests, want a few: %q", n, w.refused())
	}
	if failed := w.Failed(); len(failed) > 0 {
		t.Errorf("the object spoke of failures: %q", failed)
	}
}

// TestInterfacesThatOutliveTheClusterAreWaitedFor has EKS take its time with what stands in
// the subnets.
func TestInterfacesThatOutliveTheClusterAreWaitedFor(t *testing.T) {
	w := newWorld(t, newControlPlane())
	w.create()
	w.AWS.Configure(func(c *emulator.Config) { c.DeletionDelay = 40 * time.Minute })
	w.Must(w.Kube.Delete(t.Context(), w.get()))
	w.settle(func() bool { return w.Resources()["cluster"] == 0 })
	w.AWS.Configure(func(c *emulator.Config) { c.DeletionDelay = 2 * time.Second }) // NAT gateways don't take that long
	tried := func() (n int) {
		for op, calls := range w.AWS.Counts() {
			if strings.HasPrefix(op, "ec2.Delete") {
				n += calls
			}
		}
		return n
	}
	told := false
	for range 10 {
		w.Pass(time.Minute)
		_, _ = w.reconcile()
		told = told || slices.ContainsFunc(w.get().Status.Conditions, func(c metav1.Condition) bool { return strings.Contains(c.Message, "network interface") })
	}
	before := tried()
	for range 20 {
		w.Pass(time.Minute)
		_, _ = w.reconcile()
	}
	if n := tried() - before; n > 40 || !told {
		t.Errorf("%d deletions were tried in 20 minutes; told: %t: %s", n, told, w.Describe(&controlplanev1.AWSManagedControlPlane{}, testName))
	}
	w.settle(func() bool { w.Pass(10 * time.Second); return w.gone() })
	if left := w.Resources(); len(left) > 0 {
		t.Errorf("the account isn't empty: %v", left)
	}
}

// rareUpdates are the updates that few clusters ever see, each with how the cluster shows it.
var rareUpdates = map[string]struct {
	change func(*controlplanev1.AWSManagedControlPlane)
	done   func(*ekstypes.Cluster) bool
}{
	"auto mode": {func(c *controlplanev1.AWSManagedControlPlane) {
		c.Spec.AutoMode = &controlplanev1.AutoMode{Enabled: true}
	}, func(c *ekstypes.Cluster) bool { return c.ComputeConfig != nil && aws.ToBool(c.ComputeConfig.Enabled) }},
	"scaling tier": {func(c *controlplanev1.AWSManagedControlPlane) {
		tier := controlplanev1.ScalingTier("tier-xl")
		c.Spec.ScalingTier = &tier
	}, func(c *ekstypes.Cluster) bool {
		return c.ControlPlaneScalingConfig != nil && c.ControlPlaneScalingConfig.Tier == "tier-xl"
	}},
	"zonal shift": {func(c *controlplanev1.AWSManagedControlPlane) { c.Spec.ZonalShift = aws.Bool(true) },
		func(c *ekstypes.Cluster) bool {
			return c.ZonalShiftConfig != nil && aws.ToBool(c.ZonalShiftConfig.Enabled)
		}},
	"encryption": {func(c *controlplanev1.AWSManagedControlPlane) {
		c.Spec.EncryptionConfig = &controlplanev1.EncryptionConfig{Provider: aws.String("arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"), Resources: []string{"secrets"}}
	}, func(c *ekstypes.Cluster) bool { return len(c.EncryptionConfig) == 1 }},
}

// TestRareUpdatesAreMadeOnceAndAFailureIsToldAndOverByItself makes each update, alone and
// after one that failed.
func TestRareUpdatesAreMadeOnceAndAFailureIsToldAndOverByItself(t *testing.T) {
	for name, update := range rareUpdates {
		for _, fails := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", which fails first"}[fails], func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, newControlPlane(func(c *controlplanev1.AWSManagedControlPlane) {
					c.Spec.AccessConfig = &controlplanev1.AccessConfig{AuthenticationMode: controlplanev1.EKSAuthenticationModeAPI}
				}))
				w.create()
				want := 1
				if fails {
					want = 2
					w.act("fail-next-cluster-update", eksName)
				}
				w.change(update.change)
				updates := func() int { return w.count("eks.UpdateClusterConfig") + w.count("eks.AssociateEncryptionConfig") }
				if fails {
					w.settle(func() bool {
						c := w.condition(eks.AreaUpdating)
						return c.Reason == eks.Failed && strings.Contains(c.Message, "The update failed.")
					})
					if n := updates(); n != 1 || update.done(w.cluster()) {
						t.Errorf("%d updates, the cluster is %+v", n, w.cluster())
					}
					w.Pass(65 * time.Minute)
				}
				w.settle(w.quiet)
				if n := updates(); n != want || !update.done(w.cluster()) {
					t.Errorf("%d updates, want %d; refused %q; the cluster is %+v", n, want, w.refused(), w.cluster())
				}
			})
		}
	}
}

// TestAddonsThatFollowAnUpgradeAreNoDrift: nobody changed them but EKS, whose default is another one for another version.
func TestAddonsThatFollowAnUpgradeAreNoDrift(t *testing.T) {
	w := newWorld(t, newControlPlane(withAddons("vpc-cni", "kube-proxy")))
	w.settle(w.addonsAreThere)
	w.change(func(c *controlplanev1.AWSManagedControlPlane) { c.Spec.Version = aws.String("v1.34.0") })
	w.settle(func() bool { return *w.cluster().Version == "1.34" && w.quiet() })
	if told := w.Events.With("DriftRepaired"); len(told) > 0 || w.count("eks.UpdateAddon") == 0 {
		t.Errorf("%d updates of add-ons, told is %q", w.count("eks.UpdateAddon"), told)
	}
	_, err := w.Session().EKS.DeleteAddon(t.Context(), &awseks.DeleteAddonInput{ClusterName: aws.String(eksName), AddonName: aws.String("vpc-cni")})
	w.Must(err)
	w.settle(func() bool { return len(w.Events.With("DriftRepaired")) == 1 && w.addonsAreThere() })
}

// TestWhatWasRepairedIsToldThoughThePassCouldNotWrite has somebody else write the object in
// the moment of the repair, as a read does that shows what it saw.
func TestWhatWasRepairedIsToldThoughThePassCouldNotWrite(t *testing.T) {
	w := newWorld(t, newControlPlane(withAddons("vpc-cni")))
	w.settle(w.addonsAreThere)
	_, err := w.Session().EKS.DeleteAddon(t.Context(), &awseks.DeleteAddonInput{ClusterName: aws.String(eksName), AddonName: aws.String("vpc-cni")})
	w.Must(err)
	made, refused := w.count("eks.CreateAddon"), false
	w.writes = func() error {
		if refused || w.count("eks.CreateAddon") == made {
			return nil
		}
		refused = true
		return errors.New("the object has been modified")
	}
	w.settle(func() bool { return refused && w.addonsAreThere() })
	if told := w.Events.With("DriftRepaired"); len(told) != 1 || !strings.Contains(told[0], "vpc-cni") {
		t.Errorf("told is %q", told)
	}
}
