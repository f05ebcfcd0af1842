package awsmanagedmachinepool

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
	"github.com/capa-apiserver/capa-apiserver/reconcile/nodegroup"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

const newestVersion = "v1.35.0"

func (w *world) plane() *controlplanev1.AWSManagedControlPlane {
	w.T.Helper()
	return enginetest.Get(w.World, &controlplanev1.AWSManagedControlPlane{}, controlPlane)
}

// aWholeCluster has a control plane with an add-on, and nodes, all of one version.
func aWholeCluster(t *testing.T) *world {
	w := newWorld(t, true, newPool(testName))
	w.AWS.Configure(func(c *emulator.Config) { c.ClusterUpdateDelay, c.AddonDelay = 20*time.Second, 10*time.Second }) // longer than a look
	w.changeOwner(testName, func(m *clusterv1.MachinePool) { m.Spec.Template.Spec.Version = newVersion })
	c := w.plane()
	c.Spec.Addons = []controlplanev1.Addon{{Name: "kube-proxy", Version: "default"}}
	w.Must(w.Kube.Update(t.Context(), c))
	w.buildCluster()
	w.settle(testName, w.ready(testName))
	w.both(t, "the add-on is there", func() bool {
		return meta.IsStatusConditionTrue(w.plane().Status.Conditions, controlplanev1.EKSAddonsConfiguredCondition)
	})
	return w
}

// upgradeAll asks for the next version everywhere at once, as a topology does.
func (w *world) upgradeAll() {
	w.T.Helper()
	c, version := w.plane(), newestVersion
	c.Spec.Version, c.Generation = &version, c.Generation+1
	w.Must(w.Kube.Update(w.T.Context(), c))
	w.changeOwner(testName, func(m *clusterv1.MachinePool) { m.Spec.Template.Spec.Version = newestVersion })
}

// both lets control plane and pool go on side by side until something is so.
func (w *world) both(t *testing.T, what string, done func() bool) {
	t.Helper()
	for range 400 {
		for _, reconcile := range []func() error{
			func() error { _, err := enginetest.Reconcile(w.ofCluster, controlPlane); return err },
			func() error { _, err := enginetest.Reconcile(w.pools, testName); return err },
		} {
			if err := reconcile(); err != nil {
				t.Log(err) // what dies or is refused goes on at the next look
			}
		}
		if done() {
			return
		}
		w.Pass(3 * time.Second)
	}
	t.Fatalf("%s: never\n%s\n%s\nEvents %q", what, w.Describe(w.plane(), controlPlane), w.Describe(w.get(testName), testName), w.Events.With(""))
}

// upgradedAll tells that all of the cluster has the newest version.
func (w *world) upgradedAll() bool {
	g := w.describe(testName)
	return *g.Version == "1.35" && w.quiet(testName)() && meta.IsStatusConditionTrue(w.plane().Status.Conditions, controlplanev1.EKSAddonsConfiguredCondition)
}

// steps are the changes of an upgrade that AWS made, in their order.
func (w *world) steps() []string {
	var all []string
	for _, e := range w.AWS.Log() {
		if slices.Contains([]string{"UpdateClusterVersion", "UpdateAddon", "UpdateNodegroupVersion"}, e.Operation) && happened(e) && !slices.Contains(all, e.Operation) {
			all = append(all, e.Operation)
		}
	}
	return all
}

func TestAnUpgradeIsSeenStepByStepInConditionsAndEvents(t *testing.T) {
	w := aWholeCluster(t)
	began := len(w.Events.With(""))
	w.upgradeAll()
	seen, said := map[string]bool{}, []string{}
	note := func(what string, c *metav1.Condition, status metav1.ConditionStatus, text string) {
		if c != nil && !slices.Contains(said, string(c.Status)+" "+c.Message) {
			said = append(said, string(c.Status)+" "+c.Message)
		}
		if c != nil && c.Status == status && strings.Contains(c.Message, text) {
			seen[what] = true
		}
	}
	w.both(t, "all is upgraded", func() bool {
		plane, pool := w.plane().Status.Conditions, w.get(testName).Status.Conditions
		note("the control plane is updated", meta.FindStatusCondition(plane, controlplanev1.EKSControlPlaneUpdatingCondition), metav1.ConditionTrue, "VersionUpdate")
		note("nodes wait for it", meta.FindStatusCondition(pool, nodegroup.AreaUpdating), metav1.ConditionTrue, "to run 1.35: it runs 1.34")
		note("the add-on is updated", meta.FindStatusCondition(plane, controlplanev1.EKSAddonsConfiguredCondition), metav1.ConditionFalse, "kube-proxy, which is UPDATING")
		note("nodes wait for it, too", meta.FindStatusCondition(pool, nodegroup.AreaUpdating), metav1.ConditionTrue, "upgraded before nodes")
		note("nodes are replaced", meta.FindStatusCondition(pool, nodegroup.AreaUpdating), metav1.ConditionTrue, "(VersionUpdate) of node group")
		return w.upgradedAll()
	})
	for _, what := range []string{"the control plane is updated", "nodes wait for it", "the add-on is updated", "nodes wait for it, too", "nodes are replaced"} {
		if !seen[what] {
			t.Errorf("no condition said that %s; they said %q", what, said)
		}
	}
	if want := []string{"UpdateClusterVersion", "UpdateAddon", "UpdateNodegroupVersion"}; !slices.Equal(w.steps(), want) {
		t.Errorf("the steps were %v, want %v", w.steps(), want)
	}
	at := -1
	events := w.Events.With("")[began:]
	for _, text := range []string{"EKS cluster " + eksName + " from 1.34 to 1.35", "(VersionUpdate) of EKS cluster " + eksName + " is done", "add-on kube-proxy to", "the nodes of node group default_" + testName,
		"(VersionUpdate) of node group default_" + testName + " is done"} {
		i := slices.IndexFunc(events, func(e string) bool { return strings.Contains(e, text) })
		if i <= at {
			t.Errorf("the Event %q is number %d, after %d: %q", text, i, at, events)
		}
		at = i
	}
}

func TestAnUpgradeThatFailsStopsThereSaysWhyAndGoesOnByItself(t *testing.T) {
	for name, x := range map[string]struct {
		fail string
		// stopped tells that it was told; further are the steps that must not have been made then.
		stopped func(*world) bool
		further []string
		event   string
	}{
		"the control plane": {fail: "fail-next-cluster-update", event: "EKSUpdateFailed", further: []string{"UpdateAddon", "UpdateNodegroupVersion"}, stopped: func(w *world) bool {
			c := meta.FindStatusCondition(w.plane().Status.Conditions, controlplanev1.EKSControlPlaneUpdatingCondition)
			return strings.Contains(c.Message, "AWS says: Unknown: The update failed.") && strings.Contains(w.condition(testName, nodegroup.AreaUpdating).Message, "couldn't be upgraded")
		}},
		"an add-on": {fail: "fail-next-addon", event: controlplanev1.EKSAddonsConfiguredFailedReason, further: []string{"UpdateNodegroupVersion"}, stopped: func(w *world) bool {
			return w.Events.Has("add-on kube-proxy is UPDATE_FAILED") // it is tried again at once
		}},
		"the nodes": {fail: "fail-next-nodegroup", event: "EKSUpdateFailed", stopped: func(w *world) bool {
			c := w.condition(testName, nodegroup.AreaUpdating)
			return c.Reason == "PodEvictionFailure" && strings.Contains(c.Message, "set spec.forceUpdate")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := aWholeCluster(t)
			w.act(x.fail)
			w.upgradeAll()
			w.both(t, "it is told", func() bool { return x.stopped(w) })
			for _, op := range x.further {
				if n := w.updates(op); n > 0 {
					t.Errorf("%s was done %d times after %s couldn't be upgraded", op, n, name)
				}
			}
			if told := w.Events.With(x.event); len(told) != 1 {
				t.Errorf("told is %q", told)
			}
			w.Pass(65 * time.Minute)
			w.both(t, "it goes on by itself", w.upgradedAll)
		})
	}
}

// TestNodesWaitForVersionsOfAddonsThatCantBeRead: which version an add-on has to have is read once the cluster has its own.
func TestNodesWaitForVersionsOfAddonsThatCantBeRead(t *testing.T) {
	t.Parallel()
	w := aWholeCluster(t)
	w.AWS.Faults().Set(emulator.Fault{ID: "unread", Service: "eks", Operation: "DescribeAddonVersions", Mode: emulator.ErrorBefore})
	w.upgradeAll()
	w.both(t, "the pool says what it waits for", func() bool {
		return strings.Contains(w.condition(testName, nodegroup.AreaUpdating).Message, "the versions of add-on kube-proxy for Kubernetes 1.35 to be read")
	})
	for range 5 {
		w.both(t, "a look", func() bool { return true })
		w.Pass(time.Minute)
	}
	if n := w.updates("UpdateNodegroupVersion"); n > 0 {
		t.Errorf("nodes were upgraded %d times", n)
	}
	w.AWS.Faults().Remove("unread")
	w.both(t, "it goes on by itself", w.upgradedAll)
	if want := []string{"UpdateClusterVersion", "UpdateAddon", "UpdateNodegroupVersion"}; !slices.Equal(w.steps(), want) {
		t.Errorf("the steps were %v, want %v", w.steps(), want)
	}
}

// TestAnUpgradeGoesOnWhereItWasHoweverTheProcessDies ends the process at each of its steps.
func TestAnUpgradeGoesOnWhereItWasHoweverTheProcessDies(t *testing.T) {
	for _, op := range []string{"eks.UpdateClusterVersion", "eks.UpdateAddon", "eks.UpdateNodegroupVersion"} {
		for _, death := range deaths {
			t.Run(fmt.Sprintf("%s/%s", op, death), func(t *testing.T) {
				t.Parallel()
				w := aWholeCluster(t)
				happened := w.death(op, 0, death)
				w.upgradeAll()
				restarted := false
				w.both(t, "all is upgraded", func() bool {
					if happened() && !restarted {
						restarted = true
						w.restart()
						return false
					}
					return w.upgradedAll()
				})
				if !restarted {
					t.Error("it never happened")
				}
				for _, op := range []string{"UpdateClusterVersion", "UpdateNodegroupVersion"} {
					if n := w.done(op); n != 1 {
						t.Errorf("%s was done %d times", op, n)
					}
				}
				if want := []string{"UpdateClusterVersion", "UpdateAddon", "UpdateNodegroupVersion"}; !slices.Equal(w.steps(), want) {
					t.Errorf("the steps were %v, want %v", w.steps(), want)
				}
			})
		}
	}
}
