package emulator_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// BenchmarkDescribeAThousandSubnets is one sweep's page, over HTTP and through the SDK.
func BenchmarkDescribeAThousandSubnets(b *testing.B) {
	e := emulator.New(emulator.Options{Seed: 1})
	url, stop, err := e.Start("127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer stop()
	client := ec2.NewFromConfig(aws.Config{Region: "us-east-1", BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", "")})
	for i := range 4 {
		vpc, err := client.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String(fmt.Sprintf("10.%d.0.0/16", i))})
		if err != nil {
			b.Fatal(err)
		}
		for j := range 250 {
			if _, err := client.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: vpc.Vpc.VpcId, CidrBlock: aws.String(fmt.Sprintf("10.%d.%d.0/24", i, j))}); err != nil {
				b.Fatal(err)
			}
		}
	}
	for b.Loop() {
		if _, err := client.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{MaxResults: aws.Int32(1000)}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDescribeAThousandInstances also says how long a thousand single launches take.
func BenchmarkDescribeAThousandInstances(b *testing.B) {
	e := emulator.New(emulator.Options{Seed: 1})
	url, stop, err := e.Start("127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer stop()
	client := ec2.NewFromConfig(aws.Config{Region: "us-east-1", BaseEndpoint: &url, Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", "")})
	vpc, err := client.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
	if err != nil {
		b.Fatal(err)
	}
	subnet, err := client.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: vpc.Vpc.VpcId, CidrBlock: aws.String("10.0.0.0/18")})
	if err != nil {
		b.Fatal(err)
	}
	images, err := client.DescribeImages(ctx, &ec2.DescribeImagesInput{Owners: []string{"819546954734"},
		Filters: []types.Filter{{Name: aws.String("architecture"), Values: []string{"x86_64"}}}})
	if err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	for range 1000 {
		if _, err := client.RunInstances(ctx, &ec2.RunInstancesInput{ImageId: images.Images[0].ImageId, InstanceType: types.InstanceTypeT3Large,
			SubnetId: subnet.Subnet.SubnetId, MinCount: aws.Int32(1), MaxCount: aws.Int32(1)}); err != nil {
			b.Fatal(err)
		}
	}
	launched := time.Since(start)
	for b.Loop() {
		if _, err := client.DescribeInstances(ctx, &ec2.DescribeInstancesInput{MaxResults: aws.Int32(1000)}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(launched.Seconds(), "s/1000-launches")
}
