package awsmanagedcontrolplane

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
)

func TestAControlPlaneWithANetworkOfItsOwnComesAndGoes(t *testing.T) {
	w := newWorld(t, newControlPlane())
	w.create()
	c := w.get()
	if host := c.Spec.ControlPlaneEndpoint; !strings.Contains(host.Host, ".eks.amazonaws.com") || host.Port != 443 {
		t.Errorf("the endpoint is %+v", host)
	}
	if v := c.Status.Version; v == nil || *v != "v1.33.0" || len(c.Status.Versions) != 1 {
		t.Errorf("the version is %v, %v", v, c.Status.Versions)
	}
	if !c.Provisioned() || !c.Initialized() || !c.Status.Ready || !meta.IsStatusConditionTrue(c.Status.Conditions, controlplanev1.AvailableCondition) {
		t.Errorf("the status is %+v", c.Status)
	}
	if len(c.Status.FailureDomains) != 3 || c.Status.NetworkStatus.SecurityGroups[infrav1.SecurityGroupCluster].ID == "" {
		t.Errorf("failure domains %v, groups %v", c.Status.FailureDomains, c.Status.NetworkStatus.SecurityGroups)
	}
	if c.Spec.EKSClusterName != "default_"+testName || *c.Spec.RoleName != controlplanev1.DefaultControlPlaneRole {
		t.Errorf("recorded are %q and %q", c.Spec.EKSClusterName, *c.Spec.RoleName)
	}
	if left := w.plan(); len(left) > 0 {
		t.Errorf("left is %q", left)
	}
	w.delete()
	if left := w.Resources(); len(left) > 0 {
		t.Errorf("the account isn't empty: %v", left)
	}
}

func TestPodsHaveSubnetsOfTheirOwnInASecondaryBlock(t *testing.T) {
	block := "100.64.0.0/16"
	w := newWorld(t, newControlPlane(func(c *controlplanev1.AWSManagedControlPlane) { c.Spec.SecondaryCidrBlock = &block }))
	w.create()
	w.settle(w.quiet)
	pods := 0
	for _, s := range w.get().Spec.Network.Subnets {
		if s.Tags[names.TagAssociation] == names.AssociationSecondary && s.ResourceID != "" && strings.HasPrefix(s.CidrBlock, "100.64.") {
			pods++
		}
	}
	if pods != 3 || len(w.cluster().ResourcesVpcConfig.SubnetIds) != 6 {
		t.Errorf("%d subnets are for pods, and the control plane is in %v", pods, w.cluster().ResourcesVpcConfig.SubnetIds)
	}
	w.delete()
	if left := w.Resources(); len(left) > 0 {
		t.Errorf("the account isn't empty: %v", left)
	}
}
