package emulator_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

func pair(key, value string) types.Tag { return types.Tag{Key: &key, Value: &value} }

func TestTagsAreHeldToTheirRules(t *testing.T) {
	c := newCloud(t)
	vpc := c.vpc("10.0.0.0/16")
	many := []types.Tag{}
	for i := range 51 {
		many = append(many, pair(fmt.Sprint(i), ""))
	}
	for _, test := range []struct {
		name, code string
		resource   string
		tags       []types.Tag
	}{
		{"a key of AWS's own", "InvalidParameterValue", vpc, []types.Tag{pair("aws:x", "")}},
		{"a key of AWS's own in capitals", "InvalidParameterValue", vpc, []types.Tag{pair("AWS:x", "")}},
		{"a key of 129 characters", "InvalidParameterValue", vpc, []types.Tag{pair(strings.Repeat("k", 129), "")}},
		{"a value of 257 characters", "InvalidParameterValue", vpc, []types.Tag{pair("k", strings.Repeat("v", 257))}},
		{"a key twice", "InvalidParameterValue", vpc, []types.Tag{pair("k", "a"), pair("k", "b")}},
		{"51 tags", "TagLimitExceeded", vpc, many},
		{"a VPC that isn't there", "InvalidVpcID.NotFound", "vpc-0", []types.Tag{pair("k", "v")}},
		{"what has no id", "InvalidID", "thing", []types.Tag{pair("k", "v")}},
		{"50 tags", "", vpc, many[:50]},
		{"a 51st tag", "TagLimitExceeded", vpc, []types.Tag{pair("more", "")}},
		{"a new value for one of 50", "", vpc, []types.Tag{pair("7", "x")}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := c.ec2().CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{test.resource}, Tags: test.tags})
			wantCode(t, err, test.code)
		})
	}
	_, err := c.ec2().CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16"), TagSpecifications: tagged(types.ResourceTypeSubnet, "a", "b")})
	wantCode(t, err, "InvalidParameterValue")
}

func TestTagsGoByKeyAndOnlyByTheirValueIfGiven(t *testing.T) {
	c := newCloud(t)
	vpc := c.vpc("10.0.0.0/16")
	read := func() string {
		out := []string{}
		for _, tag := range must[*ec2.DescribeVpcsOutput](t)(c.ec2().DescribeVpcs(ctx, &ec2.DescribeVpcsInput{})).Vpcs[0].Tags {
			out = append(out, *tag.Key+"="+*tag.Value)
		}
		return strings.Join(out, " ")
	}
	must[*ec2.CreateTagsOutput](t)(c.ec2().CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{vpc}, Tags: []types.Tag{pair("a", "1"), pair("b", "2"), pair("c", "3")}}))
	for _, test := range []struct {
		tags []types.Tag
		want string
	}{
		{[]types.Tag{pair("a", "other")}, "a=1 b=2 c=3"},
		{[]types.Tag{{Key: aws.String("a")}}, "b=2 c=3"},
		{[]types.Tag{pair("b", "2")}, "c=3"},
		{nil, ""},
	} {
		must[*ec2.DeleteTagsOutput](t)(c.ec2().DeleteTags(ctx, &ec2.DeleteTagsInput{Resources: []string{vpc}, Tags: test.tags}))
		if got := read(); got != test.want {
			t.Errorf("after deleting %v: %q, want %q", test.tags, got, test.want)
		}
	}
}

func TestEveryKindTakesTagsAtCreation(t *testing.T) {
	c := newCloud(t)
	e := c.ec2()
	spec := func(kind types.ResourceType) []types.TagSpecification { return tagged(kind, "a", "b") }
	vpc := *must[*ec2.CreateVpcOutput](t)(e.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16"), TagSpecifications: spec(types.ResourceTypeVpc)})).Vpc.VpcId
	subnet := must[*ec2.CreateSubnetOutput](t)(e.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: &vpc, CidrBlock: aws.String("10.0.0.0/24"), TagSpecifications: spec(types.ResourceTypeSubnet)})).Subnet.SubnetId
	must[*ec2.CreateInternetGatewayOutput](t)(e.CreateInternetGateway(ctx, &ec2.CreateInternetGatewayInput{TagSpecifications: spec(types.ResourceTypeInternetGateway)}))
	address := must[*ec2.AllocateAddressOutput](t)(e.AllocateAddress(ctx, &ec2.AllocateAddressInput{TagSpecifications: spec(types.ResourceTypeElasticIp)})).AllocationId
	must[*ec2.CreateNatGatewayOutput](t)(e.CreateNatGateway(ctx, &ec2.CreateNatGatewayInput{SubnetId: subnet, AllocationId: address, TagSpecifications: spec(types.ResourceTypeNatgateway)}))
	must[*ec2.CreateRouteTableOutput](t)(e.CreateRouteTable(ctx, &ec2.CreateRouteTableInput{VpcId: &vpc, TagSpecifications: spec(types.ResourceTypeRouteTable)}))
	must[*ec2.CreateSecurityGroupOutput](t)(e.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{VpcId: &vpc, GroupName: aws.String("g"), Description: aws.String("g"), TagSpecifications: spec(types.ResourceTypeSecurityGroup)}))
	must[*ec2.CreateVpcEndpointOutput](t)(e.CreateVpcEndpoint(ctx, &ec2.CreateVpcEndpointInput{VpcId: &vpc, ServiceName: aws.String("com.amazonaws.us-east-1.s3"), TagSpecifications: spec(types.ResourceTypeVpcEndpoint)}))
	must[*ec2.CreateEgressOnlyInternetGatewayOutput](t)(e.CreateEgressOnlyInternetGateway(ctx, &ec2.CreateEgressOnlyInternetGatewayInput{VpcId: &vpc, TagSpecifications: spec(types.ResourceTypeEgressOnlyInternetGateway)}))
	must[*ec2.CreateCarrierGatewayOutput](t)(e.CreateCarrierGateway(ctx, &ec2.CreateCarrierGatewayInput{VpcId: &vpc, TagSpecifications: spec(types.ResourceTypeCarrierGateway)}))
	must[*ec2.CreateNetworkInterfaceOutput](t)(e.CreateNetworkInterface(ctx, &ec2.CreateNetworkInterfaceInput{SubnetId: subnet, TagSpecifications: spec(types.ResourceTypeNetworkInterface)}))
	kinds := map[types.ResourceType]bool{}
	for _, line := range must[*ec2.DescribeTagsOutput](t)(e.DescribeTags(ctx, &ec2.DescribeTagsInput{})).Tags {
		kinds[line.ResourceType] = true
	}
	if len(kinds) != 11 {
		t.Errorf("tags on %v, want 11 kinds", kinds)
	}
	for _, r := range c.Resources("", "us-east-1") {
		if r.Tags["a"] != "b" {
			t.Errorf("the inventory shows %s %s with tags %v", r.Type, r.ID, r.Tags)
		}
	}
}

func TestLoadBalancerTagsComeAndGo(t *testing.T) {
	c := newCloud(t)
	n := newNetwork(c)
	v2, classic := c.elbv2(), c.elb()
	arns := []string{n.balancer, n.targetsARN, n.listener}
	must[*elbv2.AddTagsOutput](t)(v2.AddTags(ctx, &elbv2.AddTagsInput{ResourceArns: arns, Tags: []elbv2types.Tag{{Key: aws.String("a"), Value: aws.String("1")}, {Key: aws.String("b"), Value: aws.String("2")}}}))
	must[*elbv2.RemoveTagsOutput](t)(v2.RemoveTags(ctx, &elbv2.RemoveTagsInput{ResourceArns: arns, TagKeys: []string{"a"}}))
	for _, d := range must[*elbv2.DescribeTagsOutput](t)(v2.DescribeTags(ctx, &elbv2.DescribeTagsInput{ResourceArns: arns})).TagDescriptions {
		if len(d.Tags) != 1 || *d.Tags[0].Key != "b" {
			t.Errorf("%s has tags %+v, want b only", *d.ResourceArn, d.Tags)
		}
	}
	names := []string{n.classic}
	must[*elb.AddTagsOutput](t)(classic.AddTags(ctx, &elb.AddTagsInput{LoadBalancerNames: names, Tags: []elbtypes.Tag{{Key: aws.String("a"), Value: aws.String("1")}, {Key: aws.String("b"), Value: aws.String("2")}}}))
	must[*elb.RemoveTagsOutput](t)(classic.RemoveTags(ctx, &elb.RemoveTagsInput{LoadBalancerNames: names, Tags: []elbtypes.TagKeyOnly{{Key: aws.String("a")}}}))
	tags := must[*elb.DescribeTagsOutput](t)(classic.DescribeTags(ctx, &elb.DescribeTagsInput{LoadBalancerNames: names})).TagDescriptions[0].Tags
	if len(tags) != 1 || *tags[0].Key != "b" {
		t.Errorf("classic load balancer has tags %+v, want b only", tags)
	}
	twice := []elbv2types.Tag{{Key: aws.String("a"), Value: aws.String("1")}, {Key: aws.String("a"), Value: aws.String("2")}}
	wantCode(t, second(v2.AddTags(ctx, &elbv2.AddTagsInput{ResourceArns: arns, Tags: twice})), "DuplicateTagKeys")
}
