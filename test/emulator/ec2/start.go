package ec2

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// start makes one instance of an order with its volumes and interfaces, pending at first.
func (n *Network) start(r *core.Request, o *order, reservation string, index int32) error {
	i := o.newInstance(r, reservation, index)
	id := *i.InstanceId
	n.instances.Put(id, i, r.Now())
	if err := n.attachInterfaces(r, o, i); err != nil {
		return err
	}
	for _, mapping := range o.volumes {
		n.addVolume(r, o, i, mapping)
	}
	n.setTags(id, o.tags[types.ResourceTypeInstance])
	if o.spot() {
		n.addSpot(r, o, i)
	}
	if o.host != nil {
		o.host.Instances = append(o.host.Instances, types.HostInstance{InstanceId: &id, InstanceType: ptr(o.kind.name), OwnerId: ptr(r.Account)})
	}
	if o.reservation != nil {
		i.CapacityReservationId = o.reservation.CapacityReservationId
		*o.reservation.AvailableInstanceCount--
	}
	region := r.Region
	n.enter(region, i, types.InstanceStateNamePending)
	region.After(r.Config.InstanceDelay, func() { n.run(region, i) })
	return nil
}

// run brings a pending instance up and gives it its public address.
func (n *Network) run(r *core.Region, i *instance) {
	if !i.in(types.InstanceStateNamePending) {
		return
	}
	if eni := n.primary(i); eni != nil && i.publicAddress && eni.Association == nil {
		eni.Association = &types.NetworkInterfaceAssociation{PublicIp: ptr(publicIP(r)), IpOwnerId: ptr("amazon")}
	}
	n.enter(r, i, types.InstanceStateNameRunning)
}

// primary is the interface at device index 0, nil once the instance is terminated.
func (n *Network) primary(i *instance) *types.NetworkInterface {
	for _, id := range i.interfaces {
		if eni := n.interfaces.Get(id); eni != nil && *eni.Attachment.DeviceIndex == 0 {
			return eni
		}
	}
	return nil
}

func (o *order) newInstance(r *core.Request, reservation string, index int32) *instance {
	in, now := o.in, r.Now()
	i := &instance{reservation: reservation, userData: in.UserData, vcpus: o.kind.vcpus, protected: val(in.DisableApiTermination),
		stopProtected: val(in.DisableApiStop), shutdownBehavior: in.InstanceInitiatedShutdownBehavior}
	i.Instance = types.Instance{
		InstanceId: ptr(r.NewID("i")), ImageId: in.ImageId, InstanceType: types.InstanceType(o.kind.name), KeyName: in.KeyName, AmiLaunchIndex: &index,
		LaunchTime: &now, ClientToken: in.ClientToken, Architecture: o.image.Architecture, Hypervisor: types.HypervisorTypeXen,
		VirtualizationType: o.image.VirtualizationType, RootDeviceName: o.image.RootDeviceName, RootDeviceType: types.DeviceTypeEbs,
		EbsOptimized: ptr(val(in.EbsOptimized)), EnaSupport: o.image.EnaSupport, PlatformDetails: ptr("Linux/UNIX"), UsageOperation: ptr("RunInstances"),
		Placement: o.placed(), MetadataOptions: metadataOptions(in.MetadataOptions, o.image), StateTransitionReason: ptr(""),
		Monitoring: &types.Monitoring{State: types.MonitoringStateDisabled}, CpuOptions: o.cpuOptions(),
		EnclaveOptions:          &types.EnclaveOptions{Enabled: ptr(in.EnclaveOptions != nil && val(in.EnclaveOptions.Enabled))},
		HibernationOptions:      &types.HibernationOptions{Configured: ptr(in.HibernationOptions != nil && val(in.HibernationOptions.Configured))},
		MaintenanceOptions:      &types.InstanceMaintenanceOptions{AutoRecovery: types.InstanceAutoRecoveryStateDefault},
		CurrentInstanceBootMode: types.InstanceBootModeValuesLegacyBios, BlockDeviceMappings: []types.InstanceBlockDeviceMapping{},
	}
	if in.Monitoring != nil && val(in.Monitoring.Enabled) {
		i.Monitoring.State = types.MonitoringStateEnabled
	}
	if in.IamInstanceProfile != nil {
		i.IamInstanceProfile = instanceProfile(r, in.IamInstanceProfile)
	}
	if options := in.InstanceMarketOptions; options != nil && options.MarketType != "" {
		i.InstanceLifecycle = types.InstanceLifecycleType(options.MarketType)
	}
	if want := in.CapacityReservationSpecification; want != nil {
		i.CapacityReservationSpecification = reservationSpecification(want)
	} else {
		i.CapacityReservationSpecification = &types.CapacityReservationSpecificationResponse{CapacityReservationPreference: types.CapacityReservationPreferenceOpen}
	}
	if i.shutdownBehavior == "" {
		i.shutdownBehavior = types.ShutdownBehaviorStop
	}
	return i
}

func (o *order) placed() *types.Placement {
	placement := o.placement()
	placement.AvailabilityZone, placement.AvailabilityZoneId = o.zone.ZoneName, o.zone.ZoneId
	if placement.Tenancy == "" {
		placement.Tenancy = types.TenancyDefault
	}
	if placement.GroupName == nil {
		placement.GroupName = ptr("")
	}
	if o.host != nil {
		placement.HostId = o.host.HostId
	}
	return &placement
}

// metadataOptions fills in AWS's defaults: tokens are optional except for images that say otherwise.
func metadataOptions(in *types.InstanceMetadataOptionsRequest, image *types.Image) *types.InstanceMetadataOptionsResponse {
	out := &types.InstanceMetadataOptionsResponse{State: types.InstanceMetadataOptionsStateApplied, HttpEndpoint: types.InstanceMetadataEndpointStateEnabled,
		HttpTokens: types.HttpTokensStateOptional, HttpPutResponseHopLimit: ptr(int32(1)), HttpProtocolIpv6: types.InstanceMetadataProtocolStateDisabled,
		InstanceMetadataTags: types.InstanceMetadataTagsStateDisabled}
	if image.ImdsSupport == types.ImdsSupportValuesV20 {
		out.HttpTokens, out.HttpPutResponseHopLimit = types.HttpTokensStateRequired, ptr(int32(2))
	}
	if in != nil {
		overlay(out, *in)
	}
	return out
}

func overlay(out *types.InstanceMetadataOptionsResponse, in types.InstanceMetadataOptionsRequest) {
	if in.HttpEndpoint != "" {
		out.HttpEndpoint = in.HttpEndpoint
	}
	if in.HttpTokens != "" {
		out.HttpTokens = in.HttpTokens
	}
	if in.HttpPutResponseHopLimit != nil {
		out.HttpPutResponseHopLimit = in.HttpPutResponseHopLimit
	}
	if in.HttpProtocolIpv6 != "" {
		out.HttpProtocolIpv6 = in.HttpProtocolIpv6
	}
	if in.InstanceMetadataTags != "" {
		out.InstanceMetadataTags = in.InstanceMetadataTags
	}
}

func (o *order) cpuOptions() *types.CpuOptions {
	out := &types.CpuOptions{CoreCount: ptr(o.kind.vcpus / o.kind.threads), ThreadsPerCore: ptr(o.kind.threads)}
	if in := o.in.CpuOptions; in != nil {
		if in.CoreCount != nil {
			out.CoreCount, out.ThreadsPerCore = in.CoreCount, in.ThreadsPerCore
		}
		out.AmdSevSnp, out.NestedVirtualization = in.AmdSevSnp, in.NestedVirtualization
	}
	return out
}

func instanceProfile(r *core.Request, in *types.IamInstanceProfileSpecification) *types.IamInstanceProfile {
	arn := val(in.Arn)
	if arn == "" {
		arn = fmt.Sprintf("arn:%s:iam::%s:instance-profile/%s", core.Partition(r.Region.Name), r.Account, val(in.Name))
	}
	return &types.IamInstanceProfile{Arn: ptr(arn), Id: ptr("AIPA" + strings.ToUpper(fmt.Sprintf("%017x", len(arn))))}
}

// attachInterfaces makes the order's interfaces, or takes given ones, and attaches them.
func (n *Network) attachInterfaces(r *core.Request, o *order, i *instance) error {
	for _, spec := range o.interfaces {
		eni, keep, err := n.interfaceFor(r, o, spec)
		if err != nil {
			return err
		}
		eni.Status = types.NetworkInterfaceStatusInUse
		eni.Attachment = &types.NetworkInterfaceAttachment{AttachmentId: ptr(r.NewID("eni-attach")), InstanceId: i.InstanceId, InstanceOwnerId: ptr(r.Account),
			Status: types.AttachmentStatusAttached, DeviceIndex: spec.DeviceIndex, AttachTime: ptr(r.Now()), DeleteOnTermination: ptr(!keep),
			NetworkCardIndex: spec.NetworkCardIndex}
		i.interfaces = append(i.interfaces, *eni.NetworkInterfaceId)
		if *spec.DeviceIndex != 0 {
			continue
		}
		subnet := n.subnets.Get(*eni.SubnetId)
		i.SubnetId, i.VpcId = eni.SubnetId, eni.VpcId
		i.publicAddress = val(subnet.MapPublicIpOnLaunch)
		if spec.AssociatePublicIpAddress != nil {
			i.publicAddress = *spec.AssociatePublicIpAddress
		}
		if spec.NetworkInterfaceId != nil {
			i.publicAddress = false
		}
		i.PrivateDnsNameOptions = o.dnsOptions(subnet)
	}
	return nil
}

// dnsOptions are those of the request, else the subnet's.
func (o *order) dnsOptions(subnet *types.Subnet) *types.PrivateDnsNameOptionsResponse {
	of := subnet.PrivateDnsNameOptionsOnLaunch
	out := &types.PrivateDnsNameOptionsResponse{HostnameType: of.HostnameType, EnableResourceNameDnsARecord: of.EnableResourceNameDnsARecord,
		EnableResourceNameDnsAAAARecord: of.EnableResourceNameDnsAAAARecord}
	in := o.in.PrivateDnsNameOptions
	if in == nil {
		return out
	}
	if in.HostnameType != "" {
		out.HostnameType = in.HostnameType
	}
	if in.EnableResourceNameDnsARecord != nil {
		out.EnableResourceNameDnsARecord = in.EnableResourceNameDnsARecord
	}
	if in.EnableResourceNameDnsAAAARecord != nil {
		out.EnableResourceNameDnsAAAARecord = in.EnableResourceNameDnsAAAARecord
	}
	return out
}

// interfaceFor is the interface of a specification and whether it outlives the instance. Given ones do unless asked otherwise.
func (n *Network) interfaceFor(r *core.Request, o *order, spec types.InstanceNetworkInterfaceSpecification) (eni *types.NetworkInterface, keep bool, err error) {
	if spec.NetworkInterfaceId != nil {
		return n.interfaces.Get(*spec.NetworkInterfaceId), !val(spec.DeleteOnTermination), nil
	}
	subnet := n.subnets.Get(*spec.SubnetId)
	groups := spec.Groups
	if len(groups) == 0 {
		groups = []string{n.DefaultGroup(*subnet.VpcId)}
	}
	if eni, err = n.interfaceAt(r, subnet, groups, spec.PrivateIpAddress); err != nil {
		return nil, false, err
	}
	eni.Description = ptr(val(spec.Description))
	if err := n.wantIPv6(eni, subnet, val(spec.Ipv6AddressCount), spec.PrimaryIpv6); err != nil {
		return nil, false, err
	}
	n.setTags(*eni.NetworkInterfaceId, o.tags[types.ResourceTypeNetworkInterface])
	return eni, spec.DeleteOnTermination != nil && !*spec.DeleteOnTermination, nil
}
