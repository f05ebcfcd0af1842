package v2beta1

// Instance is an EC2 instance as seen in AWS.
type Instance struct {
	// id of the instance.
	// +required
	ID string `json:"id"`

	// instanceState is the state of the instance.
	// +optional
	State InstanceState `json:"instanceState,omitempty"`

	// type of the instance, for example t3.micro.
	// +optional
	Type string `json:"type,omitempty"`

	// subnetId of the instance.
	// +optional
	SubnetID string `json:"subnetId,omitempty"`

	// imageId of the instance.
	// +optional
	ImageID string `json:"imageId,omitempty"`

	// sshKeyName of the instance.
	// +optional
	SSHKeyName *string `json:"sshKeyName,omitempty"`

	// securityGroupIds of the instance.
	// +optional
	// +listType=atomic
	SecurityGroupIDs []string `json:"securityGroupIds,omitempty"`

	// userData of the instance, encoded in base64.
	// +optional
	UserData *string `json:"userData,omitempty"`

	// iamProfile is the instance profile.
	// +optional
	IAMProfile string `json:"iamProfile,omitempty"`

	// addresses of the instance.
	// +optional
	// +listType=atomic
	Addresses []MachineAddress `json:"addresses,omitempty"`

	// privateIp is the private IPv4 address.
	// +optional
	PrivateIP *string `json:"privateIp,omitempty"`

	// publicIp is the public IPv4 address.
	// +optional
	PublicIP *string `json:"publicIp,omitempty"`

	// ipv6Address is the primary IPv6 address.
	// +optional
	IPv6Address *string `json:"ipv6Address,omitempty"`

	// assignPrimaryIPv6 tells whether the IPv6 address is the primary one.
	// +optional
	AssignPrimaryIPv6 *string `json:"assignPrimaryIPv6,omitempty"`

	// enaSupport tells whether enhanced networking is on.
	// +optional
	ENASupport *bool `json:"enaSupport,omitempty"`

	// ebsOptimized tells whether the instance is optimised for EBS.
	// +optional
	EBSOptimized *bool `json:"ebsOptimized,omitempty"`

	// rootVolume of the instance.
	// +optional
	RootVolume *Volume `json:"rootVolume,omitempty"`

	// nonRootVolumes of the instance.
	// +optional
	// +listType=atomic
	NonRootVolumes []Volume `json:"nonRootVolumes,omitempty"`

	// networkInterfaces attached, by id.
	// +optional
	// +listType=atomic
	NetworkInterfaces []string `json:"networkInterfaces,omitempty"`

	// networkInterfaceType of the interfaces.
	// +optional
	NetworkInterfaceType string `json:"networkInterfaceType,omitempty"`

	// tags of the instance.
	// +optional
	Tags map[string]string `json:"tags,omitempty"`

	// availabilityZone of the instance.
	// +optional
	AvailabilityZone string `json:"availabilityZone,omitempty"`

	// spotMarketOptions of a spot instance.
	// +optional
	SpotMarketOptions *SpotMarketOptions `json:"spotMarketOptions,omitempty"`

	// marketType of the instance.
	// +optional
	MarketType MarketType `json:"marketType,omitempty"`

	// placementGroupName of the instance.
	// +optional
	PlacementGroupName string `json:"placementGroupName,omitempty"`

	// placementGroupPartition within the placement group.
	// +optional
	// +k8s:validation:minimum=1
	// +k8s:validation:maximum=7
	PlacementGroupPartition int64 `json:"placementGroupPartition,omitempty"`

	// tenancy of the instance.
	// +optional
	Tenancy string `json:"tenancy,omitempty"`

	// hostAffinity of an instance on a dedicated host.
	// +optional
	HostAffinity *HostAffinity `json:"hostAffinity,omitempty"`

	// hostID of an instance on a dedicated host.
	// +optional
	HostID *string `json:"hostID,omitempty"`

	// dynamicHostAllocation describes a dedicated host allocated for the instance.
	// +optional
	DynamicHostAllocation *DynamicHostAllocationSpec `json:"dynamicHostAllocation,omitempty"`

	// volumeIDs attached.
	// +optional
	// +listType=atomic
	VolumeIDs []string `json:"volumeIDs,omitempty"`

	// instanceMetadataOptions of the instance.
	// +optional
	InstanceMetadataOptions *InstanceMetadataOptions `json:"instanceMetadataOptions,omitempty"`

	// privateDnsName options of the instance.
	// +optional
	PrivateDNSName *PrivateDNSName `json:"privateDnsName,omitempty"`

	// publicIPOnLaunch tells whether the instance got a public address at launch.
	// +optional
	PublicIPOnLaunch *bool `json:"publicIPOnLaunch,omitempty"`

	// capacityReservationId of the instance.
	// +optional
	CapacityReservationID *string `json:"capacityReservationId,omitempty"`

	// capacityReservationPreference of the instance.
	// +optional
	CapacityReservationPreference CapacityReservationPreference `json:"capacityReservationPreference,omitempty"`

	// cpuOptions of the instance.
	// +optional
	CPUOptions CPUOptions `json:"cpuOptions,omitzero"`
}

// InstanceState is the state of an EC2 instance.
type InstanceState string

// The states of EC2 instances.
const (
	InstanceStatePending      InstanceState = "pending"
	InstanceStateRunning      InstanceState = "running"
	InstanceStateShuttingDown InstanceState = "shutting-down"
	InstanceStateTerminated   InstanceState = "terminated"
	InstanceStateStopping     InstanceState = "stopping"
	InstanceStateStopped      InstanceState = "stopped"
)

// MarketType is how an instance is paid for.
// +enum
type MarketType string

// The ways of paying for an instance.
const (
	MarketTypeOnDemand      MarketType = "OnDemand"
	MarketTypeSpot          MarketType = "Spot"
	MarketTypeCapacityBlock MarketType = "CapacityBlock"
)

// CapacityReservationPreference says how capacity reservations are used.
type CapacityReservationPreference string

// MachineAddress is one address of an instance; the JSON is Cluster API's.
type MachineAddress struct {
	// type of the address.
	// +required
	Type MachineAddressType `json:"type"`

	// address itself.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=256
	Address string `json:"address"`
}

// Volume is an EBS volume.
type Volume struct {
	// deviceName of the volume.
	// +optional
	// +k8s:validation:maxLength=64
	DeviceName string `json:"deviceName,omitempty"`

	// size in GiB.
	// +required
	// +k8s:validation:minimum=8
	Size int64 `json:"size"`

	// type of the volume, for example gp3.
	// +optional
	// +k8s:validation:maxLength=32
	Type VolumeType `json:"type,omitempty"`

	// iops of the volume, for the types that have them.
	// +optional
	IOPS int64 `json:"iops,omitempty"`

	// throughput in MiB/s, for gp3.
	// +optional
	Throughput *int64 `json:"throughput,omitempty"`

	// encrypted tells whether the volume is encrypted.
	// +optional
	Encrypted *bool `json:"encrypted,omitempty"`

	// encryptionKey is the KMS key, by ARN, id or alias.
	// +optional
	// +k8s:validation:maxLength=2048
	EncryptionKey string `json:"encryptionKey,omitempty"`
}

// VolumeType is the type of an EBS volume.
type VolumeType string

// SpotMarketOptions are options of spot instances.
type SpotMarketOptions struct {
	// maxPrice per hour in US dollars; left out, the on-demand price.
	// +optional
	// +k8s:validation:maxLength=32
	MaxPrice *string `json:"maxPrice,omitempty"`
}

// DynamicHostAllocationSpec describes a dedicated host allocated for an instance.
type DynamicHostAllocationSpec struct {
	// tags of the host.
	// +optional
	// +k8s:validation:maxProperties=50
	// +k8s:validation:additionalProperties:maxLength=256
	Tags map[string]string `json:"tags,omitzero"`
}

// InstanceMetadataOptions tune the instance metadata service.
type InstanceMetadataOptions struct {
	// httpEndpoint switches the service on or off.
	// +optional
	// +default="enabled"
	HTTPEndpoint InstanceMetadataState `json:"httpEndpoint,omitempty"`

	// httpProtocolIpv6 switches the IPv6 endpoint on or off.
	// +optional
	// +default="disabled"
	HTTPProtocolIPv6 InstanceMetadataState `json:"httpProtocolIpv6,omitempty"`

	// httpPutResponseHopLimit is how many network hops an answer may travel.
	// +optional
	// +default=1
	// +k8s:validation:minimum=1
	// +k8s:validation:maximum=64
	HTTPPutResponseHopLimit int64 `json:"httpPutResponseHopLimit,omitempty"`

	// httpTokens required allows IMDSv2 only.
	// +optional
	// +default="optional"
	HTTPTokens HTTPTokensState `json:"httpTokens,omitempty"`

	// instanceMetadataTags shows the instance's tags.
	// +optional
	// +default="disabled"
	InstanceMetadataTags InstanceMetadataState `json:"instanceMetadataTags,omitempty"`
}

// PrivateDNSName tunes the private host name of an instance.
type PrivateDNSName struct {
	// enableResourceNameDnsAAAARecord answers AAAA queries for the resource name.
	// +optional
	EnableResourceNameDNSAAAARecord *bool `json:"enableResourceNameDnsAAAARecord,omitempty"`

	// enableResourceNameDnsARecord answers A queries for the resource name.
	// +optional
	EnableResourceNameDNSARecord *bool `json:"enableResourceNameDnsARecord,omitempty"`

	// hostnameType is the kind of host name.
	// +optional
	HostnameType *HostnameType `json:"hostnameType,omitempty"`
}

// CPUOptions tune the processor of an instance.
type CPUOptions struct {
	// confidentialCompute is the confidential computing technology.
	// +optional
	ConfidentialCompute ConfidentialComputePolicy `json:"confidentialCompute,omitempty"`

	// nestedVirtualization switches nested virtualisation on or off.
	// +optional
	NestedVirtualization NestedVirtualizationPolicy `json:"nestedVirtualization,omitempty"`
}

// MachineAddressType is the type of an address.
// +enum
type MachineAddressType string

// The types of addresses.
const (
	MachineAddressHostname    MachineAddressType = "Hostname"
	MachineAddressExternalIP  MachineAddressType = "ExternalIP"
	MachineAddressInternalIP  MachineAddressType = "InternalIP"
	MachineAddressExternalDNS MachineAddressType = "ExternalDNS"
	MachineAddressInternalDNS MachineAddressType = "InternalDNS"
)

// HostAffinity says how an instance is bound to its dedicated host.
// +enum
type HostAffinity string

// How an instance is bound to its dedicated host.
const (
	HostAffinityDefault HostAffinity = "default"
	HostAffinityHost    HostAffinity = "host"
)

// HostnameType is the kind of host name of an instance.
// +enum
type HostnameType string

// The kinds of host names.
const (
	HostnameTypeIPName       HostnameType = "ip-name"
	HostnameTypeResourceName HostnameType = "resource-name"
)

// InstanceMetadataState switches a part of the instance metadata service on or off.
// +enum
type InstanceMetadataState string

// The states of a part of the instance metadata service.
const (
	InstanceMetadataEnabled  InstanceMetadataState = "enabled"
	InstanceMetadataDisabled InstanceMetadataState = "disabled"
)

// HTTPTokensState says whether the instance metadata service wants session tokens.
// +enum
type HTTPTokensState string

// Whether the instance metadata service wants session tokens.
const (
	HTTPTokensOptional HTTPTokensState = "optional"
	HTTPTokensRequired HTTPTokensState = "required"
)

// ConfidentialComputePolicy is a confidential computing technology.
// +enum
type ConfidentialComputePolicy string

// The confidential computing technologies.
const (
	ConfidentialComputeDisabled ConfidentialComputePolicy = "Disabled"
	ConfidentialComputeSEVSNP   ConfidentialComputePolicy = "AMDEncryptedVirtualizationNestedPaging"
)

// NestedVirtualizationPolicy switches nested virtualisation on or off.
// +enum
type NestedVirtualizationPolicy string

// The states of nested virtualisation.
const (
	NestedVirtualizationEnabled  NestedVirtualizationPolicy = "enabled"
	NestedVirtualizationDisabled NestedVirtualizationPolicy = "disabled"
)
