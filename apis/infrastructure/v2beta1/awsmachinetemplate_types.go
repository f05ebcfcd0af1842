package v2beta1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// AWSMachineTemplateSpec holds the template. It can't be changed.
type AWSMachineTemplateSpec struct {
	// template that AWSMachines are built from.
	// +required
	Template AWSMachineTemplateResource `json:"template"`
}

// AWSMachineTemplateResource is what an AWSMachine is built from.
type AWSMachineTemplateResource struct {
	// metadata of the AWSMachines built from this template.
	// +optional
	ObjectMeta ObjectMeta `json:"metadata"`

	// spec of the AWSMachines built from this template.
	// +required
	Spec AWSMachineSpec `json:"spec"`
}

// AWSMachineTemplateStatus tells an autoscaler what a machine of the template would
// have, so that it can scale from zero.
type AWSMachineTemplateStatus struct {
	// conditions say how the template is.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// capacity of a machine: cpu, memory, and what else the instance type has.
	// +optional
	Capacity corev1.ResourceList `json:"capacity,omitempty"`

	// nodeInfo says what software a node of this template runs.
	// +optional
	NodeInfo *NodeInfo `json:"nodeInfo,omitempty"`

	// deprecated groups status that only older contracts of Cluster API know.
	// +optional
	Deprecated *DeprecatedStatus `json:"deprecated,omitempty"`
}

// NodeInfo says what software a node runs. The JSON is that of Cluster API's contract.
type NodeInfo struct {
	// architecture of the instance type.
	// +optional
	Architecture Architecture `json:"architecture,omitempty"`

	// operatingSystem of the image.
	// +optional
	OperatingSystem OperatingSystem `json:"operatingSystem,omitempty"`
}

// Architecture is a processor architecture.
// +enum
type Architecture string

// The processor architectures.
const (
	ArchitectureAMD64 Architecture = "amd64"
	ArchitectureARM64 Architecture = "arm64"
)

// OperatingSystem is an operating system.
// +enum
type OperatingSystem string

// The operating systems.
const (
	OperatingSystemLinux   OperatingSystem = "linux"
	OperatingSystemWindows OperatingSystem = "windows"
)

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// AWSMachineTemplate is what AWSMachines are built from.
type AWSMachineTemplate struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec holds the template.
	// +required
	Spec AWSMachineTemplateSpec `json:"spec"`

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
