package v2beta1

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// MachinePoolFinalizer keeps an AWSMachinePool until its Auto Scaling group is gone from AWS.
const MachinePoolFinalizer = "awsmachinepool.infrastructure.cluster.x-k8s.io"

// AWSMachinePoolSpec is the wanted Auto Scaling group.
type AWSMachinePoolSpec struct {
	// providerID names the Auto Scaling group. Written by the provider.
	// +optional
	// +k8s:validation:maxLength=2048
	ProviderID string `json:"providerID,omitempty"`

	// providerIDList names the instances, as aws:///ZONE/INSTANCE each. Written by the provider.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=10000
	// +k8s:validation:items:maxLength=256
	ProviderIDList []string `json:"providerIDList,omitzero"`

	// minSize is the smallest number of instances.
	// +required
	// +default=1
	// +k8s:validation:minimum=0
	MinSize *int32 `json:"minSize,omitempty"`

	// maxSize is the largest number of instances.
	// +required
	// +default=1
	// +k8s:validation:minimum=1
	MaxSize *int32 `json:"maxSize,omitempty"`

	// availabilityZones to spread over. Left empty, those of the subnets.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=64
	// +k8s:validation:items:maxLength=64
	AvailabilityZones []string `json:"availabilityZones,omitzero"`

	// availabilityZoneSubnetType chooses among the cluster's subnets of availabilityZones.
	// Left empty, all of them, public ones too.
	// +optional
	AvailabilityZoneSubnetType *AZSubnetType `json:"availabilityZoneSubnetType,omitempty"`

	// subnets of the instances. Left empty, private subnets of the cluster.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=100
	Subnets []AWSResourceReference `json:"subnets,omitzero"`

	// additionalTags are put on what belongs to the pool, over those of the cluster.
	// +optional
	// +k8s:validation:maxProperties=50
	// +k8s:validation:additionalProperties:maxLength=256
	AdditionalTags Tags `json:"additionalTags,omitzero"`

	// awsLaunchTemplate describes the instances.
	// +required
	AWSLaunchTemplate AWSLaunchTemplate `json:"awsLaunchTemplate"`

	// mixedInstancesPolicy mixes instance types, and spot with on-demand instances.
	// Excludes awsLaunchTemplate.spotMarketOptions.
	// +optional
	MixedInstancesPolicy *MixedInstancesPolicy `json:"mixedInstancesPolicy,omitempty"`

	// defaultCoolDown is how long to wait after scaling before scaling again, for example
	// 5m. Left out or zero, 300s. It stays the string that the user wrote.
	// +optional
	// +k8s:validation:maxLength=64
	DefaultCoolDown *string `json:"defaultCoolDown,omitempty"`

	// defaultInstanceWarmup is how long a new instance is left out of metrics and counts
	// as warming up, for example 5m. Left out or zero, 300s. It stays the string that the
	// user wrote.
	// +optional
	// +k8s:validation:maxLength=64
	DefaultInstanceWarmup *string `json:"defaultInstanceWarmup,omitempty"`

	// refreshPreferences tune how instances are replaced after a change.
	// +optional
	RefreshPreferences *RefreshPreferences `json:"refreshPreferences,omitempty"`

	// capacityRebalance replaces spot instances that are likely to be interrupted.
	// +optional
	CapacityRebalance bool `json:"capacityRebalance"`

	// suspendProcesses are the processes of the Auto Scaling group that are stopped.
	// +optional
	SuspendProcesses *SuspendProcesses `json:"suspendProcesses,omitempty"`

	// ignition says how bootstrap data of Ignition reaches the instances.
	// +optional
	Ignition *Ignition `json:"ignition,omitempty"`

	// lifecycleHooks of the Auto Scaling group, with different names.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=50
	AWSLifecycleHooks []AWSLifecycleHook `json:"lifecycleHooks,omitzero"`
}

// CoolDown returns how long to wait after scaling before scaling again.
func (s *AWSMachinePoolSpec) CoolDown() time.Duration { return duration(s.DefaultCoolDown) }

// InstanceWarmup returns how long a new instance counts as warming up.
func (s *AWSMachinePoolSpec) InstanceWarmup() time.Duration { return duration(s.DefaultInstanceWarmup) }

// Sizes returns the smallest and largest number of instances. Defaults have filled them in.
func (s *AWSMachinePoolSpec) Sizes() (smallest, largest int32) {
	if s.MinSize != nil {
		smallest = *s.MinSize
	}
	if s.MaxSize != nil {
		largest = *s.MaxSize
	}
	return smallest, largest
}

// AZSubnetType chooses among subnets.
// +enum
type AZSubnetType string

// The choices among subnets.
const (
	AZSubnetTypePublic  AZSubnetType = "public"
	AZSubnetTypePrivate AZSubnetType = "private"
	AZSubnetTypeAll     AZSubnetType = "all"
)

// MixedInstancesPolicy mixes instance types, and spot with on-demand instances.
type MixedInstancesPolicy struct {
	// instancesDistribution says how many instances are on demand, and how types are chosen.
	// +optional
	InstancesDistribution *InstancesDistribution `json:"instancesDistribution,omitempty"`

	// overrides are the instance types to mix, the preferred first.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=40
	Overrides []Overrides `json:"overrides,omitzero"`
}

// InstancesDistribution says how many instances are on demand, and how types are chosen.
type InstancesDistribution struct {
	// onDemandAllocationStrategy is how types of on-demand instances are chosen.
	// +optional
	// +default="prioritized"
	OnDemandAllocationStrategy OnDemandAllocationStrategy `json:"onDemandAllocationStrategy,omitempty"`

	// spotAllocationStrategy is how types of spot instances are chosen.
	// +optional
	// +default="lowest-price"
	SpotAllocationStrategy SpotAllocationStrategy `json:"spotAllocationStrategy,omitempty"`

	// onDemandBaseCapacity is how many instances are on demand before any is spot.
	// +optional
	// +default=0
	OnDemandBaseCapacity *int64 `json:"onDemandBaseCapacity,omitempty"`

	// onDemandPercentageAboveBaseCapacity is the share of the others that is on demand too.
	// +optional
	// +default=100
	OnDemandPercentageAboveBaseCapacity *int64 `json:"onDemandPercentageAboveBaseCapacity,omitempty"`
}

// OnDemandAllocationStrategy is how types of on-demand instances are chosen.
// +enum
type OnDemandAllocationStrategy string

// How types of on-demand instances are chosen.
const (
	OnDemandAllocationPrioritized OnDemandAllocationStrategy = "prioritized"
	OnDemandAllocationLowestPrice OnDemandAllocationStrategy = "lowest-price"
)

// SpotAllocationStrategy is how types of spot instances are chosen.
// +enum
type SpotAllocationStrategy string

// How types of spot instances are chosen.
const (
	SpotAllocationLowestPrice                  SpotAllocationStrategy = "lowest-price"
	SpotAllocationCapacityOptimized            SpotAllocationStrategy = "capacity-optimized"
	SpotAllocationCapacityOptimizedPrioritized SpotAllocationStrategy = "capacity-optimized-prioritized"
	SpotAllocationPriceCapacityOptimized       SpotAllocationStrategy = "price-capacity-optimized"
)

// Overrides is one instance type of a mix.
type Overrides struct {
	// instanceType, for example m5.large.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=64
	InstanceType string `json:"instanceType,omitempty"`
}

// RefreshPreferences tune how instances are replaced after a change.
type RefreshPreferences struct {
	// disable leaves instances as they are; new ones follow the change.
	// +optional
	Disable bool `json:"disable"`

	// strategy of the instance refresh. Left out, Rolling.
	// +optional
	// +k8s:validation:maxLength=32
	Strategy *string `json:"strategy,omitempty"`

	// instanceWarmup is how many seconds a new instance has before it counts as ready.
	// +optional
	InstanceWarmup *int64 `json:"instanceWarmup,omitempty"`

	// minHealthyPercentage of the instances must stay healthy. Left out, 90.
	// +optional
	MinHealthyPercentage *int64 `json:"minHealthyPercentage,omitempty"`

	// maxHealthyPercentage is how many instances there may be at most, new ones included.
	// At most 100 more than minHealthyPercentage, which it needs.
	// +optional
	// +k8s:validation:minimum=100
	// +k8s:validation:maximum=200
	MaxHealthyPercentage *int64 `json:"maxHealthyPercentage,omitempty"`
}

// SuspendProcesses are the processes of an Auto Scaling group that are stopped.
type SuspendProcesses struct {
	// all stops all of them.
	// +optional
	All bool `json:"all"`

	// processes stops some of them.
	// +optional
	Processes *Processes `json:"processes,omitempty"`
}

// Processes are processes of an Auto Scaling group. Those that are true are stopped.
type Processes struct {
	// launch of instances.
	// +optional
	Launch *bool `json:"launch,omitempty"`

	// terminate of instances.
	// +optional
	Terminate *bool `json:"terminate,omitempty"`

	// addToLoadBalancer adds new instances to target groups.
	// +optional
	AddToLoadBalancer *bool `json:"addToLoadBalancer,omitempty"`

	// alarmNotification takes alarms that scale.
	// +optional
	AlarmNotification *bool `json:"alarmNotification,omitempty"`

	// azRebalance evens out zones.
	// +optional
	AZRebalance *bool `json:"azRebalance,omitempty"`

	// healthCheck marks unhealthy instances.
	// +optional
	HealthCheck *bool `json:"healthCheck,omitempty"`

	// instanceRefresh replaces instances after a change.
	// +optional
	InstanceRefresh *bool `json:"instanceRefresh,omitempty"`

	// replaceUnhealthy replaces unhealthy instances.
	// +optional
	ReplaceUnhealthy *bool `json:"replaceUnhealthy,omitempty"`

	// scheduledActions scales at set times.
	// +optional
	ScheduledActions *bool `json:"scheduledActions,omitempty"`
}

// AWSMachinePoolStatus is the Auto Scaling group as AWS has it.
//
// It has no failureReason on purpose: Cluster API's pool controller panics on one.
type AWSMachinePoolStatus struct {
	// conditions say how the group and what belongs to it are.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// ready tells Cluster API that the group is there. Its pool controller reads this
	// and not initialization.
	// +optional
	// +default=false
	Ready bool `json:"ready"`

	// initialization says the same in the form of Cluster API's v1beta2 contract.
	// +optional
	Initialization *Initialization `json:"initialization,omitempty"`

	// replicas is the number of instances.
	// +optional
	Replicas int32 `json:"replicas"`

	// instances of the group.
	// +optional
	// +listType=atomic
	Instances []AWSMachinePoolInstanceStatus `json:"instances,omitempty"`

	// infrastructureMachineKind is the kind of the objects that stand for the instances,
	// if there are any.
	// +optional
	InfrastructureMachineKind string `json:"infrastructureMachineKind,omitempty"`

	// launchTemplateID is the launch template, for example lt-0123456789abcdef0.
	// +optional
	LaunchTemplateID string `json:"launchTemplateID,omitempty"`

	// launchTemplateVersion is the version that new instances have.
	// +optional
	LaunchTemplateVersion *string `json:"launchTemplateVersion,omitempty"`

	// asgStatus is the state of the Auto Scaling group, for example "Delete in progress".
	// +optional
	ASGStatus *ASGStatus `json:"asgStatus,omitempty"`

	// observation says how fresh this status is. Added when read, never stored.
	// +optional
	Observation *Observation `json:"observation,omitempty"`

	// failures are what AWS answered to the latest attempts that failed.
	// +optional
	// +listType=atomic
	Failures []Failure `json:"failures,omitempty"`

	// formerUIDs are the UIDs that the object had before it was moved or restored, as what
	// it records in AWS told: whatever carries one of them, and its namespace, is its own.
	// +optional
	// +listType=set
	FormerUIDs []string `json:"formerUIDs,omitempty"`

	// deprecated groups status that only older contracts of Cluster API know.
	// +optional
	Deprecated *MachineDeprecatedStatus `json:"deprecated,omitempty"`
}

// ASGStatus is the state of an Auto Scaling group.
type ASGStatus string

// ASGStatusDeleteInProgress is the only state that Auto Scaling reports.
const ASGStatusDeleteInProgress ASGStatus = "Delete in progress"

// AWSMachinePoolInstanceStatus is one instance of a group.
type AWSMachinePoolInstanceStatus struct {
	// instanceID of the instance.
	// +optional
	InstanceID string `json:"instanceID,omitempty"`

	// version of Kubernetes on the node.
	// +optional
	Version *string `json:"version,omitempty"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// AWSMachinePool is an Auto Scaling group, its launch template, and what belongs to them.
type AWSMachinePool struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what is wanted.
	// +optional
	Spec AWSMachinePoolSpec `json:"spec,omitzero"`

	// status is what is.
	// +optional
	Status AWSMachinePoolStatus `json:"status,omitzero"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// AWSMachinePoolList is a list of AWSMachinePools.
type AWSMachinePoolList struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the list's metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	// items of the list.
	// +listType=atomic
	Items []AWSMachinePool `json:"items"`
}
