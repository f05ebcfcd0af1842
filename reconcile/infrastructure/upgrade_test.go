package infrastructure

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
)

func TestNodesFollowTheirControlPlaneAndItsAddons(t *testing.T) {
	condition := func(kind, reason, message string) metav1.Condition {
		return metav1.Condition{Type: kind, Status: metav1.ConditionFalse, Reason: reason, Message: message}
	}
	addon := func(status string) []controlplanev1.AddonState {
		return []controlplanev1.AddonState{{Name: "coredns", Status: &status, Issues: []controlplanev1.AddonIssue{{Message: aws.String("too few replicas")}}}}
	}
	pending := condition(controlplanev1.EKSAddonsConfiguredCondition, controlplanev1.EKSAddonsPendingReason, "set add-on coredns to v1")
	unseen := condition(controlplanev1.EKSAddonsConfiguredCondition, conditions.WaitingForObservation, "waiting for the versions of add-on coredns for Kubernetes 1.35 to be read")
	for name, x := range map[string]struct {
		live, version string
		replaces      bool
		conditions    []metav1.Condition
		addons        []controlplanev1.AddonState
		failures      []infrav1.Failure
		want          string
	}{
		"the same version":            {live: "v1.34.2", version: "v1.34.2", replaces: true},
		"an older one":                {live: "v1.34.2", version: "v1.31", replaces: true},
		"one that is too old":         {live: "v1.34.2", version: "v1.30.9", want: "nodes may be 3 minor versions older at most, and 1.30 is more"},
		"a newer one":                 {live: "v1.34.2", version: "v1.35.0", want: "EKS cluster default_c to run 1.35: it runs 1.34"},
		"a kubelet's full version":    {live: "v1.34.2", version: "v1.35.3-eks-cb19647", want: "to run 1.35"},
		"nothing known of it yet":     {version: "v1.35.0"},
		"no version said":             {live: "v1.34.2"},
		"an upgrade that failed":      {live: "v1.34.2", version: "v1.35.0", conditions: []metav1.Condition{condition(controlplanev1.EKSControlPlaneUpdatingCondition, "Failed", "too few addresses")}, want: "couldn't be upgraded: too few addresses"},
		"add-ons still to come":       {live: "v1.35.0", version: "v1.35.0", replaces: true, conditions: []metav1.Condition{pending}, want: "upgraded before nodes: set add-on coredns to v1"},
		"versions still to be read":   {live: "v1.35.0", version: "v1.35.0", replaces: true, addons: addon("ACTIVE"), conditions: []metav1.Condition{unseen}, want: "upgraded before nodes: waiting for the versions"},
		"for first nodes they aren't": {live: "v1.35.0", version: "v1.35.0", conditions: []metav1.Condition{pending}},
		"an add-on that is made":      {live: "v1.35.0", version: "v1.35.0", replaces: true, conditions: []metav1.Condition{pending}, addons: addon("CREATING")},
		"an add-on that is updated":   {live: "v1.35.0", version: "v1.35.0", replaces: true, addons: addon("UPDATING"), want: "add-on coredns is UPDATING"},
		"an add-on that failed":       {live: "v1.35.0", version: "v1.35.0", replaces: true, addons: addon("UPDATE_FAILED"), want: "add-on coredns is UPDATE_FAILED: too few replicas"},
		"an add-on that AWS doesn't update": {live: "v1.35.0", version: "v1.35.0", replaces: true, addons: addon("ACTIVE"),
			failures: []infrav1.Failure{{Condition: controlplanev1.EKSAddonsConfiguredCondition, Message: "set add-on coredns to v2: denied"}}, want: "upgraded before nodes: set add-on coredns to v2: denied"},
		"an add-on that AWS doesn't make": {live: "v1.35.0", version: "v1.35.0", replaces: true,
			failures: []infrav1.Failure{{Condition: controlplanev1.EKSAddonsConfiguredCondition, Message: "create add-on coredns: denied"}}},
		"an add-on that isn't well": {live: "v1.35.0", version: "v1.35.0", replaces: true, addons: addon("DEGRADED"),
			conditions: []metav1.Condition{condition(controlplanev1.EKSAddonsConfiguredCondition, controlplanev1.EKSAddonsConfiguredFailedReason, "x")}},
	} {
		t.Run(name, func(t *testing.T) {
			c := &controlplanev1.AWSManagedControlPlane{Spec: controlplanev1.AWSManagedControlPlaneSpec{AWSManagedControlPlaneCommonSpec: controlplanev1.AWSManagedControlPlaneCommonSpec{EKSClusterName: "default_c"}}}
			c.Spec.Addons = []controlplanev1.Addon{{Name: "coredns"}}
			c.Status.Conditions, c.Status.Addons, c.Status.Failures = x.conditions, x.addons, x.failures
			if x.live != "" {
				c.Status.Version = &x.live
			}
			if got := OfAWSManagedControlPlane(c, "c").NodesWait(x.version, x.replaces); (got == "") != (x.want == "") || !strings.Contains(got, x.want) {
				t.Errorf("it waits for %q, want %q", got, x.want)
			}
		})
	}
	if got := (&Cluster{Kubernetes: "v1.30"}).NodesWait("v1.35", true); got != "" {
		t.Errorf("machines of other clusters wait for %q", got)
	}
}
