package v1beta2

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infraold "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v1beta2"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// AWSManagedControlPlaneSpec is the wanted EKS cluster, with the network that it is in.
type AWSManagedControlPlaneSpec struct {
	controlplanev1.AWSManagedControlPlaneCommonSpec `json:",inline"`

	// addons of EKS, with different names. What is installed and not listed here is left alone.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +k8s:validation:maxItems=100
	Addons []Addon `json:"addons,omitzero"`
}

// Addon is an add-on of EKS.
type Addon struct {
	// name of the add-on, for example vpc-cni.
	// +required
	// +k8s:validation:minLength=2
	// +k8s:validation:maxLength=128
	Name string `json:"name,omitempty"`

	// version of the add-on, for example v1.19.0-eksbuild.1; or default or latest, which
	// follow what EKS has for the version of the cluster. Left out, default.
	// +optional
	// +k8s:validation:maxLength=128
	Version string `json:"version,omitempty"`

	// configuration of the add-on, in JSON or YAML, as the add-on's schema wants it.
	// +optional
	// +k8s:validation:maxLength=65536
	Configuration string `json:"configuration,omitempty"`

	// conflictResolution says what becomes of fields that somebody else changed in the cluster.
	// +optional
	// +default="overwrite"
	ConflictResolution *controlplanev1.AddonResolution `json:"conflictResolution,omitempty"`

	// serviceAccountRoleARN is the IAM role of the add-on's service account.
	// +optional
	// +k8s:validation:maxLength=2048
	ServiceAccountRoleARN *string `json:"serviceAccountRoleARN,omitempty"`

	// preserveOnDelete leaves in the cluster what the add-on installed when it is taken away.
	// +optional
	PreserveOnDelete bool `json:"preserveOnDelete"`
}

// AWSManagedControlPlaneStatus is what AWS has, and how far that is from what is wanted. It is
// converted by hand.
// +k8s:conversion-gen=false
type AWSManagedControlPlaneStatus struct {
	// networkStatus is the network as seen in AWS.
	// +optional
	Network infrav1.NetworkStatus `json:"networkStatus,omitzero"`

	// failureDomains are the zones machines can be placed in, by name.
	// +optional
	FailureDomains map[string]infraold.FailureDomain `json:"failureDomains,omitempty"`

	// bastion is the bastion host as seen in AWS.
	// +optional
	Bastion *infrav1.Instance `json:"bastion,omitempty"`

	// oidcProvider is the provider by which IAM trusts the cluster's service accounts.
	// +optional
	OIDCProvider controlplanev1.OIDCProviderStatus `json:"oidcProvider,omitzero"`

	// externalManagedControlPlane tells Cluster API that the control plane has no machines.
	// +optional
	// +default=true
	ExternalManagedControlPlane *bool `json:"externalManagedControlPlane,omitempty"`

	// initialized tells that the API server could be reached once. It is v2beta1's
	// status.initialization.controlPlaneInitialized.
	// +optional
	Initialized bool `json:"initialized"`

	// ready tells that the control plane can be used now.
	// +optional
	// +default=false
	Ready bool `json:"ready"`

	// failureMessage says what failed, for a person to read.
	// +optional
	FailureMessage *string `json:"failureMessage,omitempty"`

	// conditions in the form of Cluster API's v1beta1 contract.
	// +optional
	// +listType=atomic
	Conditions []infrav1.V1Beta1Condition `json:"conditions,omitempty"`

	// addons as seen in AWS.
	// +optional
	// +listType=atomic
	Addons []controlplanev1.AddonState `json:"addons,omitempty"`

	// identityProviderStatus is the OIDC provider whose users are let in.
	// +optional
	IdentityProviderStatus controlplanev1.IdentityProviderStatus `json:"identityProviderStatus,omitzero"`

	// observedGeneration is the generation of the spec that this status is of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// version that the control plane runs: what spec.version says where the minor is the
	// same, and the minor with .0 otherwise.
	// +optional
	// +k8s:validation:maxLength=64
	Version *string `json:"version,omitempty"`

	// v2beta1 groups the status that only v2beta1 has, so that nothing is lost
	// between the versions.
	// +optional
	V2Beta1 *AWSManagedControlPlaneV2Beta1Status `json:"v2beta1,omitempty"`
}

// AWSManagedControlPlaneV2Beta1Status is the status that only v2beta1 has.
type AWSManagedControlPlaneV2Beta1Status struct {
	// conditions say how the parts of the control plane are.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// initialization has what initialized doesn't say.
	// +optional
	Initialization *controlplanev1.Initialization `json:"initialization,omitempty"`

	// versions says what version says in a list.
	// +optional
	// +listType=map
	// +listMapKey=version
	Versions []controlplanev1.ControlPlaneVersion `json:"versions,omitempty"`

	// platformVersion is EKS's own version of the control plane, for example eks.12.
	// +optional
	PlatformVersion string `json:"platformVersion,omitempty"`

	// serviceCIDR is the range for services, which nodes have to know.
	// +optional
	// +k8s:validation:maxLength=64
	ServiceCIDR string `json:"serviceCIDR,omitempty"`

	// accountID is the AWS account in which the cluster's resources are; recorded when
	// the first is made, and compared before anything is changed.
	// +optional
	// +k8s:validation:maxLength=12
	// +k8s:validation:pattern="^[0-9]{12}$"
	AccountID string `json:"accountID,omitempty"`

	// update is the latest change of the EKS cluster that was asked for.
	// +optional
	Update *controlplanev1.ClusterUpdate `json:"update,omitempty"`

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

// AWSManagedControlPlane is an EKS cluster, and the network that it is in.
type AWSManagedControlPlane struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what is wanted.
	// +optional
	Spec AWSManagedControlPlaneSpec `json:"spec,omitzero"`

	// status is what is. It is always shown, so that readers find status.ready.
	// +optional
	Status AWSManagedControlPlaneStatus `json:"status"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// AWSManagedControlPlaneList is a list of AWSManagedControlPlanes.
type AWSManagedControlPlaneList struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the list's metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	// items of the list.
	// +listType=atomic
	Items []AWSManagedControlPlane `json:"items"`
}
