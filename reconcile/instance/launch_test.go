package instance

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/infrastructure"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
)

var now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func ptr[T any](v T) *T { return &v }

func testInfra() *infrastructure.Cluster {
	return &infrastructure.Cluster{Cluster: "c1", Region: "us-east-1", Provisioned: true, VPCID: "vpc-1", IPv6: true, Tags: map[string]string{"cost": "1"},
		Subnets: infrav1.Subnets{
			{ID: "c1-public-a", ResourceID: "subnet-pa", AvailabilityZone: "us-east-1a", IsPublic: true},
			{ID: "c1-private-a", ResourceID: "subnet-a", AvailabilityZone: "us-east-1a"},
			{ID: "c1-pods-b", ResourceID: "subnet-pods", AvailabilityZone: "us-east-1b", Tags: infrav1.Tags{associationTag: associationSecondary}},
			{ID: "c1-private-b", ResourceID: "subnet-b", AvailabilityZone: "us-east-1b", IsIPv6: true},
		},
		Groups: map[infrav1.SecurityGroupRole]string{infrav1.SecurityGroupNode: "sg-node", infrav1.SecurityGroupLB: "sg-lb",
			infrav1.SecurityGroupControlPlane: "sg-cp"}}
}

func testSnapshot() *mirror.Snapshot {
	s := mirror.NewSnapshot(cloud.Scope{Account: "1", Region: "us-east-1"})
	s = mirror.With(s, mirror.Subnets, now,
		ec2types.Subnet{SubnetId: aws.String("subnet-x"), VpcId: aws.String("vpc-1"), AvailabilityZone: aws.String("us-east-1b"),
			State: ec2types.SubnetStateAvailable, Tags: []ec2types.Tag{{Key: aws.String("tier"), Value: aws.String("special/one")}}},
		ec2types.Subnet{SubnetId: aws.String("subnet-y"), VpcId: aws.String("vpc-2"), AvailabilityZone: aws.String("us-east-1b"),
			State: ec2types.SubnetStateAvailable, Tags: []ec2types.Tag{{Key: aws.String("tier"), Value: aws.String("special/one")}}})
	return mirror.With(s, mirror.SecurityGroups, now,
		ec2types.SecurityGroup{GroupId: aws.String("sg-extra"), GroupName: aws.String("extra"), VpcId: aws.String("vpc-1")},
		ec2types.SecurityGroup{GroupId: aws.String("sg-elsewhere"), GroupName: aws.String("elsewhere"), VpcId: aws.String("vpc-2")})
}

func TestSubnetFollowsTheRules(t *testing.T) {
	filter := func(name string, values ...string) *infrav1.AWSResourceReference {
		return &infrav1.AWSResourceReference{Filters: []infrav1.Filter{{Name: name, Values: values}}}
	}
	for _, x := range []struct {
		name, domain string
		spec         infrav1.AWSMachineSpec
		want, err    string
	}{
		{name: "the first private one", want: "subnet-a"},
		{name: "the private one of the zone, none for pods", domain: "us-east-1b", want: "subnet-b"},
		{name: "a public one for a public address", spec: infrav1.AWSMachineSpec{PublicIP: aws.Bool(true)}, want: "subnet-pa"},
		{name: "no public one in the zone", domain: "us-east-1b", spec: infrav1.AWSMachineSpec{PublicIP: aws.Bool(true)}, err: "no public subnet in failure domain us-east-1b"},
		{name: "no such zone", domain: "us-east-1z", err: "no private subnet in failure domain us-east-1z"},
		{name: "the named one", domain: "us-east-1b", spec: infrav1.AWSMachineSpec{Subnet: &infrav1.AWSResourceReference{ID: aws.String("c1-private-b")}}, want: "subnet-b"},
		{name: "the named one outside the spec", spec: infrav1.AWSMachineSpec{Subnet: &infrav1.AWSResourceReference{ID: aws.String("subnet-x")}}, want: "subnet-x"},
		{name: "the named one in another zone than the failure domain", domain: "us-east-1a", spec: infrav1.AWSMachineSpec{Subnet: &infrav1.AWSResourceReference{ID: aws.String("c1-private-b")}},
			err: "subnet subnet-b of spec.subnet is in us-east-1b, and the Machine's failure domain is us-east-1a"},
		{name: "the named one outside the spec in another zone", domain: "us-east-1a", spec: infrav1.AWSMachineSpec{Subnet: &infrav1.AWSResourceReference{ID: aws.String("subnet-x")}},
			err: "is in us-east-1b"},
		{name: "a private one for a public address", spec: infrav1.AWSMachineSpec{PublicIP: aws.Bool(true), Subnet: &infrav1.AWSResourceReference{ID: aws.String("subnet-a")}},
			err: "subnet subnet-a of spec.subnet is private"},
		{name: "a public one for a public address, by id", spec: infrav1.AWSMachineSpec{PublicIP: aws.Bool(true), Subnet: &infrav1.AWSResourceReference{ID: aws.String("subnet-pa")}}, want: "subnet-pa"},
		{name: "one that the cluster doesn't list for a public address", spec: infrav1.AWSMachineSpec{PublicIP: aws.Bool(true), Subnet: &infrav1.AWSResourceReference{ID: aws.String("subnet-x")}},
			err: "subnet-x of spec.subnet is none of the AWSCluster's"},
		{name: "the named one doesn't exist", spec: infrav1.AWSMachineSpec{Subnet: &infrav1.AWSResourceReference{ID: aws.String("subnet-none")}}, err: "doesn't exist"},
		{name: "the one that passes, in the VPC", spec: infrav1.AWSMachineSpec{Subnet: filter("tag:tier", "special/*")}, want: "subnet-x"},
		{name: "none that passes in the zone", domain: "us-east-1a", spec: infrav1.AWSMachineSpec{Subnet: filter("tag:tier", "special/*")}, err: "is in us-east-1b, and the Machine's failure domain is us-east-1a"},
		{name: "none that passes at all", spec: infrav1.AWSMachineSpec{Subnet: filter("tag:tier", "plain")}, err: "no subnet passes the filters of spec.subnet in VPC vpc-1"},
		{name: "one in another VPC that the filters name", spec: infrav1.AWSMachineSpec{Subnet: filter("vpc-id", "vpc-2")}, want: "subnet-y"},
		{name: "the cluster's VPC first, if the filters leave the choice", spec: infrav1.AWSMachineSpec{Subnet: filter("vpc-id", "vpc-*")}, want: "subnet-x"},
		{name: "none in the region that the filters name", spec: infrav1.AWSMachineSpec{Subnet: filter("vpc-id", "vpc-3")}, err: "no subnet passes the filters of spec.subnet in us-east-1"},
		{name: "one that passes and is private, for a public address", spec: infrav1.AWSMachineSpec{PublicIP: aws.Bool(true), Subnet: filter("tag:tier", "special/*")}, err: "none of the AWSCluster's"},
		{name: "a filter that isn't known", spec: infrav1.AWSMachineSpec{Subnet: filter("colour", "red")}, err: `the filter "colour" is not supported`},
	} {
		t.Run(x.name, func(t *testing.T) {
			got, err := ChooseSubnet(&x.spec, testInfra(), x.domain, nil, testSnapshot())
			if got.ID != x.want || (err == nil) != (x.err == "") || err != nil && !strings.Contains(err.Error(), x.err) {
				t.Errorf("subnet %q, error %v; want %q, %q", got.ID, err, x.want, x.err)
			}
		})
	}
}

func TestAMachineInAnotherVPCNeedsGroupsThere(t *testing.T) {
	spec := infrav1.AWSMachineSpec{Subnet: &infrav1.AWSResourceReference{Filters: []infrav1.Filter{{Name: "vpc-id", Values: []string{"vpc-2"}}}}}
	s, err := ChooseSubnet(&spec, testInfra(), "", nil, testSnapshot())
	if err != nil {
		t.Fatal(err)
	}
	err = s.Reaches(&spec, testInfra(), false)
	if err == nil || !strings.Contains(err.Error(), "securityGroupOverrides.node") || !strings.Contains(err.Error(), "vpc-2") {
		t.Errorf("the error is %v", err)
	}
	spec.SecurityGroupOverrides = map[infrav1.SecurityGroupRole]string{infrav1.SecurityGroupNode: "sg-1", infrav1.SecurityGroupLB: "sg-1"}
	if err := s.Reaches(&spec, testInfra(), false); err != nil {
		t.Errorf("with groups there: %v", err)
	}
}

func TestSecurityGroupsFollowTheRole(t *testing.T) {
	for _, x := range []struct {
		name         string
		controlPlane bool
		external     bool
		spec         infrav1.AWSMachineSpec
		want         []string
		err          string
	}{
		{name: "worker", want: []string{"sg-node", "sg-lb"}},
		{name: "control plane", controlPlane: true, want: []string{"sg-node", "sg-lb", "sg-cp"}},
		{name: "override", spec: infrav1.AWSMachineSpec{SecurityGroupOverrides: map[infrav1.SecurityGroupRole]string{infrav1.SecurityGroupNode: "sg-own"}},
			want: []string{"sg-own", "sg-lb"}},
		{name: "additional ones by id and filter", spec: infrav1.AWSMachineSpec{AdditionalSecurityGroups: []infrav1.AWSResourceReference{
			{ID: aws.String("sg-1")}, {Filters: []infrav1.Filter{{Name: "group-name", Values: []string{"ext*"}}}}}},
			want: []string{"sg-node", "sg-lb", "sg-1", "sg-extra"}},
		{name: "one in another VPC that a filter names", spec: infrav1.AWSMachineSpec{AdditionalSecurityGroups: []infrav1.AWSResourceReference{
			{Filters: []infrav1.Filter{{Name: "vpc-id", Values: []string{"vpc-2"}}}}}}, want: []string{"sg-node", "sg-lb", "sg-elsewhere"}},
		{name: "none in another VPC that no filter names", spec: infrav1.AWSMachineSpec{AdditionalSecurityGroups: []infrav1.AWSResourceReference{
			{Filters: []infrav1.Filter{{Name: "group-name", Values: []string{"elsewhere"}}}}}}, err: "no security group passes the filters of spec.additionalSecurityGroups in VPC vpc-1"},
		{name: "somebody else's infrastructure", external: true, spec: infrav1.AWSMachineSpec{AdditionalSecurityGroups: []infrav1.AWSResourceReference{{ID: aws.String("sg-1")}}},
			want: []string{"sg-1"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			infra := testInfra()
			infra.External = x.external
			got, waits, err := Groups(&x.spec, infra, x.controlPlane, nil, testSnapshot())
			if diff := cmp.Diff(x.want, got); diff != "" || waits != "" || (err == nil) != (x.err == "") || err != nil && !strings.Contains(err.Error(), x.err) {
				t.Errorf("waits %q, error %v: %s", waits, err, diff)
			}
		})
	}
	infra := testInfra()
	delete(infra.Groups, infrav1.SecurityGroupLB)
	if _, waits, _ := Groups(&infrav1.AWSMachineSpec{}, infra, false, nil, testSnapshot()); !strings.Contains(waits, "security group lb") {
		t.Errorf("a missing group is waited for as %q", waits)
	}
}

func TestImagesAreLookedUpAsPublished(t *testing.T) {
	eks := func(k infrav1.EKSAMILookupType) infrav1.AWSMachineSpec {
		return infrav1.AWSMachineSpec{AMI: infrav1.AMIReference{EKSOptimizedLookupType: &k}}
	}
	for _, x := range []struct {
		name, version, arch, eks, bootstrap string
		spec                                infrav1.AWSMachineSpec
		want                                cloud.ImageQuery
		err                                 string
	}{
		{name: "by default", version: "v1.32.4", arch: "x86_64", want: cloud.ImageQuery{Owner: defaultImageOwner, Name: "capa-ami-ubuntu-24.04-?1.32.4-*", Architecture: "x86_64"}},
		{name: "by id", spec: infrav1.AWSMachineSpec{AMI: infrav1.AMIReference{ID: aws.String("ami-1")}}, want: cloud.ImageQuery{ID: "ami-1"}},
		{name: "as the machine says", version: "v1.32.4", arch: "arm64",
			spec: infrav1.AWSMachineSpec{ImageLookupFormat: "{{.BaseOS}}/{{.K8sVersion}}", ImageLookupOrg: "7", ImageLookupBaseOS: "flatcar"},
			want: cloud.ImageQuery{Owner: "7", Name: "flatcar/1.32.4", Architecture: "arm64"}},
		{name: "EKS", version: "v1.31", arch: "arm64", spec: eks(infrav1.EKSAMILookupAmazonLinux2023),
			want: cloud.ImageQuery{Parameter: "/aws/service/eks/optimized-ami/1.31/amazon-linux-2023/arm64/standard/recommended/image_id"}},
		{name: "EKS with GPU", version: "v1.31.2", arch: "x86_64", spec: eks(infrav1.EKSAMILookupAmazonLinuxGPU),
			want: cloud.ImageQuery{Parameter: "/aws/service/eks/optimized-ami/1.31/amazon-linux-2-gpu/recommended/image_id"}},
		{name: "EKS with Neuron", version: "v1.34.0", arch: "x86_64", spec: eks(infrav1.EKSAMILookupAmazonLinux2023Neuron),
			want: cloud.ImageQuery{Parameter: "/aws/service/eks/optimized-ami/1.34/amazon-linux-2023/x86_64/neuron/recommended/image_id"}},
		{name: "EKS with Neuron for other processors", version: "v1.34.0", arch: "arm64", spec: eks(infrav1.EKSAMILookupAmazonLinux2023Neuron), err: "choose an instance type of x86_64"},
		{name: "EKS of Amazon Linux 2", version: "v1.32.1", arch: "arm64", spec: eks(infrav1.EKSAMILookupAmazonLinux),
			want: cloud.ImageQuery{Parameter: "/aws/service/eks/optimized-ami/1.32/amazon-linux-2-arm64/recommended/image_id"}},
		{name: "EKS of Amazon Linux 2 after its end", version: "v1.33.1", arch: "arm64", spec: eks(infrav1.EKSAMILookupAmazonLinux), err: "set ami.eksLookupType AmazonLinux2023, with a NodeadmConfig"},
		{name: "Bottlerocket", version: "v1.34.3-eks-cb19647", arch: "arm64", spec: eks(infrav1.EKSAMILookupBottlerocket),
			want: cloud.ImageQuery{Parameter: "/aws/service/bottlerocket/aws-k8s-1.34/arm64/latest/image_id"}},
		{name: "Bottlerocket with GPU", version: "v1.34.3", arch: "x86_64", spec: eks(infrav1.EKSAMILookupBottlerocketGPU),
			want: cloud.ImageQuery{Parameter: "/aws/service/bottlerocket/aws-k8s-1.34-nvidia/x86_64/latest/image_id"}},
		{name: "Windows", version: "v1.34.3", arch: "x86_64", spec: eks(infrav1.EKSAMILookupWindows2022Core),
			want: cloud.ImageQuery{Parameter: "/aws/service/ami-windows-latest/Windows_Server-2022-English-Core-EKS_Optimized-1.34/image_id"}},
		{name: "nothing said in EKS", version: "v1.34", arch: "x86_64", eks: "e",
			want: cloud.ImageQuery{Parameter: "/aws/service/eks/optimized-ami/1.34/amazon-linux-2023/x86_64/standard/recommended/image_id"}},
		{name: "nothing said in EKS beside an EKSConfig", version: "v1.32", arch: "x86_64", eks: "e", bootstrap: "EKSConfig",
			want: cloud.ImageQuery{Parameter: "/aws/service/eks/optimized-ami/1.32/amazon-linux-2/recommended/image_id"}},
		{name: "images of one's own in EKS", version: "v1.32.4", arch: "x86_64", eks: "e", spec: infrav1.AWSMachineSpec{ImageLookupOrg: "7"},
			want: cloud.ImageQuery{Owner: "7", Name: "capa-ami-ubuntu-24.04-?1.32.4-*", Architecture: "x86_64"}},
		{name: "without version", arch: "x86_64", err: "Kubernetes version"},
		{name: "unknown type", version: "v1.32.4", err: "isn't offered"},
		{name: "broken pattern", version: "v1.32.4", arch: "x86_64", spec: infrav1.AWSMachineSpec{ImageLookupFormat: "{{"}, err: "imageLookupFormat"},
	} {
		t.Run(x.name, func(t *testing.T) {
			infra := testInfra()
			infra.EKS = x.eks
			got, err := ImageQuery(&x.spec, infra, Runs{Version: x.version, Architecture: x.arch, BootstrapKind: x.bootstrap})
			if got != x.want || (err == nil) != (x.err == "") || err != nil && !strings.Contains(err.Error(), x.err) {
				t.Errorf("%+v, error %v; want %+v, %q", got, err, x.want, x.err)
			}
		})
	}
}

// wishes are parts of the spec and what they make of the call.
var wishes = []struct {
	name string
	spec infrav1.AWSMachineSpec
	is   func(*ec2.RunInstancesInput) bool
}{
	{"profile", infrav1.AWSMachineSpec{IAMInstanceProfile: "p"}, func(in *ec2.RunInstancesInput) bool { return *in.IamInstanceProfile.Name == "p" }},
	{"no key", infrav1.AWSMachineSpec{SSHKeyName: aws.String("")}, func(in *ec2.RunInstancesInput) bool { return in.KeyName == nil }},
	{"default key", infrav1.AWSMachineSpec{}, func(in *ec2.RunInstancesInput) bool { return *in.KeyName == "default" }},
	{"spot", infrav1.AWSMachineSpec{SpotMarketOptions: &infrav1.SpotMarketOptions{MaxPrice: aws.String("0.5")}}, func(in *ec2.RunInstancesInput) bool {
		o := in.InstanceMarketOptions
		return o.MarketType == ec2types.MarketTypeSpot && *o.SpotOptions.MaxPrice == "0.5" && o.SpotOptions.SpotInstanceType == ec2types.SpotInstanceTypeOneTime
	}},
	{"capacity block", infrav1.AWSMachineSpec{MarketType: infrav1.MarketTypeCapacityBlock, CapacityReservationID: aws.String("cr-1")}, func(in *ec2.RunInstancesInput) bool {
		return in.InstanceMarketOptions.MarketType == ec2types.MarketTypeCapacityBlock &&
			*in.CapacityReservationSpecification.CapacityReservationTarget.CapacityReservationId == "cr-1"
	}},
	{"reservations only", infrav1.AWSMachineSpec{CapacityReservationPreference: infrav1.CapacityReservationPreferenceOnly}, func(in *ec2.RunInstancesInput) bool {
		return in.CapacityReservationSpecification.CapacityReservationPreference == ec2types.CapacityReservationPreferenceCapacityReservationsOnly
	}},
	{"placement", infrav1.AWSMachineSpec{PlacementGroupName: "g", PlacementGroupPartition: 3, Tenancy: infrav1.InstanceTenancyDedicated}, func(in *ec2.RunInstancesInput) bool {
		return *in.Placement.GroupName == "g" && *in.Placement.PartitionNumber == 3 && in.Placement.Tenancy == ec2types.TenancyDedicated
	}},
	{"no placement", infrav1.AWSMachineSpec{}, func(in *ec2.RunInstancesInput) bool { return in.Placement == nil }},
	{"metadata", infrav1.AWSMachineSpec{InstanceMetadataOptions: &infrav1.InstanceMetadataOptions{HTTPTokens: infrav1.HTTPTokensRequired, HTTPPutResponseHopLimit: 2}},
		func(in *ec2.RunInstancesInput) bool {
			return in.MetadataOptions.HttpTokens == ec2types.HttpTokensStateRequired && *in.MetadataOptions.HttpPutResponseHopLimit == 2
		}},
	{"processor", infrav1.AWSMachineSpec{CPUOptions: &infrav1.CPUOptions{ConfidentialCompute: infrav1.ConfidentialComputeSEVSNP, NestedVirtualization: "enabled"}},
		func(in *ec2.RunInstancesInput) bool {
			return in.CpuOptions.AmdSevSnp == ec2types.AmdSevSnpSpecificationEnabled && in.CpuOptions.NestedVirtualization == "enabled"
		}},
	{"private name", infrav1.AWSMachineSpec{PrivateDNSName: &infrav1.PrivateDNSName{EnableResourceNameDNSARecord: aws.Bool(true)}}, func(in *ec2.RunInstancesInput) bool {
		return *in.PrivateDnsNameOptions.EnableResourceNameDnsARecord
	}},
	{"volumes", infrav1.AWSMachineSpec{RootVolume: &infrav1.Volume{Size: 50, Type: "gp3", Throughput: aws.Int64(200), EncryptionKey: "k"},
		NonRootVolumes: []infrav1.Volume{{DeviceName: "/dev/sdb", Size: 9, Type: "io1", IOPS: 300}}}, func(in *ec2.RunInstancesInput) bool {
		root, other := in.BlockDeviceMappings[0], in.BlockDeviceMappings[1]
		return *root.DeviceName == "/dev/sda1" && *root.Ebs.VolumeSize == 50 && *root.Ebs.Throughput == 200 && *root.Ebs.Encrypted && *root.Ebs.KmsKeyId == "k" &&
			*root.Ebs.DeleteOnTermination && *other.DeviceName == "/dev/sdb" && *other.Ebs.Iops == 300
	}},
	{"own interfaces", infrav1.AWSMachineSpec{NetworkInterfaces: []string{"eni-1", "eni-2"}}, func(in *ec2.RunInstancesInput) bool {
		return len(in.NetworkInterfaces) == 2 && *in.NetworkInterfaces[1].DeviceIndex == 1 && len(in.TagSpecifications) == 2
	}},
	{"the image's own root device, whatever the name", infrav1.AWSMachineSpec{RootVolume: &infrav1.Volume{Size: 50, DeviceName: "/dev/xvda"}}, func(in *ec2.RunInstancesInput) bool {
		return len(in.BlockDeviceMappings) == 1 && *in.BlockDeviceMappings[0].DeviceName == "/dev/sda1"
	}},
	{"primary IPv6 address", infrav1.AWSMachineSpec{}, func(in *ec2.RunInstancesInput) bool { return *in.NetworkInterfaces[0].PrimaryIpv6 }},
	{"no primary IPv6 address", infrav1.AWSMachineSpec{AssignPrimaryIPv6: ptr(infrav1.PrimaryIPv6AssignmentDisabled)}, func(in *ec2.RunInstancesInput) bool {
		return !*in.NetworkInterfaces[0].PrimaryIpv6 && *in.NetworkInterfaces[0].Ipv6AddressCount == 1
	}},
	{"an address from a pool, and none of Amazon's before", infrav1.AWSMachineSpec{PublicIP: aws.Bool(true), ElasticIPPool: &infrav1.ElasticIPPool{}}, func(in *ec2.RunInstancesInput) bool {
		return !*in.NetworkInterfaces[0].AssociatePublicIpAddress
	}},
	{"fabric adapter and IPv6", infrav1.AWSMachineSpec{NetworkInterfaceType: infrav1.NetworkInterfaceTypeEFA}, func(in *ec2.RunInstancesInput) bool {
		return *in.NetworkInterfaces[0].InterfaceType == "efa" && *in.NetworkInterfaces[0].Ipv6AddressCount == 1 && len(in.TagSpecifications) == 3
	}},
}

func testLaunch(spec *infrav1.AWSMachineSpec) Launch {
	return Launch{UID: "u", Name: "m", Spec: spec, Infra: testInfra(), Tags: Tags(testInfra(), spec, names.Owner{UID: "u"}, "m", "default/m", false),
		Subnet: Subnet{ID: "subnet-b", IPv6: true}, Groups: []string{"sg-node"}, ImageID: "ami-1", UserData: []byte("data"),
		Image: &ec2types.Image{ImageId: aws.String("ami-1"), RootDeviceName: aws.String("/dev/sda1"), BlockDeviceMappings: []ec2types.BlockDeviceMapping{
			{DeviceName: aws.String("/dev/sda1"), Ebs: &ec2types.EbsBlockDevice{VolumeSize: aws.Int32(20)}}}}}
}

func TestWishesAreInTheCallAndTheCallIsAlwaysTheSame(t *testing.T) {
	for _, x := range wishes {
		t.Run(x.name, func(t *testing.T) {
			one, two := testLaunch(&x.spec), testLaunch(&x.spec)
			first, err := one.Input()
			if err != nil || !x.is(first) {
				t.Errorf("the call is %+v (%v)", first, err)
			}
			second, _ := two.Input()
			if !reflect.DeepEqual(first, second) {
				t.Errorf("a repeated call differs: %+v, then %+v", first, second)
			}
		})
	}
}

// TestASubnetsIPv6BlockAloneAsksForNoAddress: a VPC that is brought along has such
// blocks, and the cluster may want nothing of them.
func TestASubnetsIPv6BlockAloneAsksForNoAddress(t *testing.T) {
	for _, x := range []struct {
		name    string
		cluster bool
		spec    infrav1.AWSMachineSpec
		want    bool
	}{
		{name: "nobody asks"},
		{name: "the cluster does", cluster: true, want: true},
		{name: "the machine does", spec: infrav1.AWSMachineSpec{AssignPrimaryIPv6: ptr(infrav1.PrimaryIPv6AssignmentEnabled)}, want: true},
		{name: "the machine says no", spec: infrav1.AWSMachineSpec{AssignPrimaryIPv6: ptr(infrav1.PrimaryIPv6AssignmentDisabled)}},
	} {
		l := testLaunch(&x.spec)
		l.Infra.IPv6 = x.cluster
		in, err := l.Input()
		if n := in.NetworkInterfaces[0]; err != nil || (n.Ipv6AddressCount != nil) != x.want || (n.PrimaryIpv6 != nil) != x.want {
			t.Errorf("%s: the interface is %+v (%v)", x.name, n, err)
		}
	}
}

func TestRootVolumeMustHoldTheImage(t *testing.T) {
	l := testLaunch(&infrav1.AWSMachineSpec{RootVolume: &infrav1.Volume{Size: 10}})
	if _, err := l.Input(); err == nil || !strings.Contains(err.Error(), "needs 20") {
		t.Errorf("the error is %v", err)
	}
}

func TestMachinesTagsWinOverTheClustersAndNeverOverOwnership(t *testing.T) {
	spec := &infrav1.AWSMachineSpec{AdditionalTags: infrav1.Tags{"cost": "2", "sigs.k8s.io/cluster-api-provider-aws/cluster/c1": "shared"}}
	tags := Tags(testInfra(), spec, names.Owner{UID: "u"}, "m", "default/m", true)
	for key, want := range map[string]string{"cost": "2", "sigs.k8s.io/cluster-api-provider-aws/cluster/c1": "owned", "Name": "m",
		"kubernetes.io/cluster/c1": "owned", "sigs.k8s.io/cluster-api-provider-aws/role": "control-plane", "MachineName": "default/m"} {
		if tags[key] != want {
			t.Errorf("%s is %q, want %q", key, tags[key], want)
		}
	}
}
