package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awseks "github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
)

// allWell fails for a condition that isn't as it is while nothing happens.
func allWell(conditions []metav1.Condition) error {
	for _, c := range conditions {
		// These are true while something happens.
		if passing := []string{"Paused", "EKSControlPlaneCreating", "EKSControlPlaneUpdating"}; (c.Status == metav1.ConditionTrue) == slices.Contains(passing, c.Type) {
			return fmt.Errorf("condition %s is %s, %s: %s", c.Type, c.Status, c.Reason, c.Message)
		}
	}
	if len(conditions) == 0 {
		return errors.New("there are no conditions")
	}
	return nil
}

// TestWhatHappensToAnEKSClusterIsShownAtTheNextReadAndRepaired changes an EKS cluster behind
// our back. At rest it is described every five minutes: what is shown here shows because
// somebody reads.
func TestWhatHappensToAnEKSClusterIsShownAtTheNextReadAndRepaired(t *testing.T) {
	w := newWorld(t, "--creation-grace=5s") // what is younger and not to be seen may be AWS's lateness
	e := w.newEKSCluster("eks")
	w.aRole("alice")
	w.apply(e.namespace, eksWithParts)
	e.waitAvailable()
	e.waitAsWanted(func() error { return nil })
	client, name, ctx := w.eks(), aws.String(e.eksName()), context.Background()

	t.Run("logging switched off", func(t *testing.T) {
		e := e.of(t)
		ended := e.update(ctx, &awseks.UpdateClusterConfigInput{Name: name, Logging: &ekstypes.Logging{ClusterLogging: []ekstypes.LogSetup{
			{Enabled: aws.Bool(false), Types: []ekstypes.LogType{ekstypes.LogTypeAudit}}}}})
		hold := w.aws.Faults().Set(holdRepair("UpdateClusterConfig")) // before the update has ended and can be repaired
		ended()
		e.shows("EKSControlPlaneUpdating", metav1.ConditionTrue, "set the logging")
		w.unhold(hold)
		e.waitAsWanted(func() error {
			if on := e.awsCluster().Logging.ClusterLogging[0]; !*on.Enabled || !slices.Contains(on.Types, ekstypes.LogTypeAudit) {
				return fmt.Errorf("the logging is %s", pretty(e.awsCluster().Logging))
			}
			return nil
		})
		e.told("DriftRepaired", "logging")
	})
	t.Run("what the spec says nothing of", func(t *testing.T) {
		e := e.of(t)
		_, err := client.CreateAddon(ctx, &awseks.CreateAddonInput{ClusterName: name, AddonName: aws.String("kube-proxy"), ResolveConflicts: ekstypes.ResolveConflictsOverwrite})
		must(t, err)
		e.update(ctx, &awseks.UpdateClusterConfigInput{Name: name, ZonalShiftConfig: &ekstypes.ZonalShiftConfigRequest{Enabled: aws.Bool(true)}})()
		before := w.mutations()
		e.waitAsWanted(func() error { return nil })
		time.Sleep(writeHold)
		e.waitAsWanted(func() error { return nil })
		if now := w.mutations(); now != before || !aws.ToBool(e.awsCluster().ZonalShiftConfig.Enabled) {
			t.Errorf("%d calls changed what the spec says nothing of", now-before)
		}
	})
	t.Run("a health issue", func(t *testing.T) {
		e := e.of(t)
		e.act("cluster-issue", e.eksName()+"/"+string(ekstypes.ClusterIssueCodeKmsKeyNotFound))
		w.waitFacts()
		e.shows(controlplanev1.EKSControlPlaneHealthyCondition, metav1.ConditionFalse, "KmsKeyNotFound")
		e.told(controlplanev1.EKSControlPlaneUnhealthyReason, "KmsKeyNotFound")
		e.act("heal-cluster", e.eksName())
		e.waitAsWanted(func() error { return nil })
	})
	t.Run("AWS is away", func(t *testing.T) {
		e := e.of(t)
		w.aws.Configure(func(c *emulatorConfig) { c.Outage = "refuse" })
		e.w.eventually("a read says how old it is and why", func(ctx context.Context) error {
			cp, err := e.awsControlPlane(ctx)
			if err != nil {
				t.Errorf("a read failed during the outage: %v", err)
				return err
			}
			if o := cp.Status.Observation; o == nil || !o.Stale || o.Reason == "" || o.ObservedTime == nil {
				return fmt.Errorf("the observation is %s", pretty(o))
			}
			if !cp.Status.Ready || cp.Spec.ControlPlaneEndpoint.Host == "" {
				t.Errorf("the read forgot the control plane: %s", pretty(cp.Status))
			}
			return nil
		})
		w.aws.Configure(func(c *emulatorConfig) { c.Outage = "" })
		e.w.eventually("reads are fresh again", func(ctx context.Context) error {
			cp, err := e.awsControlPlane(ctx)
			if err == nil && cp.Status.Observation.Stale {
				err = fmt.Errorf("the observation is %s", pretty(cp.Status.Observation))
			}
			return err
		})
	})
	t.Run("an add-on deleted", func(t *testing.T) {
		e := e.of(t)
		addon := &awseks.DescribeAddonInput{ClusterName: name, AddonName: aws.String("eks-pod-identity-agent")}
		e.waitAsWanted(func() error { return nil })
		hold := w.aws.Faults().Set(holdRepair("CreateAddon"))
		_, err := client.DeleteAddon(ctx, &awseks.DeleteAddonInput{ClusterName: name, AddonName: addon.AddonName})
		must(t, err)
		before := w.mutations()
		w.eventually("the add-on is gone", func(ctx context.Context) error {
			if _, err := client.DescribeAddon(ctx, addon); err == nil {
				return errors.New("it is there")
			}
			return nil
		})
		w.waitFacts()
		e.shows(controlplanev1.EKSAddonsConfiguredCondition, metav1.ConditionFalse, *addon.AddonName)
		w.unhold(hold)
		w.eventually("it is made again", func(ctx context.Context) error {
			out, err := client.DescribeAddon(ctx, addon)
			if err == nil && out.Addon.Status != ekstypes.AddonStatusActive {
				err = fmt.Errorf("it is %s", out.Addon.Status)
			}
			return err
		})
		e.told("DriftRepaired", *addon.AddonName)
		if n := w.mutations() - before; n != 1 {
			t.Errorf("%d calls changed something, want the one that makes the add-on", n)
		}
	})
	t.Run("a version that somebody updated to", func(t *testing.T) {
		e := e.of(t)
		e.act("upgrade-cluster", e.eksName())
		e.w.eventually("it is updated", func(context.Context) error {
			if c := e.awsCluster(); *c.Version != "1.34" || c.Status != ekstypes.ClusterStatusActive {
				return fmt.Errorf("it is %s, %s", *c.Version, c.Status)
			}
			return nil
		})
		w.waitFacts()
		e.shows("EKSControlPlaneUpdating", metav1.ConditionFalse, "Set spec.version")
		if list := w.kubectl("get", "awsmcp", "-n", e.namespace); !strings.Contains(list, "v1.34") {
			t.Errorf("the list shows\n%s", list)
		}
		e.told("EKSControlPlaneAhead", "1.34")
		if n := w.effects("UpdateClusterVersion"); n != 0 {
			t.Errorf("%d updates of the version", n)
		}
	})
	w.kubectl("delete", "cluster", "-n", e.namespace, e.cluster, "--wait=false")
	e.eventually("the cluster is gone", func(context.Context) error {
		if n := w.inventory()["eks/cluster"] + w.inventory()["ec2/vpc"]; n > 0 {
			return errors.New("it is there")
		}
		return nil
	})
}

// of is the cluster for a subtest.
func (e *eksCluster) of(t *testing.T) *eksCluster {
	w, joined := *e.w, *e.joinedCluster
	w.t, joined.w = t, &w
	return &eksCluster{&joined}
}

// update has the cluster updated as by somebody else; ended returns when that has ended and the
// facts of the latest read are older than the promise.
func (e *eksCluster) update(ctx context.Context, in *awseks.UpdateClusterConfigInput) (ended func()) {
	e.w.t.Helper()
	out, err := e.w.eks().UpdateClusterConfig(ctx, in)
	must(e.w.t, err)
	return func() {
		e.w.t.Helper()
		e.w.eventually("the update has ended", func(ctx context.Context) error {
			u, err := e.w.eks().DescribeUpdate(ctx, &awseks.DescribeUpdateInput{Name: in.Name, UpdateId: out.Update.Id})
			if err == nil && u.Update.Status != ekstypes.UpdateStatusSuccessful {
				err = fmt.Errorf("it is %s", u.Update.Status)
			}
			return err
		})
		e.w.waitFacts()
	}
}

// shows fails unless the first read whose facts are younger than this call shows a condition so, with the text.
func (e *eksCluster) shows(kind string, status metav1.ConditionStatus, text string) {
	e.w.t.Helper()
	since := time.Now()
	var cp *controlplanev1.AWSManagedControlPlane
	e.w.eventually("a read asks AWS", func(ctx context.Context) (err error) {
		if cp, err = e.awsControlPlane(ctx); err == nil && !cp.Status.Observation.ObservedTime.After(since) {
			err = fmt.Errorf("the observation is %s", pretty(cp.Status.Observation))
		}
		return err
	})
	c := meta.FindStatusCondition(cp.Status.Conditions, kind)
	if c == nil || c.Status != status || !strings.Contains(c.Message, text) {
		e.w.t.Errorf("the read shows %s, want it %s and to say %q; AWS has %s, observed %s", pretty(c), status, text, pretty(e.awsCluster()), pretty(cp.Status.Observation))
	}
}

// told waits for an Event of the control plane.
func (e *eksCluster) told(reason, text string) {
	e.w.t.Helper()
	e.w.within(30*time.Second, "an Event "+reason+" tells of it", func(context.Context) error {
		events := e.w.kubectl("get", "events", "-n", e.namespace, "--field-selector=reason="+reason)
		if !strings.Contains(events, text) {
			return fmt.Errorf("Events are:\n%s", events)
		}
		return nil
	})
}

func (e *eksCluster) act(action, id string) {
	e.w.t.Helper()
	if done, err := e.w.aws.Act(action, "", region, id); err != nil || !done {
		e.w.t.Fatalf("%s %s: %v, %v", action, id, done, err)
	}
}
