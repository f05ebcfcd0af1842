package infrastructure

import (
	"cmp"
	"fmt"

	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
)

// mostBehind is by how many minor versions nodes may be older than their control plane.
const mostBehind = 3

// NodesWait says what nodes of a Kubernetes version have to wait for, "" for nothing: an EKS cluster
// is upgraded first, then its add-ons, and then its nodes. replaces tells that they take the place of others;
// the first nodes of a cluster don't wait for add-ons, which may need them.
func (in *Cluster) NodesWait(version string, replaces bool) string {
	var major, wanted, live int
	if in == nil || in.EKS == "" || !minorOf(version, &major, &wanted) || !minorOf(in.Kubernetes, &major, &live) {
		return ""
	}
	switch {
	case wanted > live && in.UpgradeFailed != "":
		return fmt.Sprintf("EKS cluster %s to run %d.%d: it runs %d.%d, and couldn't be upgraded: %s", in.EKS, major, wanted, major, live, in.UpgradeFailed)
	case wanted > live:
		return fmt.Sprintf("EKS cluster %s to run %d.%d: it runs %d.%d; nodes follow their control plane, whose spec.version says what it is to run", in.EKS, major, wanted, major, live)
	case live-wanted > mostBehind:
		return fmt.Sprintf("a version that EKS cluster %s at %d.%d takes: nodes may be %d minor versions older at most, and %d.%d is more; set a newer one", in.EKS, major, live, mostBehind, major, wanted)
	case replaces && in.AddonsWait != "":
		return fmt.Sprintf("the add-ons of EKS cluster %s, which are upgraded before nodes: %s", in.EKS, in.AddonsWait)
	}
	return ""
}

func minorOf(version string, major, minor *int) bool {
	if len(version) > 0 && version[0] == 'v' {
		version = version[1:]
	}
	n, _ := fmt.Sscanf(version, "%d.%d", major, minor)
	return n == 2
}

// upgradeOf tells how far the upgrade of a control plane is: what it runs, why it couldn't be upgraded,
// and which add-ons are still to come. An add-on that merely isn't well, or that is made for the first time,
// holds up nothing: it may need nodes.
func upgradeOf(c *controlplanev1.AWSManagedControlPlane) (kubernetes, failed, addons string) {
	if v := c.Status.Version; v != nil {
		kubernetes = *v
	}
	if x := meta.FindStatusCondition(c.Status.Conditions, controlplanev1.EKSControlPlaneUpdatingCondition); x != nil && x.Status == metav1.ConditionFalse && x.Reason != controlplanev1.UpdatedReason {
		failed = x.Message
	}
	first := false
	for _, a := range c.Status.Addons {
		if a.Status == nil {
			continue
		}
		switch ekstypes.AddonStatus(*a.Status) {
		case ekstypes.AddonStatusCreating:
			first = true
		case ekstypes.AddonStatusUpdating:
			addons = "add-on " + a.Name + " is " + *a.Status
		case ekstypes.AddonStatusUpdateFailed:
			return kubernetes, failed, "add-on " + a.Name + " is " + *a.Status + firstIssue(a.Issues)
		}
	}
	x := meta.FindStatusCondition(c.Status.Conditions, controlplanev1.EKSAddonsConfiguredCondition)
	if addons == "" && !first && x != nil && x.Status == metav1.ConditionFalse && stillToCome(x.Reason) {
		addons = cmp.Or(x.Message, x.Reason)
	}
	// What AWS refuses is the update of one, where there are all.
	for _, f := range c.Status.Failures {
		if addons == "" && !first && len(c.Status.Addons) >= len(c.Spec.Addons) && f.Condition == controlplanev1.EKSAddonsConfiguredCondition {
			addons = f.Message
		}
	}
	return kubernetes, failed, addons
}

// stillToCome tells of add-ons of which some are to be changed, or may be: the versions for a Kubernetes that a cluster has
// just been brought to are read after it.
func stillToCome(reason string) bool {
	return reason == controlplanev1.EKSAddonsPendingReason || reason == conditions.WaitingForObservation
}

func firstIssue(issues []controlplanev1.AddonIssue) string {
	if len(issues) == 0 || issues[0].Message == nil {
		return ""
	}
	return ": " + *issues[0].Message
}
