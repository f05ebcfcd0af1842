package v2beta1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// MachineFinalizer keeps an AWSMachine until its instance is gone from AWS.
const MachineFinalizer = "awsmachine.infrastructure.cluster.x-k8s.io"

// AWSMachineSpec is the wanted instance. Once written only providerID, instanceID,
// additionalTags, additionalSecurityGroups, what cloudInit says of secrets, and the
// DNS records of privateDnsName can be changed.
type AWSMachineSpec struct {
	// providerID names the instance, as aws:///ZONE/INSTANCE. Written by the provider.
	// +optional
	// +k8s:validation:maxLength=256
	ProviderID *string `json:"providerID,omitempty"`

	// instanceID is the id of the instance. Written by the provider.
	// +optional
	// +k8s:validation:maxLength=128
	InstanceID *string `json:"instanceID,omitempty"`

	// instanceType of the instance, for example m5.large.
	// +required
	// +k8s:validation:minLength=2
	// +k8s:validation:maxLength=64
	InstanceType string `json:"instanceType,omitempty"`

	// cpuOptions tune the processor.
	// +optional
	CPUOptions *CPUOptions `json:"cpuOptions,omitempty"`

	// ami is the machine image. Left out, it is looked up by name.
	// +optional
	AMI AMIReference `json:"ami"`

	// imageLookupFormat is the name pattern of the image, with {{.BaseOS}} and
	// {{.K8sVersion}} filled in. Left out, that of the cluster.
	// +optional
	// +k8s:validation:maxLength=512
	ImageLookupFormat string `json:"imageLookupFormat,omitempty"`

	// imageLookupOrg is the AWS account that owns the image. Left out, that of the cluster.
	// +optional
	// +k8s:validation:maxLength=64
	ImageLookupOrg string `json:"imageLookupOrg,omitempty"`

	// imageLookupBaseOS is the operating system of the image. Left out, that of the cluster.
	// +optional
	// +k8s:validation:maxLength=128
	ImageLookupBaseOS string `json:"imageLookupBaseOS,omitempty"`

	// additionalTags are put on the instance, its volumes and interfaces, over those of the cluster.
	// +optional
	// +k8s:validation:maxProperties=50
	// +k8s:validation:additionalProperties:maxLength=256
	AdditionalTags Tags `json:"additionalTags,omitzero"`

	// iamInstanceProfile is the name of the instance profile.
	// +optional
	// +k8s:validation:maxLength=128
	IAMInstanceProfile string `json:"iamInstanceProfile,omitempty"`

	// publicIP gives the instance a public IPv4 address, and a public subnet.
	// +optional
	PublicIP *bool `json:"publicIP,omitempty"`

	// elasticIpPool is the pool that the public address is taken from. Needs publicIP true.
	// +optional
	ElasticIPPool *ElasticIPPool `json:"elasticIpPool,omitempty"`

	// additionalSecurityGroups are added to those that the cluster's machines have.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=16
	AdditionalSecurityGroups []AWSResourceReference `json:"additionalSecurityGroups,omitzero"`

	// securityGroupOverrides replaces security groups of the cluster: role to security group id.
	// +optional
	// +k8s:validation:maxProperties=16
	// +k8s:validation:additionalProperties:maxLength=128
	SecurityGroupOverrides map[SecurityGroupRole]string `json:"securityGroupOverrides,omitzero"`

	// subnet of the instance. Left out, one of the cluster in the machine's failure domain.
	// +optional
	Subnet *AWSResourceReference `json:"subnet,omitempty"`

	// sshKeyName is the EC2 key pair put on the instance. Left out, that of the
	// cluster; write an empty string to have none.
	// +optional
	// +k8s:validation:maxLength=255
	SSHKeyName *string `json:"sshKeyName,omitempty"`

	// rootVolume tunes the volume that the instance boots from.
	// +optional
	RootVolume *Volume `json:"rootVolume,omitempty"`

	// nonRootVolumes are further volumes.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=128
	NonRootVolumes []Volume `json:"nonRootVolumes,omitzero"`

	// networkInterfaces are existing interfaces to attach, by id.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=2
	// +k8s:validation:items:maxLength=128
	NetworkInterfaces []string `json:"networkInterfaces,omitzero"`

	// networkInterfaceType is the type of the interface: a plain one, or an Elastic Fabric Adapter.
	// +optional
	NetworkInterfaceType NetworkInterfaceType `json:"networkInterfaceType,omitempty"`

	// assignPrimaryIPv6 makes the first IPv6 address the primary one.
	// +optional
	AssignPrimaryIPv6 *PrimaryIPv6AssignmentState `json:"assignPrimaryIPv6,omitempty"`

	// uncompressedUserData leaves user data as it is. Left out, it is compressed with gzip.
	// +optional
	UncompressedUserData *bool `json:"uncompressedUserData,omitempty"`

	// cloudInit says how bootstrap data of cloud-init reaches the instance.
	// +optional
	CloudInit *CloudInit `json:"cloudInit,omitempty"`

	// ignition says how bootstrap data of Ignition reaches the instance. Excludes cloudInit.
	// +optional
	Ignition *Ignition `json:"ignition,omitempty"`

	// spotMarketOptions makes the instance a spot instance.
	// +optional
	SpotMarketOptions *SpotMarketOptions `json:"spotMarketOptions,omitempty"`

	// marketType is how the instance is paid for. Left out, on demand, or spot with spotMarketOptions.
	// +optional
	MarketType MarketType `json:"marketType,omitempty"`

	// capacityReservationId is the capacity reservation to launch into. Excludes spot instances.
	// +optional
	// +k8s:validation:maxLength=128
	CapacityReservationID *string `json:"capacityReservationId,omitempty"`

	// capacityReservationPreference says which capacity reservations are used:
	// None, Open (any that matches) or CapacityReservationsOnly.
	// +optional
	// +k8s:validation:maxLength=32
	CapacityReservationPreference CapacityReservationPreference `json:"capacityReservationPreference,omitempty"`

	// placementGroupName is the placement group to launch into.
	// +optional
	// +k8s:validation:maxLength=255
	PlacementGroupName string `json:"placementGroupName,omitempty"`

	// placementGroupPartition is the partition within the placement group.
	// +optional
	// +k8s:validation:minimum=1
	// +k8s:validation:maximum=7
	PlacementGroupPartition int64 `json:"placementGroupPartition,omitempty"`

	// tenancy of the instance: shared hardware, hardware of its own, or a dedicated host.
	// +optional
	Tenancy InstanceTenancy `json:"tenancy,omitempty"`

	// hostAffinity says whether a stopped instance starts on the same dedicated host
	// again (host) or on any (default).
	// +optional
	// +default="default"
	HostAffinity *HostAffinity `json:"hostAffinity,omitempty"`

	// hostID is the dedicated host to launch on. Needs tenancy host; excludes dynamicHostAllocation.
	// +optional
	// +k8s:validation:maxLength=19
	// +k8s:validation:pattern="^h-[0-9a-f]{17}$"
	HostID *string `json:"hostID,omitempty"`

	// dynamicHostAllocation allocates a dedicated host for the instance. Needs tenancy
	// host and hostAffinity host; excludes hostID.
	// +optional
	DynamicHostAllocation *DynamicHostAllocationSpec `json:"dynamicHostAllocation,omitempty"`

	// instanceMetadataOptions tune the instance metadata service.
	// +optional
	InstanceMetadataOptions *InstanceMetadataOptions `json:"instanceMetadataOptions,omitempty"`

	// privateDnsName tunes the private host name.
	// +optional
	PrivateDNSName *PrivateDNSName `json:"privateDnsName,omitempty"`
}

// NetworkInterfaceType is a type of network interface.
// +enum
type NetworkInterfaceType string

// The types of network interfaces.
const (
	NetworkInterfaceTypeENI NetworkInterfaceType = "interface"
	NetworkInterfaceTypeEFA NetworkInterfaceType = "efa"
)

// PrimaryIPv6AssignmentState says whether the first IPv6 address is the primary one.
// +enum
type PrimaryIPv6AssignmentState string

// Whether the first IPv6 address is the primary one.
const (
	PrimaryIPv6AssignmentEnabled  PrimaryIPv6AssignmentState = "enabled"
	PrimaryIPv6AssignmentDisabled PrimaryIPv6AssignmentState = "disabled"
)

// InstanceTenancy says whose hardware an instance runs on.
// +enum
type InstanceTenancy string

// Whose hardware an instance runs on.
const (
	InstanceTenancyDefault   InstanceTenancy = "default"
	InstanceTenancyDedicated InstanceTenancy = "dedicated"
	InstanceTenancyHost      InstanceTenancy = "host"
)

// The ways of using capacity reservations.
const (
	CapacityReservationPreferenceNone CapacityReservationPreference = "None"
	CapacityReservationPreferenceOpen CapacityReservationPreference = "Open"
	CapacityReservationPreferenceOnly CapacityReservationPreference = "CapacityReservationsOnly"
)

// AWSMachineStatus is the instance as AWS has it.
type AWSMachineStatus struct {
	// conditions say how the instance and what belongs to it are.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// initialization tells Cluster API that the instance is there.
	// +optional
	Initialization *Initialization `json:"initialization,omitempty"`

	// ready says that the instance was there once, and isn't known to have stopped, ended
	// or vanished since, for scripts and health checks that read status.ready.
	// +optional
	// +default=false
	Ready bool `json:"ready"`

	// addresses of the instance.
	// +optional
	// +listType=atomic
	Addresses []MachineAddress `json:"addresses,omitempty"`

	// failureDomain is the zone the instance is in.
	// +optional
	FailureDomain string `json:"failureDomain,omitempty"`

	// instanceState is the state of the instance.
	// +optional
	InstanceState *InstanceState `json:"instanceState,omitempty"`

	// interruptible is true for instances that AWS may take back: spot instances.
	// +optional
	Interruptible bool `json:"interruptible,omitempty"`

	// dedicatedHost that was allocated for the instance.
	// +optional
	DedicatedHost *DedicatedHostStatus `json:"dedicatedHost,omitempty"`

	// observation says how fresh this status is. Added when read, never stored.
	// +optional
	Observation *Observation `json:"observation,omitempty"`

	// failures are what AWS answered to the latest attempts that failed.
	// +optional
	// +listType=atomic
	Failures []Failure `json:"failures,omitempty"`

	// pendingCreations is the journal of creations in flight that can't be repeated
	// safely: public addresses of elasticIpPool. A launch carries a client token instead.
	// +optional
	// +listType=map
	// +listMapKey=key
	PendingCreations []PendingCreation `json:"pendingCreations,omitempty"`

	// formerUIDs are the UIDs that the object had before it was moved or restored, as what
	// it records in AWS told: whatever carries one of them, and its namespace, is its own.
	// +optional
	// +listType=set
	FormerUIDs []string `json:"formerUIDs,omitempty"`

	// deprecated groups status that only older contracts of Cluster API know.
	// +optional
	Deprecated *MachineDeprecatedStatus `json:"deprecated,omitempty"`
}

// DedicatedHostStatus is the dedicated host that was allocated for an instance.
type DedicatedHostStatus struct {
	// id of the host, for example h-0123456789abcdef0.
	// +optional
	ID *string `json:"id,omitempty"`
}

// MachineDeprecatedStatus groups status that only older contracts of Cluster API know.
type MachineDeprecatedStatus struct {
	// v1beta1 groups what belongs to Cluster API's v1beta1 contract.
	// +optional
	V1Beta1 *MachineV1Beta1DeprecatedStatus `json:"v1beta1,omitempty"`
}

// MachineV1Beta1DeprecatedStatus is status of machines and pools in Cluster API's
// v1beta1 contract. v1beta2 shows it as status.conditions, status.failureReason and
// status.failureMessage.
type MachineV1Beta1DeprecatedStatus struct {
	// conditions in the old form.
	// +optional
	// +listType=atomic
	Conditions []V1Beta1Condition `json:"conditions,omitempty"`

	// failureReason of a failure that needs a person, in CamelCase.
	// +optional
	FailureReason *string `json:"failureReason,omitempty"`

	// failureMessage says what failed, for a person to read.
	// +optional
	FailureMessage *string `json:"failureMessage,omitempty"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// AWSMachine is one EC2 instance, and what belongs to it.
type AWSMachine struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what is wanted.
	// +optional
	Spec AWSMachineSpec `json:"spec,omitzero"`

	// status is what is.
	// +optional
	Status AWSMachineStatus `json:"status,omitzero"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// AWSMachineList is a list of AWSMachines.
type AWSMachineList struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the list's metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	// items of the list.
	// +listType=atomic
	Items []AWSMachine `json:"items"`
}
