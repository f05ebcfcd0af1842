package v2beta1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// NodeadmConfigTemplateSpec holds the template. It can't be changed.
type NodeadmConfigTemplateSpec struct {
	// template that NodeadmConfigs are built from.
	// +optional
	Template NodeadmConfigTemplateResource `json:"template"`
}

// NodeadmConfigTemplateResource is what a NodeadmConfig is built from.
type NodeadmConfigTemplateResource struct {
	// spec of the NodeadmConfigs built from this template.
	// +optional
	Spec NodeadmConfigSpec `json:"spec"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// NodeadmConfigTemplate is what NodeadmConfigs are built from, one for each Machine.
type NodeadmConfigTemplate struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec holds the template.
	// +required
	Spec NodeadmConfigTemplateSpec `json:"spec"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// NodeadmConfigTemplateList is a list of NodeadmConfigTemplates.
type NodeadmConfigTemplateList struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the list's metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	// items of the list.
	// +listType=atomic
	Items []NodeadmConfigTemplate `json:"items"`
}
