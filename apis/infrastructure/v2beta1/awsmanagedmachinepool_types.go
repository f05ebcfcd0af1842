package v2beta1

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
)

// ManagedMachinePoolFinalizer keeps an AWSManagedMachinePool until its node group is gone from AWS.
const ManagedMachinePoolFinalizer = "awsmanagedmachinepools.infrastructure.cluster.x-k8s.io"

// DefaultNodegroupRole is the role of every node group that names none, where roles aren't made.
const DefaultNodegroupRole = "eks-nodegroup.cluster-api-provider-aws.sigs.k8s.io"

// maxNodegroupName is how long the name of a node group can be in EKS.
const maxNodegroupName = 64

// Condition types of AWSManagedMachinePool, besides Ready, Paused and those of its launch
// template, which are AWSMachinePool's.
const (
	EKSNodegroupReadyCondition      = "EKSNodegroupReady"
	IAMNodegroupRolesReadyCondition = "IAMNodegroupRolesReady"
	// EKSNodegroupUpdatingCondition is there, and true, while EKS changes the node group.
	EKSNodegroupUpdatingCondition = "EKSNodegroupUpdating"
)

// Reasons of these conditions.
const (
	EKSNodegroupReconciliationFailedReason      = "EKSNodegroupReconciliationFailed"
	EKSNodegroupCreatingReason                  = "Creating"
	EKSNodegroupDeletingReason                  = "Deleting"
	EKSNodegroupDegradedReason                  = "EKSNodegroupDegraded"
	IAMNodegroupRolesReconciliationFailedReason = "IAMNodegroupRolesReconciliationFailed"
)

// AWSManagedMachinePoolSpec is the wanted node group of EKS.
type AWSManagedMachinePoolSpec struct {
	AWSManagedMachinePoolCommonSpec `json:",inline"`
	AWSManagedMachinePoolExtraSpec  `json:",inline"`

	// updateConfig says how nodes are replaced. Left out, one at a time.
	// +optional
	UpdateConfig *UpdateConfig `json:"updateConfig,omitempty"`

	// nodeRepairConfig replaces nodes that aren't healthy. Left out, none.
	// +optional
	NodeRepairConfig *NodeRepairConfig `json:"nodeRepairConfig,omitempty"`
}

// AWSManagedMachinePoolCommonSpec is what v1beta2 has too, but for what has more fields here.
type AWSManagedMachinePoolCommonSpec struct {
	// eksNodegroupName is the name of the node group in EKS. Left out, NAMESPACE_NAME of this
	// object. It can't be changed.
	// +optional
	// +k8s:validation:maxLength=63
	EKSNodegroupName string `json:"eksNodegroupName,omitempty"`

	// availabilityZones to spread over, where subnetIDs is empty. Left empty, those of the
	// cluster's private subnets. It can't be changed.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=64
	// +k8s:validation:items:maxLength=64
	AvailabilityZones []string `json:"availabilityZones,omitzero"`

	// availabilityZoneSubnetType chooses among the cluster's subnets of availabilityZones.
	// Left out, private. It can't be changed.
	// +optional
	AvailabilityZoneSubnetType *AZSubnetType `json:"availabilityZoneSubnetType,omitempty"`

	// subnetIDs are the subnets of the nodes: ids in AWS, or names in the cluster's network.
	// Left empty, those that availabilityZones choose. It can't be changed.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=100
	// +k8s:validation:items:maxLength=256
	SubnetIDs []string `json:"subnetIDs,omitzero"`

	// additionalTags are put on what belongs to the pool, over those of the cluster.
	// +optional
	// +k8s:validation:maxProperties=50
	// +k8s:validation:additionalProperties:maxLength=256
	AdditionalTags Tags `json:"additionalTags,omitzero"`

	// roleAdditionalPolicies are ARNs of policies that a role which is made has besides those
	// that every node needs.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=20
	// +k8s:validation:items:maxLength=2048
	RoleAdditionalPolicies []string `json:"roleAdditionalPolicies,omitzero"`

	// roleName is the IAM role of the nodes. Left out,
	// eks-nodegroup.cluster-api-provider-aws.sigs.k8s.io, or where roles may be made, a role
	// of the pool's own. It can't be changed.
	// +optional
	// +k8s:validation:maxLength=64
	RoleName string `json:"roleName,omitempty"`

	// rolePath is the path of a role that is made, for example /eks/.
	// +optional
	// +k8s:validation:maxLength=512
	RolePath string `json:"rolePath,omitempty"`

	// rolePermissionsBoundary is the ARN of the policy that bounds a role that is made.
	// +optional
	// +k8s:validation:maxLength=2048
	RolePermissionsBoundary string `json:"rolePermissionsBoundary,omitempty"`

	// amiVersion is the release of the image, for example 1.34.2-20251112. Left out, the
	// newest one of the version when the nodes are made or the version changes.
	// +optional
	// +k8s:validation:minLength=2
	// +k8s:validation:maxLength=64
	AMIVersion *string `json:"amiVersion,omitempty"`

	// amiType is the kind of the image. Left out, Amazon Linux 2023 for the processors of the
	// instance types. It can't be changed.
	// +optional
	AMIType *ManagedMachineAMIType `json:"amiType,omitempty"`

	// labels of the nodes.
	// +optional
	// +k8s:validation:maxProperties=50
	// +k8s:validation:additionalProperties:maxLength=63
	Labels map[string]string `json:"labels,omitzero"`

	// taints of the nodes.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=50
	Taints Taints `json:"taints,omitzero"`

	// diskSize of the nodes, in GiB. Left out, 20, and 50 for Windows. It can't be changed.
	// +optional
	// +k8s:validation:minimum=1
	// +k8s:validation:maximum=65536
	DiskSize *int32 `json:"diskSize,omitempty"`

	// instanceType of the nodes, for example m5.large. Left out, t3.medium. It can't be changed.
	// +optional
	// +k8s:validation:maxLength=64
	InstanceType *string `json:"instanceType,omitempty"`

	// scaling bounds the number of nodes. The number itself is the MachinePool's replicas.
	// +optional
	Scaling *ManagedMachinePoolScaling `json:"scaling,omitempty"`

	// remoteAccess lets SSH in. Left out, nobody. It can't be changed.
	// +optional
	RemoteAccess *ManagedRemoteAccess `json:"remoteAccess,omitempty"`

	// providerIDList names the instances, as aws:///ZONE/INSTANCE each. Written by the provider.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=10000
	// +k8s:validation:items:maxLength=256
	ProviderIDList []string `json:"providerIDList,omitzero"`

	// capacityType is how the instances are paid for. It can't be changed.
	// +optional
	// +default="onDemand"
	CapacityType *ManagedMachinePoolCapacityType `json:"capacityType,omitempty"`

	// awsLaunchTemplate describes the instances more closely, in a launch template that is
	// made for the pool. Excludes instanceType, diskSize and remoteAccess. Whether there is
	// one can't be changed, nor its name.
	// +optional
	AWSLaunchTemplate *AWSLaunchTemplate `json:"awsLaunchTemplate,omitempty"`

	// lifecycleHooks are kept and not made: EKS drains and replaces the nodes itself.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=50
	AWSLifecycleHooks []AWSLifecycleHook `json:"lifecycleHooks,omitzero"`
}

// AWSManagedMachinePoolExtraSpec is what v1beta2 doesn't have, where an annotation keeps it.
type AWSManagedMachinePoolExtraSpec struct {
	// instanceTypes are several types, of which EKS takes the first that AWS has room for, or
	// for spot the one with most room. Excludes instanceType. It can't be changed.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=20
	// +k8s:validation:items:maxLength=64
	InstanceTypes []string `json:"instanceTypes,omitzero"`

	// forceUpdate replaces nodes at a change of the version or the launch template also where
	// a PodDisruptionBudget keeps their pods from being evicted.
	// +optional
	ForceUpdate bool `json:"forceUpdate"`

	// launchTemplateRef names a launch template of yours that the nodes are made from, which
	// stays as it is. Excludes awsLaunchTemplate, diskSize and remoteAccess. Nothing of it
	// but the version can be changed.
	// +optional
	LaunchTemplateRef *LaunchTemplateReference `json:"launchTemplateRef,omitempty"`
}

// AllInstanceTypes are the types that the spec names, outside of the launch template or in it.
func (s *AWSManagedMachinePoolSpec) AllInstanceTypes() []string {
	switch {
	case len(s.InstanceTypes) > 0:
		return s.InstanceTypes
	case s.InstanceType != nil && *s.InstanceType != "":
		return []string{*s.InstanceType}
	case s.AWSLaunchTemplate != nil && s.AWSLaunchTemplate.InstanceType != "":
		return []string{s.AWSLaunchTemplate.InstanceType}
	}
	return nil
}

// HasOwnImage tells whether the nodes have an image that the spec names, and not EKS's.
func (s *AWSManagedMachinePoolSpec) HasOwnImage() bool {
	return s.AWSLaunchTemplate != nil && s.AWSLaunchTemplate.AMI.ID != nil
}

// LaunchTemplateReference names a launch template, by its id or its name.
type LaunchTemplateReference struct {
	// id of the launch template, for example lt-0123456789abcdef0.
	// +optional
	// +k8s:validation:maxLength=64
	ID string `json:"id,omitempty"`

	// name of the launch template.
	// +optional
	// +k8s:validation:maxLength=128
	Name string `json:"name,omitempty"`

	// version of the launch template that the nodes are made from. A change of it replaces
	// them.
	// +required
	// +k8s:validation:minimum=1
	Version int64 `json:"version"`
}

// ManagedMachineAMIType is the kind of a node group's image, as EKS calls it.
// +enum
type ManagedMachineAMIType string

// The kinds of images of node groups.
const (
	AMITypeAL2x86_64                    ManagedMachineAMIType = "AL2_x86_64"
	AMITypeAL2x86_64GPU                 ManagedMachineAMIType = "AL2_x86_64_GPU"
	AMITypeAL2ARM64                     ManagedMachineAMIType = "AL2_ARM_64"
	AMITypeCustom                       ManagedMachineAMIType = "CUSTOM"
	AMITypeBottlerocketARM64            ManagedMachineAMIType = "BOTTLEROCKET_ARM_64"
	AMITypeBottlerocketx86_64           ManagedMachineAMIType = "BOTTLEROCKET_x86_64"
	AMITypeBottlerocketARM64FIPS        ManagedMachineAMIType = "BOTTLEROCKET_ARM_64_FIPS"
	AMITypeBottlerocketx86_64FIPS       ManagedMachineAMIType = "BOTTLEROCKET_x86_64_FIPS"
	AMITypeBottlerocketARM64NVIDIA      ManagedMachineAMIType = "BOTTLEROCKET_ARM_64_NVIDIA"
	AMITypeBottlerocketx86_64NVIDIA     ManagedMachineAMIType = "BOTTLEROCKET_x86_64_NVIDIA"
	AMITypeBottlerocketARM64NVIDIAFIPS  ManagedMachineAMIType = "BOTTLEROCKET_ARM_64_NVIDIA_FIPS"
	AMITypeBottlerocketx86_64NVIDIAFIPS ManagedMachineAMIType = "BOTTLEROCKET_x86_64_NVIDIA_FIPS"
	AMITypeWindowsCore2019              ManagedMachineAMIType = "WINDOWS_CORE_2019_x86_64"
	AMITypeWindowsFull2019              ManagedMachineAMIType = "WINDOWS_FULL_2019_x86_64"
	AMITypeWindowsCore2022              ManagedMachineAMIType = "WINDOWS_CORE_2022_x86_64"
	AMITypeWindowsFull2022              ManagedMachineAMIType = "WINDOWS_FULL_2022_x86_64"
	AMITypeWindowsCore2025              ManagedMachineAMIType = "WINDOWS_CORE_2025_x86_64"
	AMITypeWindowsFull2025              ManagedMachineAMIType = "WINDOWS_FULL_2025_x86_64"
	AMITypeAL2023x86_64Standard         ManagedMachineAMIType = "AL2023_x86_64_STANDARD"
	AMITypeAL2023ARM64Standard          ManagedMachineAMIType = "AL2023_ARM_64_STANDARD"
	AMITypeAL2023x86_64Neuron           ManagedMachineAMIType = "AL2023_x86_64_NEURON"
	AMITypeAL2023x86_64NVIDIA           ManagedMachineAMIType = "AL2023_x86_64_NVIDIA"
	AMITypeAL2023ARM64NVIDIA            ManagedMachineAMIType = "AL2023_ARM_64_NVIDIA"
)

// IsARM tells whether the image is for arm64 processors.
func (t ManagedMachineAMIType) IsARM() bool { return strings.Contains(string(t), "ARM_64") }

// IsAL2 tells whether the image is Amazon Linux 2, which EKS makes none of any more.
func (t ManagedMachineAMIType) IsAL2() bool {
	return slices.Contains([]ManagedMachineAMIType{AMITypeAL2x86_64, AMITypeAL2x86_64GPU, AMITypeAL2ARM64}, t)
}

// Successor is the kind of image that came after one of Amazon Linux 2.
func (t ManagedMachineAMIType) Successor() ManagedMachineAMIType {
	switch t {
	case AMITypeAL2ARM64:
		return AMITypeAL2023ARM64Standard
	case AMITypeAL2x86_64GPU:
		return AMITypeAL2023x86_64NVIDIA
	default:
		return AMITypeAL2023x86_64Standard
	}
}

// IsWindows tells whether the image is Windows.
func (t ManagedMachineAMIType) IsWindows() bool { return strings.HasPrefix(string(t), "WINDOWS_") }

// ManagedMachinePoolCapacityType is how instances of a node group are paid for.
// +enum
type ManagedMachinePoolCapacityType string

// How instances of a node group are paid for.
const (
	ManagedMachinePoolCapacityTypeOnDemand      ManagedMachinePoolCapacityType = "onDemand"
	ManagedMachinePoolCapacityTypeSpot          ManagedMachinePoolCapacityType = "spot"
	ManagedMachinePoolCapacityTypeCapacityBlock ManagedMachinePoolCapacityType = "capacityBlock"
)

// ManagedMachinePoolScaling bounds the number of nodes.
type ManagedMachinePoolScaling struct {
	// minSize is the smallest number of nodes. Left out, the MachinePool's replicas, or
	// maxSize where that is less.
	// +optional
	// +k8s:validation:maximum=100000
	MinSize *int32 `json:"minSize,omitempty"`

	// maxSize is the largest number of nodes. Left out, the MachinePool's replicas, or minSize
	// where that is more.
	// +optional
	// +k8s:validation:maximum=100000
	MaxSize *int32 `json:"maxSize,omitempty"`
}

// TaintEffect is what a taint does to pods that don't tolerate it.
// +enum
type TaintEffect string

// What taints do.
const (
	TaintEffectNoSchedule       TaintEffect = "no-schedule"
	TaintEffectNoExecute        TaintEffect = "no-execute"
	TaintEffectPreferNoSchedule TaintEffect = "prefer-no-schedule"
)

// Taint keeps pods that don't tolerate it off the nodes.
type Taint struct {
	// effect on such pods.
	// +required
	Effect TaintEffect `json:"effect"`

	// key of the taint.
	// +required
	// +k8s:validation:maxLength=63
	Key string `json:"key"`

	// value of the taint. May be empty.
	// +required
	// +k8s:validation:maxLength=63
	Value string `json:"value"`
}

// Taints are several ones.
type Taints []Taint

// ManagedRemoteAccess lets SSH in.
type ManagedRemoteAccess struct {
	// sshKeyName is the EC2 key pair put on the nodes. Left out, that of the control plane.
	// +optional
	// +k8s:validation:maxLength=255
	SSHKeyName *string `json:"sshKeyName,omitempty"`

	// sourceSecurityGroups are ids of security groups from which SSH comes. Left empty, and
	// not public, those of the cluster and of the bastion host.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=20
	// +k8s:validation:items:maxLength=256
	SourceSecurityGroups []string `json:"sourceSecurityGroups,omitzero"`

	// public lets everybody in. Excludes sourceSecurityGroups.
	// +optional
	Public bool `json:"public"`
}

// NodegroupUpdateStrategy is the order in which nodes are replaced.
// +enum
type NodegroupUpdateStrategy string

// The orders in which nodes are replaced.
const (
	// NodegroupUpdateStrategyDefault makes new nodes before old ones go.
	NodegroupUpdateStrategyDefault NodegroupUpdateStrategy = "default"
	// NodegroupUpdateStrategyMinimal ends old nodes before new ones are made.
	NodegroupUpdateStrategyMinimal NodegroupUpdateStrategy = "minimal"
)

// UpdateConfig says how nodes are replaced: exactly one of the two numbers is set.
type UpdateConfig struct {
	// maxUnavailable is how many nodes are replaced at a time.
	// +optional
	// +k8s:validation:minimum=1
	// +k8s:validation:maximum=100
	MaxUnavailable *int `json:"maxUnavailable,omitempty"`

	// maxUnavailablePercentage is which share of the nodes is replaced at a time.
	// +optional
	// +k8s:validation:minimum=1
	// +k8s:validation:maximum=100
	MaxUnavailablePercentage *int `json:"maxUnavailablePercentage,omitempty"`

	// updateStrategy is default, which makes new nodes before old ones go, or minimal, which
	// needs no room for more nodes. Left out, default.
	// +optional
	UpdateStrategy NodegroupUpdateStrategy `json:"updateStrategy,omitempty"`
}

// NodeRepairConfig replaces nodes that aren't healthy.
type NodeRepairConfig struct {
	// enabled replaces them.
	// +optional
	// +default=false
	Enabled *bool `json:"enabled,omitempty"`

	// maxUnhealthyNodeThresholdCount is how many nodes may be unhealthy before nothing is
	// replaced any more.
	// +optional
	// +k8s:validation:minimum=1
	// +k8s:validation:maximum=100000
	MaxUnhealthyNodeThresholdCount *int32 `json:"maxUnhealthyNodeThresholdCount,omitempty"`

	// maxUnhealthyNodeThresholdPercentage says the same as a share of the nodes.
	// +optional
	// +k8s:validation:minimum=1
	// +k8s:validation:maximum=100
	MaxUnhealthyNodeThresholdPercentage *int32 `json:"maxUnhealthyNodeThresholdPercentage,omitempty"`

	// maxParallelNodesRepairedCount is how many nodes are replaced at a time.
	// +optional
	// +k8s:validation:minimum=1
	// +k8s:validation:maximum=100000
	MaxParallelNodesRepairedCount *int32 `json:"maxParallelNodesRepairedCount,omitempty"`

	// maxParallelNodesRepairedPercentage says the same as a share of the unhealthy nodes.
	// +optional
	// +k8s:validation:minimum=1
	// +k8s:validation:maximum=100
	MaxParallelNodesRepairedPercentage *int32 `json:"maxParallelNodesRepairedPercentage,omitempty"`

	// overrides say what is done about single ailments.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=50
	Overrides []NodeRepairOverride `json:"overrides,omitzero"`
}

// NodeRepairAction is what is done about a node.
// +enum
type NodeRepairAction string

// What is done about a node.
const (
	NodeRepairActionReplace  NodeRepairAction = "Replace"
	NodeRepairActionReboot   NodeRepairAction = "Reboot"
	NodeRepairActionNoAction NodeRepairAction = "NoAction"
)

// NodeRepairOverride says what is done about an ailment of a node.
type NodeRepairOverride struct {
	// nodeMonitoringCondition is the condition of the node, for example
	// AcceleratedHardwareReady.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=256
	NodeMonitoringCondition string `json:"nodeMonitoringCondition"`

	// nodeUnhealthyReason is the condition's reason, for example NvidiaXID13Error.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=256
	NodeUnhealthyReason string `json:"nodeUnhealthyReason"`

	// minRepairWaitTimeMins is how many minutes it lasts before anything is done.
	// +required
	// +k8s:validation:minimum=1
	// +k8s:validation:maximum=10080
	MinRepairWaitTimeMins int32 `json:"minRepairWaitTimeMins"`

	// repairAction is what is done.
	// +required
	RepairAction NodeRepairAction `json:"repairAction"`
}

// AWSManagedMachinePoolStatus is the node group as AWS has it.
//
// It has no failureReason on purpose: Cluster API's pool controller panics on one.
type AWSManagedMachinePoolStatus struct {
	// conditions say how the node group and what belongs to it are.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// ready tells Cluster API that the node group is there. Its pool controller reads this
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

	// launchTemplateID is the pool's launch template, for example lt-0123456789abcdef0.
	// +optional
	LaunchTemplateID *string `json:"launchTemplateID,omitempty"`

	// launchTemplateVersion is the version that new instances have.
	// +optional
	LaunchTemplateVersion *string `json:"launchTemplateVersion,omitempty"`

	// nodegroup is what EKS says of the node group.
	// +optional
	Nodegroup *NodegroupState `json:"nodegroup,omitempty"`

	// update is the latest change of the node group that was asked for. AWS makes one at a
	// time, and says later how it went.
	// +optional
	Update *NodegroupUpdate `json:"update,omitempty"`

	// observation says how fresh this status is. Added when read, never stored.
	// +optional
	Observation *Observation `json:"observation,omitempty"`

	// failures are what AWS answered to the latest attempts that failed.
	// +optional
	// +listType=atomic
	Failures []Failure `json:"failures,omitempty"`

	// pendingCreations is the journal of creations in flight.
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

// NodegroupState is what EKS says of a node group.
type NodegroupState struct {
	// status as EKS calls it, for example ACTIVE or DEGRADED.
	// +optional
	Status string `json:"status,omitempty"`

	// version of Kubernetes on the nodes, for example 1.34.
	// +optional
	Version string `json:"version,omitempty"`

	// releaseVersion of the image, for example 1.34.2-20251112, or the image's id where the
	// spec names one.
	// +optional
	ReleaseVersion string `json:"releaseVersion,omitempty"`

	// amiType is the kind of the image.
	// +optional
	AMIType string `json:"amiType,omitempty"`

	// autoScalingGroup is the name of the group that EKS made.
	// +optional
	AutoScalingGroup string `json:"autoScalingGroup,omitempty"`

	// issues that EKS has with the node group.
	// +optional
	// +listType=atomic
	Issues []NodegroupIssue `json:"issues,omitempty"`
}

// NodegroupIssue is what EKS finds wrong with a node group.
type NodegroupIssue struct {
	// code of the issue, for example AutoScalingGroupNotFound.
	// +optional
	Code string `json:"code,omitempty"`

	// message of EKS.
	// +optional
	Message string `json:"message,omitempty"`

	// resourceIDs are what it is about.
	// +optional
	// +listType=atomic
	ResourceIDs []string `json:"resourceIDs,omitempty"`
}

// NodegroupUpdate is a change of a node group that was asked for.
type NodegroupUpdate struct {
	// type of the change, as EKS calls it: VersionUpdate or ConfigUpdate.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=128
	Type string `json:"type"`

	// paramsHash stands for what was asked for, so that the same isn't asked for again where
	// it failed.
	// +optional
	// +k8s:validation:maxLength=128
	ParamsHash string `json:"paramsHash,omitempty"`

	// since is when the change was asked for.
	// +required
	Since metav1.MicroTime `json:"since"`

	// id of the update in EKS. Empty while the answer isn't known.
	// +optional
	// +k8s:validation:maxLength=128
	ID string `json:"id,omitempty"`

	// state of the update, as EKS calls it: InProgress, Successful, Failed or Cancelled. Empty
	// while nobody knows.
	// +optional
	// +k8s:validation:maxLength=32
	State string `json:"state,omitempty"`

	// message is what EKS says of an update that failed.
	// +optional
	Message string `json:"message,omitempty"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// AWSManagedMachinePool is a managed node group of a cluster on EKS.
type AWSManagedMachinePool struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what is wanted.
	// +optional
	Spec AWSManagedMachinePoolSpec `json:"spec,omitzero"`

	// status is what is.
	// +optional
	Status AWSManagedMachinePoolStatus `json:"status,omitzero"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// AWSManagedMachinePoolList is a list of AWSManagedMachinePools.
type AWSManagedMachinePoolList struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the list's metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	// items of the list.
	// +listType=atomic
	Items []AWSManagedMachinePool `json:"items"`
}

// NodegroupName returns the name of the node group in EKS: what spec says, or NAMESPACE_NAME.
// Before an object is stored, spec may not say it yet.
func (p *AWSManagedMachinePool) NodegroupName() string {
	if p.Spec.EKSNodegroupName != "" {
		return p.Spec.EKSNodegroupName
	}
	return EKSName(p.Namespace, p.Name, maxNodegroupName)
}

// GeneratedRoleName is the name of the role that is made for the pool's nodes in an EKS
// cluster, where roles may be made and it names none.
func (p *AWSManagedMachinePool) GeneratedRoleName(cluster string) string {
	return EKSName(cluster+"-"+p.NodegroupName(), "nodegroup-iam-service-role", maxRoleName)
}

// GetConditions returns the conditions, for Cluster API's condition helpers.
func (p *AWSManagedMachinePool) GetConditions() []metav1.Condition { return p.Status.Conditions }

// SetConditions replaces the conditions.
func (p *AWSManagedMachinePool) SetConditions(conditions []metav1.Condition) {
	p.Status.Conditions = conditions
}

// GetV1Beta1Conditions returns a copy of the conditions in the old form.
func (p *AWSManagedMachinePool) GetV1Beta1Conditions() clusterv1.Conditions {
	return p.Status.Deprecated.v1beta1Conditions()
}

// SetV1Beta1Conditions replaces the conditions in the old form.
func (p *AWSManagedMachinePool) SetV1Beta1Conditions(conditions clusterv1.Conditions) {
	p.Status.Deprecated = p.Status.Deprecated.withConditions(conditions)
}

// Provisioned tells whether the node group was there once.
func (p *AWSManagedMachinePool) Provisioned() bool { return p.Status.Initialization.provisioned() }
