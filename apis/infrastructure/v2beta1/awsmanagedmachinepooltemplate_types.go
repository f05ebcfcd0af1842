package v2beta1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// AWSManagedMachinePoolTemplateSpec holds the template. It can't be changed.
type AWSManagedMachinePoolTemplateSpec struct {
	// template that AWSManagedMachinePools are built from.
	// +required
	Template AWSManagedMachinePoolTemplateResource `json:"template"`
}

// AWSManagedMachinePoolTemplateResource is what an AWSManagedMachinePool is built from.
type AWSManagedMachinePoolTemplateResource struct {
	// metadata of the AWSManagedMachinePools built from this template.
	// +optional
	ObjectMeta ObjectMeta `json:"metadata"`

	// spec of the AWSManagedMachinePools built from this template.
	// +required
	Spec AWSManagedMachinePoolSpec `json:"spec"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// AWSManagedMachinePoolTemplate is what a ClusterClass builds AWSManagedMachinePools from.
type AWSManagedMachinePoolTemplate struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec holds the template.
	// +required
	Spec AWSManagedMachinePoolTemplateSpec `json:"spec"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// AWSManagedMachinePoolTemplateList is a list of AWSManagedMachinePoolTemplates.
type AWSManagedMachinePoolTemplateList struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the list's metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	// items of the list.
	// +listType=atomic
	Items []AWSManagedMachinePoolTemplate `json:"items"`
}
