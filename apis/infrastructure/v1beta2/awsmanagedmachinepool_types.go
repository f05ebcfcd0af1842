package v1beta2

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// AWSManagedMachinePoolSpec is the wanted node group of EKS.
type AWSManagedMachinePoolSpec struct {
	infrav1.AWSManagedMachinePoolCommonSpec `json:",inline"`

	// updateConfig says how nodes are replaced. Left out, one at a time.
	// +optional
	UpdateConfig *UpdateConfig `json:"updateConfig,omitempty"`

	// nodeRepairConfig replaces nodes that aren't healthy. Left out, none.
	// +optional
	NodeRepairConfig *NodeRepairConfig `json:"nodeRepairConfig,omitempty"`
}

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
}

// NodeRepairConfig replaces nodes that aren't healthy.
type NodeRepairConfig struct {
	// enabled replaces them.
	// +optional
	// +default=false
	Enabled *bool `json:"enabled,omitempty"`
}

// AWSManagedMachinePoolStatus is the node group as AWS has it. It is converted by hand.
// +k8s:conversion-gen=false
type AWSManagedMachinePoolStatus struct {
	// ready tells Cluster API that the node group is there.
	// +required
	// +default=false
	Ready bool `json:"ready"`

	// replicas is the number of instances.
	// +optional
	Replicas int32 `json:"replicas"`

	// launchTemplateID is the pool's launch template, for example lt-0123456789abcdef0.
	// +optional
	LaunchTemplateID *string `json:"launchTemplateID,omitempty"`

	// launchTemplateVersion is the version that new instances have.
	// +optional
	LaunchTemplateVersion *string `json:"launchTemplateVersion,omitempty"`

	// failureReason is kept when it was written. This server never sets it, because
	// Cluster API's pool controller panics on one.
	// +optional
	FailureReason *string `json:"failureReason,omitempty"`

	// failureMessage is kept when it was written. This server never sets it.
	// +optional
	FailureMessage *string `json:"failureMessage,omitempty"`

	// conditions in the form of Cluster API's v1beta1 contract.
	// +optional
	// +listType=atomic
	Conditions []infrav1.V1Beta1Condition `json:"conditions,omitempty"`

	// v2beta1 groups the status that only v2beta1 has, so that nothing is lost
	// between the versions.
	// +optional
	V2Beta1 *AWSManagedMachinePoolV2Beta1Status `json:"v2beta1,omitempty"`
}

// AWSManagedMachinePoolV2Beta1Status is the status that only v2beta1 has.
type AWSManagedMachinePoolV2Beta1Status struct {
	// conditions say how the node group and what belongs to it are.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// initialization says whether the node group was there once. As for AWSMachinePool it
	// isn't derived from ready, because v2beta1 has both.
	// +optional
	Initialization *infrav1.Initialization `json:"initialization,omitempty"`

	// nodegroup is what EKS says of the node group.
	// +optional
	Nodegroup *infrav1.NodegroupState `json:"nodegroup,omitempty"`

	// update is the latest change of the node group that was asked for.
	// +optional
	Update *infrav1.NodegroupUpdate `json:"update,omitempty"`

	// observation says how fresh this status is. Added when read, never stored.
	// +optional
	Observation *infrav1.Observation `json:"observation,omitempty"`

	// failures are what AWS answered to the latest attempts that failed.
	// +optional
	// +listType=atomic
	Failures []infrav1.Failure `json:"failures,omitempty"`

	// pendingCreations is the journal of creations in flight.
	// +optional
	// +listType=map
	// +listMapKey=key
	PendingCreations []infrav1.PendingCreation `json:"pendingCreations,omitempty"`

	// formerUIDs are the UIDs that the object had before it was moved or restored, as what
	// it records in AWS told: whatever carries one of them, and its namespace, is its own.
	// +optional
	// +listType=set
	FormerUIDs []string `json:"formerUIDs,omitempty"`
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

	// status is what is. It is always shown, so that readers find status.ready.
	// +optional
	Status AWSManagedMachinePoolStatus `json:"status"`
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

// AWSManagedMachinePoolTemplateSpec holds the template. It can't be changed.
type AWSManagedMachinePoolTemplateSpec struct {
	// template that AWSManagedMachinePools are built from.
	// +required
	Template AWSManagedMachinePoolTemplateResource `json:"template"`
}

// AWSManagedMachinePoolTemplateResource is what an AWSManagedMachinePool is built from.
type AWSManagedMachinePoolTemplateResource struct {
	// metadata of the AWSManagedMachinePools built from this template.
	// +optional
	ObjectMeta infrav1.ObjectMeta `json:"metadata"`

	// spec of the AWSManagedMachinePools built from this template.
	// +required
	Spec AWSManagedMachinePoolSpec `json:"spec"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// AWSManagedMachinePoolTemplate is what a ClusterClass builds AWSManagedMachinePools from.
type AWSManagedMachinePoolTemplate struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec holds the template.
	// +required
	Spec AWSManagedMachinePoolTemplateSpec `json:"spec"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// AWSManagedMachinePoolTemplateList is a list of AWSManagedMachinePoolTemplates.
type AWSManagedMachinePoolTemplateList struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the list's metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	// items of the list.
	// +listType=atomic
	Items []AWSManagedMachinePoolTemplate `json:"items"`
}
