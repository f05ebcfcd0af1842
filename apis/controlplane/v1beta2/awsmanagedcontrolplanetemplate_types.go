package v1beta2

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// AWSManagedControlPlaneTemplateSpec holds the template. It can't be changed.
type AWSManagedControlPlaneTemplateSpec struct {
	// template that AWSManagedControlPlanes are built from.
	// +required
	Template AWSManagedControlPlaneTemplateResource `json:"template"`
}

// AWSManagedControlPlaneTemplateResource is what an AWSManagedControlPlane is built from.
type AWSManagedControlPlaneTemplateResource struct {
	// spec of the AWSManagedControlPlanes built from this template.
	// +required
	Spec AWSManagedControlPlaneSpec `json:"spec"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// AWSManagedControlPlaneTemplate is what a ClusterClass builds AWSManagedControlPlanes from.
type AWSManagedControlPlaneTemplate struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec holds the template.
	// +required
	Spec AWSManagedControlPlaneTemplateSpec `json:"spec"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// AWSManagedControlPlaneTemplateList is a list of AWSManagedControlPlaneTemplates.
type AWSManagedControlPlaneTemplateList struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the list's metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	// items of the list.
	// +listType=atomic
	Items []AWSManagedControlPlaneTemplate `json:"items"`
}
