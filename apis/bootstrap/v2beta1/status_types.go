package v2beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// ConfigStatus says whether the bootstrap data is there.
type ConfigStatus struct {
	// conditions say how far the bootstrap data is.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// initialization tells Cluster API that the bootstrap data was there once.
	// +optional
	Initialization *Initialization `json:"initialization,omitempty"`

	// ready tells the same to tools that know Cluster API's v1beta1 contract.
	// +optional
	// +default=false
	Ready bool `json:"ready"`

	// dataSecretName is the Secret that holds the bootstrap data, of the object's namespace.
	// +optional
	// +k8s:validation:maxLength=253
	DataSecretName *string `json:"dataSecretName,omitempty"`

	// observedGeneration is the generation of the spec that this status is of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// deprecated groups status that only older contracts of Cluster API know.
	// +optional
	Deprecated *infrav1.MachineDeprecatedStatus `json:"deprecated,omitempty"`
}

// Initialization carries what Cluster API's v1beta2 contract wants to know about the first
// making of bootstrap data.
type Initialization struct {
	// dataSecretCreated is true once the bootstrap data was there for the first time. It
	// never goes back to false.
	// +optional
	DataSecretCreated *bool `json:"dataSecretCreated,omitempty"`
}
