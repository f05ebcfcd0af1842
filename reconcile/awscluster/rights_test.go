package awscluster

import (
	"testing"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine/enginetest"
)

func TestWithCAPAsPoliciesEveryClusterComesAndGoes(t *testing.T) {
	for name, change := range map[string]func(*infrav1.AWSCluster){
		"classic load balancer": func(*infrav1.AWSCluster) {},
		"network load balancer": func(c *infrav1.AWSCluster) {
			c.Spec.ControlPlaneLoadBalancer = &infrav1.AWSLoadBalancerSpec{LoadBalancerType: infrav1.LoadBalancerTypeNLB}
		},
		"IPv6":    func(c *infrav1.AWSCluster) { c.Spec.Network.VPC.IPv6 = &infrav1.IPv6{} },
		"bastion": func(c *infrav1.AWSCluster) { c.Spec.Bastion.Enabled = true },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, newCluster(change))
			w.RestrictTo(enginetest.CAPAs(t)...)
			w.create()
			w.delete()
			if left := w.Resources(); len(left) > 0 {
				t.Errorf("the account isn't empty: %v", left)
			}
			for _, right := range w.Denied() {
				if right != "elasticloadbalancing:DescribeTargetGroupAttributes" { // for drift alone
					t.Errorf("it lacked %s", right)
				}
			}
		})
	}
}
