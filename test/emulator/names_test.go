package emulator_test

import (
	"strings"
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
)

func TestNamesAndDescriptionsAreHeldToTheirLetters(t *testing.T) {
	c := newCloud(t)
	n := newNetwork(c)
	image := c.image("x86_64")
	long := func(n int) string { return strings.Repeat("a", n) }
	group := func(name, description string) error {
		return second(c.ec2().CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{VpcId: &n.vpc, GroupName: &name, Description: &description}))
	}
	rule := func(description string) error {
		permission := tcp(443, "10.0.0.0/8")
		permission.IpRanges[0].Description = &description
		return second(c.ec2().AuthorizeSecurityGroupEgress(ctx, &ec2.AuthorizeSecurityGroupEgressInput{GroupId: &n.group, IpPermissions: []types.IpPermission{permission}}))
	}
	template := func(name string) error {
		return second(c.ec2().CreateLaunchTemplate(ctx, &ec2.CreateLaunchTemplateInput{LaunchTemplateName: &name,
			LaunchTemplateData: &types.RequestLaunchTemplateData{InstanceType: types.InstanceTypeT3Large, ImageId: &image}}))
	}
	balancer := func(name string) error {
		return second(c.elbv2().CreateLoadBalancer(ctx, &elbv2.CreateLoadBalancerInput{Name: &name, Type: elbv2types.LoadBalancerTypeEnumNetwork, Subnets: n.public[:]}))
	}
	classic := func(name string) error {
		return second(c.elb().CreateLoadBalancer(ctx, &elb.CreateLoadBalancerInput{LoadBalancerName: &name, Subnets: n.public[:],
			Listeners: []elbtypes.Listener{classicListener(443, 6443)}}))
	}
	targets := func(name string) error {
		return second(c.elbv2().CreateTargetGroup(ctx, &elbv2.CreateTargetGroupInput{Name: &name, Protocol: elbv2types.ProtocolEnumTcp, Port: aws.Int32(80), VpcId: &n.vpc}))
	}
	scaling := func(name string) error {
		return second(c.scaling().CreateAutoScalingGroup(ctx, &autoscaling.CreateAutoScalingGroupInput{AutoScalingGroupName: &name, MinSize: aws.Int32(0), MaxSize: aws.Int32(0),
			VPCZoneIdentifier: &n.private[0], LaunchTemplate: &scalingtypes.LaunchTemplateSpecification{LaunchTemplateName: aws.String("a.b/c_d-(1)")}}))
	}
	for _, test := range []struct {
		name, code string
		err        error
	}{
		{"a group with all that is allowed", "", group("aZ9 ._-:/()#,@[]+=&;{}!$*", "aZ9 ._-:/()#,@[]+=&;{}!$*")},
		{"a group described with an arrow", "InvalidParameterValue", group("g1", "a > b")},
		{"a group described in German", "InvalidParameterValue", group("g2", "für")},
		{"a group with quotes", "InvalidParameterValue", group(`"g"`, "d")},
		{"a long description", "InvalidParameterValue", group("g3", long(256))},
		{"a group called like an id", "InvalidParameterValue", group("sg-1", "d")},
		{"a described rule", "", rule("office (2nd floor)")},
		{"a rule with a question mark", "InvalidParameterValue", rule("office?")},
		{"a rule with a long description", "InvalidParameterValue", rule(long(256))},
		{"a template", "", template("a.b/c_d-(1)")},
		{"a template of two letters", "InvalidLaunchTemplateName.MalformedException", template("ab")},
		{"a template with a space", "InvalidLaunchTemplateName.MalformedException", template("a b c")},
		{"a load balancer of 32 letters", "", balancer(long(32))},
		{"a load balancer of 33 letters", "ValidationError", balancer(long(33))},
		{"a load balancer with a dot", "ValidationError", balancer("a.b")},
		{"a load balancer that begins with a hyphen", "ValidationError", balancer("-a")},
		{"a load balancer that ends with a hyphen", "ValidationError", balancer("a-")},
		{"an internal load balancer", "ValidationError", balancer("internal-a")},
		{"a classic load balancer with an underscore", "ValidationError", classic("a_b")},
		{"a target group of 33 letters", "ValidationError", targets(long(33))},
		{"a target group with an underscore", "ValidationError", targets("a_b")},
		{"an Auto Scaling group", "", scaling("a/b_c.d")},
		{"an Auto Scaling group with a colon", "ValidationError", scaling("a:b")},
		{"an Auto Scaling group with a space", "ValidationError", scaling("a b")},
		{"a load balancer's tag with a bracket", "ValidationError", second(c.elb().AddTags(ctx, &elb.AddTagsInput{LoadBalancerNames: []string{"classic"},
			Tags: []elbtypes.Tag{{Key: aws.String("<")}}}))},
		{"a tag of AWS's", "ValidationError", second(c.scaling().CreateOrUpdateTags(ctx, &autoscaling.CreateOrUpdateTagsInput{Tags: []scalingtypes.Tag{{
			Key: aws.String("aws:x"), ResourceId: aws.String("a/b_c.d"), ResourceType: aws.String("auto-scaling-group")}}}))},
	} {
		t.Run(test.name, func(t *testing.T) { wantCode(t, test.err, test.code) })
	}
}
