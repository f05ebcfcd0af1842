package v2beta1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// AWSClusterControllerIdentitySpec is who may use the identity. It can't be changed.
type AWSClusterControllerIdentitySpec struct {
	AWSClusterIdentitySpec `json:",inline"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// AWSClusterControllerIdentity is the server's own AWS identity: the credentials
// of its environment. There is one, named default.
type AWSClusterControllerIdentity struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec of the identity.
	// +optional
	Spec AWSClusterControllerIdentitySpec `json:"spec,omitzero"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// AWSClusterControllerIdentityList is a list of AWSClusterControllerIdentities.
type AWSClusterControllerIdentityList struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the list's metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	// items of the list.
	// +listType=atomic
	Items []AWSClusterControllerIdentity `json:"items"`
}
