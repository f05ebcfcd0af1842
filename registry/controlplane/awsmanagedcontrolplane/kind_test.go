package awsmanagedcontrolplane

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

func named(namespace, name string) *controlplanev1.AWSManagedControlPlane {
	c := &controlplanev1.AWSManagedControlPlane{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	c.Spec.Region = "us-east-1"
	controlplanev1.SetObjectDefaults_AWSManagedControlPlane(c)
	return c
}

func TestAControlPlaneThatNamesNoClusterGetsNamespaceAndName(t *testing.T) {
	for name, want := range map[string]string{
		"quickstart":            "default_quickstart",
		"quick.start":           "default_quick_start",
		strings.Repeat("a", 91): "default_" + strings.Repeat("a", 91),
		strings.Repeat("a", 92): "capa_",
		strings.Repeat("b", 92): "capa_",
	} {
		c := named("default", name)
		prepare(c, nil)
		got := c.Spec.EKSClusterName
		if want == "capa_" && strings.HasPrefix(got, want) && len(got) == 32 {
			continue
		}
		if got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestTheSameManifestCanReplaceAControlPlane(t *testing.T) {
	c := named("default", "one")
	prepare(c, nil)
	again := named("default", "one")
	prepare(again, c)
	if errs := Kind().Rules.Update(again, c); len(errs) > 0 || *again.Spec.IdentityRef != *infrav1.DefaultIdentity() {
		t.Errorf("%v, %v", errs, again.Spec.IdentityRef)
	}
}

func TestANameOrIdentityThatIsTakenAwayIsNotReplacedByTheDefault(t *testing.T) {
	old := named("default", "one")
	old.Spec.EKSClusterName, old.Spec.IdentityRef = "production", &infrav1.AWSIdentityReference{Kind: infrav1.ClusterStaticIdentityKind, Name: "team"}
	updated := named("default", "one")
	prepare(updated, old)
	errs := Kind().Rules.Update(updated, old)
	if len(errs) != 2 || updated.Spec.IdentityRef != nil {
		t.Errorf("%v, identity %v; want both refused", errs, updated.Spec.IdentityRef)
	}
}

func TestTheTableShowsWhatUsersOfTheKindKnow(t *testing.T) {
	version, ip := "v1.34.2", "192.0.2.1"
	c := named("default", "one")
	c.Labels = map[string]string{"cluster.x-k8s.io/cluster-name": "quickstart"}
	c.Spec.Network.VPC.ID, c.Spec.ControlPlaneEndpoint.Host = "vpc-1", "x.eks.amazonaws.com"
	c.Status.Ready, c.Status.Version, c.Status.Bastion = true, &version, &infrav1.Instance{PublicIP: &ip}
	c.Status.Observation = &infrav1.Observation{Age: "3s"}
	want := map[string]any{"Cluster": "quickstart", "Ready": true, "Version": version, "VPC": "vpc-1", "Endpoint": "x.eks.amazonaws.com", "Bastion IP": ip, "Observed": "3s"}
	for _, column := range Kind().Columns {
		if got := column.Value(c); got != want[column.Name] {
			t.Errorf("%s: %v, want %v", column.Name, got, want[column.Name])
		}
	}
}
