package v1beta2

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// AWSMachinePoolStatus is the Auto Scaling group as AWS has it. It is converted by hand.
// +k8s:conversion-gen=false
type AWSMachinePoolStatus struct {
	// ready tells Cluster API that the group is there.
	// +optional
	// +default=false
	Ready bool `json:"ready"`

	// replicas is the number of instances.
	// +optional
	Replicas int32 `json:"replicas"`

	// conditions in the form of Cluster API's v1beta1 contract.
	// +optional
	// +listType=atomic
	Conditions []infrav1.V1Beta1Condition `json:"conditions,omitempty"`

	// instances of the group.
	// +optional
	// +listType=atomic
	Instances []infrav1.AWSMachinePoolInstanceStatus `json:"instances,omitempty"`

	// launchTemplateID is the launch template, for example lt-0123456789abcdef0.
	// +optional
	LaunchTemplateID string `json:"launchTemplateID,omitempty"`

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

	// asgStatus is the state of the Auto Scaling group, for example "Delete in progress".
	// +optional
	ASGStatus *infrav1.ASGStatus `json:"asgStatus,omitempty"`

	// infrastructureMachineKind is the kind of the objects that stand for the instances,
	// if there are any.
	// +optional
	InfrastructureMachineKind string `json:"infrastructureMachineKind,omitempty"`

	// v2beta1 groups the status that only v2beta1 has, so that nothing is lost
	// between the versions.
	// +optional
	V2Beta1 *AWSMachinePoolV2Beta1Status `json:"v2beta1,omitempty"`
}

// AWSMachinePoolV2Beta1Status is the status that only v2beta1 has.
type AWSMachinePoolV2Beta1Status struct {
	// conditions say how the group and what belongs to it are.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// initialization says whether the group was there once. Unlike in other kinds it
	// isn't derived from ready, because v2beta1 has both.
	// +optional
	Initialization *infrav1.Initialization `json:"initialization,omitempty"`

	// observation says how fresh this status is. Added when read, never stored.
	// +optional
	Observation *infrav1.Observation `json:"observation,omitempty"`

	// failures are what AWS answered to the latest attempts that failed.
	// +optional
	// +listType=atomic
	Failures []infrav1.Failure `json:"failures,omitempty"`

	// formerUIDs are the UIDs that the object had before it was moved or restored, as what
	// it records in AWS told: whatever carries one of them, and its namespace, is its own.
	// +optional
	// +listType=set
	FormerUIDs []string `json:"formerUIDs,omitempty"`
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
	Spec infrav1.AWSMachinePoolSpec `json:"spec,omitzero"`

	// status is what is. It is always shown, so that readers find status.ready.
	// +optional
	Status AWSMachinePoolStatus `json:"status"`
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
