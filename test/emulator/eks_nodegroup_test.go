package emulator_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
)

const nodeRole = "arn:aws:iam::123456789012:role/eks-nodegroup.cluster-api-provider-aws.sigs.k8s.io"

func (c *cloud) nodegroup(name string) *types.Nodegroup {
	c.t.Helper()
	return must[*eks.DescribeNodegroupOutput](c.t)(c.eks().DescribeNodegroup(ctx, &eks.DescribeNodegroupInput{ClusterName: aws.String("prod"), NodegroupName: &name})).Nodegroup
}

// pass lets time go by in steps, because what follows from another thing begins when that has ended.
func (c *cloud) pass() {
	c.t.Helper()
	for range 40 {
		c.clock.Advance(2 * time.Second)
		must[*eks.ListClustersOutput](c.t)(c.eks().ListClusters(ctx, &eks.ListClustersInput{}))
	}
}

func (c *cloud) workers(name string) *eks.CreateNodegroupInput {
	return &eks.CreateNodegroupInput{ClusterName: aws.String("prod"), NodegroupName: &name, NodeRole: aws.String(nodeRole), Subnets: c.cluster("prod").ResourcesVpcConfig.SubnetIds,
		ScalingConfig: &types.NodegroupScalingConfig{MinSize: aws.Int32(1), MaxSize: aws.Int32(3), DesiredSize: aws.Int32(2)}, Labels: map[string]string{"a": "b"}}
}

// nodes are the instances that run for a node group.
func (c *cloud) nodes(name string) []ec2types.Instance {
	c.t.Helper()
	out := must[*ec2.DescribeInstancesOutput](c.t)(c.ec2().DescribeInstances(ctx, &ec2.DescribeInstancesInput{Filters: []ec2types.Filter{
		{Name: aws.String("tag:eks:nodegroup-name"), Values: []string{name}}, {Name: aws.String("instance-state-name"), Values: []string{"running"}}}}))
	var all []ec2types.Instance
	for _, r := range out.Reservations {
		all = append(all, r.Instances...)
	}
	return all
}

func TestNodeGroupsStartNodes(t *testing.T) {
	c := newCloud(t)
	c.activeWith("prod", authentication(types.AuthenticationModeApi))
	e, prod := c.eks(), aws.String("prod")
	in := c.workers("workers")
	made := must[*eks.CreateNodegroupOutput](t)(e.CreateNodegroup(ctx, in)).Nodegroup
	if made.Status != types.NodegroupStatusCreating || made.AmiType != types.AMITypesAl2023X8664Standard || *made.Version != "1.34" || !strings.HasPrefix(*made.ReleaseVersion, "1.34.1-") {
		t.Errorf("a new node group is %+v", made)
	}
	c.pass()
	now := c.nodegroup("workers")
	if now.Status != types.NodegroupStatusActive || len(c.nodes("workers")) != 2 {
		t.Fatalf("later it is %s with %d nodes: %+v", now.Status, len(c.nodes("workers")), now.Health)
	}
	node := c.nodes("workers")[0]
	if *node.SecurityGroups[0].GroupId != *c.cluster("prod").ResourcesVpcConfig.ClusterSecurityGroupId || node.InstanceType != ec2types.InstanceTypeT3Medium {
		t.Errorf("a node is %+v", node)
	}
	entry := must[*eks.DescribeAccessEntryOutput](t)(e.DescribeAccessEntry(ctx, &eks.DescribeAccessEntryInput{ClusterName: prod, PrincipalArn: aws.String(nodeRole)})).AccessEntry
	if *entry.Type != "EC2_LINUX" {
		t.Errorf("its role's entry is %+v", entry)
	}
	other := *in
	other.ClientRequestToken = aws.String("other")
	wantCode(t, second(e.CreateNodegroup(ctx, &other)), "ResourceInUseException")
	wantCode(t, second(e.DeleteCluster(ctx, &eks.DeleteClusterInput{Name: prod})), "ResourceInUseException")

	update := must[*eks.UpdateNodegroupConfigOutput](t)(e.UpdateNodegroupConfig(ctx, &eks.UpdateNodegroupConfigInput{ClusterName: prod, NodegroupName: aws.String("workers"),
		ScalingConfig: &types.NodegroupScalingConfig{DesiredSize: aws.Int32(3)}, Labels: &types.UpdateLabelsPayload{AddOrUpdateLabels: map[string]string{"c": "d"}, RemoveLabels: []string{"a"}},
		Taints: &types.UpdateTaintsPayload{AddOrUpdateTaints: []types.Taint{{Key: aws.String("k"), Value: aws.String("v"), Effect: types.TaintEffectNoSchedule}}}})).Update
	wantCode(t, second(e.UpdateNodegroupVersion(ctx, &eks.UpdateNodegroupVersionInput{ClusterName: prod, NodegroupName: aws.String("workers")})), "ResourceInUseException")
	c.pass()
	told := must[*eks.DescribeUpdateOutput](t)(e.DescribeUpdate(ctx, &eks.DescribeUpdateInput{Name: prod, NodegroupName: aws.String("workers"), UpdateId: update.Id})).Update
	if now := c.nodegroup("workers"); told.Status != types.UpdateStatusSuccessful || len(c.nodes("workers")) != 3 || now.Labels["c"] != "d" || len(now.Labels) != 1 || len(now.Taints) != 1 {
		t.Errorf("after a %s it is %+v with %d nodes", told.Status, now, len(c.nodes("workers")))
	}
	must[*eks.DeleteNodegroupOutput](t)(e.DeleteNodegroup(ctx, &eks.DeleteNodegroupInput{ClusterName: prod, NodegroupName: aws.String("workers")}))
	c.pass()
	if left := must[*eks.ListNodegroupsOutput](t)(e.ListNodegroups(ctx, &eks.ListNodegroupsInput{ClusterName: prod})).Nodegroups; len(left) != 0 {
		t.Errorf("left are %v", left)
	}
	for _, kind := range []string{"auto-scaling-group", "launch-template"} {
		if n := c.count(kind); n != 0 {
			t.Errorf("%d of %s are left", n, kind)
		}
	}
	must[*eks.DeleteClusterOutput](t)(e.DeleteCluster(ctx, &eks.DeleteClusterInput{Name: prod}))
}

func TestNodeGroupsFollowTheControlPlane(t *testing.T) {
	c := newCloud(t)
	c.active("prod", "1.34")
	e, prod, workers := c.eks(), aws.String("prod"), aws.String("workers")
	in := c.workers("workers")
	in.Version = aws.String("1.33")
	must[*eks.CreateNodegroupOutput](t)(e.CreateNodegroup(ctx, in))
	c.pass()
	before := c.nodes("workers")
	must[*eks.UpdateNodegroupVersionOutput](t)(e.UpdateNodegroupVersion(ctx, &eks.UpdateNodegroupVersionInput{ClusterName: prod, NodegroupName: workers, Version: aws.String("1.34")}))
	if status := c.nodegroup("workers").Status; status != types.NodegroupStatusUpdating {
		t.Errorf("meanwhile it is %s", status)
	}
	c.pass()
	now := c.nodegroup("workers")
	if now.Status != types.NodegroupStatusActive || *now.Version != "1.34" || len(c.nodes("workers")) != 2 {
		t.Errorf("then it is %s at %s with %d nodes", now.Status, *now.Version, len(c.nodes("workers")))
	}
	for _, node := range c.nodes("workers") {
		if slices.ContainsFunc(before, func(old ec2types.Instance) bool { return *old.InstanceId == *node.InstanceId }) {
			t.Errorf("%s stayed", *node.InstanceId)
		}
	}
	c.act("fail-next-nodegroup", "prod")
	update := must[*eks.UpdateNodegroupVersionOutput](t)(e.UpdateNodegroupVersion(ctx, &eks.UpdateNodegroupVersionInput{ClusterName: prod, NodegroupName: workers})).Update
	c.pass()
	told := must[*eks.DescribeUpdateOutput](t)(e.DescribeUpdate(ctx, &eks.DescribeUpdateInput{Name: prod, NodegroupName: workers, UpdateId: update.Id})).Update
	if told.Status != types.UpdateStatusFailed || told.Errors[0].ErrorCode != types.ErrorCodePodEvictionFailure {
		t.Errorf("a failed update is %+v", told)
	}
	wantCode(t, second(e.UpdateNodegroupVersion(ctx, &eks.UpdateNodegroupVersionInput{ClusterName: prod, NodegroupName: workers, Version: aws.String("1.33")})), "InvalidParameterException")
	wantCode(t, second(e.UpdateNodegroupVersion(ctx, &eks.UpdateNodegroupVersionInput{ClusterName: prod, NodegroupName: workers, Version: aws.String("1.35")})), "InvalidParameterException")

	group := c.nodegroup("workers").Resources.AutoScalingGroups[0].Name
	must[*autoscaling.DeleteAutoScalingGroupOutput](t)(c.scaling().DeleteAutoScalingGroup(ctx, &autoscaling.DeleteAutoScalingGroupInput{AutoScalingGroupName: group, ForceDelete: aws.Bool(true)}))
	c.pass()
	if lost := c.nodegroup("workers"); lost.Status != types.NodegroupStatusDegraded || lost.Health.Issues[0].Code != types.NodegroupIssueCodeAutoScalingGroupNotFound {
		t.Errorf("without its group it is %+v", lost)
	}
	must[*eks.DeleteNodegroupOutput](t)(e.DeleteNodegroup(ctx, &eks.DeleteNodegroupInput{ClusterName: prod, NodegroupName: workers}))
	c.pass()
	wantCode(t, second(e.DescribeNodegroup(ctx, &eks.DescribeNodegroupInput{ClusterName: prod, NodegroupName: workers})), "ResourceNotFoundException")
}

func TestNodeGroupsHaveLaunchTemplatesOfTheirOwners(t *testing.T) {
	c := newCloud(t)
	c.active("prod", "1.34")
	image := c.image("x86_64")
	template := must[*ec2.CreateLaunchTemplateOutput](t)(c.ec2().CreateLaunchTemplate(ctx, &ec2.CreateLaunchTemplateInput{LaunchTemplateName: aws.String("mine"),
		LaunchTemplateData: &ec2types.RequestLaunchTemplateData{InstanceType: ec2types.InstanceTypeT3Large, ImageId: &image}})).LaunchTemplate.LaunchTemplateId
	in := c.workers("workers")
	in.LaunchTemplate, in.Version = &types.LaunchTemplateSpecification{Id: template, Version: aws.String("1")}, aws.String("1.34")
	wantCode(t, second(c.eks().CreateNodegroup(ctx, in)), "InvalidParameterException")
	in.Version = nil
	made := must[*eks.CreateNodegroupOutput](t)(c.eks().CreateNodegroup(ctx, in)).Nodegroup
	if made.AmiType != types.AMITypesCustom || *made.LaunchTemplate.Name != "mine" {
		t.Errorf("the node group is %+v", made)
	}
	c.pass()
	if nodes := c.nodes("workers"); len(nodes) != 2 || nodes[0].InstanceType != ec2types.InstanceTypeT3Large || *nodes[0].ImageId != image {
		t.Errorf("its nodes are %+v", nodes)
	}
}

func TestNodeGroupsAreRefused(t *testing.T) {
	c := newCloud(t)
	c.active("prod", "1.34")
	for name, x := range map[string]struct {
		change     func(*eks.CreateNodegroupInput)
		code, says string
	}{
		"a version ahead":    {func(in *eks.CreateNodegroupInput) { in.Version = aws.String("1.35") }, "InvalidParameterException", "newer than the cluster's"},
		"a release of none":  {func(in *eks.CreateNodegroupInput) { in.ReleaseVersion = aws.String("1.34.9-1") }, "InvalidParameterException", "Allowed release version is 1.34.1-"},
		"another's release":  {func(in *eks.CreateNodegroupInput) { in.ReleaseVersion = aws.String("1.33.1-20250101") }, "InvalidParameterException", "is not valid for kubernetes version 1.34."},
		"Amazon Linux 2":     {func(in *eks.CreateNodegroupInput) { in.AmiType = types.AMITypesAl2X8664 }, "InvalidParameterException", "only supported for kubernetes versions 1.32"},
		"sizes turned round": {func(in *eks.CreateNodegroupInput) { in.ScalingConfig.MinSize = aws.Int32(9) }, "InvalidParameterException", "Minimum capacity"},
		"a role of clusters": {func(in *eks.CreateNodegroupInput) {
			in.NodeRole = aws.String("arn:aws:iam::123456789012:role/eks-controlplane.cluster-api-provider-aws.sigs.k8s.io")
		}, "InvalidParameterException", "trusted entity"},
		"a cluster that isn't": {func(in *eks.CreateNodegroupInput) { in.ClusterName = aws.String("none") }, "ResourceNotFoundException", "none"},
	} {
		t.Run(name, func(t *testing.T) {
			in := c.workers("workers")
			x.change(in)
			err := second(c.eks().CreateNodegroup(ctx, in))
			wantCode(t, err, x.code)
			if !strings.Contains(err.Error(), x.says) {
				t.Errorf("it says %v, want %q", err, x.says)
			}
		})
	}
}
