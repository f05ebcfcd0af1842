package v2beta1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// AWSClusterRoleIdentitySpec is the role, and who may use it.
type AWSClusterRoleIdentitySpec struct {
	AWSClusterIdentitySpec `json:",inline"`
	AWSRoleSpec            `json:",inline"`

	// externalID is asked for by the role's trust policy, if it wants one.
	// +optional
	// +k8s:validation:maxLength=1224
	ExternalID string `json:"externalID,omitempty"`

	// sourceIdentityRef is the identity that assumes the role.
	// +optional
	SourceIdentityRef *AWSIdentityReference `json:"sourceIdentityRef,omitempty"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// AWSClusterRoleIdentity is an IAM role, assumed from another identity.
type AWSClusterRoleIdentity struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec of the identity.
	// +optional
	Spec AWSClusterRoleIdentitySpec `json:"spec,omitzero"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// AWSClusterRoleIdentityList is a list of AWSClusterRoleIdentities.
type AWSClusterRoleIdentityList struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the list's metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	// items of the list.
	// +listType=atomic
	Items []AWSClusterRoleIdentity `json:"items"`
}
