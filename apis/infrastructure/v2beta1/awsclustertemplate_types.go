package v2beta1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// AWSClusterTemplateSpec holds the template. It can't be changed.
type AWSClusterTemplateSpec struct {
	// template that AWSClusters are built from.
	// +required
	Template AWSClusterTemplateResource `json:"template"`
}

// AWSClusterTemplateResource is what an AWSCluster is built from.
type AWSClusterTemplateResource struct {
	// metadata of the AWSClusters built from this template.
	// +optional
	ObjectMeta ObjectMeta `json:"metadata"`

	// spec of the AWSClusters built from this template.
	// +required
	Spec AWSClusterSpec `json:"spec"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// AWSClusterTemplate is what a ClusterClass builds AWSClusters from.
type AWSClusterTemplate struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec holds the template.
	// +required
	Spec AWSClusterTemplateSpec `json:"spec"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// AWSClusterTemplateList is a list of AWSClusterTemplates.
type AWSClusterTemplateList struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the list's metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	// items of the list.
	// +listType=atomic
	Items []AWSClusterTemplate `json:"items"`
}
