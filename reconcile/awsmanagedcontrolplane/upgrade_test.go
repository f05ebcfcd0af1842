package awsmanagedcontrolplane

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eks"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

func upgraded(c *controlplanev1.AWSManagedControlPlane) {
	version := "v1.34.0"
	c.Spec.Version = &version
}

func TestAnUpgradeThatEKSAdvisesAgainstWaitsAndSaysWhy(t *testing.T) {
	w := newWorld(t, newControlPlane())
	w.create()
	if c := meta.FindStatusCondition(w.get().Status.Conditions, controlplanev1.UpgradeAllowedCondition); c != nil {
		t.Errorf("no other version is asked for, and yet it says %+v", c)
	}
	w.act("insight", eksName+"/ERROR")
	w.change(upgraded)
	w.settle(func() bool {
		c := w.condition(controlplanev1.UpgradeAllowedCondition)
		return c.Status == metav1.ConditionFalse && c.Reason == controlplanev1.InsightsInErrorReason
	})
	if c := w.condition(eks.AreaUpdating); c.Reason != eks.Failed || !strings.Contains(c.Message, "isn't ready for 1.34") || !strings.Contains(c.Message, "force: true") {
		t.Errorf("it says %+v", c)
	}
	before := w.count("eks.ListInsights")
	for range 60 {
		w.Pass(30 * time.Second)
		_, err := w.reconcile()
		w.Must(err)
	}
	if asked, tried := w.count("eks.ListInsights")-before, w.count("eks.UpdateClusterVersion"); asked > 7 || tried > 0 || !w.get().Status.Ready {
		t.Errorf("in half an hour EKS was asked %d times, and %d updates were tried", asked, tried)
	}
	w.act("insight", eksName+"/PASSING")
	w.Pass(10 * time.Minute)
	w.settle(w.quiet)
	if told := w.Events.With("DriftRepaired"); len(told) > 0 {
		t.Errorf("what the spec asks for and had to wait is told as drift: %q", told)
	}
	if *w.cluster().Version != "1.34" || len(w.refused()) > 0 || meta.FindStatusCondition(w.get().Status.Conditions, controlplanev1.UpgradeAllowedCondition) != nil {
		t.Errorf("the cluster is %s, refused was %q: %s", *w.cluster().Version, w.refused(), w.Describe(w.get(), testName))
	}
}

func TestAnUpgradeIsForcedAndWhereEKSMayNotBeAskedGoesOn(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(*world)
		force   bool
		says    string
	}{
		"forced": {func(w *world) { w.act("insight", eksName+"/ERROR") }, true, "spec.force is true"},
		"denied": {func(w *world) {
			w.AWS.Faults().Set(emulator.Fault{ID: "denied", Service: "eks", Operation: "ListInsights", Mode: emulator.ErrorBefore, Code: "AccessDeniedException", Status: 403})
		}, false, "eks:ListInsights"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, newControlPlane())
			w.create()
			c.prepare(w)
			w.change(func(cp *controlplanev1.AWSManagedControlPlane) { upgraded(cp); cp.Spec.Force = c.force })
			said := false
			w.settle(func() bool {
				if x := meta.FindStatusCondition(w.get().Status.Conditions, controlplanev1.UpgradeAllowedCondition); x != nil {
					said = said || x.Status == metav1.ConditionTrue && strings.Contains(x.Message, c.says)
				}
				return w.quiet() && *w.cluster().Version == "1.34"
			})
			if n := w.count("eks.UpdateClusterVersion"); n != 1 || !said {
				t.Errorf("%d updates; it said so: %t", n, said)
			}
		})
	}
}
