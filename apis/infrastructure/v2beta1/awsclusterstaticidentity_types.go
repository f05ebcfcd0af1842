package v2beta1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// AWSClusterStaticIdentitySpec is the Secret, and who may use it.
type AWSClusterStaticIdentitySpec struct {
	AWSClusterIdentitySpec `json:",inline"`

	// secretRef is the name of a Secret in the server's namespace with the keys
	// AccessKeyID, SecretAccessKey and, if needed, SessionToken. Can't be changed.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=253
	SecretRef string `json:"secretRef,omitempty"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// AWSClusterStaticIdentity is an access key, kept in a Secret.
type AWSClusterStaticIdentity struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec of the identity.
	// +optional
	Spec AWSClusterStaticIdentitySpec `json:"spec,omitzero"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// AWSClusterStaticIdentityList is a list of AWSClusterStaticIdentities.
type AWSClusterStaticIdentityList struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the list's metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	// items of the list.
	// +listType=atomic
	Items []AWSClusterStaticIdentity `json:"items"`
}
