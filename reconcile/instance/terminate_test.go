package instance

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// TestTerminationsGoTogetherAndABadOneSpoilsNoOther ends fifty instances and one
// that doesn't exist at the same time.
func TestTerminationsGoTogetherAndABadOneSpoilsNoOther(t *testing.T) {
	emulated := emulator.New(emulator.Options{})
	url, stop, err := emulated.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	cfg := aws.Config{BaseEndpoint: aws.String(url), Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", "")}
	s, err := cloud.NewSessions(cloud.Options{LoadConfig: func(context.Context) (aws.Config, error) { return cfg, nil }}).For(t.Context(), cloud.Site{Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	ids := append(launchFifty(t, s), "i-0123456789abcdef0")
	terminator := NewTerminator()
	errs := make([]error, len(ids))
	var all sync.WaitGroup
	for i, id := range ids {
		all.Go(func() {
			_, errs[i] = terminator.Terminate(t.Context(), s, &ec2.TerminateInstancesInput{InstanceIds: []string{id}})
		})
	}
	all.Wait()
	for i, err := range errs {
		if bad := i == len(ids)-1; bad != cloud.IsNotFound(err) || !bad && err != nil {
			t.Errorf("instance %d: %v", i, err)
		}
	}
	// One call for all, and two for each halving on the way to the bad one.
	if n := emulated.Counts()["ec2.TerminateInstances"]; n > 1+2*6 {
		t.Errorf("%d calls for %d instances", n, len(ids))
	}
}

func launchFifty(t *testing.T, s *cloud.Session) []string {
	t.Helper()
	ctx := t.Context()
	fail := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	vpc, err := s.EC2.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
	fail(err)
	subnet, err := s.EC2.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: vpc.Vpc.VpcId, CidrBlock: aws.String("10.0.0.0/20")})
	fail(err)
	images, err := s.EC2.DescribeImages(ctx, &ec2.DescribeImagesInput{Owners: []string{defaultImageOwner}, Filters: []ec2types.Filter{
		{Name: aws.String("name"), Values: []string{"capa-ami-ubuntu-24.04-?1.32.4-*"}}, {Name: aws.String("architecture"), Values: []string{"x86_64"}}}})
	fail(err)
	out, err := s.EC2.RunInstances(ctx, &ec2.RunInstancesInput{MinCount: aws.Int32(50), MaxCount: aws.Int32(50), InstanceType: "m5.large",
		ImageId: images.Images[0].ImageId, SubnetId: subnet.Subnet.SubnetId})
	fail(err)
	var ids []string
	for _, i := range out.Instances {
		ids = append(ids, aws.ToString(i.InstanceId))
	}
	if len(ids) != 50 {
		t.Fatal(fmt.Errorf("%d instances were launched", len(ids)))
	}
	return ids
}
