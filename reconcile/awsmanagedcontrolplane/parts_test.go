package awsmanagedcontrolplane

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awseks "github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eksaccess"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eksaddon"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eksidentity"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ekspodidentity"
	"github.com/capa-apiserver/capa-apiserver/reconcile/iamrole"
	"github.com/capa-apiserver/capa-apiserver/reconcile/oidcprovider"
)

const (
	eksName = "default_" + testName
	viewer  = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
)

// aRole makes a role of the account that a service may assume.
func (w *world) aRole(name, service string) string {
	w.T.Helper()
	out, err := w.Session().IAM.CreateRole(w.T.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(iamrole.TrustPolicy(service))})
	w.Must(err)
	return *out.Role.Arn
}

// everything asks for one of everything that hangs below a cluster.
func everything(principal, podRole string) func(*controlplanev1.AWSManagedControlPlane) {
	return func(c *controlplanev1.AWSManagedControlPlane) {
		c.Spec.AccessConfig = &controlplanev1.AccessConfig{AuthenticationMode: controlplanev1.EKSAuthenticationModeAPIAndConfigMap}
		c.Spec.Addons = []controlplanev1.Addon{{Name: "vpc-cni", Version: "latest"}, {Name: "eks-pod-identity-agent"}}
		c.Spec.AssociateOIDCProvider = true
		c.Spec.AccessEntries = []controlplanev1.AccessEntry{{PrincipalARN: principal, Type: controlplanev1.AccessEntryTypeStandard, KubernetesGroups: []string{"viewers"},
			AccessPolicies: []controlplanev1.AccessPolicyReference{{PolicyARN: viewer, AccessScope: controlplanev1.AccessScope{Type: controlplanev1.AccessScopeTypeCluster}}}}}
		c.Spec.PodIdentityAssociations = []controlplanev1.PodIdentityAssociation{{Namespace: "app", ServiceAccount: "web", RoleARN: podRole}}
		c.Spec.OIDCIdentityProviderConfig = &controlplanev1.OIDCIdentityProviderConfig{ClientID: "kubernetes", IdentityProviderConfigName: "okta", IssuerURL: "https://okta.example.com"}
	}
}

// partsAreThere tells that all conditions of the parts are true.
func (w *world) partsAreThere() bool {
	for _, kind := range []string{eksaddon.Area, eksaccess.Area, oidcprovider.Area, ekspodidentity.Area, eksidentity.Area} {
		if w.condition(kind).Status != metav1.ConditionTrue {
			return false
		}
	}
	return w.quiet()
}

func TestWhatHangsBelowAControlPlaneComesIsRepairedAndGoes(t *testing.T) {
	w := newWorld(t, newControlPlane())
	principal, podRole := w.aRole("alice", "ec2.amazonaws.com"), w.aRole("pods", "pods.eks.amazonaws.com")
	w.change(everything(principal, podRole))
	w.settle(w.partsAreThere)
	c, session := w.get(), w.Session()
	if len(c.Status.Addons) != 2 || aws.ToString(c.Status.Addons[1].Status) != "ACTIVE" || c.Status.IdentityProviderStatus.Status != "ACTIVE" ||
		!strings.Contains(c.Status.OIDCProvider.ARN, ":oidc-provider/oidc.eks.") || !strings.Contains(c.Status.OIDCProvider.TrustPolicy, "system:serviceaccount:") {
		t.Errorf("the status is %+v, %+v, %+v", c.Status.Addons, c.Status.IdentityProviderStatus, c.Status.OIDCProvider)
	}

	// Somebody takes an add-on and an entry away, and makes others.
	_, err := session.EKS.DeleteAddon(t.Context(), &awseks.DeleteAddonInput{ClusterName: aws.String(eksName), AddonName: aws.String("eks-pod-identity-agent")})
	w.Must(err)
	_, err = session.EKS.DeleteAccessEntry(t.Context(), &awseks.DeleteAccessEntryInput{ClusterName: aws.String(eksName), PrincipalArn: &principal})
	w.Must(err)
	bob := w.aRole("bob", "ec2.amazonaws.com")
	_, err = session.EKS.CreateAccessEntry(t.Context(), &awseks.CreateAccessEntryInput{ClusterName: aws.String(eksName), PrincipalArn: &bob})
	w.Must(err)
	_, err = session.EKS.CreateAddon(t.Context(), &awseks.CreateAddonInput{ClusterName: aws.String(eksName), AddonName: aws.String("aws-ebs-csi-driver")})
	w.Must(err)
	w.Pass(time.Minute)
	w.settle(w.partsAreThere)
	if n, m := w.count("eks.CreateAddon"), w.count("eks.CreateAccessEntry"); n != 4 || m != 3 {
		t.Errorf("%d add-ons and %d entries were asked for, with those of somebody else, want 4 and 3", n, m)
	}

	w.change(func(c *controlplanev1.AWSManagedControlPlane) {
		c.Spec.Addons, c.Spec.AccessEntries, c.Spec.PodIdentityAssociations = c.Spec.Addons[:1], nil, nil
		c.Spec.OIDCIdentityProviderConfig, c.Spec.AssociateOIDCProvider = nil, false
	})
	w.settle(func() bool {
		c := w.get()
		return w.quiet() && len(c.Status.Addons) == 1 && c.Status.OIDCProvider.ARN == "" && c.Status.IdentityProviderStatus.ARN == "" &&
			c.Annotations[accessEntriesAnnotation] == "" && c.Annotations[podIdentitiesAnnotation] == ""
	})
	addons, err := session.EKS.ListAddons(t.Context(), &awseks.ListAddonsInput{ClusterName: aws.String(eksName)})
	w.Must(err)
	entries, err := session.EKS.ListAccessEntries(t.Context(), &awseks.ListAccessEntriesInput{ClusterName: aws.String(eksName)})
	w.Must(err)
	if slices.Sort(addons.Addons); !slices.Equal(addons.Addons, []string{"aws-ebs-csi-driver", "vpc-cni"}) || !slices.Contains(entries.AccessEntries, bob) || slices.Contains(entries.AccessEntries, principal) {
		t.Errorf("left are add-ons %q and entries %q", addons.Addons, entries.AccessEntries)
	}
	w.delete()
	for _, name := range []string{"alice", "bob", "pods"} {
		_, err := session.IAM.DeleteRole(t.Context(), &iam.DeleteRoleInput{RoleName: &name})
		w.Must(err)
	}
	if left := w.Resources(); len(left) > 0 {
		t.Errorf("the account isn't empty: %v", left)
	}
}
