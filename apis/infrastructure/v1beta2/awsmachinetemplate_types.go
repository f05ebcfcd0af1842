package v1beta2

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// AWSMachineTemplateStatus tells an autoscaler what a machine of the template would
// have, so that it can scale from zero. It is converted by hand.
// +k8s:conversion-gen=false
type AWSMachineTemplateStatus struct {
	// capacity of a machine: cpu, memory, and what else the instance type has.
	// +optional
	Capacity corev1.ResourceList `json:"capacity,omitempty"`

	// nodeInfo says what software a node of this template runs.
	// +optional
	NodeInfo *infrav1.NodeInfo `json:"nodeInfo,omitempty"`

	// conditions in the form of Cluster API's v1beta1 contract.
	// +optional
	// +listType=atomic
	Conditions []infrav1.V1Beta1Condition `json:"conditions,omitempty"`

	// v2beta1 groups the status that only v2beta1 has, so that nothing is lost
	// between the versions.
	// +optional
	V2Beta1 *AWSMachineTemplateV2Beta1Status `json:"v2beta1,omitempty"`
}

// AWSMachineTemplateV2Beta1Status is the status that only v2beta1 has.
type AWSMachineTemplateV2Beta1Status struct {
	// conditions say how the template is.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// AWSMachineTemplate is what AWSMachines are built from.
type AWSMachineTemplate struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec holds the template.
	// +required
	Spec infrav1.AWSMachineTemplateSpec `json:"spec"`

	// status is what a machine of the template would have.
	// +optional
	Status AWSMachineTemplateStatus `json:"status,omitzero"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// AWSMachineTemplateList is a list of AWSMachineTemplates.
type AWSMachineTemplateList struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the list's metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	// items of the list.
	// +listType=atomic
	Items []AWSMachineTemplate `json:"items"`
}
