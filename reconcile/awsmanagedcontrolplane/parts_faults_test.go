package awsmanagedcontrolplane

import (
	"strings"
	"testing"
	"time"

	awseks "github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/aws/aws-sdk-go-v2/aws"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eksaccess"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eksaddon"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
	"github.com/capa-apiserver/capa-apiserver/reconcile/oidcprovider"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// tells tells whether a condition is false and says something, and all that counts is well.
func (w *world) tells(kind, text string) bool {
	c := w.condition(kind)
	return c.Status == metav1.ConditionFalse && strings.Contains(c.Message, text) && w.isReady() && w.condition(controlplanev1.AvailableCondition).Status == metav1.ConditionTrue
}

func (w *world) act(action, id string) {
	w.T.Helper()
	if done, err := w.AWS.Act(action, "", enginetest.Region, id); err != nil || !done {
		w.T.Fatalf("%s %s: %v, %v", action, id, done, err)
	}
}

func withAddons(names ...string) func(*controlplanev1.AWSManagedControlPlane) {
	return func(c *controlplanev1.AWSManagedControlPlane) {
		for _, name := range names {
			c.Spec.Addons = append(c.Spec.Addons, controlplanev1.Addon{Name: name})
		}
	}
}

func (w *world) addonsAreThere() bool {
	return w.condition(eksaddon.Area).Status == metav1.ConditionTrue && w.quiet()
}

func TestAnAddonThatFailsIsToldAndMadeAgainAndKeepsNothingElseFromWorking(t *testing.T) {
	w := newWorld(t, newControlPlane())
	w.create()
	w.act("fail-next-addon", eksName)
	w.change(withAddons("eks-pod-identity-agent", "vpc-cni"))
	w.settle(func() bool { return w.addonsAreThere() && w.count("eks.CreateAddon") == 3 })
	if told := w.Events.With("SuccessfulDeleteEKSAddon"); len(told) != 1 || !strings.Contains(told[0], "which failed (") {
		t.Errorf("told is %q", told)
	}
}

func TestAnAddonThatIsIllIsToldInAWSWords(t *testing.T) {
	w := newWorld(t, newControlPlane(withAddons("coredns", "vpc-cni")))
	w.settle(func() bool { return w.tells(eksaddon.Area, "InsufficientNumberOfReplicas") })
	for _, a := range w.get().Status.Addons {
		if a.Name == "coredns" && (aws.ToString(a.Status) != "DEGRADED" || len(a.Issues) == 0) {
			t.Errorf("the status shows %+v", a)
		}
	}
	before := w.count("eks.UpdateAddon") + w.count("eks.DeleteAddon")
	for range 10 {
		w.Pass(time.Minute)
		_, err := w.reconcile()
		w.Must(err)
	}
	if n := w.count("eks.UpdateAddon") + w.count("eks.DeleteAddon"); n != before {
		t.Errorf("%d changes of an add-on that is only ill", n-before)
	}
}

func TestAFullAccountOfOIDCProvidersIsToldAndOverAtTheEnd(t *testing.T) {
	w := newWorld(t, newControlPlane(func(c *controlplanev1.AWSManagedControlPlane) { c.Spec.AssociateOIDCProvider = true }))
	w.AWS.Configure(func(c *emulator.Config) { c.Quotas = map[string]int{"oidcProviders": 0} })
	w.settle(func() bool { return w.tells(oidcprovider.Area, "LimitExceeded") })
	w.AWS.Configure(func(c *emulator.Config) { c.Quotas = nil })
	w.settle(func() bool { return w.condition(oidcprovider.Area).Status == metav1.ConditionTrue && w.quiet() })
}

func TestARightThatIsMissingIsNamedAndTheRestIsDone(t *testing.T) {
	for operation, area := range map[string]string{"eks.DescribeAddonVersions": eksaddon.Area, "eks.DescribeAddon": eksaddon.Area, "eks.DescribeAccessEntry": eksaccess.Area,
		"iam.GetOpenIDConnectProvider": oidcprovider.Area} {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, newControlPlane())
			service, name, _ := strings.Cut(operation, ".")
			w.AWS.Faults().Set(emulator.Fault{ID: "denied", Service: service, Operation: name, Mode: emulator.ErrorBefore, Code: "AccessDeniedException", Status: 403, Message: "not allowed"})
			w.change(everything(w.aRole("alice", "ec2.amazonaws.com"), w.aRole("pods", "pods.eks.amazonaws.com")))
			w.settle(func() bool { return w.tells(area, "allow "+service+":"+name) })
			if w.condition(eksaddon.Area).Status != metav1.ConditionTrue && area != eksaddon.Area {
				w.settle(func() bool { return w.condition(eksaddon.Area).Status == metav1.ConditionTrue })
			}
			w.AWS.Faults().Clear()
			for range 40 {
				w.Pass(time.Minute)
			}
			w.settle(w.partsAreThere)
		})
	}
}

func TestAnEntryOfSomebodyElseIsToldAndAdoptedByItsTag(t *testing.T) {
	w := newWorld(t, newControlPlane(func(c *controlplanev1.AWSManagedControlPlane) {
		c.Spec.AccessConfig = &controlplanev1.AccessConfig{AuthenticationMode: controlplanev1.EKSAuthenticationModeAPIAndConfigMap}
	}))
	w.create()
	principal := w.aRole("alice", "ec2.amazonaws.com")
	made, err := w.Session().EKS.CreateAccessEntry(t.Context(), &awseks.CreateAccessEntryInput{ClusterName: aws.String(eksName), PrincipalArn: &principal})
	w.Must(err)
	w.change(func(c *controlplanev1.AWSManagedControlPlane) {
		c.Spec.AccessEntries = []controlplanev1.AccessEntry{{PrincipalARN: principal, Type: controlplanev1.AccessEntryTypeStandard, KubernetesGroups: []string{"viewers"}}}
	})
	w.settle(func() bool { return w.tells(eksaccess.Area, "aws eks tag-resource") })
	if n := w.count("eks.UpdateAccessEntry"); n != 0 {
		t.Errorf("%d changes of somebody else's entry", n)
	}
	_, err = w.Session().EKS.TagResource(t.Context(), &awseks.TagResourceInput{ResourceArn: made.AccessEntry.AccessEntryArn, Tags: map[string]string{"kubernetes.io/cluster/" + enginetest.ClusterName: "owned"}})
	w.Must(err)
	w.Pass(time.Minute)
	w.settle(func() bool { return w.condition(eksaccess.Area).Status == metav1.ConditionTrue && w.quiet() })
	if n := w.count("eks.UpdateAccessEntry"); n != 1 {
		t.Errorf("%d changes of the adopted entry, want 1", n)
	}
}

// TestAProviderOfTheSameIssuerIsUsedAndLeftToWhoMadeIt has one that somebody made before.
func TestAProviderOfTheSameIssuerIsUsedAndLeftToWhoMadeIt(t *testing.T) {
	w := newWorld(t, newControlPlane())
	w.create()
	out, err := w.Session().EKS.DescribeCluster(t.Context(), &awseks.DescribeClusterInput{Name: aws.String(eksName)})
	w.Must(err)
	_, err = w.Session().IAM.CreateOpenIDConnectProvider(t.Context(), &iam.CreateOpenIDConnectProviderInput{Url: out.Cluster.Identity.Oidc.Issuer, ClientIDList: []string{"sts.amazonaws.com"}})
	w.Must(err)
	w.change(func(c *controlplanev1.AWSManagedControlPlane) { c.Spec.AssociateOIDCProvider = true })
	w.settle(func() bool {
		return w.condition(oidcprovider.Area).Status == metav1.ConditionTrue && w.get().Status.OIDCProvider.ARN != ""
	})
	w.delete()
	if n := w.providers(); n != 1 {
		t.Errorf("%d providers are left, want that of somebody else", n)
	}
}
