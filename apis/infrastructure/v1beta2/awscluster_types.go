package v1beta2

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// FailureDomain is an availability zone that machines can be placed in, in the
// form of Cluster API's v1beta1 contract.
// +k8s:conversion-gen=false
type FailureDomain struct {
	// controlPlane tells whether control plane machines may be placed here. A
	// pointer, so that false and left out survive the way to v2beta1 and back.
	// +optional
	ControlPlane *bool `json:"controlPlane,omitempty"`

	// attributes are facts about the zone, free of form.
	// +optional
	Attributes map[string]string `json:"attributes,omitempty"`
}

// AWSClusterStatus is what AWS has, and how far that is from what is wanted. It is converted by hand.
// +k8s:conversion-gen=false
type AWSClusterStatus struct {
	// ready is true once the infrastructure was complete for the first time. It
	// is v2beta1's status.initialization.provisioned.
	// +optional
	// +default=false
	Ready bool `json:"ready"`

	// networkStatus is the network as seen in AWS.
	// +optional
	Network infrav1.NetworkStatus `json:"networkStatus,omitzero"`

	// failureDomains are the zones machines can be placed in, by name.
	// +optional
	FailureDomains map[string]FailureDomain `json:"failureDomains,omitempty"`

	// bastion is the bastion host as seen in AWS.
	// +optional
	Bastion *infrav1.Instance `json:"bastion,omitempty"`

	// conditions in the form of Cluster API's v1beta1 contract.
	// +optional
	// +listType=atomic
	Conditions []infrav1.V1Beta1Condition `json:"conditions,omitempty"`

	// v2beta1 groups the status that only v2beta1 has, so that nothing is lost
	// between the versions: Cluster API does the same with status.v1beta2.
	// +optional
	V2Beta1 *AWSClusterV2Beta1Status `json:"v2beta1,omitempty"`
}

// AWSClusterV2Beta1Status is the status that only v2beta1 has.
type AWSClusterV2Beta1Status struct {
	// conditions say how the parts of the infrastructure are.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// initialization is only here when ready doesn't say the same.
	// +optional
	Initialization *infrav1.Initialization `json:"initialization,omitempty"`

	// accountID is the AWS account in which the cluster's resources are; recorded when
	// the first is made, and compared before anything is changed.
	// +optional
	// +k8s:validation:maxLength=12
	// +k8s:validation:pattern="^[0-9]{12}$"
	AccountID string `json:"accountID,omitempty"`

	// observation says how fresh this status is. Added when read, never stored.
	// +optional
	Observation *infrav1.Observation `json:"observation,omitempty"`

	// failures are what AWS answered to the latest attempts that failed.
	// +optional
	// +listType=atomic
	Failures []infrav1.Failure `json:"failures,omitempty"`

	// pendingCreations is the journal of creations in flight.
	// +optional
	// +listType=map
	// +listMapKey=key
	PendingCreations []infrav1.PendingCreation `json:"pendingCreations,omitempty"`

	// formerUIDs are the UIDs that the object had before it was moved or restored, as what
	// it records in AWS told: whatever carries one of them, and its namespace, is its own.
	// +optional
	// +listType=set
	FormerUIDs []string `json:"formerUIDs,omitempty"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// AWSCluster is the infrastructure of a cluster on EC2: its network, its API
// server's load balancer and what belongs to them.
type AWSCluster struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what is wanted.
	// +optional
	Spec infrav1.AWSClusterSpec `json:"spec,omitzero"`

	// status is what is. It is always shown, so that readers find status.ready.
	// +optional
	Status AWSClusterStatus `json:"status"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// AWSClusterList is a list of AWSClusters.
type AWSClusterList struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the list's metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	// items of the list.
	// +listType=atomic
	Items []AWSCluster `json:"items"`
}
