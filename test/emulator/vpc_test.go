package emulator_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func tagged(kind types.ResourceType, key, value string) []types.TagSpecification {
	return []types.TagSpecification{{ResourceType: kind, Tags: []types.Tag{{Key: aws.String(key), Value: aws.String(value)}}}}
}

func TestVpcIsReadBackAsItWasCreated(t *testing.T) {
	c := newCloud(t)
	made := must[*ec2.CreateVpcOutput](t)(c.ec2().CreateVpc(ctx, &ec2.CreateVpcInput{
		CidrBlock: aws.String("10.0.0.0/16"), AmazonProvidedIpv6CidrBlock: aws.Bool(true), TagSpecifications: tagged(types.ResourceTypeVpc, "Name", "a & <b>")}))
	if made.Vpc.State != types.VpcStatePending {
		t.Errorf("a new VPC is %s, want pending", made.Vpc.State)
	}
	read := must[*ec2.DescribeVpcsOutput](t)(c.ec2().DescribeVpcs(ctx, &ec2.DescribeVpcsInput{VpcIds: []string{*made.Vpc.VpcId}}))
	v := read.Vpcs[0]
	if *v.CidrBlock != "10.0.0.0/16" || *v.OwnerId != "123456789012" || v.State != types.VpcStateAvailable || *v.IsDefault {
		t.Errorf("read back %+v", v)
	}
	if len(v.Tags) != 1 || *v.Tags[0].Key != "Name" || *v.Tags[0].Value != "a & <b>" {
		t.Errorf("tags %+v", v.Tags)
	}
	if len(v.Ipv6CidrBlockAssociationSet) != 1 || v.Ipv6CidrBlockAssociationSet[0].Ipv6CidrBlockState.State != types.VpcCidrBlockStateCodeAssociated {
		t.Errorf("IPv6 associations %+v", v.Ipv6CidrBlockAssociationSet)
	}
}
