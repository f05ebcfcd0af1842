package v1beta2

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// AWSManagedClusterStatus is what the AWSManagedControlPlane says. It is converted by hand.
// +k8s:conversion-gen=false
type AWSManagedClusterStatus struct {
	// ready is true once the infrastructure was complete for the first time. It
	// is v2beta1's status.initialization.provisioned.
	// +optional
	// +default=false
	Ready bool `json:"ready"`

	// failureDomains are the zones machines can be placed in, by name.
	// +optional
	FailureDomains map[string]FailureDomain `json:"failureDomains,omitempty"`

	// conditions in the form of Cluster API's v1beta1 contract.
	// +optional
	// +listType=atomic
	Conditions []infrav1.V1Beta1Condition `json:"conditions,omitempty"`

	// v2beta1 groups the status that only v2beta1 has, so that nothing is lost
	// between the versions.
	// +optional
	V2Beta1 *AWSManagedClusterV2Beta1Status `json:"v2beta1,omitempty"`
}

// AWSManagedClusterV2Beta1Status is the status that only v2beta1 has.
type AWSManagedClusterV2Beta1Status struct {
	// conditions say how the infrastructure is.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// initialization is only here when ready doesn't say the same.
	// +optional
	Initialization *infrav1.Initialization `json:"initialization,omitempty"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// AWSManagedCluster is what Cluster API wants to have as the infrastructure of a cluster on
// EKS. It shows what the AWSManagedControlPlane made.
type AWSManagedCluster struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what is wanted. It is always shown, because most manifests write an empty one.
	// +optional
	Spec infrav1.AWSManagedClusterSpec `json:"spec"`

	// status is what is. It is always shown, so that readers find status.ready.
	// +optional
	Status AWSManagedClusterStatus `json:"status"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// AWSManagedClusterList is a list of AWSManagedClusters.
type AWSManagedClusterList struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the list's metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	// items of the list.
	// +listType=atomic
	Items []AWSManagedCluster `json:"items"`
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
	Spec infrav1.AWSManagedClusterTemplateSpec `json:"spec"`
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
