package awscluster

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
)

func TestInstancesThatNoMachineHasAreNamedBeforeTheirNetworkGoes(t *testing.T) {
	w := newWorld(t, newCluster())
	w.create()
	ctx := context.Background()
	images, err := w.ec2().DescribeImages(ctx, &ec2.DescribeImagesInput{})
	w.Must(err)
	out, err := w.ec2().RunInstances(ctx, &ec2.RunInstancesInput{ImageId: images.Images[0].ImageId, InstanceType: "t3.large", MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
		SubnetId: aws.String(w.get().Spec.Network.Subnets[1].ResourceID),
		TagSpecifications: []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeInstance, Tags: []ec2types.Tag{
			{Key: aws.String(names.TagOwnedPrefix + testName), Value: aws.String(names.Owned)}}}}})
	w.Must(err)
	id := aws.ToString(out.Instances[0].InstanceId)
	w.Pass(time.Minute)
	w.Must(w.Kube.Delete(ctx, w.get()))
	w.AWS.ResetCounts()
	w.try()
	if calls := w.mutations(); len(calls) > 0 {
		t.Errorf("AWS was asked for %v", calls)
	}
	if c, _ := w.condition(infrav1.VpcReadyCondition); !strings.Contains(c.Message, id) {
		t.Errorf("VpcReady is %+v", c)
	}
	_, err = w.ec2().TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{id}})
	w.Must(err)
	w.settle(w.gone)
}
