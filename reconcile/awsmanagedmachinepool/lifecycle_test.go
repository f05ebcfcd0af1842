package awsmanagedmachinepool

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
	"github.com/capa-apiserver/capa-apiserver/reconcile/nodegroup"
)

func TestAPoolWaitsForItsControlPlaneComesAndGoesWithItsRole(t *testing.T) {
	w := newWorld(t, true, newPool(testName))
	_, err := enginetest.Reconcile(w.pools, testName)
	w.Must(err)
	if c := w.condition(testName, nodegroup.Area); c.Reason != infrav1.WaitingForEKSControlPlaneReason {
		t.Errorf("before the control plane is there: %+v", c)
	}
	w.buildCluster()
	before := w.Resources()
	w.settle(testName, w.ready(testName))
	p, row := w.get(testName), w.describe(testName)
	if p.Spec.RoleName != p.GeneratedRoleName(eksName) || !strings.HasSuffix(*row.NodeRole, "/"+p.Spec.RoleName) || len(row.Subnets) != 3 {
		t.Errorf("the role is %q and the node group %+v", p.Spec.RoleName, row)
	}
	if len(p.Spec.ProviderIDList) != 2 || !strings.HasPrefix(p.Spec.ProviderIDList[0], "aws:///us-east-1") || !aws.ToBool(p.Status.Initialization.Provisioned) {
		t.Errorf("instances %v, status %+v", p.Spec.ProviderIDList, p.Status)
	}
	if row.AmiType != "AL2023_x86_64_STANDARD" || aws.ToString(row.Version) != "1.33" || *row.ScalingConfig.DesiredSize != 2 {
		t.Errorf("the node group is %+v", row)
	}

	w.Must(w.Kube.Delete(context.Background(), w.get(testName)))
	w.settle(testName, w.gone(testName))
	after := w.Resources()
	if after["nodegroup"] != 0 || after["instance"] != before["instance"] || w.count("eks.CreateNodegroup") != 1 || w.count("eks.DeleteNodegroup") != 1 {
		t.Errorf("left are %v after %d creations, before there were %v", after, w.count("eks.CreateNodegroup"), before)
	}
	if _, err := w.Session().IAM.GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String(p.Spec.RoleName)}); err == nil {
		t.Error("the role is left")
	}
}
