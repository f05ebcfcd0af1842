package emulator_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// changed names the records that differ between two looks.
func changed(before, after []emulator.Record) []string {
	contents := func(records []emulator.Record) map[string]emulator.Record {
		out := map[string]emulator.Record{}
		for _, r := range records {
			out[r.Key()] = r
		}
		return out
	}
	was, is, out := contents(before), contents(after), []string{}
	for key := range was {
		if !reflect.DeepEqual(was[key], is[key]) {
			out = append(out, key)
		}
	}
	for key := range is {
		if _, ok := was[key]; !ok {
			out = append(out, key)
		}
	}
	slices.Sort(out)
	return out
}

func TestRecordsStayEqualUntilSomebodyChangesSomething(t *testing.T) {
	c := everything(t)
	c.clock.Advance(time.Hour)
	bucket := aws.String("user-data")
	wantCode(t, second(c.s3("us-east-1").CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucket})), "")
	parameter := &ssm.PutParameterInput{Name: aws.String("/one"), Value: aws.String("a"), Type: ssmtypes.ParameterTypeString}
	wantCode(t, second(c.ssm().PutParameter(ctx, parameter)), "")
	before := c.Records("", "")
	c.clock.Advance(time.Hour)
	must[*ec2.DescribeInstancesOutput](t)(c.ec2().DescribeInstances(ctx, &ec2.DescribeInstancesInput{}))
	if got := changed(before, c.Records("", "")); len(got) > 0 {
		t.Fatalf("changed by themselves: %v", got)
	}

	find := func(kind string) emulator.Record {
		i := slices.IndexFunc(before, func(r emulator.Record) bool { return r.Type == kind })
		return before[i]
	}
	for _, test := range []struct {
		name, changes string
		call          func() error
	}{
		{"a rule of a default group", "security-group", func() error {
			groups := must[*ec2.DescribeSecurityGroupsOutput](t)(c.ec2().DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{
				Filters: []types.Filter{{Name: aws.String("group-name"), Values: []string{"default"}}}}))
			return second(c.ec2().AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: groups.SecurityGroups[0].GroupId,
				IpPermissions: []types.IpPermission{tcp(22, "0.0.0.0/0")}}))
		}},
		{"a tag", "dedicated-host", func() error {
			return second(c.ec2().CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{find("dedicated-host").ID}, Tags: []types.Tag{pair("a", "b")}}))
		}},
		{"a VPC's attribute", "vpc", func() error {
			return second(c.ec2().ModifyVpcAttribute(ctx, &ec2.ModifyVpcAttributeInput{VpcId: aws.String(find("vpc").ID),
				EnableDnsHostnames: &types.AttributeBooleanValue{Value: aws.Bool(true)}}))
		}},
		{"a load balancer's attribute", "load-balancer", func() error {
			return second(c.elbv2().ModifyLoadBalancerAttributes(ctx, &elbv2.ModifyLoadBalancerAttributesInput{LoadBalancerArn: aws.String(find("load-balancer").ID),
				Attributes: []elbv2types.LoadBalancerAttribute{{Key: aws.String("deletion_protection.enabled"), Value: aws.String("true")}}}))
		}},
		{"a target", "target-group", func() error {
			group := find("target-group")
			i := slices.IndexFunc(before, func(r emulator.Record) bool {
				return r.Type == "instance" && r.Content.(map[string]any)["VpcId"] == group.Content.(map[string]any)["VpcId"]
			})
			return second(c.elbv2().RegisterTargets(ctx, &elbv2.RegisterTargetsInput{TargetGroupArn: &group.ID,
				Targets: []elbv2types.TargetDescription{{Id: &before[i].ID}}}))
		}},
		{"a parameter's value", "parameter", func() error {
			parameter.Value, parameter.Overwrite = aws.String("b"), aws.Bool(true)
			return second(c.ssm().PutParameter(ctx, parameter))
		}},
		{"an object", "object", func() error {
			return second(c.s3("us-east-1").PutObject(ctx, &s3.PutObjectInput{Bucket: bucket, Key: aws.String("k"), Body: strings.NewReader("x")}))
		}},
		{"a bucket's policy", "bucket", func() error {
			return second(c.s3("us-east-1").PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: bucket, Policy: aws.String(
				`{"Statement":{"Effect":"Deny","Principal":"*","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::` + *bucket + `/*"}}`)}))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := c.Records("", "")
			wantCode(t, test.call(), "")
			kinds := []string{}
			for _, key := range changed(before, c.Records("", "")) {
				kinds = append(kinds, strings.Split(key, "/")[3])
			}
			if !slices.Equal(kinds, []string{test.changes}) {
				t.Errorf("changed %v, want %v", kinds, test.changes)
			}
		})
	}
}

func TestRecordsOfOneAccountAreServedAsJSON(t *testing.T) {
	c := newCloud(t)
	id := c.vpc("10.0.0.0/16")
	var text string
	c.control("GET", "records?account="+emulator.DefaultAccount, "", &text)
	var records []emulator.Record
	if err := json.Unmarshal([]byte(text), &records); err != nil {
		t.Fatal(err)
	}
	kinds := []string{}
	for _, r := range records {
		kinds = append(kinds, r.Type)
	}
	if want := []string{"route-table", "security-group", "vpc"}; !slices.Equal(kinds, want) {
		t.Errorf("records of %v, want %v", kinds, want)
	}
	if content, _ := records[2].Content.(map[string]any); records[2].ID != id || content["CidrBlock"] != "10.0.0.0/16" {
		t.Errorf("record %+v", records[2])
	}
	if c.control("GET", "records?account=999999999999", "", &text); text != "[]\n" {
		t.Errorf("another account's: %s", text)
	}
}

func TestChangesNameWhatTheyTouch(t *testing.T) {
	c := newCloud(t)
	vpc := c.vpc("10.0.0.0/16")
	subnet := c.subnet(vpc, "10.0.0.0/24", "us-east-1a")
	i := c.run(c.launch(subnet))
	wantCode(t, second(c.ec2().DeleteSubnet(ctx, &ec2.DeleteSubnetInput{SubnetId: &subnet})), "DependencyViolation")
	wantCode(t, second(c.ssm().DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: aws.String("/none")})), "ParameterNotFound")
	wantCode(t, second(c.s3("us-east-1").PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("none"), Key: aws.String("k")})), "NoSuchBucket")
	for id, want := range map[string]string{
		vpc: "CreateVpc CreateSubnet ", subnet: "CreateSubnet RunInstances DeleteSubnet ", *i.InstanceId: "RunInstances ", *i.ImageId: "RunInstances ",
		"/none": "DeleteParameter ", "none/k": "PutObject ", "i-0": "",
	} {
		var entries []emulator.Entry
		c.control("GET", "changes?id="+id, "", &entries)
		got := ""
		for _, e := range entries {
			got += e.Operation + " "
		}
		if got != want {
			t.Errorf("changes of %s: %q, want %q", id, got, want)
		}
	}
}
