package emulator_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	scalingtypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// everything is a network with load balancers, an instance with its volume and interface, a host, a launch template and a group.
func everything(t *testing.T) *cloud {
	p := newPool(t)
	n := newNetwork(p.cloud)
	n.addBalancers()
	p.run(p.launch(n.private[0]))
	wantCode(t, second(p.ec2().AllocateHosts(ctx, &ec2.AllocateHostsInput{AvailabilityZone: aws.String("us-east-1a"), InstanceType: aws.String("m5.large")})), "")
	p.address()
	p.pass(20)
	return p.cloud
}

func TestEveryTagCanBeOverwritten(t *testing.T) {
	c := everything(t)
	seen := map[string]bool{}
	for _, resource := range c.Resources("", "") {
		for _, uid := range []string{"u1", "u2"} {
			wantCode(t, c.tag(resource, uid), "")
			if got := c.tagsOf(resource.ID)["uid"]; got != uid {
				t.Errorf("%s %s has uid %q, want %q", resource.Type, resource.ID, got, uid)
			}
		}
		seen[resource.Type] = true
	}
	for _, kind := range []string{"vpc", "subnet", "security-group", "elastic-ip", "dedicated-host", "instance", "volume", "network-interface", "launch-template",
		"auto-scaling-group", "load-balancer", "target-group", "classic-load-balancer"} {
		if !seen[kind] {
			t.Errorf("no %s was tagged", kind)
		}
	}
}

func (c *cloud) tagsOf(id string) map[string]string {
	for _, resource := range c.Resources("", "") {
		if resource.ID == id {
			return resource.Tags
		}
	}
	return nil
}

// tag sets the tag uid of a resource in its service's way.
func (c *cloud) tag(resource emulator.Resource, uid string) error {
	key, value := aws.String("uid"), aws.String(uid)
	switch resource.Service {
	case "ec2":
		return second(c.ec2().CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{resource.ID}, Tags: []types.Tag{{Key: key, Value: value}}}))
	case "elbv2":
		return second(c.elbv2().AddTags(ctx, &elbv2.AddTagsInput{ResourceArns: []string{resource.ID}, Tags: []elbv2types.Tag{{Key: key, Value: value}}}))
	case "elb":
		return second(c.elb().AddTags(ctx, &elb.AddTagsInput{LoadBalancerNames: []string{resource.ID}, Tags: []elbtypes.Tag{{Key: key, Value: value}}}))
	}
	return second(c.scaling().CreateOrUpdateTags(ctx, &autoscaling.CreateOrUpdateTagsInput{Tags: []scalingtypes.Tag{{Key: key, Value: value,
		ResourceId: &resource.ID, ResourceType: aws.String("auto-scaling-group"), PropagateAtLaunch: aws.Bool(false)}}}))
}
