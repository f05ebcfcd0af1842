// Package instance plans EC2 instances: the choice of image, subnet and security
// groups, the launch, what is put right later, and what is told of an instance.
// All of it but the handlers is pure.
package instance

import (
	"encoding/base64"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/infrastructure"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
)

// The values of the role tag.
const (
	RoleControlPlane = "control-plane"
	RoleNode         = "node"
)

// tagMachineName tells which Machine an instance is, as NAMESPACE/NAME.
const tagMachineName = "MachineName"

// defaultSSHKey is the key pair of machines of which nobody says otherwise.
const defaultSSHKey = "default"

// Launch is all that a launch is made of.
type Launch struct {
	// UID is that of the object which wants the instance: it makes the launch
	// idempotent.
	UID  string
	Name string
	Spec *infrav1.AWSMachineSpec
	// Tags of the instance, its volumes and its interfaces.
	Tags   map[string]string
	Infra  *infrastructure.Cluster
	Subnet Subnet
	Groups []string
	// ImageID is set; Image too where NeedsImage says so.
	ImageID  string
	Image    *ec2types.Image
	UserData []byte
	// HostID is the dedicated host to launch on, or "".
	HostID string
}

// Tags returns the tags of a machine's instance, volumes and interfaces.
func Tags(infra *infrastructure.Cluster, spec *infrav1.AWSMachineSpec, owner names.Owner, name, machineName string, controlPlane bool) map[string]string {
	role := RoleNode
	if controlPlane {
		role = RoleControlPlane
	}
	owner.Cluster, owner.Additional = infra.Cluster, infra.Tags
	extra := map[string]string{}
	for k, v := range spec.AdditionalTags {
		extra[k] = v
	}
	extra[names.TagCloudProviderPrefix+infra.KubernetesName()] = names.Owned
	extra[tagMachineName] = machineName
	return owner.Tags(name, role, extra)
}

// Token returns the client token of an object's launch. AWS keeps it for a day
// and more after the instance's end, so that a repeated launch is the same one.
func Token(uid string) string { return names.Token(uid, "instance") }

// Input returns the call. The error says what of the wishes can't be.
func (l *Launch) Input() (*ec2.RunInstancesInput, error) {
	devices, err := l.devices()
	if err != nil {
		return nil, err
	}
	in := &ec2.RunInstancesInput{
		MinCount: aws.Int32(1), MaxCount: aws.Int32(1), ClientToken: aws.String(Token(l.UID)),
		ImageId: aws.String(l.ImageID), InstanceType: ec2types.InstanceType(l.Spec.InstanceType),
		NetworkInterfaces: l.interfaces(), BlockDeviceMappings: devices,
		KeyName: SSHKey(l.Spec.SSHKeyName, l.Infra.SSHKeyName), Placement: l.placement(), InstanceMarketOptions: l.market(),
		CapacityReservationSpecification: l.reservation(), MetadataOptions: metadata(l.Spec.InstanceMetadataOptions),
		CpuOptions: l.cpu(), PrivateDnsNameOptions: l.privateDNS(),
	}
	if len(l.UserData) > 0 {
		in.UserData = aws.String(base64.StdEncoding.EncodeToString(l.UserData))
	}
	if p := l.Spec.IAMInstanceProfile; p != "" {
		in.IamInstanceProfile = &ec2types.IamInstanceProfileSpecification{Name: aws.String(p)}
	}
	for _, kind := range []ec2types.ResourceType{ec2types.ResourceTypeInstance, ec2types.ResourceTypeVolume, ec2types.ResourceTypeNetworkInterface} {
		if kind == ec2types.ResourceTypeNetworkInterface && len(l.Spec.NetworkInterfaces) > 0 {
			continue // the user's interfaces are not made here
		}
		in.TagSpecifications = append(in.TagSpecifications, ec2types.TagSpecification{ResourceType: kind, Tags: TagList(l.Tags)})
	}
	return in, nil
}

// TagList returns the tags in the order of their keys.
func TagList(tags map[string]string) []ec2types.Tag {
	var list []ec2types.Tag
	for _, k := range names.SortedKeys(tags) {
		list = append(list, ec2types.Tag{Key: aws.String(k), Value: aws.String(tags[k])})
	}
	return list
}

// interfaces returns the user's interfaces, or one that is made for the instance.
func (l *Launch) interfaces() []ec2types.InstanceNetworkInterfaceSpecification {
	if len(l.Spec.NetworkInterfaces) > 0 {
		var list []ec2types.InstanceNetworkInterfaceSpecification
		for i, id := range l.Spec.NetworkInterfaces {
			list = append(list, ec2types.InstanceNetworkInterfaceSpecification{NetworkInterfaceId: aws.String(id), DeviceIndex: aws.Int32(int32(i))})
		}
		return list
	}
	n := ec2types.InstanceNetworkInterfaceSpecification{
		DeviceIndex: aws.Int32(0), SubnetId: aws.String(l.Subnet.ID), Groups: l.Groups, DeleteOnTermination: aws.Bool(true),
	}
	n.AssociatePublicIpAddress = l.Spec.PublicIP
	if l.Spec.ElasticIPPool != nil {
		// The address comes from the pool. One of Amazon's before that, which public
		// subnets give, would be the one that the node registers with.
		n.AssociatePublicIpAddress = aws.Bool(false)
	}
	if l.Spec.NetworkInterfaceType == infrav1.NetworkInterfaceTypeEFA {
		n.InterfaceType = aws.String(string(infrav1.NetworkInterfaceTypeEFA))
	}
	if l.wantsIPv6() {
		n.Ipv6AddressCount = aws.Int32(1)
		// A target group of IPv6 takes instances by their primary address only.
		a := l.Spec.AssignPrimaryIPv6
		n.PrimaryIpv6 = aws.Bool(a == nil || *a == infrav1.PrimaryIPv6AssignmentEnabled)
	}
	return []ec2types.InstanceNetworkInterfaceSpecification{n}
}

// wantsIPv6 tells whether the instance gets an address of the newer kind: where the
// cluster says that it uses them, or the machine does. That a subnet has a block of
// them isn't reason enough: there are instance types without.
func (l *Launch) wantsIPv6() bool {
	asked := l.Spec.AssignPrimaryIPv6 != nil && *l.Spec.AssignPrimaryIPv6 == infrav1.PrimaryIPv6AssignmentEnabled
	return l.Subnet.IPv6 && (l.Infra.IPv6 || asked)
}

func (l *Launch) devices() ([]ec2types.BlockDeviceMapping, error) {
	var list []ec2types.BlockDeviceMapping
	if v := l.Spec.RootVolume; v != nil {
		// Under any other name it would be a volume beside the image's.
		name := first(aws.ToString(l.Image.RootDeviceName), v.DeviceName)
		if name == "" {
			return nil, fmt.Errorf("image %s doesn't say what its root device is called: set spec.rootVolume.deviceName", l.ImageID)
		}
		if size := snapshotSize(l.Image); int64(size) > v.Size {
			return nil, fmt.Errorf("spec.rootVolume.size is %d GiB, and image %s needs %d", v.Size, l.ImageID, size)
		}
		list = append(list, device(name, v))
	}
	for i := range l.Spec.NonRootVolumes {
		v := &l.Spec.NonRootVolumes[i]
		list = append(list, device(v.DeviceName, v))
	}
	return list, nil
}

// snapshotSize returns how large the image's root volume is, in GiB.
func snapshotSize(image *ec2types.Image) int32 {
	for _, d := range image.BlockDeviceMappings {
		if d.Ebs != nil && aws.ToString(d.DeviceName) == aws.ToString(image.RootDeviceName) {
			return aws.ToInt32(d.Ebs.VolumeSize)
		}
	}
	return 0
}

func device(name string, v *infrav1.Volume) ec2types.BlockDeviceMapping {
	ebs := &ec2types.EbsBlockDevice{VolumeSize: aws.Int32(int32(v.Size)), DeleteOnTermination: aws.Bool(true),
		VolumeType: ec2types.VolumeType(v.Type), Encrypted: v.Encrypted}
	if v.IOPS != 0 {
		ebs.Iops = aws.Int32(int32(v.IOPS))
	}
	if v.Throughput != nil {
		ebs.Throughput = aws.Int32(int32(*v.Throughput))
	}
	if v.EncryptionKey != "" {
		ebs.Encrypted, ebs.KmsKeyId = aws.Bool(true), aws.String(v.EncryptionKey)
	}
	return ec2types.BlockDeviceMapping{DeviceName: aws.String(name), Ebs: ebs}
}

// SSHKey returns the first key pair that is given, else the one of the usual name.
// An empty name is none.
func SSHKey(given ...*string) *string {
	for _, key := range given {
		if key != nil && *key == "" {
			return nil
		}
		if key != nil {
			return key
		}
	}
	return aws.String(defaultSSHKey)
}

func (l *Launch) placement() *ec2types.Placement {
	p := ec2types.Placement{Tenancy: ec2types.Tenancy(l.Spec.Tenancy)}
	if l.Spec.PlacementGroupName != "" {
		p.GroupName = aws.String(l.Spec.PlacementGroupName)
	}
	if n := l.Spec.PlacementGroupPartition; n != 0 {
		p.PartitionNumber = aws.Int32(int32(n))
	}
	if l.HostID != "" {
		p.HostId = aws.String(l.HostID)
	}
	if a := l.Spec.HostAffinity; a != nil && l.Spec.Tenancy == infrav1.InstanceTenancyHost {
		p.Affinity = aws.String(string(*a))
	}
	if p == (ec2types.Placement{}) {
		return nil
	}
	return &p
}

// Interruptible tells whether AWS may take the instance back.
func Interruptible(spec *infrav1.AWSMachineSpec) bool {
	return spec.SpotMarketOptions != nil || spec.MarketType == infrav1.MarketTypeSpot
}

func (l *Launch) market() *ec2types.InstanceMarketOptionsRequest {
	switch {
	case Interruptible(l.Spec):
		spot := &ec2types.SpotMarketOptions{SpotInstanceType: ec2types.SpotInstanceTypeOneTime,
			InstanceInterruptionBehavior: ec2types.InstanceInterruptionBehaviorTerminate}
		if o := l.Spec.SpotMarketOptions; o != nil && aws.ToString(o.MaxPrice) != "" {
			spot.MaxPrice = o.MaxPrice
		}
		return &ec2types.InstanceMarketOptionsRequest{MarketType: ec2types.MarketTypeSpot, SpotOptions: spot}
	case l.Spec.MarketType == infrav1.MarketTypeCapacityBlock:
		return &ec2types.InstanceMarketOptionsRequest{MarketType: ec2types.MarketTypeCapacityBlock}
	}
	return nil
}

func (l *Launch) reservation() *ec2types.CapacityReservationSpecification {
	var r ec2types.CapacityReservationSpecification
	switch l.Spec.CapacityReservationPreference {
	case infrav1.CapacityReservationPreferenceNone:
		r.CapacityReservationPreference = ec2types.CapacityReservationPreferenceNone
	case infrav1.CapacityReservationPreferenceOpen:
		r.CapacityReservationPreference = ec2types.CapacityReservationPreferenceOpen
	case infrav1.CapacityReservationPreferenceOnly:
		r.CapacityReservationPreference = ec2types.CapacityReservationPreferenceCapacityReservationsOnly
	}
	if id := aws.ToString(l.Spec.CapacityReservationID); id != "" {
		r.CapacityReservationTarget = &ec2types.CapacityReservationTarget{CapacityReservationId: aws.String(id)}
	}
	if r == (ec2types.CapacityReservationSpecification{}) {
		return nil
	}
	return &r
}

func metadata(o *infrav1.InstanceMetadataOptions) *ec2types.InstanceMetadataOptionsRequest {
	if o == nil {
		return nil
	}
	r := &ec2types.InstanceMetadataOptionsRequest{
		HttpEndpoint:         ec2types.InstanceMetadataEndpointState(o.HTTPEndpoint),
		HttpProtocolIpv6:     ec2types.InstanceMetadataProtocolState(o.HTTPProtocolIPv6),
		HttpTokens:           ec2types.HttpTokensState(o.HTTPTokens),
		InstanceMetadataTags: ec2types.InstanceMetadataTagsState(o.InstanceMetadataTags),
	}
	if o.HTTPPutResponseHopLimit != 0 {
		r.HttpPutResponseHopLimit = aws.Int32(int32(o.HTTPPutResponseHopLimit))
	}
	return r
}

func (l *Launch) cpu() *ec2types.CpuOptionsRequest {
	o := l.Spec.CPUOptions
	if o == nil {
		return nil
	}
	r := ec2types.CpuOptionsRequest{NestedVirtualization: ec2types.NestedVirtualizationSpecification(o.NestedVirtualization)}
	switch o.ConfidentialCompute {
	case infrav1.ConfidentialComputeDisabled:
		r.AmdSevSnp = ec2types.AmdSevSnpSpecificationDisabled
	case infrav1.ConfidentialComputeSEVSNP:
		r.AmdSevSnp = ec2types.AmdSevSnpSpecificationEnabled
	}
	if r == (ec2types.CpuOptionsRequest{}) {
		return nil
	}
	return &r
}

func (l *Launch) privateDNS() *ec2types.PrivateDnsNameOptionsRequest {
	o := l.Spec.PrivateDNSName
	if o == nil {
		return nil
	}
	r := &ec2types.PrivateDnsNameOptionsRequest{EnableResourceNameDnsAAAARecord: o.EnableResourceNameDNSAAAARecord,
		EnableResourceNameDnsARecord: o.EnableResourceNameDNSARecord}
	if o.HostnameType != nil {
		r.HostnameType = ec2types.HostnameType(*o.HostnameType)
	}
	return r
}

// sameSet tells whether two lists hold the same.
func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
