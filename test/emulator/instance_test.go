package emulator_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// image is the newest image that AMI lookups of Cluster API find.
func (c *cloud) image(arch string) string {
	c.t.Helper()
	out := must[*ec2.DescribeImagesOutput](c.t)(c.ec2().DescribeImages(ctx, &ec2.DescribeImagesInput{Owners: []string{"819546954734"}, Filters: []types.Filter{
		{Name: aws.String("name"), Values: []string{"capa-ami-ubuntu-24.04-?1.34.2-*"}}, {Name: aws.String("architecture"), Values: []string{arch}},
		{Name: aws.String("state"), Values: []string{"available"}}, {Name: aws.String("virtualization-type"), Values: []string{"hvm"}},
	}}))
	if len(out.Images) != 1 {
		c.t.Fatalf("%d images for %s, want one", len(out.Images), arch)
	}
	return *out.Images[0].ImageId
}

// launch is a request for one instance, which tests change.
func (c *cloud) launch(subnet string, change ...func(*ec2.RunInstancesInput)) *ec2.RunInstancesInput {
	in := &ec2.RunInstancesInput{ImageId: aws.String(c.image("x86_64")), InstanceType: types.InstanceTypeT3Large, SubnetId: &subnet,
		MinCount: aws.Int32(1), MaxCount: aws.Int32(1)}
	for _, f := range change {
		f(in)
	}
	return in
}

func (c *cloud) run(in *ec2.RunInstancesInput) types.Instance {
	c.t.Helper()
	return must[*ec2.RunInstancesOutput](c.t)(c.ec2().RunInstances(ctx, in)).Instances[0]
}

func (c *cloud) instance(id string) types.Instance {
	c.t.Helper()
	return must[*ec2.DescribeInstancesOutput](c.t)(c.ec2().DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{id}})).Reservations[0].Instances[0]
}

// zoneSubnet is a subnet of a new VPC in us-east-1a.
func (c *cloud) zoneSubnet() string {
	return c.subnet(c.vpc("10.0.0.0/16"), "10.0.0.0/24", "us-east-1a")
}

// count is how many resources of a type exist.
func (c *cloud) count(kind string) int {
	n := 0
	for _, resource := range c.Resources("", "") {
		if resource.Type == kind {
			n++
		}
	}
	return n
}

func TestInstanceLivesThroughAllItsStates(t *testing.T) {
	c := newCloud(t)
	id := *c.run(c.launch(c.zoneSubnet())).InstanceId
	config := c.Config()
	state := func() string {
		out, err := c.ec2().DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{id}})
		if err != nil {
			wantCode(t, err, "InvalidInstanceID.NotFound")
			return "gone"
		}
		return string(out.Reservations[0].Instances[0].State.Name)
	}
	check := func(after time.Duration, want string) {
		t.Helper()
		c.clock.Advance(after)
		if got := state(); got != want {
			t.Errorf("after another %s the instance is %s, want %s", after, got, want)
		}
	}
	check(0, "pending")
	check(config.InstanceDelay, "running")
	must[*ec2.StopInstancesOutput](t)(c.ec2().StopInstances(ctx, &ec2.StopInstancesInput{InstanceIds: []string{id}}))
	check(0, "stopping")
	check(config.InstanceDelay, "stopped")
	must[*ec2.StartInstancesOutput](t)(c.ec2().StartInstances(ctx, &ec2.StartInstancesInput{InstanceIds: []string{id}}))
	check(0, "pending")
	check(config.InstanceDelay, "running")
	must[*ec2.TerminateInstancesOutput](t)(c.ec2().TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{id}}))
	check(0, "shutting-down")
	check(config.TerminationDelay, "terminated")
	check(config.TerminatedListedFor-time.Second, "terminated")
	check(time.Second, "gone")
}

func TestLaunchRecordsWhatItWasAskedFor(t *testing.T) {
	c := newCloud(t)
	vpc := c.vpc("10.0.0.0/16")
	subnet := c.subnet(vpc, "10.0.0.0/24", "us-east-1a")
	group := *must[*ec2.CreateSecurityGroupOutput](t)(c.ec2().CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{GroupName: aws.String("node"),
		Description: aws.String("d"), VpcId: &vpc})).GroupId
	tag := func(kind types.ResourceType) types.TagSpecification {
		return types.TagSpecification{ResourceType: kind, Tags: []types.Tag{{Key: aws.String("for"), Value: aws.String(string(kind))}}}
	}
	id := *c.run(c.launch(subnet, func(in *ec2.RunInstancesInput) {
		in.SecurityGroupIds = []string{group}
		in.UserData = aws.String(base64.StdEncoding.EncodeToString([]byte("#cloud-config")))
		in.KeyName = aws.String("default")
		in.IamInstanceProfile = &types.IamInstanceProfileSpecification{Name: aws.String("nodes.cluster-api-provider-aws.sigs.k8s.io")}
		in.MetadataOptions = &types.InstanceMetadataOptionsRequest{HttpTokens: types.HttpTokensStateRequired, HttpPutResponseHopLimit: aws.Int32(2)}
		in.BlockDeviceMappings = []types.BlockDeviceMapping{
			{DeviceName: aws.String("/dev/sda1"), Ebs: &types.EbsBlockDevice{VolumeSize: aws.Int32(50), Encrypted: aws.Bool(true)}},
			{DeviceName: aws.String("/dev/sdb"), Ebs: &types.EbsBlockDevice{VolumeSize: aws.Int32(10), DeleteOnTermination: aws.Bool(false)}}}
		in.TagSpecifications = []types.TagSpecification{tag(types.ResourceTypeInstance), tag(types.ResourceTypeVolume), tag(types.ResourceTypeNetworkInterface)}
	})).InstanceId
	c.clock.Advance(c.Config().InstanceDelay)
	i := c.instance(id)
	if *i.PrivateIpAddress != "10.0.0.4" || *i.PrivateDnsName != "ip-10-0-0-4.ec2.internal" || *i.VpcId != vpc || *i.SubnetId != subnet ||
		*i.Placement.AvailabilityZone != "us-east-1a" || *i.SecurityGroups[0].GroupId != group || *i.KeyName != "default" ||
		*i.IamInstanceProfile.Arn != "arn:aws:iam::123456789012:instance-profile/nodes.cluster-api-provider-aws.sigs.k8s.io" || i.MetadataOptions.HttpTokens != types.HttpTokensStateRequired ||
		*i.Tags[0].Value != "instance" || i.PublicIpAddress != nil || i.Architecture != types.ArchitectureValuesX8664 {
		t.Errorf("instance %+v", i)
	}
	volumes := must[*ec2.DescribeVolumesOutput](t)(c.ec2().DescribeVolumes(ctx, &ec2.DescribeVolumesInput{Filters: []types.Filter{
		{Name: aws.String("attachment.instance-id"), Values: []string{id}}}})).Volumes
	if len(volumes) != 2 || *volumes[0].Size != 50 || !*volumes[0].Encrypted || *volumes[1].Tags[0].Value != "volume" {
		t.Errorf("volumes %+v", volumes)
	}
	enis := must[*ec2.DescribeNetworkInterfacesOutput](t)(c.ec2().DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{Filters: []types.Filter{
		{Name: aws.String("attachment.instance-id"), Values: []string{id}}}})).NetworkInterfaces
	if len(enis) != 1 || *enis[0].TagSet[0].Value != "network-interface" || *enis[0].Groups[0].GroupId != group {
		t.Errorf("interfaces %+v", enis)
	}
	data := must[*ec2.DescribeInstanceAttributeOutput](t)(c.ec2().DescribeInstanceAttribute(ctx, &ec2.DescribeInstanceAttributeInput{InstanceId: &id,
		Attribute: types.InstanceAttributeNameUserData}))
	if raw, _ := base64.StdEncoding.DecodeString(*data.UserData.Value); string(raw) != "#cloud-config" {
		t.Errorf("user data %q", raw)
	}
	console := must[*ec2.GetConsoleOutputOutput](t)(c.ec2().GetConsoleOutput(ctx, &ec2.GetConsoleOutputInput{InstanceId: &id}))
	if raw, _ := base64.StdEncoding.DecodeString(*console.Output); !strings.Contains(string(raw), "ip-10-0-0-4.ec2.internal") {
		t.Errorf("console %q", raw)
	}
}

func TestTerminationTakesAwayWhatGoesWithTheInstance(t *testing.T) {
	c := newCloud(t)
	subnet := c.zoneSubnet()
	eni := *must[*ec2.CreateNetworkInterfaceOutput](t)(c.ec2().CreateNetworkInterface(ctx, &ec2.CreateNetworkInterfaceInput{SubnetId: &subnet})).NetworkInterface.NetworkInterfaceId
	id := *c.run(c.launch(subnet, func(in *ec2.RunInstancesInput) {
		in.SubnetId = nil
		in.NetworkInterfaces = []types.InstanceNetworkInterfaceSpecification{{DeviceIndex: aws.Int32(0), NetworkInterfaceId: &eni},
			{DeviceIndex: aws.Int32(1), SubnetId: &subnet}}
		in.BlockDeviceMappings = []types.BlockDeviceMapping{
			{DeviceName: aws.String("/dev/sdb"), Ebs: &types.EbsBlockDevice{VolumeSize: aws.Int32(10), DeleteOnTermination: aws.Bool(false)}}}
	})).InstanceId
	if c.count("volume") != 2 || c.count("network-interface") != 2 {
		t.Fatalf("resources %+v", c.Resources("", ""))
	}
	wantCode(t, second(c.ec2().DeleteSubnet(ctx, &ec2.DeleteSubnetInput{SubnetId: &subnet})), "DependencyViolation")
	wantCode(t, second(c.ec2().DeleteNetworkInterface(ctx, &ec2.DeleteNetworkInterfaceInput{NetworkInterfaceId: &eni})), "InvalidParameterValue")
	must[*ec2.TerminateInstancesOutput](t)(c.ec2().TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{id}}))
	wantCode(t, second(c.ec2().DeleteSubnet(ctx, &ec2.DeleteSubnetInput{SubnetId: &subnet})), "DependencyViolation")
	c.clock.Advance(c.Config().TerminationDelay)
	if c.count("instance") != 0 || c.count("volume") != 1 || c.count("network-interface") != 1 {
		t.Errorf("left %+v, want the given interface and the volume that was to be kept", c.Resources("", ""))
	}
	must[*ec2.DeleteNetworkInterfaceOutput](t)(c.ec2().DeleteNetworkInterface(ctx, &ec2.DeleteNetworkInterfaceInput{NetworkInterfaceId: &eni}))
	must[*ec2.DeleteSubnetOutput](t)(c.ec2().DeleteSubnet(ctx, &ec2.DeleteSubnetInput{SubnetId: &subnet}))
}

func TestClientTokenLaunchesOnce(t *testing.T) {
	c := newCloud(t)
	in := c.launch(c.zoneSubnet(), func(in *ec2.RunInstancesInput) { in.ClientToken = aws.String("token") })
	first, again := c.run(in), c.run(in)
	if *first.InstanceId != *again.InstanceId || c.count("instance") != 1 {
		t.Errorf("the token made %s and %s", *first.InstanceId, *again.InstanceId)
	}
	other := *in
	other.InstanceType = types.InstanceTypeT3Small
	wantCode(t, second(c.ec2().RunInstances(ctx, &other)), "IdempotentParameterMismatch")
	must[*ec2.TerminateInstancesOutput](t)(c.ec2().TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{*first.InstanceId}}))
	c.clock.Advance(c.Config().TerminationDelay)
	wantCode(t, second(c.ec2().RunInstances(ctx, in)), "IdempotentInstanceTerminated")
}

func TestLaunchIsRefusedForWhatDoesNotFit(t *testing.T) {
	c := newCloud(t, func(config *emulator.Config) {
		config.NoCapacity = []string{"m5.xlarge/us-east-1a"}
		config.NotOffered = []string{"c5.large/us-east-1a"}
		config.Quotas = map[string]int{"vcpus": 3}
	})
	subnet := c.zoneSubnet()
	for name, test := range map[string]struct {
		change func(*ec2.RunInstancesInput)
		code   string
	}{
		"unknown image":      {func(in *ec2.RunInstancesInput) { in.ImageId = aws.String("ami-00000000000000000") }, "InvalidAMIID.NotFound"},
		"malformed image":    {func(in *ec2.RunInstancesInput) { in.ImageId = aws.String("image") }, "InvalidAMIID.Malformed"},
		"unknown type":       {func(in *ec2.RunInstancesInput) { in.InstanceType = "x9.huge" }, "InvalidParameterValue"},
		"other architecture": {func(in *ec2.RunInstancesInput) { in.InstanceType = types.InstanceTypeM6gLarge }, "InvalidParameterValue"},
		"no capacity":        {func(in *ec2.RunInstancesInput) { in.InstanceType = types.InstanceTypeM5Xlarge }, "InsufficientInstanceCapacity"},
		"not offered":        {func(in *ec2.RunInstancesInput) { in.InstanceType = types.InstanceTypeC5Large }, "Unsupported"},
		"quota":              {func(in *ec2.RunInstancesInput) { in.MinCount, in.MaxCount = aws.Int32(2), aws.Int32(2) }, "VcpuLimitExceeded"},
		"unknown subnet":     {func(in *ec2.RunInstancesInput) { in.SubnetId = aws.String("subnet-0") }, "InvalidSubnetID.NotFound"},
		"unknown group":      {func(in *ec2.RunInstancesInput) { in.SecurityGroupIds = []string{"sg-0"} }, "InvalidGroup.NotFound"},
		"unknown key pair":   {func(in *ec2.RunInstancesInput) { in.KeyName = aws.String("mine") }, "InvalidKeyPair.NotFound"},
		"unknown host":       {func(in *ec2.RunInstancesInput) { in.Placement = &types.Placement{HostId: aws.String("h-0")} }, "InvalidHostID.NotFound"},
		"unknown reservation": {func(in *ec2.RunInstancesInput) {
			in.CapacityReservationSpecification = &types.CapacityReservationSpecification{CapacityReservationTarget: &types.CapacityReservationTarget{CapacityReservationId: aws.String("cr-0")}}
		}, "InvalidCapacityReservationId.NotFound"},
		"unknown profile": {func(in *ec2.RunInstancesInput) {
			in.IamInstanceProfile = &types.IamInstanceProfileSpecification{Name: aws.String("others")}
		}, "InvalidParameterValue"},
		"unknown profile by its ARN": {func(in *ec2.RunInstancesInput) {
			in.IamInstanceProfile = &types.IamInstanceProfileSpecification{Arn: aws.String("arn:aws:iam::123456789012:instance-profile/others")}
		}, "InvalidParameterValue"},
		"long user data": {func(in *ec2.RunInstancesInput) {
			in.UserData = aws.String(base64.StdEncoding.EncodeToString(make([]byte, 16385)))
		}, "InvalidParameterValue"},
		"small root volume": {func(in *ec2.RunInstancesInput) {
			in.BlockDeviceMappings = []types.BlockDeviceMapping{{DeviceName: aws.String("/dev/sda1"), Ebs: &types.EbsBlockDevice{VolumeSize: aws.Int32(4)}}}
		}, "InvalidBlockDeviceMapping"},
		"cheap spot": {func(in *ec2.RunInstancesInput) {
			in.InstanceMarketOptions = &types.InstanceMarketOptionsRequest{MarketType: types.MarketTypeSpot, SpotOptions: &types.SpotMarketOptions{MaxPrice: aws.String("0.0001")}}
		}, "SpotMaxPriceTooLow"},
	} {
		t.Run(name, func(t *testing.T) {
			wantCode(t, second(c.ec2().RunInstances(ctx, c.launch(subnet, test.change))), test.code)
		})
	}
	if c.count("instance") != 0 || c.count("network-interface") != 0 || c.count("volume") != 0 {
		t.Errorf("refused launches left %+v", c.Resources("", ""))
	}
	wantCode(t, second(c.ec2().RunInstances(ctx, c.launch(subnet))), "")
}

func TestInstancesComeInPagesAndPassFilters(t *testing.T) {
	c := newCloud(t)
	subnet := c.zoneSubnet()
	for n := range 12 {
		c.run(c.launch(subnet, func(in *ec2.RunInstancesInput) {
			in.TagSpecifications = []types.TagSpecification{{ResourceType: types.ResourceTypeInstance, Tags: []types.Tag{{Key: aws.String("n"), Value: aws.String(fmt.Sprint(n % 2))}}}}
		}))
	}
	seen, pages := 0, ec2.NewDescribeInstancesPaginator(c.ec2(), &ec2.DescribeInstancesInput{MaxResults: aws.Int32(5)})
	for pages.HasMorePages() {
		for _, reservation := range must[*ec2.DescribeInstancesOutput](t)(pages.NextPage(ctx)).Reservations {
			seen += len(reservation.Instances)
		}
	}
	if got := c.Counts()["ec2.DescribeInstances"]; seen != 12 || got != 3 {
		t.Errorf("%d instances in %d pages, want 12 in 3", seen, got)
	}
	for filter, want := range map[string]int{"tag:n=1": 6, "instance-state-name=running": 0, "instance-state-name=pending": 12, "private-ip-address=10.0.0.5": 1} {
		name, value, _ := strings.Cut(filter, "=")
		out := must[*ec2.DescribeInstancesOutput](t)(c.ec2().DescribeInstances(ctx, &ec2.DescribeInstancesInput{Filters: []types.Filter{{Name: &name, Values: []string{value}}}}))
		if len(out.Reservations) != want {
			t.Errorf("%s finds %d instances, want %d", filter, len(out.Reservations), want)
		}
	}
	c.clock.Advance(c.Config().InstanceDelay)
	if got := len(must[*ec2.DescribeInstanceStatusOutput](t)(c.ec2().DescribeInstanceStatus(ctx, &ec2.DescribeInstanceStatusInput{})).InstanceStatuses); got != 12 {
		t.Errorf("%d statuses, want 12", got)
	}
}

func TestLaunchesAreLimitedByRequestsAndInstances(t *testing.T) {
	c := newCloud(t, func(config *emulator.Config) { config.RateLimits = true })
	vpc := c.vpc("10.0.0.0/16")
	subnet := c.subnet(vpc, "10.0.0.0/18", "us-east-1a")
	run := func(count int32) error {
		return second(c.ec2().RunInstances(ctx, c.launch(subnet, func(in *ec2.RunInstancesInput) { in.MinCount, in.MaxCount = &count, &count })))
	}
	for range 5 {
		wantCode(t, run(1), "")
	}
	wantCode(t, run(1), "RequestLimitExceeded")
	c.clock.Advance(time.Second)
	wantCode(t, run(998), "RequestLimitExceeded") // 1000 - 5 + 2 instances are left
	wantCode(t, run(997), "")
}

func TestNewInstancesAreHiddenAtFirst(t *testing.T) {
	c := newCloud(t, func(config *emulator.Config) { config.HideNewFor = 6 * time.Second })
	subnet := c.zoneSubnet()
	c.clock.Advance(6 * time.Second)
	id := *c.run(c.launch(subnet)).InstanceId
	wantCode(t, second(c.ec2().DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{id}})), "InvalidInstanceID.NotFound")
	c.clock.Advance(6 * time.Second)
	if c.instance(id).State.Name != types.InstanceStateNameRunning {
		t.Error("the instance doesn't run")
	}
}

func TestPublicAddressComesWhenTheInstanceRuns(t *testing.T) {
	c := newCloud(t)
	vpc := c.vpc("10.0.0.0/16")
	must[*ec2.ModifyVpcAttributeOutput](t)(c.ec2().ModifyVpcAttribute(ctx, &ec2.ModifyVpcAttributeInput{VpcId: &vpc,
		EnableDnsHostnames: &types.AttributeBooleanValue{Value: aws.Bool(true)}}))
	subnet := c.subnet(vpc, "10.0.0.0/24", "us-east-1a")
	c.attachedGateway(vpc)
	id := *c.run(c.launch("", func(in *ec2.RunInstancesInput) {
		in.SubnetId = nil
		in.NetworkInterfaces = []types.InstanceNetworkInterfaceSpecification{{DeviceIndex: aws.Int32(0), SubnetId: &subnet, AssociatePublicIpAddress: aws.Bool(true)}}
	})).InstanceId
	address := c.address()
	wantCode(t, second(c.ec2().AssociateAddress(ctx, &ec2.AssociateAddressInput{AllocationId: &address, InstanceId: &id})), "InvalidInstanceID")
	if c.instance(id).PublicIpAddress != nil {
		t.Error("a pending instance has a public address")
	}
	c.clock.Advance(c.Config().InstanceDelay)
	i := c.instance(id)
	if i.PublicIpAddress == nil || *i.PublicDnsName != "ec2-"+strings.ReplaceAll(*i.PublicIpAddress, ".", "-")+".compute-1.amazonaws.com" {
		t.Errorf("public address %v, name %v", i.PublicIpAddress, i.PublicDnsName)
	}
	must[*ec2.AssociateAddressOutput](t)(c.ec2().AssociateAddress(ctx, &ec2.AssociateAddressInput{AllocationId: &address, InstanceId: &id}))
	eip := must[*ec2.DescribeAddressesOutput](t)(c.ec2().DescribeAddresses(ctx, &ec2.DescribeAddressesInput{AllocationIds: []string{address}})).Addresses[0]
	if *eip.InstanceId != id || *c.instance(id).PublicIpAddress != *eip.PublicIp {
		t.Errorf("address %+v", eip)
	}
}

func TestGroupsOfInstanceAndInterfaceChange(t *testing.T) {
	c := newCloud(t)
	vpc := c.vpc("10.0.0.0/16")
	subnet := c.subnet(vpc, "10.0.0.0/24", "us-east-1a")
	group := func(name string) string {
		return *must[*ec2.CreateSecurityGroupOutput](t)(c.ec2().CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{GroupName: &name, Description: &name, VpcId: &vpc})).GroupId
	}
	one, two := group("one"), group("two")
	i := c.run(c.launch(subnet, func(in *ec2.RunInstancesInput) { in.SecurityGroupIds = []string{one} }))
	wantCode(t, second(c.ec2().DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: &one})), "DependencyViolation")
	must[*ec2.ModifyInstanceAttributeOutput](t)(c.ec2().ModifyInstanceAttribute(ctx, &ec2.ModifyInstanceAttributeInput{InstanceId: i.InstanceId, Groups: []string{two}}))
	if got := c.instance(*i.InstanceId).SecurityGroups; len(got) != 1 || *got[0].GroupId != two {
		t.Errorf("groups %+v", got)
	}
	must[*ec2.ModifyNetworkInterfaceAttributeOutput](t)(c.ec2().ModifyNetworkInterfaceAttribute(ctx, &ec2.ModifyNetworkInterfaceAttributeInput{
		NetworkInterfaceId: i.NetworkInterfaces[0].NetworkInterfaceId, Groups: []string{one, two}}))
	if got := c.instance(*i.InstanceId).SecurityGroups; len(got) != 2 {
		t.Errorf("groups %+v", got)
	}
	must[*ec2.ModifyInstanceMetadataOptionsOutput](t)(c.ec2().ModifyInstanceMetadataOptions(ctx, &ec2.ModifyInstanceMetadataOptionsInput{InstanceId: i.InstanceId,
		HttpTokens: types.HttpTokensStateRequired}))
	if got := c.instance(*i.InstanceId).MetadataOptions; got.HttpTokens != types.HttpTokensStateRequired || *got.HttpPutResponseHopLimit != 1 {
		t.Errorf("metadata options %+v", got)
	}
}

func TestSpotInstanceHasItsRequest(t *testing.T) {
	c := newCloud(t)
	i := c.run(c.launch(c.zoneSubnet(), func(in *ec2.RunInstancesInput) {
		in.InstanceMarketOptions = &types.InstanceMarketOptionsRequest{MarketType: types.MarketTypeSpot, SpotOptions: &types.SpotMarketOptions{MaxPrice: aws.String("0.5")}}
		in.TagSpecifications = []types.TagSpecification{{ResourceType: types.ResourceTypeSpotInstancesRequest, Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}}}
	}))
	requests := must[*ec2.DescribeSpotInstanceRequestsOutput](t)(c.ec2().DescribeSpotInstanceRequests(ctx, &ec2.DescribeSpotInstanceRequestsInput{})).SpotInstanceRequests
	if i.InstanceLifecycle != types.InstanceLifecycleTypeSpot || len(requests) != 1 || *requests[0].InstanceId != *i.InstanceId || *requests[0].SpotPrice != "0.5" || len(requests[0].Tags) != 1 {
		t.Errorf("instance %+v, requests %+v", i, requests)
	}
	must[*ec2.TerminateInstancesOutput](t)(c.ec2().TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{*i.InstanceId}}))
	if c.count("spot-instances-request") != 0 {
		t.Error("the request is still active")
	}
}

func TestTerminationProtectionHolds(t *testing.T) {
	c := newCloud(t)
	id := *c.run(c.launch(c.zoneSubnet(), func(in *ec2.RunInstancesInput) { in.DisableApiTermination = aws.Bool(true) })).InstanceId
	wantCode(t, second(c.ec2().TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{id}})), "OperationNotPermitted")
	must[*ec2.ModifyInstanceAttributeOutput](t)(c.ec2().ModifyInstanceAttribute(ctx, &ec2.ModifyInstanceAttributeInput{InstanceId: &id,
		DisableApiTermination: &types.AttributeBooleanValue{Value: aws.Bool(false)}}))
	wantCode(t, second(c.ec2().TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{id, "i-0"}})), "InvalidInstanceID.NotFound")
	wantCode(t, second(c.ec2().TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{id}})), "")
}

func TestLaunchThatFindsNoRoomLeavesNothing(t *testing.T) {
	c := newCloud(t)
	subnet := c.subnet(c.vpc("10.0.0.0/16"), "10.0.0.0/28", "us-east-1a") // 11 free addresses
	many := func(least, most int32) *ec2.RunInstancesInput {
		return c.launch(subnet, func(in *ec2.RunInstancesInput) { in.MinCount, in.MaxCount = &least, &most })
	}
	wantCode(t, second(c.ec2().RunInstances(ctx, many(12, 12))), "InsufficientFreeAddressesInSubnet")
	if c.count("instance") != 0 || c.count("network-interface") != 0 || c.count("volume") != 0 {
		t.Fatalf("left %+v", c.Resources("", ""))
	}
	out := must[*ec2.RunInstancesOutput](t)(c.ec2().RunInstances(ctx, many(11, 11)))
	addresses := map[string]bool{}
	for _, i := range out.Instances {
		addresses[*i.PrivateIpAddress] = true
	}
	if len(addresses) != 11 {
		t.Errorf("11 instances have %d addresses", len(addresses))
	}
}

func TestQuotaLetsAsManyStartAsThereIsRoomFor(t *testing.T) {
	c := newCloud(t, func(config *emulator.Config) { config.Quotas = map[string]int{"vcpus": 5} })
	subnet := c.zoneSubnet()
	out := must[*ec2.RunInstancesOutput](t)(c.ec2().RunInstances(ctx, c.launch(subnet, func(in *ec2.RunInstancesInput) { in.MaxCount = aws.Int32(4) })))
	if len(out.Instances) != 2 {
		t.Errorf("%d instances of two vCPUs each, want two", len(out.Instances))
	}
	wantCode(t, second(c.ec2().RunInstances(ctx, c.launch(subnet))), "VcpuLimitExceeded")
	wantCode(t, second(c.ec2().TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{*out.Instances[0].InstanceId}})), "")
	wantCode(t, second(c.ec2().RunInstances(ctx, c.launch(subnet))), "")
}

func TestSettingsOfMachinesChangeWhileTheEmulatorRuns(t *testing.T) {
	c := newCloud(t)
	subnet := c.zoneSubnet()
	c.control("PUT", "config", `{"noCapacity": ["*/us-east-1a"], "instanceDelay": "1m"}`, nil)
	wantCode(t, second(c.ec2().RunInstances(ctx, c.launch(subnet))), "InsufficientInstanceCapacity")
	c.control("PUT", "config", `{"noCapacity": []}`, nil)
	id := *c.run(c.launch(subnet)).InstanceId
	c.clock.Advance(59 * time.Second)
	if got := c.instance(id).State.Name; got != types.InstanceStateNamePending {
		t.Errorf("after 59 s the instance is %s", got)
	}
}

func TestIPv6AddressesFollowTheSubnet(t *testing.T) {
	c := newCloud(t)
	vpc := must[*ec2.CreateVpcOutput](t)(c.ec2().CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16"), AmazonProvidedIpv6CidrBlock: aws.Bool(true)})).Vpc
	block := strings.Replace(*c.describeVPC(*vpc.VpcId).Ipv6CidrBlockAssociationSet[0].Ipv6CidrBlock, "/56", "/64", 1)
	subnet := must[*ec2.CreateSubnetOutput](t)(c.ec2().CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: vpc.VpcId, CidrBlock: aws.String("10.0.0.0/24"), Ipv6CidrBlock: &block})).Subnet
	if i := c.run(c.launch(*subnet.SubnetId)); i.Ipv6Address != nil {
		t.Errorf("address %s without being asked for", *i.Ipv6Address)
	}
	i := c.run(c.launch(*subnet.SubnetId, func(in *ec2.RunInstancesInput) { in.Ipv6AddressCount = aws.Int32(1) }))
	if prefix := strings.TrimSuffix(block, ":/64"); i.Ipv6Address == nil || !strings.HasPrefix(*i.Ipv6Address, prefix) {
		t.Errorf("address %v, want one of %s", i.Ipv6Address, block)
	}
}
