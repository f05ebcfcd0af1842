package cloud_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

func emulatedSession(t *testing.T) (*emulator.Emulator, *cloud.Session) {
	t.Helper()
	emulated := emulator.New(emulator.Options{})
	url, stop, err := emulated.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	cfg := aws.Config{BaseEndpoint: aws.String(url), Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", "")}
	s, err := cloud.NewSessions(cloud.Options{LoadConfig: func(context.Context) (aws.Config, error) { return cfg, nil }}).For(t.Context(), cloud.Site{Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	return emulated, s
}

var ubuntu = cloud.ImageQuery{Owner: "819546954734", Name: "capa-ami-ubuntu-24.04-?1.32.4-*", Architecture: "x86_64"}

func TestEqualMachinesCostOneImageLookUp(t *testing.T) {
	emulated, s := emulatedSession(t)
	images := cloud.NewImages(nil)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			image, err := images.Find(t.Context(), s, ubuntu)
			if err != nil || image.Architecture != "x86_64" {
				t.Errorf("image %v, error %v", image, err)
			}
		})
	}
	all.Wait()
	if _, err := images.Find(t.Context(), s, ubuntu); err != nil {
		t.Error(err)
	}
	if n := emulated.Counts()["ec2.DescribeImages"]; n != 1 {
		t.Errorf("%d calls, want 1", n)
	}
}

func TestImagesAreFoundByIDAndParameter(t *testing.T) {
	_, s := emulatedSession(t)
	images := cloud.NewImages(nil)
	found, err := images.Find(t.Context(), s, ubuntu)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := images.Find(t.Context(), s, cloud.ImageQuery{ID: *found.ImageId}); err != nil || *again.ImageId != *found.ImageId {
		t.Errorf("by id: %v, %v", again, err)
	}
	eks := cloud.ImageQuery{Parameter: "/aws/service/eks/optimized-ami/1.32/amazon-linux-2023/x86_64/standard/recommended/image_id"}
	if image, err := images.Find(t.Context(), s, eks); err != nil || image.ImageId == nil {
		t.Errorf("by parameter: %v, %v", image, err)
	}
}

func TestMissingImageSaysWhatWasLookedForAndIsNotAskedForAgainAtOnce(t *testing.T) {
	emulated, s := emulatedSession(t)
	images := cloud.NewImages(nil)
	for _, query := range []cloud.ImageQuery{
		{Owner: ubuntu.Owner, Name: "none-*", Architecture: "x86_64"}, {ID: "ami-0123456789abcdef0"}, {Parameter: "/none"},
	} {
		for range 2 {
			_, err := images.Find(t.Context(), s, query)
			var missing *cloud.NoImageError
			if !errors.As(err, &missing) || missing.Query != query {
				t.Errorf("%s: the error is %v", query, err)
			}
		}
	}
	if n := emulated.Counts()["ec2.DescribeImages"] + emulated.Counts()["ssm.GetParameter"]; n != 3 {
		t.Errorf("%d calls, want 3", n)
	}
}

func TestReadsOfAConsoleShareOneLookASecond(t *testing.T) {
	emulated, s := emulatedSession(t)
	vpc, err := s.EC2.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
	if err != nil {
		t.Fatal(err)
	}
	subnet, err := s.EC2.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{VpcId: vpc.Vpc.VpcId, CidrBlock: aws.String("10.0.0.0/20")})
	if err != nil {
		t.Fatal(err)
	}
	image, err := cloud.NewImages(nil).Find(t.Context(), s, ubuntu)
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.EC2.RunInstances(t.Context(), &ec2.RunInstancesInput{MinCount: aws.Int32(1), MaxCount: aws.Int32(1), InstanceType: "m5.large",
		ImageId: image.ImageId, SubnetId: subnet.Subnet.SubnetId})
	if err != nil {
		t.Fatal(err)
	}
	id, now := *out.Instances[0].InstanceId, clocktesting.NewFakeClock(time.Now())
	consoles := cloud.NewConsoles(now)
	read := func() {
		for range 200 {
			if _, err := consoles.Output(t.Context(), s, id); err != nil {
				t.Error(err)
			}
		}
	}
	emulated.ResetCounts()
	var group sync.WaitGroup
	group.Go(read)
	group.Go(read)
	group.Wait()
	if n := emulated.Counts()["ec2.GetConsoleOutput"]; n != 1 {
		t.Errorf("400 reads within a second are %d calls, want one", n)
	}
	now.Step(2 * time.Second)
	read()
	if n := emulated.Counts()["ec2.GetConsoleOutput"]; n != 2 {
		t.Errorf("later reads are %d calls altogether, want two", n)
	}
	if _, err := consoles.Output(t.Context(), s, "i-0123456789abcdef0"); !cloud.IsNotFound(err) {
		t.Errorf("the console of an instance that doesn't exist: %v", err)
	}
}
