package awscluster

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"k8s.io/apimachinery/pkg/api/meta"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/foundation"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// change updates the object as a user would.
func (w *world) change(f func(*infrav1.AWSCluster)) {
	w.T.Helper()
	obj := w.get()
	f(obj)
	obj.Generation++ // the API server's part
	w.Must(w.Kube.Update(context.Background(), obj))
}

func TestNewTagsReachEveryResourceInFewCalls(t *testing.T) {
	w := newWorld(t, newCluster())
	w.create()
	w.AWS.ResetCounts()
	w.change(func(c *infrav1.AWSCluster) { c.Spec.AdditionalTags = infrav1.Tags{"team": "a"} })
	w.settle(func() bool { return len(w.plan()) == 0 })
	for _, r := range w.AWS.Resources(emulator.DefaultAccount, testRegion) {
		if r.Tags[names.TagOwnedPrefix+testName] == "owned" && r.Tags["team"] != "a" && r.Type != "listener" {
			t.Errorf("%s %s has no tag", r.Type, r.ID)
		}
	}
	if mutations, _ := w.calls(); mutations > 10 {
		t.Errorf("%d calls: %v", mutations, w.AWS.Counts())
	}
	if events := w.Events.With(foundation.DriftRepaired); len(events) > 0 {
		t.Errorf("a user's change is told as drift: %q", events)
	}
}

func TestRemovedListenerIsRemovedInAWS(t *testing.T) {
	w := newWorld(t, newCluster(func(c *infrav1.AWSCluster) {
		c.Spec.ControlPlaneLoadBalancer.AdditionalListeners = []infrav1.AdditionalListenerSpec{{Port: 8443, Protocol: "TCP"}}
	}))
	w.create()
	w.change(func(c *infrav1.AWSCluster) { c.Spec.ControlPlaneLoadBalancer.AdditionalListeners = nil })
	w.settle(func() bool { return w.Resources()["listener"] == 1 && len(w.plan()) == 0 })
	w.delete()
	if left := w.Resources(); len(left) > 0 {
		t.Errorf("the account isn't empty: %v", left)
	}
}

func TestDeletedSubnetIsMadeAgainWithItsBlock(t *testing.T) {
	w := newWorld(t, newCluster())
	w.create()
	private := w.get().Spec.Network.Subnets[1]
	out, err := w.ec2().DescribeRouteTables(context.Background(), &ec2.DescribeRouteTablesInput{RouteTableIds: []string{*private.RouteTableID}})
	w.Must(err)
	_, err = w.ec2().DisassociateRouteTable(context.Background(), &ec2.DisassociateRouteTableInput{AssociationId: out.RouteTables[0].Associations[0].RouteTableAssociationId})
	w.Must(err)
	_, err = w.ec2().DeleteSubnet(context.Background(), &ec2.DeleteSubnetInput{SubnetId: aws.String(private.ResourceID)})
	w.Must(err)
	w.settle(func() bool {
		s := w.get().Spec.Network.Subnets[1]
		return s.ResourceID != private.ResourceID && len(w.plan()) == 0
	})
	if s := w.get().Spec.Network.Subnets[1]; s.CidrBlock != private.CidrBlock || s.ID != private.ID {
		t.Errorf("it is %+v, was %+v", s, private)
	}
}

func TestSecurityGroupOverridesAreTakenAndNeverChanged(t *testing.T) {
	w := newWorld(t, newCluster())
	vpc, subnets := w.userNetwork()
	group, err := w.ec2().CreateSecurityGroup(context.Background(), &ec2.CreateSecurityGroupInput{VpcId: aws.String(vpc), GroupName: aws.String("mine"), Description: aws.String("mine")})
	w.Must(err)
	before := w.Resources()["security-group"]
	w.change(func(c *infrav1.AWSCluster) {
		c.Spec.Network.VPC.ID = vpc
		c.Spec.Network.Subnets = infrav1.Subnets{{ID: subnets[0]}, {ID: subnets[1], IsPublic: true}}
		c.Spec.Network.SecurityGroupOverrides = map[infrav1.SecurityGroupRole]string{infrav1.SecurityGroupNode: *group.GroupId}
	})
	w.create()
	if got := w.get().Status.NetworkStatus.SecurityGroups[infrav1.SecurityGroupNode]; got.ID != *group.GroupId || len(got.IngressRules) > 0 {
		t.Errorf("the node group is %+v", got)
	}
	if n := w.Resources()["security-group"]; n != before+3 {
		t.Errorf("%d groups, want %d", n, before+3)
	}
	w.delete()
	if n := w.Resources()["security-group"]; n != before {
		t.Errorf("%d groups are left, want the user's %d", n, before)
	}
}

func TestUsedUpAddressPoolGivesWayToAmazonsWhereAllowed(t *testing.T) {
	for _, order := range []infrav1.PublicIpv4PoolFallbackOrder{infrav1.PublicIpv4PoolFallbackOrderAmazonPool, infrav1.PublicIpv4PoolFallbackOrderNone} {
		t.Run(string(order), func(t *testing.T) {
			w := newWorld(t, newCluster(func(c *infrav1.AWSCluster) {
				c.Spec.Network.VPC.ElasticIPPool = &infrav1.ElasticIPPool{PublicIpv4Pool: aws.String("ipv4pool-ec2-1"), PublicIpv4PoolFallBackOrder: &order}
			}))
			w.AWS.Faults().Set(emulator.Fault{Service: "ec2", Operation: "AllocateAddress", Parameters: map[string]string{"PublicIpv4Pool": "*"},
				Mode: emulator.ErrorBefore, Code: "InsufficientAddressCapacity", Status: 400})
			if order == infrav1.PublicIpv4PoolFallbackOrderAmazonPool {
				w.create()
				return
			}
			for range 3 {
				_, _ = w.reconcile()
			}
			if c, _ := w.condition(infrav1.NatGatewaysReadyCondition); c.Status != "False" || !strings.Contains(c.Message, "InsufficientAddressCapacity") {
				t.Errorf("NatGatewaysReady is %+v", c)
			}
		})
	}
}

func TestSameNameOfSomebodyElseIsAProblemAndStaysUntouched(t *testing.T) {
	w := newWorld(t, newCluster(func(c *infrav1.AWSCluster) {
		c.Spec.ControlPlaneLoadBalancer.Name = aws.String("taken")
	}))
	other := newCluster(func(c *infrav1.AWSCluster) {
		c.UID, c.Namespace = "uid-of-other", "other"
		c.Spec.ControlPlaneLoadBalancer.Name = aws.String("taken")
	})
	w.add(other)
	o := w.with(w.Kube)
	o.namespace = "other"
	o.create()
	w.settle(func() bool {
		c := meta.FindStatusCondition(w.get().Status.Conditions, infrav1.LoadBalancerReadyCondition)
		return c != nil && strings.Contains(c.Message, "names are unique in a region")
	})
	w.delete()
	if left := o.plan(); len(left) > 0 {
		t.Errorf("the other's cluster needs repair: %q", left)
	}
}

func TestVanishedVPCIsReportedAndNothingIsMadeInItsPlace(t *testing.T) {
	w := newWorld(t, newCluster(func(c *infrav1.AWSCluster) { c.Spec.Network.VPC.ID = "vpc-0123456789abcdef0" }))
	w.settle(func() bool {
		c := meta.FindStatusCondition(w.get().Status.Conditions, infrav1.VpcReadyCondition)
		return c != nil && strings.Contains(c.Message, "doesn't exist")
	})
	if mutations, _ := w.calls(); mutations > 0 {
		t.Errorf("AWS was changed: %v", w.AWS.Counts())
	}
	w.delete()
}
