package awsmachine

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
)

func TestWorkerComesUpAndGoesAwayCompletely(t *testing.T) {
	w := newWorld(t)
	before := w.Resources()
	w.machine("w1", plainData)
	w.settle("w1", w.ready("w1"))
	obj := w.get("w1")
	list := w.instances()
	if len(list) != 1 {
		t.Fatalf("%d instances, want 1", len(list))
	}
	i := list[0]
	if want := "aws:///us-east-1a/" + aws.ToString(i.InstanceId); aws.ToString(obj.Spec.ProviderID) != want || aws.ToString(obj.Spec.InstanceID) != aws.ToString(i.InstanceId) {
		t.Errorf("provider id %q, instance id %q, want %q", aws.ToString(obj.Spec.ProviderID), aws.ToString(obj.Spec.InstanceID), want)
	}
	if !obj.Provisioned() || obj.Status.FailureDomain != "us-east-1a" || len(obj.Status.Addresses) == 0 ||
		obj.Status.InstanceState == nil || *obj.Status.InstanceState != infrav1.InstanceStateRunning {
		t.Errorf("the status is %+v", obj.Status)
	}
	for tag, want := range map[string]string{"Name": "w1", "sigs.k8s.io/cluster-api-provider-aws/cluster/c1": "owned",
		"sigs.k8s.io/cluster-api-provider-aws/role": "node", "kubernetes.io/cluster/c1": "owned", "MachineName": "default/w1"} {
		if have := instance.Tag(i.Tags, tag); have != want {
			t.Errorf("tag %s is %q, want %q", tag, have, want)
		}
	}
	w.delete("w1")
	w.nothingLeft(before)
}

func TestControlPlaneMachineIsPutBehindTheLoadBalancerAndTakenOutFirst(t *testing.T) {
	w := newWorld(t)
	w.machine("cp1", plainData, controlPlane)
	w.settle("cp1", w.ready("cp1"))
	id := aws.ToString(w.get("cp1").Spec.InstanceID)
	if targets := w.targets(); !slices.Equal(targets, []string{id}) {
		t.Errorf("the load balancer holds %v, want %s", targets, id)
	}
	groups := map[string]bool{}
	for _, g := range w.instances()[0].SecurityGroups {
		groups[aws.ToString(g.GroupName)] = true
	}
	if !groups["c1-node"] || !groups["c1-lb"] || !groups["c1-controlplane"] || len(groups) != 3 {
		t.Errorf("the security groups are %v", groups)
	}
	w.AWS.ClearLog()
	w.delete("cp1")
	var order []string
	for _, e := range w.AWS.Log() {
		if e.Operation == "DeregisterTargets" || e.Operation == "TerminateInstances" {
			order = append(order, e.Operation)
		}
	}
	if strings.Join(order, " ") != "DeregisterTargets TerminateInstances" {
		t.Errorf("the calls were %v", order)
	}
	if targets := w.targets(); len(targets) > 0 {
		t.Errorf("the load balancer still holds %v", targets)
	}
}

// targets returns what is registered with the target groups and not on its way out.
func (w *world) targets() []string {
	w.T.Helper()
	ctx, api := context.Background(), w.Session().ELBv2
	groups, err := api.DescribeTargetGroups(ctx, &elbv2.DescribeTargetGroupsInput{})
	w.Must(err)
	var ids []string
	for _, g := range groups.TargetGroups {
		health, err := api.DescribeTargetHealth(ctx, &elbv2.DescribeTargetHealthInput{TargetGroupArn: g.TargetGroupArn})
		w.Must(err)
		for _, d := range health.TargetHealthDescriptions {
			if d.TargetHealth.State != "draining" {
				ids = append(ids, aws.ToString(d.Target.Id))
			}
		}
	}
	return ids
}

// balanced returns what is registered with classic load balancers.
func (w *world) balanced() []string {
	w.T.Helper()
	out, err := w.Session().ELB.DescribeLoadBalancers(context.Background(), &elb.DescribeLoadBalancersInput{})
	w.Must(err)
	var ids []string
	for _, l := range out.LoadBalancerDescriptions {
		for _, i := range l.Instances {
			ids = append(ids, aws.ToString(i.InstanceId))
		}
	}
	return ids
}

func TestClassicLoadBalancerHoldsTheControlPlane(t *testing.T) {
	w := newWorld(t, func(c *infrav1.AWSCluster) {
		c.Spec.ControlPlaneLoadBalancer = &infrav1.AWSLoadBalancerSpec{LoadBalancerType: infrav1.LoadBalancerTypeClassic}
	})
	w.machine("cp1", plainData, controlPlane)
	w.settle("cp1", w.ready("cp1"))
	if n := len(w.balanced()); n != 1 {
		t.Errorf("the load balancer holds %d instances, want 1", n)
	}
	w.delete("cp1")
	if n := len(w.balanced()); n != 0 {
		t.Errorf("the load balancer holds %d instances, want none", n)
	}
}

func TestEveryListenerOfEveryLoadBalancerGetsTheControlPlane(t *testing.T) {
	internal := infrav1.ELBSchemeInternal
	w := newWorld(t, func(c *infrav1.AWSCluster) {
		c.Spec.ControlPlaneLoadBalancer.AdditionalListeners = []infrav1.AdditionalListenerSpec{{Port: 8443, Protocol: "TCP"}}
		c.Spec.SecondaryControlPlaneLoadBalancer = &infrav1.AWSLoadBalancerSpec{Name: aws.String("second"), Scheme: &internal,
			LoadBalancerType: infrav1.LoadBalancerTypeNLB}
	})
	w.machine("cp1", plainData, controlPlane)
	w.settle("cp1", w.ready("cp1"))
	if targets := w.targets(); len(targets) != 3 {
		t.Errorf("%d target groups hold the instance, want 3", len(targets))
	}
	w.delete("cp1")
	if targets := w.targets(); len(targets) > 0 {
		t.Errorf("%d target groups still hold the instance", len(targets))
	}
}
