package awsfargateprofile

import (
	"context"
	"strings"
	"testing"

	awseks "github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/aws/aws-sdk-go-v2/aws"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/awsmanagedcontrolplane"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eksfargate"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
	"github.com/capa-apiserver/capa-apiserver/reconcile/iamrole"
)

const controlPlane = "c1-control-plane"

// world is AWS with an EKS cluster, and the reconcilers of it and its profiles.
type world struct {
	*enginetest.World
	profiles  *Reconciler
	ofCluster *awsmanagedcontrolplane.Reconciler
	makeRoles bool
}

func newWorld(t testing.TB, makeRoles bool, profiles ...*infrav1.AWSFargateProfile) *world {
	t.Helper()
	version := "v1.33.0"
	c := &controlplanev1.AWSManagedControlPlane{
		ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: controlPlane, UID: "uid-of-c1", Generation: 1, CreationTimestamp: metav1.Now(),
			OwnerReferences: []metav1.OwnerReference{{APIVersion: clusterv1.GroupVersion.String(), Kind: "Cluster", Name: enginetest.ClusterName, UID: "owner"}}},
		Spec: controlplanev1.AWSManagedControlPlaneSpec{AWSManagedControlPlaneCommonSpec: controlplanev1.AWSManagedControlPlaneCommonSpec{Region: enginetest.Region, IdentityRef: infrav1.DefaultIdentity(), Version: &version}},
	}
	controlplanev1.SetObjectDefaults_AWSManagedControlPlane(c)
	cluster := &clusterv1.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: c.Namespace, Name: enginetest.ClusterName, UID: "owner"},
		Spec: clusterv1.ClusterSpec{ControlPlaneRef: clusterv1.ContractVersionedObjectReference{Kind: "AWSManagedControlPlane", Name: c.Name, APIGroup: controlplanev1.GroupName}}}
	objects := []client.Object{cluster, c}
	for _, p := range profiles {
		objects = append(objects, p)
	}
	w := &world{World: enginetest.New(t, enginetest.WorldTime, objects...), makeRoles: makeRoles}
	w.profiles = New(Options{Options: w.Options(w.Process), MakeRoles: makeRoles})
	w.ofCluster = awsmanagedcontrolplane.New(awsmanagedcontrolplane.Options{Options: w.Options(w.Process), MakeRoles: makeRoles})
	return w
}

// buildCluster makes the EKS cluster.
func (w *world) buildCluster() {
	w.T.Helper()
	w.Settle(func() reconcile.Reconciler { return w.ofCluster }, controlPlane, &controlplanev1.AWSManagedControlPlane{}, func() bool {
		c := enginetest.Get(w.World, &controlplanev1.AWSManagedControlPlane{}, controlPlane)
		return meta.IsStatusConditionTrue(c.Status.Conditions, infrav1.ReadyCondition)
	})
}

func newProfile(name string, change ...func(*infrav1.AWSFargateProfile)) *infrav1.AWSFargateProfile {
	p := &infrav1.AWSFargateProfile{ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: name, UID: types.UID("uid-of-" + name), Generation: 1,
		CreationTimestamp: metav1.Now(), Labels: map[string]string{clusterv1.ClusterNameLabel: enginetest.ClusterName}},
		Spec: infrav1.AWSFargateProfileSpec{ClusterName: enginetest.ClusterName, Selectors: []infrav1.FargateSelector{{Namespace: name}}}}
	p.Spec.ProfileName = p.EKSProfileName()
	for _, f := range change {
		f(p)
	}
	return p
}

func (w *world) get(name string) *infrav1.AWSFargateProfile {
	w.T.Helper()
	return enginetest.Get(w.World, &infrav1.AWSFargateProfile{}, name)
}

func (w *world) settle(name string, done func() bool) {
	w.T.Helper()
	w.Settle(func() reconcile.Reconciler { return w.profiles }, name, &infrav1.AWSFargateProfile{}, done)
}

func (w *world) ready(name string) func() bool {
	return func() bool {
		return meta.IsStatusConditionTrue(w.get(name).Status.Conditions, infrav1.ReadyCondition) && w.get(name).Status.Ready
	}
}

func (w *world) condition(name, kind string) metav1.Condition {
	return enginetest.Condition(w.get(name), kind)
}

func (w *world) describe(name string) *awseks.DescribeFargateProfileOutput {
	w.T.Helper()
	out, err := w.Session().EKS.DescribeFargateProfile(w.T.Context(), &awseks.DescribeFargateProfileInput{ClusterName: aws.String("default_" + controlPlane), FargateProfileName: aws.String("default_" + name)})
	w.Must(err)
	return out
}

func TestAProfileWaitsForItsControlPlaneComesAndGoesWithItsRole(t *testing.T) {
	w := newWorld(t, true, newProfile("apps"))
	_, err := enginetest.Reconcile(w.profiles, "apps")
	w.Must(err)
	if c := w.condition("apps", eksfargate.Area); c.Reason != infrav1.WaitingForEKSControlPlaneReason {
		t.Errorf("before the control plane is there: %+v", c)
	}
	w.buildCluster()
	w.settle("apps", w.ready("apps"))
	p, row := w.get("apps"), w.describe("apps").FargateProfile
	if p.Spec.RoleName != p.GeneratedRoleName() || !strings.HasSuffix(*row.PodExecutionRoleArn, "/"+p.Spec.RoleName) || len(row.Subnets) != 3 {
		t.Errorf("the role is %q and the profile %+v", p.Spec.RoleName, row)
	}
	if len(p.OwnerReferences) != 1 || p.OwnerReferences[0].Kind != "Cluster" || w.condition("apps", infrav1.EKSFargateCreatingCondition).Status != metav1.ConditionFalse {
		t.Errorf("owners %v, conditions %v", p.OwnerReferences, p.Status.Conditions)
	}

	p.Spec.AdditionalTags = infrav1.Tags{"team": "a"}
	w.Must(w.Kube.Update(context.Background(), p))
	w.settle("apps", func() bool { return w.ready("apps")() && w.describe("apps").FargateProfile.Tags["team"] == "a" })
	p = w.get("apps")
	p.Spec.AdditionalTags = nil
	w.Must(w.Kube.Update(context.Background(), p))
	w.settle("apps", func() bool { return w.ready("apps")() && w.describe("apps").FargateProfile.Tags["team"] == "" })

	w.Must(w.Kube.Delete(context.Background(), w.get("apps")))
	w.settle("apps", func() bool { return w.Gone(&infrav1.AWSFargateProfile{}, "apps") })
	if n := w.Resources()["fargate-profile"]; n != 0 || w.AWS.Counts()["eks.CreateFargateProfile"] != 1 {
		t.Errorf("%d profiles are left after %d creations", n, w.AWS.Counts()["eks.CreateFargateProfile"])
	}
	if _, err := w.Session().IAM.GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String(p.GeneratedRoleName())}); err == nil {
		t.Error("the role is left")
	}
}

func TestProfilesOfAClusterAreMadeAndDeletedOneAtATime(t *testing.T) {
	w := newWorld(t, true, newProfile("one"), newProfile("two"), newProfile("three"))
	w.buildCluster()
	all := func() {
		for _, name := range []string{"one", "two", "three"} {
			if !w.Gone(&infrav1.AWSFargateProfile{}, name) {
				_, err := enginetest.Reconcile(w.profiles, name)
				w.Must(err)
			}
		}
	}
	w.settle("one", func() bool { all(); return w.ready("one")() && w.ready("two")() && w.ready("three")() })
	if n := w.AWS.Counts()["eks.CreateFargateProfile"]; n != 3 {
		t.Errorf("%d profiles were asked for, want each once", n)
	}

	// The cluster goes, and its profiles go first.
	w.Must(w.Kube.Delete(context.Background(), enginetest.Get(w.World, &controlplanev1.AWSManagedControlPlane{}, controlPlane)))
	w.Settle(func() reconcile.Reconciler { return w.ofCluster }, controlPlane, &controlplanev1.AWSManagedControlPlane{}, func() bool {
		all()
		return w.Gone(&controlplanev1.AWSManagedControlPlane{}, controlPlane)
	})
	if left := w.Resources(); len(left) > 0 || w.AWS.Counts()["eks.DeleteFargateProfile"] != 3 {
		t.Errorf("left are %v after %d deletions", left, w.AWS.Counts()["eks.DeleteFargateProfile"])
	}
}

func TestAProfileOfSomebodyElseIsLeftAlone(t *testing.T) {
	w := newWorld(t, true, newProfile("apps"))
	w.buildCluster()
	role := "somebodys"
	made, err := w.Session().IAM.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &role, AssumeRolePolicyDocument: aws.String(iamrole.TrustPolicy("eks-fargate-pods.amazonaws.com"))})
	w.Must(err)
	c := enginetest.Get(w.World, &controlplanev1.AWSManagedControlPlane{}, controlPlane)
	in := Intent{Profile: w.get("apps"), ControlPlane: c}
	_, err = w.Session().EKS.CreateFargateProfile(t.Context(), &awseks.CreateFargateProfileInput{ClusterName: aws.String(c.ClusterName()), FargateProfileName: aws.String("default_apps"),
		PodExecutionRoleArn: made.Role.Arn, Subnets: in.privateSubnets(), Selectors: []ekstypes.FargateProfileSelector{{Namespace: aws.String("theirs")}}})
	w.Must(err)
	w.settle("apps", func() bool {
		return strings.Contains(w.condition("apps", eksfargate.Area).Message, "is of somebody who made it")
	})
	w.Must(w.Kube.Delete(context.Background(), w.get("apps")))
	w.settle("apps", func() bool { return w.Gone(&infrav1.AWSFargateProfile{}, "apps") })
	if n := w.Resources()["fargate-profile"]; n != 1 || w.AWS.Counts()["eks.DeleteFargateProfile"] != 0 {
		t.Errorf("%d profiles are left, want the one of somebody else", n)
	}
}
