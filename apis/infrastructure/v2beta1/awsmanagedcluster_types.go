package v2beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
)

// AWSManagedClusterSpec is the infrastructure of a cluster on EKS. There is nothing to want:
// the AWSManagedControlPlane has the network too.
type AWSManagedClusterSpec struct {
	// controlPlaneEndpoint is where the API server is reached. Written by the provider, from
	// the AWSManagedControlPlane.
	// +optional
	ControlPlaneEndpoint APIEndpoint `json:"controlPlaneEndpoint"`
}

// AWSManagedClusterStatus is what the AWSManagedControlPlane says.
type AWSManagedClusterStatus struct {
	// conditions say how the infrastructure is.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// initialization tells Cluster API that the infrastructure is complete.
	// +optional
	Initialization *Initialization `json:"initialization,omitempty"`

	// ready says the same as initialization.provisioned, for scripts and health checks
	// that read status.ready.
	// +optional
	// +default=false
	Ready bool `json:"ready"`

	// failureDomains are the zones machines can be placed in.
	// +optional
	// +listType=map
	// +listMapKey=name
	FailureDomains []FailureDomain `json:"failureDomains,omitempty"`

	// deprecated groups status that only older contracts of Cluster API know.
	// +optional
	Deprecated *DeprecatedStatus `json:"deprecated,omitempty"`
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
	Spec AWSManagedClusterSpec `json:"spec"`

	// status is what is.
	// +optional
	Status AWSManagedClusterStatus `json:"status,omitzero"`
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

// GetConditions returns the conditions, for Cluster API's condition helpers.
func (c *AWSManagedCluster) GetConditions() []metav1.Condition { return c.Status.Conditions }

// SetConditions replaces the conditions.
func (c *AWSManagedCluster) SetConditions(conditions []metav1.Condition) {
	c.Status.Conditions = conditions
}

// GetV1Beta1Conditions returns a copy of the conditions in the old form.
func (c *AWSManagedCluster) GetV1Beta1Conditions() clusterv1.Conditions {
	return c.Status.Deprecated.v1beta1Conditions()
}

// SetV1Beta1Conditions replaces the conditions in the old form.
func (c *AWSManagedCluster) SetV1Beta1Conditions(conditions clusterv1.Conditions) {
	c.Status.Deprecated = withV1Beta1Conditions(c.Status.Deprecated, conditions)
}

// Provisioned tells whether the infrastructure was complete once.
func (c *AWSManagedCluster) Provisioned() bool {
	return c.Status.Initialization.provisioned()
}
