package mirror_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"k8s.io/utils/clock"

	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
)

// TestPoolTablesShowGroupsAndTemplates reads what Auto Scaling and EC2 have of a
// pool, details included.
func TestPoolTablesShowGroupsAndTemplates(t *testing.T) {
	a := newAccount(t)
	a.mirror = mirror.New(mirror.Options{Clock: clock.RealClock{}, CreationGrace: 1, WriteHold: 1, RetryAfter: 1,
		Tables: append(append([]mirror.Resource{}, mirror.NetworkTables...), mirror.PoolTables...)})
	a.mirror.Want("test", a.session)
	ctx, subnet := t.Context(), a.network()[mirror.Subnets.Kind]
	image := must[*ec2.DescribeImagesOutput](t)(a.session.EC2.DescribeImages(ctx, &ec2.DescribeImagesInput{})).Images[0]
	data := &ec2types.RequestLaunchTemplateData{ImageId: image.ImageId, InstanceType: ec2types.InstanceTypeM5Large, UserData: aws.String("YQ==")}
	template := must[*ec2.CreateLaunchTemplateOutput](t)(a.session.EC2.CreateLaunchTemplate(ctx, &ec2.CreateLaunchTemplateInput{
		LaunchTemplateName: aws.String("pool"), LaunchTemplateData: data, TagSpecifications: owned(ec2types.ResourceTypeLaunchTemplate)})).LaunchTemplate
	data.UserData = aws.String("Yg==")
	must[*ec2.CreateLaunchTemplateVersionOutput](t)(a.session.EC2.CreateLaunchTemplateVersion(ctx,
		&ec2.CreateLaunchTemplateVersionInput{LaunchTemplateId: template.LaunchTemplateId, LaunchTemplateData: data}))
	must[*autoscaling.CreateAutoScalingGroupOutput](t)(a.session.AutoScaling.CreateAutoScalingGroup(ctx, &autoscaling.CreateAutoScalingGroupInput{
		AutoScalingGroupName: aws.String("pool"), MinSize: aws.Int32(0), MaxSize: aws.Int32(1), VPCZoneIdentifier: &subnet,
		LaunchTemplate: &astypes.LaunchTemplateSpecification{LaunchTemplateId: template.LaunchTemplateId, Version: aws.String("$Latest")},
		Tags:           []astypes.Tag{{Key: aws.String(mirror.OwnedTagPrefix + "c1"), Value: aws.String("owned")}},
		LifecycleHookSpecificationList: []astypes.LifecycleHookSpecification{{LifecycleHookName: aws.String("drain"),
			LifecycleTransition: aws.String("autoscaling:EC2_INSTANCE_TERMINATING")}}}))
	must[*autoscaling.StartInstanceRefreshOutput](t)(a.session.AutoScaling.StartInstanceRefresh(ctx, &autoscaling.StartInstanceRefreshInput{AutoScalingGroupName: aws.String("pool")}))

	snap := a.refresh(mirror.AutoScalingGroups.Kind, mirror.LaunchTemplates.Kind)
	group, ok := mirror.Get(snap, mirror.AutoScalingGroups, "pool")
	if !ok || len(group.Hooks) != 1 || group.Refresh == nil || !group.Refreshing() || group.LookDue {
		t.Errorf("the group is %+v", group)
	}
	row, ok := mirror.Get(snap, mirror.LaunchTemplates, aws.ToString(template.LaunchTemplateId))
	switch {
	case !ok || row.Latest == nil || len(row.Versions) != 2:
		t.Fatalf("the template is %+v", row)
	case aws.ToString(row.Latest.LaunchTemplateData.UserData) != "Yg==" || row.Versions[0].LaunchTemplateData.UserData != nil:
		t.Errorf("the latest version's user data is %q", aws.ToString(row.Latest.LaunchTemplateData.UserData))
	case aws.ToInt64(row.Versions[0].VersionNumber) != 2 || aws.ToString(row.Versions[1].LaunchTemplateData.ImageId) != aws.ToString(image.ImageId):
		t.Errorf("the versions are %+v", row.Versions)
	}
}
