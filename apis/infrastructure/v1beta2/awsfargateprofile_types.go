package v1beta2

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// AWSFargateProfileStatus is the profile as AWS has it. It is converted by hand.
// +k8s:conversion-gen=false
type AWSFargateProfileStatus struct {
	// ready tells that pods can run on the profile.
	// +required
	// +default=false
	Ready bool `json:"ready"`

	// failureReason of a failure that needs a person, in CamelCase.
	// +optional
	FailureReason *string `json:"failureReason,omitempty"`

	// failureMessage says what failed, for a person to read.
	// +optional
	FailureMessage *string `json:"failureMessage,omitempty"`

	// conditions in the form of Cluster API's v1beta1 contract.
	// +optional
	// +listType=atomic
	Conditions []infrav1.V1Beta1Condition `json:"conditions,omitempty"`

	// v2beta1 groups the status that only v2beta1 has, so that nothing is lost
	// between the versions.
	// +optional
	V2Beta1 *AWSFargateProfileV2Beta1Status `json:"v2beta1,omitempty"`
}

// AWSFargateProfileV2Beta1Status is the status that only v2beta1 has.
type AWSFargateProfileV2Beta1Status struct {
	// conditions say how the profile and its role are.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

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

// AWSFargateProfile says which pods of a cluster on EKS run on Fargate.
type AWSFargateProfile struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what is wanted.
	// +optional
	Spec infrav1.AWSFargateProfileSpec `json:"spec,omitzero"`

	// status is what is. It is always shown, so that readers find status.ready.
	// +optional
	Status AWSFargateProfileStatus `json:"status"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// AWSFargateProfileList is a list of AWSFargateProfiles.
type AWSFargateProfileList struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the list's metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	// items of the list.
	// +listType=atomic
	Items []AWSFargateProfile `json:"items"`
}
