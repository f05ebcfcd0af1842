package v2beta1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// AWSManagedClusterTemplateSpec holds the template. It can't be changed.
type AWSManagedClusterTemplateSpec struct {
	// template that AWSManagedClusters are built from.
	// +required
	Template AWSManagedClusterTemplateResource `json:"template"`
}

// AWSManagedClusterTemplateResource is what an AWSManagedCluster is built from.
type AWSManagedClusterTemplateResource struct {
	// spec of the AWSManagedClusters built from this template.
	// +required
	Spec AWSManagedClusterSpec `json:"spec"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// AWSManagedClusterTemplate is what a ClusterClass builds AWSManagedClusters from.
type AWSManagedClusterTemplate struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec holds the template.
	// +required
	Spec AWSManagedClusterTemplateSpec `json:"spec"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// AWSManagedClusterTemplateList is a list of AWSManagedClusterTemplates.
type AWSManagedClusterTemplateList struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the list's metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	// items of the list.
	// +listType=atomic
	Items []AWSManagedClusterTemplate `json:"items"`
}
