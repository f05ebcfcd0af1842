package awsmachine

import (
	"slices"
	"strings"
	"testing"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// With CAPA's policies machines come and go; what an earlier self left in
// Secrets Manager and how target groups drift can't be looked at, and needn't be.
func TestWithCAPAsPoliciesMachinesComeAndGo(t *testing.T) {
	w := newWorld(t)
	before := w.Resources()
	w.RestrictTo(enginetest.CAPAs(t)...)
	profile := func(name string) func(*infrav1.AWSMachine, *clusterv1.Machine) {
		return func(obj *infrav1.AWSMachine, _ *clusterv1.Machine) {
			obj.Spec.IAMInstanceProfile = name + ".cluster-api-provider-aws.sigs.k8s.io"
		}
	}
	w.machine("cp1", controlPlane, profile("control-plane"))
	w.machine("w1", profile("nodes"))
	w.settle("cp1", w.ready("cp1"))
	w.settle("w1", w.ready("w1"))
	w.delete("w1")
	w.delete("cp1")
	w.nothingLeft(before)
	if denied := w.Denied(); slices.ContainsFunc(denied, func(right string) bool {
		return !slices.Contains([]string{"secretsmanager:DescribeSecret", "elasticloadbalancing:DescribeTargetGroupAttributes"}, right)
	}) {
		t.Errorf("it lacked %q", denied)
	}
}

func TestAMachineWhoseProfileMayNotBePassedSaysSo(t *testing.T) {
	w := newWorld(t)
	w.RestrictTo(enginetest.CAPAs(t)...)
	w.AWS.Configure(func(c *emulator.Config) { c.InstanceProfiles = append(c.InstanceProfiles, "theirs") })
	w.machine("w1", plainData, func(obj *infrav1.AWSMachine, _ *clusterv1.Machine) { obj.Spec.IAMInstanceProfile = "theirs" })
	w.settle("w1", func() bool { return slices.Contains(w.Denied(), "iam:PassRole") })
	w.settle("w1", func() bool {
		return strings.Contains(w.message("w1", infrav1.InstanceReadyCondition), "iam:PassRole")
	})
}
