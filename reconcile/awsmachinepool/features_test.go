package awsmachinepool

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	astypes "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

func TestMixedInstancesFollowTheSpec(t *testing.T) {
	w := newWorld(t)
	w.pool("pool-1", func(p *infrav1.AWSMachinePool, _ *clusterv1.MachinePool) {
		p.Spec.AWSLaunchTemplate.InstanceType = ""
		p.Spec.MixedInstancesPolicy = &infrav1.MixedInstancesPolicy{
			InstancesDistribution: &infrav1.InstancesDistribution{OnDemandBaseCapacity: aws.Int64(1), OnDemandPercentageAboveBaseCapacity: aws.Int64(0),
				OnDemandAllocationStrategy: infrav1.OnDemandAllocationPrioritized, SpotAllocationStrategy: infrav1.SpotAllocationPriceCapacityOptimized},
			Overrides: []infrav1.Overrides{{InstanceType: "m5.large"}, {InstanceType: "m5.xlarge"}}}
		p.Spec.CapacityRebalance = true
	})
	w.settle("pool-1", w.ready("pool-1", 2))
	g := w.group("pool-1")
	if g.LaunchTemplate != nil || len(g.MixedInstancesPolicy.LaunchTemplate.Overrides) != 2 || !aws.ToBool(g.CapacityRebalance) {
		t.Errorf("the group is %+v", g)
	}
	w.AWS.ResetCounts()
	w.rounds("pool-1", 5)
	w.changesNothing()
	w.change("pool-1", func(p *infrav1.AWSMachinePool) {
		p.Spec.MixedInstancesPolicy.Overrides = p.Spec.MixedInstancesPolicy.Overrides[:1]
		p.Spec.CapacityRebalance = false
	})
	w.settle("pool-1", func() bool { return len(w.group("pool-1").MixedInstancesPolicy.LaunchTemplate.Overrides) == 1 })
	w.change("pool-1", func(p *infrav1.AWSMachinePool) {
		p.Spec.MixedInstancesPolicy, p.Spec.AWSLaunchTemplate.InstanceType = nil, "m5.large"
	})
	w.settle("pool-1", func() bool { g := w.group("pool-1"); return g.MixedInstancesPolicy == nil && g.LaunchTemplate != nil })
	w.delete("pool-1")
	w.nothingLeft()
}

// changesNothing checks that nothing was changed in AWS since the counts were reset.
func (w *world) changesNothing() {
	w.T.Helper()
	for op, n := range w.AWS.Counts() {
		if _, name, _ := strings.Cut(op, "."); !strings.HasPrefix(name, "Describe") && !strings.HasPrefix(name, "Get") {
			w.T.Errorf("%s was called %d times", op, n)
		}
	}
}

func TestHooksProcessesAndTagsFollowTheSpec(t *testing.T) {
	w := newWorld(t)
	hook := infrav1.AWSLifecycleHook{Name: "drain", LifecycleTransition: infrav1.LifecycleTransitionTerminating, HeartbeatTimeout: aws.String("1m"),
		DefaultResult: (*infrav1.LifecycleHookDefaultResult)(aws.String("CONTINUE"))}
	w.pool("pool-1", func(p *infrav1.AWSMachinePool, _ *clusterv1.MachinePool) {
		p.Spec.AWSLifecycleHooks = []infrav1.AWSLifecycleHook{hook}
		p.Spec.SuspendProcesses = &infrav1.SuspendProcesses{Processes: &infrav1.Processes{AZRebalance: aws.Bool(true)}}
		p.Spec.AdditionalTags = infrav1.Tags{"team": "a"}
	})
	w.settle("pool-1", w.ready("pool-1", 2))
	w.rounds("pool-1", 10)
	if have := w.hooks("pool-1"); !slices.Equal(have, []string{"drain 60 CONTINUE"}) {
		t.Errorf("the hooks are %v", have)
	}
	if have := w.suspended("pool-1"); !slices.Equal(have, []string{"AZRebalance"}) {
		t.Errorf("suspended are %v", have)
	}
	if c := w.condition("pool-1", infrav1.LifecycleHookReadyCondition); c.Status != "True" {
		t.Errorf("the hooks' condition is %+v", c)
	}
	w.change("pool-1", func(p *infrav1.AWSMachinePool) {
		more := hook
		more.Name, more.HeartbeatTimeout, more.DefaultResult = "greet", nil, nil
		more.LifecycleTransition = infrav1.LifecycleTransitionTerminating
		p.Spec.AWSLifecycleHooks[0].HeartbeatTimeout = aws.String("2m")
		p.Spec.AWSLifecycleHooks = append(p.Spec.AWSLifecycleHooks, more)
		p.Spec.SuspendProcesses = &infrav1.SuspendProcesses{Processes: &infrav1.Processes{Launch: aws.Bool(true)}}
		p.Spec.AdditionalTags = infrav1.Tags{"group": "b"}
	})
	w.rounds("pool-1", 10)
	if have := w.hooks("pool-1"); !slices.Equal(have, []string{"drain 120 CONTINUE", "greet 3600 ABANDON"}) {
		t.Errorf("the hooks are %v", have)
	}
	if have := w.suspended("pool-1"); !slices.Equal(have, []string{"Launch"}) {
		t.Errorf("suspended are %v", have)
	}
	tags := map[string]string{}
	for _, tag := range w.group("pool-1").Tags {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	if _, still := tags["team"]; still || tags["group"] != "b" || tags["kubernetes.io/cluster/c1"] != "owned" || tags["Name"] != "pool-1" {
		t.Errorf("the group's tags are %v", tags)
	}
	w.change("pool-1", func(p *infrav1.AWSMachinePool) { p.Spec.AWSLifecycleHooks, p.Spec.SuspendProcesses = nil, nil })
	w.rounds("pool-1", 10)
	if have := append(w.hooks("pool-1"), w.suspended("pool-1")...); len(have) != 0 {
		t.Errorf("still there are %v", have)
	}
	w.AWS.ResetCounts()
	w.rounds("pool-1", 5)
	w.changesNothing()
	w.delete("pool-1")
	w.nothingLeft()
}

func (w *world) hooks(name string) []string {
	w.T.Helper()
	out, err := w.Session().AutoScaling.DescribeLifecycleHooks(w.T.Context(), &autoscaling.DescribeLifecycleHooksInput{AutoScalingGroupName: &name})
	w.Must(err)
	var list []string
	for _, h := range out.LifecycleHooks {
		list = append(list, aws.ToString(h.LifecycleHookName)+" "+numberOf(h.HeartbeatTimeout)+" "+aws.ToString(h.DefaultResult))
	}
	slices.Sort(list)
	return list
}

func (w *world) suspended(name string) []string {
	var list []string
	for _, p := range w.group(name).SuspendedProcesses {
		list = append(list, aws.ToString(p.ProcessName))
	}
	return list
}

func TestDriftIsPutRight(t *testing.T) {
	w := newWorld(t)
	w.pool("pool-1")
	w.settle("pool-1", w.ready("pool-1", 2))
	w.Pass(time60)
	_, err := w.Session().AutoScaling.UpdateAutoScalingGroup(t.Context(), &autoscaling.UpdateAutoScalingGroupInput{AutoScalingGroupName: aws.String("pool-1"),
		MinSize: aws.Int32(0), MaxSize: aws.Int32(9), DefaultCooldown: aws.Int32(7), DesiredCapacity: aws.Int32(4)})
	w.Must(err)
	_, err = w.Session().AutoScaling.DeleteTags(t.Context(), &autoscaling.DeleteTagsInput{Tags: []astypes.Tag{{Key: aws.String("Name"),
		ResourceId: aws.String("pool-1"), ResourceType: aws.String("auto-scaling-group")}}})
	w.Must(err)
	id := w.get("pool-1").Status.LaunchTemplateID
	_, err = w.Session().EC2.CreateLaunchTemplateVersion(t.Context(), &ec2.CreateLaunchTemplateVersionInput{LaunchTemplateId: &id, SourceVersion: aws.String("1"),
		LaunchTemplateData: &ec2types.RequestLaunchTemplateData{InstanceType: ec2types.InstanceTypeM5Xlarge}})
	w.Must(err)
	w.Pass(time60)
	w.settle("pool-1", func() bool {
		g := w.group("pool-1")
		return aws.ToInt32(g.MinSize) == 1 && aws.ToInt32(g.MaxSize) == 5 && aws.ToInt32(g.DefaultCooldown) == 300 && aws.ToInt32(g.DesiredCapacity) == 2 &&
			aws.ToInt64(w.versions("pool-1")[0].VersionNumber) == 3 && w.ready("pool-1", 2)()
	})
	w.delete("pool-1")
	w.nothingLeft()
}

func TestGroupThatSomebodyDeletedIsMadeAnew(t *testing.T) {
	w := newWorld(t)
	w.pool("pool-1")
	w.settle("pool-1", w.ready("pool-1", 2))
	w.Pass(2 * time60)
	arn := w.get("pool-1").Spec.ProviderID
	_, err := w.Session().AutoScaling.DeleteAutoScalingGroup(t.Context(), &autoscaling.DeleteAutoScalingGroupInput{AutoScalingGroupName: aws.String("pool-1"), ForceDelete: aws.Bool(true)})
	w.Must(err)
	w.Pass(1e9)
	_, _ = w.reconcile("pool-1")
	if obj := w.get("pool-1"); obj.Status.Ready || obj.Status.ASGStatus == nil {
		t.Errorf("while it ends the status is %+v", obj.Status)
	}
	w.settle("pool-1", func() bool { return w.get("pool-1").Spec.ProviderID != arn && w.ready("pool-1", 2)() })
	w.delete("pool-1")
	w.nothingLeft()
}

func TestForeignGroupAndTemplateAreLeftAlone(t *testing.T) {
	w := newWorld(t)
	w.pool("pool-1")
	w.settle("pool-1", w.ready("pool-1", 2))
	// The same names, wanted by an object of another UID.
	other := w.get("pool-1")
	other.UID, other.Spec.ProviderID, other.Spec.ProviderIDList = "another", "", nil
	other.Status = infrav1.AWSMachinePoolStatus{}
	in := newIntent(other, related{pool: w.machinePool("pool-1")}, ownership.NewIndex(w.Kube, w.Kube))
	in.Infra = w.infra()
	p := Plan(in, w.Mirror.Snapshot(w.Session().Scope))
	if len(p.Actions) != 0 {
		t.Errorf("it would do %+v", p.Actions)
	}
	var all []string
	for _, x := range p.Problems {
		all = append(all, x.Summary)
	}
	if text := strings.Join(all, "\n"); !strings.Contains(text, "launch template pool-1 belongs to AWSMachinePool default/pool-1") || !strings.Contains(text, "Auto Scaling group pool-1 belongs to AWSMachinePool default/pool-1") {
		t.Errorf("the problems are %s", text)
	}
}

func TestRefusalsOfAWSAreTold(t *testing.T) {
	w := newWorld(t)
	w.AWS.Faults().Set(emulator.Fault{ID: "quota", Service: "autoscaling", Operation: "CreateAutoScalingGroup", Code: "LimitExceeded", Message: "AutoScalingGroup limit exceeded", Status: 400})
	w.pool("pool-1")
	w.rounds("pool-1", 4)
	c := w.condition("pool-1", infrav1.ASGReadyCondition)
	if c.Status != "False" || c.Reason != infrav1.ASGProvisionFailedReason || !strings.Contains(c.Message, "limit exceeded") {
		t.Errorf("the condition is %+v", c)
	}
	if !w.Events.Has("FailedCreateAutoScalingGroup") {
		t.Errorf("no Event tells of it: %v", w.Events.With(""))
	}
	w.AWS.Faults().Clear()
	w.settle("pool-1", w.ready("pool-1", 2))
	w.delete("pool-1")
	w.nothingLeft()
}

func TestMissingBootstrapDataHoldsUpNoScaling(t *testing.T) {
	w := newWorld(t)
	w.pool("pool-1")
	w.settle("pool-1", w.ready("pool-1", 2))
	w.Must(w.Kube.Delete(t.Context(), w.secret("pool-1")))
	w.changeOwner("pool-1", func(m *clusterv1.MachinePool) { m.Spec.Replicas = aws.Int32(3) })
	w.settle("pool-1", func() bool { return w.inService("pool-1") == 3 })
	if c := w.condition("pool-1", infrav1.LaunchTemplateReadyCondition); c.Reason != infrav1.WaitingForBootstrapDataReason {
		t.Errorf("the condition is %+v", c)
	}
}

func TestRenamedTemplateReplacesTheOldOne(t *testing.T) {
	w := newWorld(t)
	w.pool("pool-1")
	w.settle("pool-1", w.ready("pool-1", 2))
	w.change("pool-1", func(p *infrav1.AWSMachinePool) { p.Spec.AWSLaunchTemplate.Name = "other" })
	w.settle("pool-1", func() bool {
		return w.Resources()["launch-template"] == 1 && aws.ToString(w.group("pool-1").LaunchTemplate.LaunchTemplateName) == "other"
	})
	w.settle("pool-1", func() bool {
		list := w.refreshes("pool-1")
		return len(list) == 1 && list[0].Status == astypes.InstanceRefreshStatusSuccessful
	})
	w.delete("pool-1")
	w.nothingLeft()
}

func TestReadsShowWhatAWSHasNow(t *testing.T) {
	w := newWorld(t)
	w.pool("pool-1")
	w.settle("pool-1", w.ready("pool-1", 2))
	w.Pass(time60)
	o := observer(w)
	obj := w.get("pool-1")
	w.Must(o.Refresh(t.Context(), obj, 0))
	shown, fresh := o.Project(t.Context(), obj)
	if status := shown.Status; fresh.Err != nil || status.Replicas != 2 || !status.Ready || len(status.Conditions) != len(obj.Status.Conditions) {
		t.Errorf("a read shows %+v (%v), stored is %+v", status, fresh, obj.Status)
	}
	w.setDesired("pool-1", 3)
	w.AWSNow.Advance(5e9)
	w.Now.Step(5e9)
	w.Must(o.Refresh(t.Context(), obj, 0))
	if shown, _ := o.Project(t.Context(), obj); shown.Status.Replicas != 3 {
		t.Errorf("a read shows %d instances, want 3", shown.Status.Replicas)
	}
}

func TestInstancesThatAWSCannotLaunchAreToldOf(t *testing.T) {
	w := newWorld(t)
	w.pool("pool-1")
	w.settle("pool-1", w.ready("pool-1", 2))
	w.AWS.Configure(func(c *emulator.Config) { c.NoCapacity = []string{"m5.large/*"} })
	w.changeOwner("pool-1", func(m *clusterv1.MachinePool) { m.Spec.Replicas = aws.Int32(4) })
	w.settle("pool-1", func() bool { return w.condition("pool-1", infrav1.ASGCapacityReachedCondition).Status == "False" })
	if c := w.condition("pool-1", infrav1.ASGCapacityReachedCondition); c.Reason != infrav1.InstanceProvisionFailedReason ||
		!strings.Contains(c.Message, "2 of 4 instances") || !strings.Contains(c.Message, "InsufficientInstanceCapacity") {
		t.Errorf("the condition is %+v", c)
	}
	if obj := w.get("pool-1"); !obj.Status.Ready || obj.Status.Replicas != 2 || w.condition("pool-1", infrav1.ReadyCondition).Status != "True" {
		t.Errorf("the status is %+v", obj.Status)
	}
	w.AWS.Configure(func(c *emulator.Config) { c.NoCapacity = nil })
	w.settle("pool-1", w.ready("pool-1", 4))
	if c := w.condition("pool-1", infrav1.ASGCapacityReachedCondition); c.Type != "" {
		t.Errorf("with all instances there, it still says %+v", c)
	}
}

// TestTheRootVolumeOfAPoolIsTheImagesOwn writes down another device's name, which would
// be a second disk.
func TestTheRootVolumeOfAPoolIsTheImagesOwn(t *testing.T) {
	w := newWorld(t)
	images, err := w.Session().EC2.DescribeImages(t.Context(), &ec2.DescribeImagesInput{Filters: []ec2types.Filter{
		{Name: aws.String("name"), Values: []string{"capa-ami-amazon-2-*"}}, {Name: aws.String("architecture"), Values: []string{"x86_64"}}}})
	w.Must(err)
	image := images.Images[0]
	w.pool("pool-1", func(p *infrav1.AWSMachinePool, _ *clusterv1.MachinePool) {
		p.Spec.AWSLaunchTemplate.AMI.ID = image.ImageId
		p.Spec.AWSLaunchTemplate.RootVolume = &infrav1.Volume{Size: 50, DeviceName: "/dev/sda1"}
	})
	w.settle("pool-1", w.ready("pool-1", 2))
	devices := w.versions("pool-1")[0].LaunchTemplateData.BlockDeviceMappings
	if root := aws.ToString(image.RootDeviceName); root == "/dev/sda1" || len(devices) != 1 || aws.ToString(devices[0].DeviceName) != root || aws.ToInt32(devices[0].Ebs.VolumeSize) != 50 {
		t.Errorf("the devices are %+v; the image's root is %s", devices, root)
	}
}
