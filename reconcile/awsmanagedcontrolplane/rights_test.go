package awsmanagedcontrolplane

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eks"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eksaccess"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eksaddon"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eksidentity"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ekspodidentity"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
	"github.com/capa-apiserver/capa-apiserver/reconcile/oidcprovider"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// extras are the parts for which CAPA's policies have no rights, and the rights that are asked for one after the other. Those of identity providers it has
// for clusters, and EKS wants them for the providers themselves.
var extras = map[string][]string{
	ekspodidentity.Area: {"eks:ListPodIdentityAssociations", "eks:DescribePodIdentityAssociation", "eks:CreatePodIdentityAssociation", "eks:DeletePodIdentityAssociation"},
	oidcprovider.Area:   {"iam:GetOpenIDConnectProvider", "iam:CreateOpenIDConnectProvider", "iam:TagOpenIDConnectProvider", "iam:DeleteOpenIDConnectProvider"},
	eksidentity.Area:    {"eks:DescribeIdentityProviderConfig", "eks:DisassociateIdentityProviderConfig"},
}

// unauthorized are the conditions that speak of a right that is missing.
func (w *world) unauthorized() []string {
	var out []string
	for _, c := range w.get().Status.Conditions {
		if c.Reason == "Unauthorized" || strings.Contains(c.Message, "not authorized") {
			out = append(out, c.Type)
		}
	}
	return out
}

func TestWithCAPAsPoliciesAControlPlaneIsWholeAndEachMissingRightIsOneConditionThatNamesIt(t *testing.T) {
	w := newWorld(t, newControlPlane())
	documents := enginetest.CAPAs(t)
	w.RestrictTo(documents...)
	principal, podRole := w.aRole("alice", "ec2.amazonaws.com"), w.aRole("pods", "pods.eks.amazonaws.com")
	w.change(everything(principal, podRole))
	w.settle(func() bool {
		return w.isReady() && len(w.unauthorized()) == len(extras) && w.condition(eksaddon.Area).Status == metav1.ConditionTrue
	})
	for _, area := range []string{eksaddon.Area, eksaccess.Area, controlplanev1.AvailableCondition} {
		if c := w.condition(area); c.Status != metav1.ConditionTrue {
			t.Errorf("%s is %s: %s", area, c.Status, c.Message)
		}
	}
	var granted []string
	for area, rights := range extras {
		if c := w.condition(area); c.Reason != "Unauthorized" || !strings.Contains(c.Message, rights[0]) {
			t.Errorf("%s is %s: %s, want it to name %s", area, c.Reason, c.Message, rights[0])
		}
		granted = append(granted, rights...)
	}

	// How a change ended can't be asked either, and that is said while it goes on; the change is made.
	told := false
	w.AWS.Configure(func(c *emulator.Config) { c.ClusterUpdateDelay = 30 * time.Second })
	w.change(func(c *controlplanev1.AWSManagedControlPlane) {
		c.Spec.Version, c.Spec.Logging = aws.String("v1.34.0"), &controlplanev1.ControlPlaneLoggingSpec{Audit: true}
	})
	w.settle(func() bool {
		told = told || strings.Contains(w.condition(eks.AreaUpdating).Message, "allow eks:DescribeUpdate")
		return aws.ToString(w.get().Status.Version) == "v1.34.0" && w.isReady()
	})
	if !told {
		t.Error("nothing says that eks:DescribeUpdate is missing")
	}

	w.RestrictTo(append(slices.Clone(documents), enginetest.Granting("*", granted...), enginetest.Granting(podRole, "iam:PassRole"))...)
	w.settle(w.partsAreThere)
	w.delete()
	for _, name := range []string{"alice", "pods"} {
		_, err := w.Session().IAM.DeleteRole(t.Context(), &iam.DeleteRoleInput{RoleName: &name})
		w.Must(err)
	}
	if left := w.Resources(); len(left) > 0 {
		t.Errorf("the account isn't empty: %v", left)
	}
}
