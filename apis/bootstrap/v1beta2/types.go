package v1beta2

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	bootstrapv1 "github.com/capa-apiserver/capa-apiserver/apis/bootstrap/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// ConfigStatus says whether the bootstrap data is there. It is converted by hand.
// +k8s:conversion-gen=false
type ConfigStatus struct {
	// ready tells that the bootstrap data was there once. It is v2beta1's
	// status.initialization.dataSecretCreated.
	// +optional
	// +default=false
	Ready bool `json:"ready"`

	// initialization says the same, for Cluster API's v1beta2 contract.
	// +optional
	Initialization *bootstrapv1.Initialization `json:"initialization,omitempty"`

	// dataSecretName is the Secret that holds the bootstrap data, of the object's namespace.
	// +optional
	// +k8s:validation:maxLength=253
	DataSecretName *string `json:"dataSecretName,omitempty"`

	// failureReason of a failure that needs a person, in CamelCase.
	// +optional
	FailureReason *string `json:"failureReason,omitempty"`

	// failureMessage says what failed, for a person to read.
	// +optional
	FailureMessage *string `json:"failureMessage,omitempty"`

	// observedGeneration is the generation of the spec that this status is of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// conditions in the form of Cluster API's v1beta1 contract.
	// +optional
	// +listType=atomic
	Conditions []infrav1.V1Beta1Condition `json:"conditions,omitempty"`

	// v2beta1 groups the status that only v2beta1 has, so that nothing is lost
	// between the versions.
	// +optional
	V2Beta1 *ConfigV2Beta1Status `json:"v2beta1,omitempty"`
}

// ConfigV2Beta1Status is the status that only v2beta1 has.
type ConfigV2Beta1Status struct {
	// conditions say how far the bootstrap data is.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// NodeadmConfig makes the bootstrap data of nodes with Amazon Linux 2023.
type NodeadmConfig struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what is wanted.
	// +optional
	Spec bootstrapv1.NodeadmConfigSpec `json:"spec"`

	// status is what is. It is always shown, so that readers find status.ready.
	// +optional
	Status ConfigStatus `json:"status"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// NodeadmConfigList is a list of NodeadmConfigs.
type NodeadmConfigList struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the list's metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	// items of the list.
	// +listType=atomic
	Items []NodeadmConfig `json:"items"`
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
	Spec bootstrapv1.NodeadmConfigTemplateSpec `json:"spec"`
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

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// EKSConfig makes the bootstrap data of nodes with Amazon Linux 2.
type EKSConfig struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what is wanted.
	// +optional
	Spec bootstrapv1.EKSConfigSpec `json:"spec"`

	// status is what is. It is always shown, so that readers find status.ready.
	// +optional
	Status ConfigStatus `json:"status"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// EKSConfigList is a list of EKSConfigs.
type EKSConfigList struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the list's metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	// items of the list.
	// +listType=atomic
	Items []EKSConfig `json:"items"`
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
	Spec bootstrapv1.EKSConfigTemplateSpec `json:"spec"`
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
