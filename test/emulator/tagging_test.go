package emulator_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/schemas"
	taggingtypes "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"
	"github.com/aws/smithy-go/transport/http/protocol/awsjson"

	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// Older SDKs and the AWS CLI ask in JSON, today's SDK in CBOR.
func TestResourcesAreFoundByTagsAndTypesInBothProtocols(t *testing.T) {
	c := newCloud(t)
	vpc := c.vpc("10.0.0.0/16")
	subnet := *must[*ec2.CreateSubnetOutput](t)(c.ec2().CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: &vpc, CidrBlock: aws.String("10.0.0.0/24")})).Subnet.SubnetId
	must[*ec2.CreateTagsOutput](t)(c.ec2().CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{vpc, subnet}, Tags: []types.Tag{pair("team", "a")}}))
	json := func(o *resourcegroupstaggingapi.Options) {
		o.Protocol = awsjson.New11(schemas.ResourceGroupsTaggingAPI_20170126)
	}
	for protocol, options := range map[string][]func(*resourcegroupstaggingapi.Options){"CBOR": nil, "JSON": {json}} {
		client := resourcegroupstaggingapi.NewFromConfig(c.config("AKIATEST", "us-east-1"), options...)
		for _, test := range []struct {
			kinds []string
			value string
			want  []string
		}{
			{nil, "a", []string{subnet, vpc}},
			{nil, "b", nil},
			{[]string{"ec2:vpc"}, "a", []string{vpc}},
			{[]string{"ec2"}, "a", []string{subnet, vpc}},
			{[]string{"elasticloadbalancing:loadbalancer", "ec2:subnet"}, "a", []string{subnet}},
			{[]string{"elasticloadbalancing"}, "a", nil},
		} {
			out, err := client.GetResources(ctx, &resourcegroupstaggingapi.GetResourcesInput{ResourceTypeFilters: test.kinds,
				TagFilters: []taggingtypes.TagFilter{{Key: aws.String("team"), Values: []string{test.value}}}})
			if err != nil {
				t.Fatalf("%s: %v", protocol, err)
			}
			var found []string
			for _, x := range out.ResourceTagMappingList {
				found = append(found, (*x.ResourceARN)[strings.LastIndex(*x.ResourceARN, "/")+1:])
			}
			slices.Sort(found)
			want := slices.Sorted(slices.Values(test.want))
			if !slices.Equal(found, want) {
				t.Errorf("%s: of %v with team=%s it finds %v, want %v", protocol, test.kinds, test.value, found, want)
			}
		}
		c.Faults().Set(emulator.Fault{Operation: "GetResources", Code: "InternalServiceException"})
		_, err := client.GetResources(ctx, &resourcegroupstaggingapi.GetResourcesInput{})
		wantCode(t, err, "InternalServiceException")
		c.Faults().Clear()
	}
}
