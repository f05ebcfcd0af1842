package v2beta1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// EKSConfigTemplateSpec holds the template. It can't be changed.
type EKSConfigTemplateSpec struct {
	// template that EKSConfigs are built from.
	// +optional
	Template EKSConfigTemplateResource `json:"template"`
}

// EKSConfigTemplateResource is what a EKSConfig is built from.
type EKSConfigTemplateResource struct {
	// spec of the EKSConfigs built from this template.
	// +optional
	Spec EKSConfigSpec `json:"spec"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// EKSConfigTemplate is what EKSConfigs are built from, one for each Machine.
type EKSConfigTemplate struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec holds the template.
	// +required
	Spec EKSConfigTemplateSpec `json:"spec"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// EKSConfigTemplateList is a list of EKSConfigTemplates.
type EKSConfigTemplateList struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the list's metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	// items of the list.
	// +listType=atomic
	Items []EKSConfigTemplate `json:"items"`
}
