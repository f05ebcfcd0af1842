package emulator_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

func (c *cloud) scaling() *autoscaling.Client {
	return autoscaling.NewFromConfig(c.config("AKIATEST", "us-east-1"))
}

// template is a launch template for t3.large, with what tests change.
func (c *cloud) template(name string, change ...func(*ec2types.RequestLaunchTemplateData)) string {
	c.t.Helper()
	data := &ec2types.RequestLaunchTemplateData{ImageId: aws.String(c.image("x86_64")), InstanceType: ec2types.InstanceTypeT3Large,
		TagSpecifications: []ec2types.LaunchTemplateTagSpecificationRequest{{ResourceType: ec2types.ResourceTypeInstance,
			Tags: []ec2types.Tag{{Key: aws.String("from"), Value: aws.String("template")}}}}}
	for _, f := range change {
		f(data)
	}
	return *must[*ec2.CreateLaunchTemplateOutput](c.t)(c.ec2().CreateLaunchTemplate(ctx, &ec2.CreateLaunchTemplateInput{LaunchTemplateName: &name,
		LaunchTemplateData: data})).LaunchTemplate.LaunchTemplateId
}

// pool is an Auto Scaling group in two zones and a way to let time pass.
type pool struct {
	*cloud
	vpc, template string
	subnets       string
}

func newPool(t *testing.T, change ...func(*autoscaling.CreateAutoScalingGroupInput)) *pool {
	p := &pool{cloud: newCloud(t)}
	p.vpc = p.cloud.vpc("10.0.0.0/16")
	p.subnets = p.subnet(p.vpc, "10.0.0.0/24", "us-east-1a") + ", " + p.subnet(p.vpc, "10.0.1.0/24", "us-east-1b")
	p.template = p.cloud.template("nodes")
	in := &autoscaling.CreateAutoScalingGroupInput{AutoScalingGroupName: aws.String("pool"), MinSize: aws.Int32(0), MaxSize: aws.Int32(10), DesiredCapacity: aws.Int32(3),
		VPCZoneIdentifier: &p.subnets, LaunchTemplate: &types.LaunchTemplateSpecification{LaunchTemplateId: &p.template, Version: aws.String("$Latest")},
		Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v"), PropagateAtLaunch: aws.Bool(true)}}}
	for _, f := range change {
		f(in)
	}
	wantCode(t, second(p.scaling().CreateAutoScalingGroup(ctx, in)), "")
	return p
}

// group describes the pool, nil if it is gone.
func (p *pool) group() *types.AutoScalingGroup {
	p.t.Helper()
	out := must[*autoscaling.DescribeAutoScalingGroupsOutput](p.t)(p.scaling().DescribeAutoScalingGroups(ctx, &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{"pool"}}))
	if len(out.AutoScalingGroups) == 0 {
		return nil
	}
	return &out.AutoScalingGroups[0]
}

// states counts the members by their states, for example "3 InService".
func (p *pool) states() string {
	count, out := map[types.LifecycleState]int{}, ""
	for _, i := range p.group().Instances {
		count[i.LifecycleState]++
	}
	for _, state := range []types.LifecycleState{types.LifecycleStatePending, types.LifecycleStatePendingWait, types.LifecycleStateInService,
		types.LifecycleStateTerminating, types.LifecycleStateTerminatingWait} {
		if count[state] > 0 {
			out += fmt.Sprintf("%d %s ", count[state], state)
		}
	}
	return out
}

// pass lets time pass second by second, looking at the pool each time.
func (p *pool) pass(seconds int) {
	for range seconds {
		p.clock.Advance(time.Second)
		p.group()
	}
}

func TestGroupKeepsItsInstances(t *testing.T) {
	p := newPool(t)
	p.pass(10)
	g := p.group()
	if p.states() != "3 InService " || len(g.AvailabilityZones) != 2 {
		t.Fatalf("members %s, zones %v", p.states(), g.AvailabilityZones)
	}
	member := *g.Instances[0].InstanceId
	tags := map[string]string{}
	for _, tag := range p.instance(member).Tags {
		tags[*tag.Key] = *tag.Value
	}
	if tags["k"] != "v" || tags["from"] != "template" || tags["aws:autoscaling:groupName"] != "pool" || tags["aws:ec2launchtemplate:version"] != "1" {
		t.Errorf("tags %v", tags)
	}
	wantCode(t, second(p.ec2().TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{member}})), "")
	p.pass(10)
	g = p.group()
	for _, i := range g.Instances {
		if *i.InstanceId == member {
			t.Error("the terminated instance is still a member")
		}
	}
	if p.states() != "3 InService " || p.count("instance") != 3 {
		t.Errorf("members %s, %d instances; want the lost one replaced", p.states(), p.count("instance"))
	}
	wantCode(t, second(p.scaling().UpdateAutoScalingGroup(ctx, &autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("pool"), DesiredCapacity: aws.Int32(1)})), "")
	p.pass(10)
	if p.states() != "1 InService " || p.count("instance") != 1 {
		t.Errorf("members %s after scaling down", p.states())
	}
}

func TestGroupIsDeletedWithItsInstances(t *testing.T) {
	p := newPool(t)
	p.pass(10)
	name := aws.String("pool")
	wantCode(t, second(p.scaling().DeleteAutoScalingGroup(ctx, &autoscaling.DeleteAutoScalingGroupInput{AutoScalingGroupName: name})), "ResourceInUse")
	wantCode(t, second(p.scaling().DeleteAutoScalingGroup(ctx, &autoscaling.DeleteAutoScalingGroupInput{AutoScalingGroupName: name, ForceDelete: aws.Bool(true)})), "")
	if g := p.group(); g == nil || aws.ToString(g.Status) != "Delete in progress" {
		t.Errorf("group %+v, want it to be listed while it is deleted", g)
	}
	for range 10 {
		p.clock.Advance(time.Second)
		p.Resources("", "")
	}
	if p.group() != nil || p.count("instance") != 0 || p.count("network-interface") != 0 || p.count("volume") != 0 {
		t.Errorf("left %+v", p.Resources("", ""))
	}
	wantCode(t, second(p.ec2().DeleteLaunchTemplate(ctx, &ec2.DeleteLaunchTemplateInput{LaunchTemplateId: &p.template})), "")
	if p.count("launch-template") != 0 {
		t.Error("the launch template is left")
	}
}

func TestInstanceRefreshReplacesAllButKeepsEnough(t *testing.T) {
	p := newPool(t)
	p.pass(10)
	wantCode(t, second(p.ec2().CreateLaunchTemplateVersion(ctx, &ec2.CreateLaunchTemplateVersionInput{LaunchTemplateId: &p.template, SourceVersion: aws.String("1"),
		LaunchTemplateData: &ec2types.RequestLaunchTemplateData{InstanceType: ec2types.InstanceTypeM5Large}})), "")
	start := &autoscaling.StartInstanceRefreshInput{AutoScalingGroupName: aws.String("pool"), Preferences: &types.RefreshPreferences{MinHealthyPercentage: aws.Int32(60),
		InstanceWarmup: aws.Int32(5)}}
	id := *must[*autoscaling.StartInstanceRefreshOutput](t)(p.scaling().StartInstanceRefresh(ctx, start)).InstanceRefreshId
	wantCode(t, second(p.scaling().StartInstanceRefresh(ctx, start)), "InstanceRefreshInProgress")
	status, least := types.InstanceRefreshStatusPending, 3
	for n := 0; n < 120 && status != types.InstanceRefreshStatusSuccessful; n++ {
		p.pass(1)
		inService := 0
		for _, i := range p.group().Instances {
			if i.LifecycleState == types.LifecycleStateInService {
				inService++
			}
		}
		least = min(least, inService)
		status = must[*autoscaling.DescribeInstanceRefreshesOutput](t)(p.scaling().DescribeInstanceRefreshes(ctx, &autoscaling.DescribeInstanceRefreshesInput{
			AutoScalingGroupName: aws.String("pool"), InstanceRefreshIds: []string{id}})).InstanceRefreshes[0].Status
	}
	if status != types.InstanceRefreshStatusSuccessful || least != 2 {
		t.Errorf("the refresh is %s, and at least %d instances served; want it successful with 2", status, least)
	}
	for _, i := range p.group().Instances {
		if *i.LaunchTemplate.Version != "2" || *i.InstanceType != "m5.large" {
			t.Errorf("member %+v", i)
		}
	}
	wantCode(t, second(p.scaling().CancelInstanceRefresh(ctx, &autoscaling.CancelInstanceRefreshInput{AutoScalingGroupName: aws.String("pool")})), "ActiveInstanceRefreshNotFound")
}

func TestInstanceRefreshIsCancelled(t *testing.T) {
	p := newPool(t)
	p.pass(10)
	name := aws.String("pool")
	wantCode(t, second(p.scaling().StartInstanceRefresh(ctx, &autoscaling.StartInstanceRefreshInput{AutoScalingGroupName: name})), "")
	wantCode(t, second(p.scaling().CancelInstanceRefresh(ctx, &autoscaling.CancelInstanceRefreshInput{AutoScalingGroupName: name})), "")
	p.pass(3)
	got := must[*autoscaling.DescribeInstanceRefreshesOutput](t)(p.scaling().DescribeInstanceRefreshes(ctx, &autoscaling.DescribeInstanceRefreshesInput{AutoScalingGroupName: name})).InstanceRefreshes
	if len(got) != 1 || got[0].Status != types.InstanceRefreshStatusCancelled {
		t.Errorf("refreshes %+v", got)
	}
}

func TestLifecycleHooksHoldInstancesUp(t *testing.T) {
	p := newPool(t, func(in *autoscaling.CreateAutoScalingGroupInput) {
		in.DesiredCapacity = aws.Int32(1)
		in.LifecycleHookSpecificationList = []types.LifecycleHookSpecification{{LifecycleHookName: aws.String("up"), DefaultResult: aws.String("CONTINUE"),
			LifecycleTransition: aws.String("autoscaling:EC2_INSTANCE_LAUNCHING"), HeartbeatTimeout: aws.Int32(60)}}
	})
	name := aws.String("pool")
	p.pass(10)
	if p.states() != "1 Pending:Wait " {
		t.Fatalf("members %s", p.states())
	}
	wantCode(t, second(p.scaling().CompleteLifecycleAction(ctx, &autoscaling.CompleteLifecycleActionInput{AutoScalingGroupName: name, LifecycleHookName: aws.String("up"),
		InstanceId: p.group().Instances[0].InstanceId, LifecycleActionResult: aws.String("CONTINUE")})), "")
	p.pass(2)
	if p.states() != "1 InService " {
		t.Errorf("members %s", p.states())
	}
	wantCode(t, second(p.scaling().PutLifecycleHook(ctx, &autoscaling.PutLifecycleHookInput{AutoScalingGroupName: name, LifecycleHookName: aws.String("down"),
		LifecycleTransition: aws.String("autoscaling:EC2_INSTANCE_TERMINATING"), HeartbeatTimeout: aws.Int32(30)})), "")
	if hooks := must[*autoscaling.DescribeLifecycleHooksOutput](t)(p.scaling().DescribeLifecycleHooks(ctx, &autoscaling.DescribeLifecycleHooksInput{AutoScalingGroupName: name})).LifecycleHooks; len(hooks) != 2 || *hooks[1].DefaultResult != "ABANDON" {
		t.Errorf("hooks %+v", hooks)
	}
	wantCode(t, second(p.scaling().TerminateInstanceInAutoScalingGroup(ctx, &autoscaling.TerminateInstanceInAutoScalingGroupInput{
		InstanceId: p.group().Instances[0].InstanceId, ShouldDecrementDesiredCapacity: aws.Bool(true)})), "")
	p.pass(10)
	if p.states() != "1 Terminating:Wait " {
		t.Errorf("members %s", p.states())
	}
	p.pass(40)
	if p.states() != "" || p.count("instance") != 0 {
		t.Errorf("members %s after the hook's end", p.states())
	}
	wantCode(t, second(p.scaling().DeleteLifecycleHook(ctx, &autoscaling.DeleteLifecycleHookInput{AutoScalingGroupName: name, LifecycleHookName: aws.String("down")})), "")
}

func TestSuspendedProcessesDoNothing(t *testing.T) {
	p := newPool(t)
	name := aws.String("pool")
	wantCode(t, second(p.scaling().SuspendProcesses(ctx, &autoscaling.SuspendProcessesInput{AutoScalingGroupName: name, ScalingProcesses: []string{"Launch"}})), "")
	p.pass(10)
	if g := p.group(); len(g.Instances) != 0 || len(g.SuspendedProcesses) != 1 || *g.SuspendedProcesses[0].ProcessName != "Launch" {
		t.Errorf("group %+v", g)
	}
	wantCode(t, second(p.scaling().SuspendProcesses(ctx, &autoscaling.SuspendProcessesInput{AutoScalingGroupName: name, ScalingProcesses: []string{"Sleep"}})), "ValidationError")
	wantCode(t, second(p.scaling().ResumeProcesses(ctx, &autoscaling.ResumeProcessesInput{AutoScalingGroupName: name})), "")
	p.pass(10)
	if p.states() != "3 InService " {
		t.Errorf("members %s", p.states())
	}
}

func TestMixedGroupLaunchesSpotAboveItsBase(t *testing.T) {
	p := newPool(t, func(in *autoscaling.CreateAutoScalingGroupInput) {
		in.MixedInstancesPolicy = &types.MixedInstancesPolicy{
			LaunchTemplate: &types.LaunchTemplate{LaunchTemplateSpecification: in.LaunchTemplate, Overrides: []types.LaunchTemplateOverrides{
				{InstanceType: aws.String("c5.large")}, {InstanceType: aws.String("m5.large")}}},
			InstancesDistribution: &types.InstancesDistribution{OnDemandBaseCapacity: aws.Int32(1), OnDemandPercentageAboveBaseCapacity: aws.Int32(0)}}
		in.LaunchTemplate = nil
	})
	p.Configure(func(config *emulator.Config) { config.NoCapacity = []string{"c5.large/us-east-1a"} })
	p.pass(10)
	spot, kinds := 0, map[string]int{}
	for _, m := range p.group().Instances {
		i := p.instance(*m.InstanceId)
		kinds[string(i.InstanceType)]++
		if i.InstanceLifecycle == ec2types.InstanceLifecycleTypeSpot {
			spot++
		}
	}
	if spot != 2 || kinds["m5.large"] != 2 || kinds["c5.large"] != 1 {
		t.Errorf("%d spot instances, types %v; want 2, two m5.large in the zone without c5.large", spot, kinds)
	}
}

func TestGroupRegistersItsInstances(t *testing.T) {
	p := newPool(t)
	arn := p.targetGroup("pool", p.vpc)
	wantCode(t, second(p.scaling().AttachLoadBalancerTargetGroups(ctx, &autoscaling.AttachLoadBalancerTargetGroupsInput{AutoScalingGroupName: aws.String("pool"), TargetGroupARNs: []string{arn}})), "")
	p.pass(10)
	if got := must[*elbv2.DescribeTargetHealthOutput](t)(p.elbv2().DescribeTargetHealth(ctx, &elbv2.DescribeTargetHealthInput{TargetGroupArn: &arn})).TargetHealthDescriptions; len(got) != 3 {
		t.Errorf("targets %+v", got)
	}
}

func TestGroupIsRefusedForWhatItCannotLaunch(t *testing.T) {
	p := newPool(t)
	// EC2 takes a template whose profile nobody has made; Auto Scaling doesn't.
	unprofiled := p.cloud.template("unprofiled", func(data *ec2types.RequestLaunchTemplateData) {
		data.IamInstanceProfile = &ec2types.LaunchTemplateIamInstanceProfileSpecificationRequest{Name: aws.String("others")}
	})
	for name, test := range map[string]struct {
		change func(*autoscaling.CreateAutoScalingGroupInput)
		code   string
	}{
		"unknown profile": {func(in *autoscaling.CreateAutoScalingGroupInput) { in.LaunchTemplate.LaunchTemplateId = &unprofiled }, "ValidationError"},
		"taken name":      {func(in *autoscaling.CreateAutoScalingGroupInput) { in.AutoScalingGroupName = aws.String("pool") }, "AlreadyExists"},
		"desired too big": {func(in *autoscaling.CreateAutoScalingGroupInput) { in.DesiredCapacity = aws.Int32(5) }, "ValidationError"},
		"unknown subnet":  {func(in *autoscaling.CreateAutoScalingGroupInput) { in.VPCZoneIdentifier = aws.String("subnet-0") }, "ValidationError"},
		"no template":     {func(in *autoscaling.CreateAutoScalingGroupInput) { in.LaunchTemplate = nil }, "ValidationError"},
		"template by id and name": {func(in *autoscaling.CreateAutoScalingGroupInput) {
			in.LaunchTemplate.LaunchTemplateName = aws.String("nodes")
		}, "ValidationError"},
		"unknown template": {func(in *autoscaling.CreateAutoScalingGroupInput) {
			in.LaunchTemplate = &types.LaunchTemplateSpecification{LaunchTemplateName: aws.String("none")}
		}, "ValidationError"},
	} {
		t.Run(name, func(t *testing.T) {
			in := &autoscaling.CreateAutoScalingGroupInput{AutoScalingGroupName: aws.String("other"), MinSize: aws.Int32(1), MaxSize: aws.Int32(2), VPCZoneIdentifier: &p.subnets,
				LaunchTemplate: &types.LaunchTemplateSpecification{LaunchTemplateId: &p.template}}
			test.change(in)
			wantCode(t, second(p.scaling().CreateAutoScalingGroup(ctx, in)), test.code)
		})
	}
}

func TestGroupTagsAreFilteredBy(t *testing.T) {
	p := newPool(t)
	tag := types.Tag{Key: aws.String("more"), Value: aws.String("w"), ResourceId: aws.String("pool"), ResourceType: aws.String("auto-scaling-group"), PropagateAtLaunch: aws.Bool(false)}
	found := func() int {
		return len(must[*autoscaling.DescribeAutoScalingGroupsOutput](t)(p.scaling().DescribeAutoScalingGroups(ctx, &autoscaling.DescribeAutoScalingGroupsInput{
			Filters: []types.Filter{{Name: aws.String("tag:more"), Values: []string{"w"}}}})).AutoScalingGroups)
	}
	before := found()
	wantCode(t, second(p.scaling().CreateOrUpdateTags(ctx, &autoscaling.CreateOrUpdateTagsInput{Tags: []types.Tag{tag}})), "")
	with := found()
	wantCode(t, second(p.scaling().DeleteTags(ctx, &autoscaling.DeleteTagsInput{Tags: []types.Tag{tag}})), "")
	if before != 0 || with != 1 || found() != 0 {
		t.Errorf("found %d, %d and %d groups, want 0, 1, 0", before, with, found())
	}
}

func TestLaunchTemplatesHaveVersions(t *testing.T) {
	c := newCloud(t)
	id := c.template("nodes")
	wantCode(t, second(c.ec2().CreateLaunchTemplate(ctx, &ec2.CreateLaunchTemplateInput{LaunchTemplateName: aws.String("nodes"),
		LaunchTemplateData: &ec2types.RequestLaunchTemplateData{InstanceType: ec2types.InstanceTypeT3Large}})), "InvalidLaunchTemplateName.AlreadyExistsException")
	for range 2 {
		wantCode(t, second(c.ec2().CreateLaunchTemplateVersion(ctx, &ec2.CreateLaunchTemplateVersionInput{LaunchTemplateId: &id,
			LaunchTemplateData: &ec2types.RequestLaunchTemplateData{ImageId: aws.String(c.image("x86_64")), UserData: aws.String("ZGF0YQ=="),
				MetadataOptions: &ec2types.LaunchTemplateInstanceMetadataOptionsRequest{HttpTokens: ec2types.LaunchTemplateHttpTokensStateRequired}}})), "")
	}
	versions := must[*ec2.DescribeLaunchTemplateVersionsOutput](t)(c.ec2().DescribeLaunchTemplateVersions(ctx, &ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateId: &id})).LaunchTemplateVersions
	if len(versions) != 3 || *versions[0].VersionNumber != 3 || !*versions[2].DefaultVersion || *versions[0].LaunchTemplateData.UserData != "ZGF0YQ==" ||
		versions[0].LaunchTemplateData.MetadataOptions.HttpTokens != ec2types.LaunchTemplateHttpTokensStateRequired {
		t.Errorf("versions %+v", versions)
	}
	out := must[*ec2.DeleteLaunchTemplateVersionsOutput](t)(c.ec2().DeleteLaunchTemplateVersions(ctx, &ec2.DeleteLaunchTemplateVersionsInput{LaunchTemplateId: &id, Versions: []string{"1", "2", "9"}}))
	if len(out.SuccessfullyDeletedLaunchTemplateVersions) != 1 || len(out.UnsuccessfullyDeletedLaunchTemplateVersions) != 2 {
		t.Errorf("deleted %+v", out)
	}
	wantCode(t, second(c.ec2().DescribeLaunchTemplateVersions(ctx, &ec2.DescribeLaunchTemplateVersionsInput{LaunchTemplateName: aws.String("none"), Versions: []string{"$Latest"}})), "InvalidLaunchTemplateName.NotFoundException")
	i := must[*ec2.RunInstancesOutput](t)(c.ec2().RunInstances(ctx, &ec2.RunInstancesInput{MinCount: aws.Int32(1), MaxCount: aws.Int32(1), SubnetId: aws.String(c.zoneSubnet()),
		InstanceType: ec2types.InstanceTypeT3Small, LaunchTemplate: &ec2types.LaunchTemplateSpecification{LaunchTemplateId: &id, Version: aws.String("$Latest")}})).Instances[0]
	if i.InstanceType != ec2types.InstanceTypeT3Small || i.MetadataOptions.HttpTokens != ec2types.HttpTokensStateRequired {
		t.Errorf("instance %+v", i)
	}
}

func TestGroupsWorkOnWhatIsStillHidden(t *testing.T) {
	p := newPool(t)
	p.Configure(func(config *emulator.Config) { config.HideNewFor, config.HideNewFromWrites = time.Hour, true })
	for range 10 {
		p.clock.Advance(time.Second)
		p.Resources("", "")
	}
	if p.count("instance") != 3 {
		t.Errorf("%d instances, want 3: what AWS does by itself isn't held up by its own delays", p.count("instance"))
	}
}

func TestRebalancedInstanceIsReplacedBeforeItEnds(t *testing.T) {
	p := newPool(t, func(in *autoscaling.CreateAutoScalingGroupInput) {
		in.CapacityRebalance, in.DesiredCapacity = aws.Bool(true), aws.Int32(1)
		in.MixedInstancesPolicy = &types.MixedInstancesPolicy{LaunchTemplate: &types.LaunchTemplate{LaunchTemplateSpecification: in.LaunchTemplate},
			InstancesDistribution: &types.InstancesDistribution{OnDemandPercentageAboveBaseCapacity: aws.Int32(0)}}
		in.LaunchTemplate = nil
	})
	p.pass(10)
	id := *p.group().Instances[0].InstanceId
	if found, err := p.Act("rebalance-recommendation", "", "us-east-1", id); !found || err != nil {
		t.Fatalf("found %v, %v", found, err)
	}
	p.pass(2)
	if p.states() != "1 Pending 1 InService " {
		t.Errorf("members %s, want the replacement beside the old one", p.states())
	}
	p.pass(20)
	if g := p.group(); len(g.Instances) != 1 || *g.Instances[0].InstanceId == id {
		t.Errorf("members %+v", g.Instances)
	}
}
