package emulator_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

func TestImagesAreFoundAsPublishersNameThem(t *testing.T) {
	c := newCloud(t)
	for _, test := range []struct {
		owner, name string
		want        int
	}{
		{"819546954734", "capa-ami-ubuntu-24.04-?1.34.2-*", 2},
		{"819546954734", "capa-ami-flatcar-stable-?1.33.1-*", 2},
		{"819546954734", "capa-ami-ubuntu-24.04-?1.99.0-*", 0},
		{"258751437250", "capa-ami-ubuntu-22.04-?1.28.3-*", 2},
		{"099720109477", "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-*", 2},
		{"075585003325", "Flatcar-stable-*-hvm", 6},
		{"self", "*", 0},
	} {
		out := must[*ec2.DescribeImagesOutput](t)(c.ec2().DescribeImages(ctx, &ec2.DescribeImagesInput{Owners: []string{test.owner},
			Filters: []types.Filter{{Name: aws.String("name"), Values: []string{test.name}}}}))
		if len(out.Images) != test.want {
			t.Errorf("%s of %s: %d images, want %d", test.name, test.owner, len(out.Images), test.want)
		}
	}
	wantCode(t, second(c.ec2().DescribeImages(ctx, &ec2.DescribeImagesInput{ImageIds: []string{"ami-00000000000000000"}})), "InvalidAMIID.NotFound")
	own := *must[*ec2.RegisterImageOutput](t)(c.ec2().RegisterImage(ctx, &ec2.RegisterImageInput{Name: aws.String("mine"), Architecture: types.ArchitectureValuesArm64})).ImageId
	out := must[*ec2.DescribeImagesOutput](t)(c.ec2().DescribeImages(ctx, &ec2.DescribeImagesInput{Owners: []string{"self"}}))
	if len(out.Images) != 1 || *out.Images[0].ImageId != own || c.count("image") != 1 {
		t.Errorf("own images %+v", out.Images)
	}
	must[*ec2.DeregisterImageOutput](t)(c.ec2().DeregisterImage(ctx, &ec2.DeregisterImageInput{ImageId: &own}))
}

func TestImageIDsDifferBetweenRegionsAndStayTheSame(t *testing.T) {
	one, two := newCloud(t), newCloud(t)
	if one.image("x86_64") != two.image("x86_64") || one.image("x86_64") == one.image("arm64") {
		t.Error("an image's id is not its own")
	}
	west := ec2.NewFromConfig(one.config("AKIATEST", "eu-west-1"))
	wantCode(t, second(west.DescribeImages(ctx, &ec2.DescribeImagesInput{ImageIds: []string{one.image("x86_64")}})), "InvalidAMIID.NotFound")
}

func TestInstanceTypesSayWhatTheyHave(t *testing.T) {
	c := newCloud(t)
	out := must[*ec2.DescribeInstanceTypesOutput](t)(c.ec2().DescribeInstanceTypes(ctx, &ec2.DescribeInstanceTypesInput{
		InstanceTypes: []types.InstanceType{types.InstanceTypeM6gLarge, types.InstanceTypeG4dnXlarge}})).InstanceTypes
	if len(out) != 2 || *out[0].VCpuInfo.DefaultVCpus != 2 || *out[0].MemoryInfo.SizeInMiB != 8192 || out[0].ProcessorInfo.SupportedArchitectures[0] != types.ArchitectureTypeArm64 ||
		*out[1].GpuInfo.Gpus[0].Count != 1 || *out[1].GpuInfo.Gpus[0].Manufacturer != "NVIDIA" {
		t.Errorf("types %+v", out)
	}
	wantCode(t, second(c.ec2().DescribeInstanceTypes(ctx, &ec2.DescribeInstanceTypesInput{InstanceTypes: []types.InstanceType{"x9.huge"}})), "InvalidInstanceType")
	bare := must[*ec2.DescribeInstanceTypesOutput](t)(c.ec2().DescribeInstanceTypes(ctx, &ec2.DescribeInstanceTypesInput{
		Filters: []types.Filter{{Name: aws.String("bare-metal"), Values: []string{"true"}}}})).InstanceTypes
	if len(bare) != 1 || bare[0].InstanceType != types.InstanceTypeM5Metal {
		t.Errorf("bare metal types %+v", bare)
	}
}

func TestOfferingsFollowZonesAndConfiguration(t *testing.T) {
	c := newCloud(t, func(config *emulator.Config) { config.NotOffered = []string{"t3.large/us-east-1b"} })
	offered := func(name string) int {
		return len(must[*ec2.DescribeInstanceTypeOfferingsOutput](t)(c.ec2().DescribeInstanceTypeOfferings(ctx, &ec2.DescribeInstanceTypeOfferingsInput{
			LocationType: types.LocationTypeAvailabilityZone, Filters: []types.Filter{{Name: aws.String("instance-type"), Values: []string{name}},
				{Name: aws.String("location"), Values: []string{"us-east-1?"}}}})).InstanceTypeOfferings)
	}
	if all, but, rare := offered("t3.medium"), offered("t3.large"), offered("p5.48xlarge"); all != 6 || but != 5 || rare != 2 {
		t.Errorf("t3.medium in %d zones, t3.large in %d, p5.48xlarge in %d; want 6, 5, 2", all, but, rare)
	}
}

func TestHostsHoldInstancesUntilTheyAreReleased(t *testing.T) {
	c := newCloud(t)
	subnet := c.zoneSubnet()
	in := &ec2.AllocateHostsInput{AvailabilityZone: aws.String("us-east-1a"), InstanceType: aws.String("m5.large"), Quantity: aws.Int32(1), ClientToken: aws.String("t")}
	host := must[*ec2.AllocateHostsOutput](t)(c.ec2().AllocateHosts(ctx, in)).HostIds[0]
	if again := must[*ec2.AllocateHostsOutput](t)(c.ec2().AllocateHosts(ctx, in)).HostIds[0]; again != host {
		t.Errorf("the token allocated %s and %s", host, again)
	}
	id := *c.run(c.launch(subnet, func(in *ec2.RunInstancesInput) {
		in.InstanceType, in.Placement = types.InstanceTypeM5Large, &types.Placement{Tenancy: types.TenancyHost}
	})).InstanceId
	if *c.instance(id).Placement.HostId != host {
		t.Errorf("placement %+v", c.instance(id).Placement)
	}
	wantCode(t, second(c.ec2().RunInstances(ctx, c.launch(subnet, func(in *ec2.RunInstancesInput) {
		in.Placement = &types.Placement{Tenancy: types.TenancyHost, HostId: &host}
	}))), "InvalidParameterValue") // a t3.large on a host for m5.large
	if out := must[*ec2.ReleaseHostsOutput](t)(c.ec2().ReleaseHosts(ctx, &ec2.ReleaseHostsInput{HostIds: []string{host}})); len(out.Unsuccessful) != 1 {
		t.Error("an occupied host was released")
	}
	must[*ec2.TerminateInstancesOutput](t)(c.ec2().TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{id}}))
	c.clock.Advance(c.Config().TerminationDelay)
	if out := must[*ec2.ReleaseHostsOutput](t)(c.ec2().ReleaseHosts(ctx, &ec2.ReleaseHostsInput{HostIds: []string{host}})); len(out.Successful) != 1 || c.count("dedicated-host") != 0 {
		t.Errorf("release says %+v", out)
	}
}

func TestCapacityReservationsAreUsedUp(t *testing.T) {
	c := newCloud(t)
	subnet := c.zoneSubnet()
	id := *must[*ec2.CreateCapacityReservationOutput](t)(c.ec2().CreateCapacityReservation(ctx, &ec2.CreateCapacityReservationInput{AvailabilityZone: aws.String("us-east-1a"),
		InstanceType: aws.String("t3.large"), InstanceCount: aws.Int32(1), InstancePlatform: types.CapacityReservationInstancePlatformLinuxUnix,
		InstanceMatchCriteria: types.InstanceMatchCriteriaTargeted})).CapacityReservation.CapacityReservationId
	targeted := func(in *ec2.RunInstancesInput) {
		in.CapacityReservationSpecification = &types.CapacityReservationSpecification{CapacityReservationTarget: &types.CapacityReservationTarget{CapacityReservationId: &id}}
	}
	if i := c.run(c.launch(subnet, targeted)); *i.CapacityReservationId != id {
		t.Errorf("instance %+v", i)
	}
	wantCode(t, second(c.ec2().RunInstances(ctx, c.launch(subnet, targeted))), "ReservationCapacityExceeded")
	left := must[*ec2.DescribeCapacityReservationsOutput](t)(c.ec2().DescribeCapacityReservations(ctx, &ec2.DescribeCapacityReservationsInput{CapacityReservationIds: []string{id}}))
	if *left.CapacityReservations[0].AvailableInstanceCount != 0 {
		t.Errorf("reservation %+v", left.CapacityReservations[0])
	}
}

func TestKeyPairsAndPlacementGroupsAreNamed(t *testing.T) {
	c := newCloud(t)
	wantCode(t, second(c.ec2().DescribeKeyPairs(ctx, &ec2.DescribeKeyPairsInput{KeyNames: []string{"default"}})), "")
	wantCode(t, second(c.ec2().DescribeKeyPairs(ctx, &ec2.DescribeKeyPairsInput{KeyNames: []string{"mine"}})), "InvalidKeyPair.NotFound")
	must[*ec2.ImportKeyPairOutput](t)(c.ec2().ImportKeyPair(ctx, &ec2.ImportKeyPairInput{KeyName: aws.String("mine"), PublicKeyMaterial: []byte("ssh-ed25519 AAAA")}))
	wantCode(t, second(c.ec2().DescribeKeyPairs(ctx, &ec2.DescribeKeyPairsInput{KeyNames: []string{"mine"}})), "")
	wantCode(t, second(c.ec2().DescribePlacementGroups(ctx, &ec2.DescribePlacementGroupsInput{GroupNames: []string{"near"}})), "InvalidPlacementGroup.Unknown")
	must[*ec2.CreatePlacementGroupOutput](t)(c.ec2().CreatePlacementGroup(ctx, &ec2.CreatePlacementGroupInput{GroupName: aws.String("near")}))
	near := func(in *ec2.RunInstancesInput) { in.Placement = &types.Placement{GroupName: aws.String("near")} }
	wantCode(t, second(c.ec2().RunInstances(ctx, c.launch(c.zoneSubnet(), near))), "")
	wantCode(t, second(c.ec2().DeletePlacementGroup(ctx, &ec2.DeletePlacementGroupInput{GroupName: aws.String("near")})), "InvalidPlacementGroup.InUse")
}

func TestVPCsShareTheRegionsDHCPOptions(t *testing.T) {
	c := newCloud(t)
	vpc := c.describeVPC(c.vpc("10.0.0.0/16"))
	if other := c.describeVPC(c.vpc("10.1.0.0/16")); *other.DhcpOptionsId != *vpc.DhcpOptionsId {
		t.Errorf("option sets %s and %s", *vpc.DhcpOptionsId, *other.DhcpOptionsId)
	}
	out := must[*ec2.DescribeDhcpOptionsOutput](t)(c.ec2().DescribeDhcpOptions(ctx, &ec2.DescribeDhcpOptionsInput{DhcpOptionsIds: []string{*vpc.DhcpOptionsId}}))
	if first := out.DhcpOptions[0].DhcpConfigurations[0]; *first.Key != "domain-name" || *first.Values[0].Value != "ec2.internal" {
		t.Errorf("options %+v", out.DhcpOptions[0])
	}
	own := *must[*ec2.CreateDhcpOptionsOutput](t)(c.ec2().CreateDhcpOptions(ctx, &ec2.CreateDhcpOptionsInput{DhcpConfigurations: []types.NewDhcpConfiguration{
		{Key: aws.String("domain-name"), Values: []string{"example.com"}}}})).DhcpOptions.DhcpOptionsId
	must[*ec2.AssociateDhcpOptionsOutput](t)(c.ec2().AssociateDhcpOptions(ctx, &ec2.AssociateDhcpOptionsInput{DhcpOptionsId: &own, VpcId: vpc.VpcId}))
	wantCode(t, second(c.ec2().DeleteDhcpOptions(ctx, &ec2.DeleteDhcpOptionsInput{DhcpOptionsId: &own})), "DependencyViolation")
}

func TestBastionsFindTheirUbuntuByItsDescription(t *testing.T) {
	c := newCloud(t)
	out := must[*ec2.DescribeImagesOutput](t)(c.ec2().DescribeImages(ctx, &ec2.DescribeImagesInput{Owners: []string{"099720109477"}, Filters: []types.Filter{
		{Name: aws.String("description"), Values: []string{"Canonical??Ubuntu??24.04??amd64?noble?image*"}},
		{Name: aws.String("architecture"), Values: []string{"x86_64"}}, {Name: aws.String("state"), Values: []string{"available"}},
		{Name: aws.String("virtualization-type"), Values: []string{"hvm"}},
	}}))
	if len(out.Images) != 2 || *out.Images[0].Description != "Canonical, Ubuntu, 24.04, amd64 noble image" {
		t.Errorf("images %+v", out.Images)
	}
}

func TestDevicesOfOtherNamesAreOtherVolumes(t *testing.T) {
	c := newCloud(t)
	subnet := c.zoneSubnet()
	images := must[*ec2.DescribeImagesOutput](t)(c.ec2().DescribeImages(ctx, &ec2.DescribeImagesInput{Filters: []types.Filter{
		{Name: aws.String("name"), Values: []string{"capa-ami-amazon-2-v1.34.2-*"}}, {Name: aws.String("architecture"), Values: []string{"x86_64"}}}})).Images
	run := func(device string, size int32) (types.Instance, error) {
		out, err := c.ec2().RunInstances(ctx, c.launch(subnet, func(in *ec2.RunInstancesInput) {
			in.ImageId = images[0].ImageId
			in.BlockDeviceMappings = []types.BlockDeviceMapping{{DeviceName: &device, Ebs: &types.EbsBlockDevice{VolumeSize: &size}}}
		}))
		if err != nil {
			return types.Instance{}, err
		}
		return out.Instances[0], nil
	}
	if i := must[types.Instance](t)(run("/dev/xvda", 50)); len(i.BlockDeviceMappings) != 1 || c.size(i, "/dev/xvda") != 50 {
		t.Errorf("the image's own device: %+v", i.BlockDeviceMappings)
	}
	if i := must[types.Instance](t)(run("/dev/sda1", 50)); len(i.BlockDeviceMappings) != 2 || c.size(i, "/dev/xvda") != 8 || c.size(i, "/dev/sda1") != 50 {
		t.Errorf("another device: %+v", i.BlockDeviceMappings)
	}
	wantCode(t, second(run("/dev/xvda", 7)), "InvalidBlockDeviceMapping")
	wantCode(t, second(run("/dev/xvda", 8)), "")
}

// size is that of an instance's volume at a device, 0 if there is none.
func (c *cloud) size(i types.Instance, device string) int32 {
	for _, mapping := range i.BlockDeviceMappings {
		if *mapping.DeviceName == device {
			return *must[*ec2.DescribeVolumesOutput](c.t)(c.ec2().DescribeVolumes(ctx, &ec2.DescribeVolumesInput{VolumeIds: []string{*mapping.Ebs.VolumeId}})).Volumes[0].Size
		}
	}
	return 0
}
