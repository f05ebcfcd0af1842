package awsmanagedcontrolplane

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awseks "github.com/aws/aws-sdk-go-v2/service/eks"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
)

func TestAControlPlaneGoesAfterAllThatRunsInItsCluster(t *testing.T) {
	meta := func(name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: "default", Name: name, Labels: map[string]string{"cluster.x-k8s.io/cluster-name": enginetest.ClusterName}}
	}
	blockers := map[string]client.Object{"AWSMachine m": newMachine(), "AWSMachinePool p": &infrav1.AWSMachinePool{ObjectMeta: meta("p")},
		"AWSManagedMachinePool g": &infrav1.AWSManagedMachinePool{ObjectMeta: meta("g")}, "AWSFargateProfile f": &infrav1.AWSFargateProfile{ObjectMeta: meta("f")}}
	w := newWorld(t, newControlPlane())
	w.create()
	for _, obj := range blockers {
		w.Make(obj)
	}
	w.Must(w.Kube.Delete(t.Context(), w.get()))
	for name, obj := range blockers {
		w.settle(func() bool { return strings.Contains(w.Describe(w.get(), testName), name) })
		if n := w.count("eks.DeleteCluster") + w.count("ec2.DeleteSubnet"); n > 0 {
			t.Fatalf("%d things were deleted before %s", n, name)
		}
		w.Must(w.Kube.Delete(t.Context(), obj))
	}
	w.settle(w.gone)
}

func TestTagsThatAreTakenOutGoFromWhatIsBelowTheCluster(t *testing.T) {
	const principal = "arn:aws:iam::123456789012:role/" + nodesProfile
	w := newWorld(t, newControlPlane(func(c *controlplanev1.AWSManagedControlPlane) {
		c.Spec.AdditionalTags = infrav1.Tags{"team": "a", "stage": "b"}
		c.Spec.AccessConfig = &controlplanev1.AccessConfig{AuthenticationMode: controlplanev1.EKSAuthenticationModeAPIAndConfigMap}
		c.Spec.Addons = []controlplanev1.Addon{{Name: "coredns"}}
		c.Spec.AccessEntries = []controlplanev1.AccessEntry{{PrincipalARN: principal}}
	}))
	w.create()
	tags := func() string {
		addon, err := w.Session().EKS.DescribeAddon(t.Context(), &awseks.DescribeAddonInput{ClusterName: aws.String(eksName), AddonName: aws.String("coredns")})
		if err != nil {
			return err.Error()
		}
		entry, err := w.Session().EKS.DescribeAccessEntry(t.Context(), &awseks.DescribeAccessEntryInput{ClusterName: aws.String(eksName), PrincipalArn: aws.String(principal)})
		if err != nil {
			return err.Error()
		}
		return addon.Addon.Tags["team"] + addon.Addon.Tags["stage"] + entry.AccessEntry.Tags["team"] + entry.AccessEntry.Tags["stage"]
	}
	w.settle(func() bool { return tags() == "abab" })
	w.change(func(c *controlplanev1.AWSManagedControlPlane) { c.Spec.AdditionalTags = infrav1.Tags{"stage": "b"} })
	w.settle(func() bool { return tags() == "bb" })
}

func TestAControlPlaneWithoutAnOwnerSaysWhatNamesIt(t *testing.T) {
	w := newWorld(t, newControlPlane())
	w.change(func(c *controlplanev1.AWSManagedControlPlane) { c.OwnerReferences = nil })
	_, err := w.reconcile()
	w.Must(err)
	if said := w.condition(infrav1.ReadyCondition).Message; !strings.Contains(said, "whose spec.controlPlaneRef names this AWSManagedControlPlane") {
		t.Errorf("it says %q", said)
	}
}
