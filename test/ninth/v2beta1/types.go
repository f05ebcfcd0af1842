package v2beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// AWSNinth is the kind.
//
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
type AWSNinth struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              Spec   `json:"spec,omitzero"`
	Status            Status `json:"status,omitzero"`
}

// Spec is what users want.
type Spec struct {
	// clusterName is the cluster that it is for.
	// +k8s:validation:maxLength=63
	ClusterName string `json:"clusterName,omitempty"`
	// +k8s:validation:minimum=0
	Size int64 `json:"size,omitempty"`
}

// Status is what is.
type Status struct {
	// +listType=atomic
	Conditions  []metav1.Condition   `json:"conditions,omitempty"`
	Observation *infrav1.Observation `json:"observation,omitempty"`
	// +listType=atomic
	Failures []infrav1.Failure `json:"failures,omitempty"`
}

// AWSNinthList is a list of them.
//
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object
type AWSNinthList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []AWSNinth `json:"items"`
}
