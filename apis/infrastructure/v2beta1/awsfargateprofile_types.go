package v2beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
)

// FargateProfileFinalizer keeps an AWSFargateProfile until its profile is gone from AWS.
const FargateProfileFinalizer = "awsfargateprofile.infrastructure.cluster.x-k8s.io"

// Names of IAM roles that Fargate profiles use unless they name one.
const (
	// DefaultFargateRole is the role of every profile where roles aren't made.
	DefaultFargateRole = "eks-fargate.cluster-api-provider-aws.sigs.k8s.io"

	maxFargateProfileName, maxRoleName = 100, 64
)

// Condition types of AWSFargateProfile.
const (
	EKSFargateProfileReadyCondition = "EKSFargateProfileReady"
	EKSFargateCreatingCondition     = "EKSFargateCreating"
	EKSFargateDeletingCondition     = "EKSFargateDeleting"
	IAMFargateRolesReadyCondition   = "IAMFargateRolesReady"
)

// Reasons of these conditions.
const (
	EKSFargateReconciliationFailedReason      = "EKSFargateReconciliationFailed"
	EKSFargateCreatingReason                  = "Creating"
	EKSFargateCreatedReason                   = "Created"
	EKSFargateDeletingReason                  = "Deleting"
	EKSFargateDeletedReason                   = "Deleted"
	EKSFargateFailedReason                    = "Failed"
	IAMFargateRolesReconciliationFailedReason = "IAMFargateRolesReconciliationFailed"
	WaitingForEKSControlPlaneReason           = "WaitingForEKSControlPlane"
)

// AWSFargateProfileSpec is the wanted Fargate profile. Nothing but its tags can be changed.
type AWSFargateProfileSpec struct {
	// clusterName is the Cluster whose pods the profile is for.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=63
	ClusterName string `json:"clusterName,omitempty"`

	// profileName is the name of the profile in EKS. Left out, NAMESPACE_NAME of this object.
	// +optional
	// +k8s:validation:maxLength=100
	ProfileName string `json:"profileName,omitempty"`

	// subnetIDs are private subnets for the pods. Left empty, the cluster's private subnets.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=100
	// +k8s:validation:items:maxLength=256
	SubnetIDs []string `json:"subnetIDs,omitzero"`

	// additionalTags are put on what belongs to the profile, over those of the cluster.
	// +optional
	// +k8s:validation:maxProperties=50
	// +k8s:validation:additionalProperties:maxLength=256
	AdditionalTags Tags `json:"additionalTags,omitzero"`

	// roleName is the IAM role of the pods' hosts. Left out,
	// eks-fargate.cluster-api-provider-aws.sigs.k8s.io, or where roles may be made, a role of
	// the profile's own.
	// +optional
	// +k8s:validation:maxLength=64
	RoleName string `json:"roleName,omitempty"`

	// rolePath is the path of a role that is made, for example /eks/.
	// +optional
	// +k8s:validation:maxLength=512
	RolePath string `json:"rolePath,omitempty"`

	// rolePermissionsBoundary is the ARN of the policy that bounds a role that is made.
	// +optional
	// +k8s:validation:maxLength=2048
	RolePermissionsBoundary string `json:"rolePermissionsBoundary,omitempty"`

	// selectors say which pods run on Fargate: those that one of them fits.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=5
	Selectors []FargateSelector `json:"selectors,omitzero"`
}

// FargateSelector says which pods run on Fargate.
type FargateSelector struct {
	// labels that the pods have, all of them.
	// +optional
	// +k8s:validation:maxProperties=5
	// +k8s:validation:additionalProperties:maxLength=63
	Labels map[string]string `json:"labels,omitzero"`

	// namespace of the pods. May hold * and ?.
	// +optional
	// +k8s:validation:maxLength=63
	Namespace string `json:"namespace,omitempty"`
}

// AWSFargateProfileStatus is the profile as AWS has it.
type AWSFargateProfileStatus struct {
	// conditions say how the profile and its role are.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// ready tells that pods can run on the profile.
	// +optional
	// +default=false
	Ready bool `json:"ready"`

	// observation says how fresh this status is. Added when read, never stored.
	// +optional
	Observation *Observation `json:"observation,omitempty"`

	// failures are what AWS answered to the latest attempts that failed.
	// +optional
	// +listType=atomic
	Failures []Failure `json:"failures,omitempty"`

	// pendingCreations is the journal of creations in flight.
	// +optional
	// +listType=map
	// +listMapKey=key
	PendingCreations []PendingCreation `json:"pendingCreations,omitempty"`

	// formerUIDs are the UIDs that the object had before it was moved or restored, as what
	// it records in AWS told: whatever carries one of them, and its namespace, is its own.
	// +optional
	// +listType=set
	FormerUIDs []string `json:"formerUIDs,omitempty"`

	// deprecated groups status that only older contracts of Cluster API know.
	// +optional
	Deprecated *MachineDeprecatedStatus `json:"deprecated,omitempty"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// AWSFargateProfile says which pods of a cluster on EKS run on Fargate.
type AWSFargateProfile struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the object's metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what is wanted.
	// +optional
	Spec AWSFargateProfileSpec `json:"spec,omitzero"`

	// status is what is.
	// +optional
	Status AWSFargateProfileStatus `json:"status,omitzero"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// AWSFargateProfileList is a list of AWSFargateProfiles.
type AWSFargateProfileList struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the list's metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`

	// items of the list.
	// +listType=atomic
	Items []AWSFargateProfile `json:"items"`
}

// EKSProfileName returns the name of the profile in EKS: what spec says, or NAMESPACE_NAME.
// Before an object is stored, spec may not say it yet.
func (p *AWSFargateProfile) EKSProfileName() string {
	if p.Spec.ProfileName != "" {
		return p.Spec.ProfileName
	}
	return EKSName(p.Namespace, p.Name, maxFargateProfileName)
}

// GeneratedRoleName is the name of the role that is made for the profile, where roles may be
// made and it names none.
func (p *AWSFargateProfile) GeneratedRoleName() string {
	return EKSName(p.Spec.ClusterName+"-"+p.EKSProfileName(), "fargate", maxRoleName)
}

// GetConditions returns the conditions, for Cluster API's condition helpers.
func (p *AWSFargateProfile) GetConditions() []metav1.Condition { return p.Status.Conditions }

// SetConditions replaces the conditions.
func (p *AWSFargateProfile) SetConditions(conditions []metav1.Condition) {
	p.Status.Conditions = conditions
}

// GetV1Beta1Conditions returns a copy of the conditions in the old form.
func (p *AWSFargateProfile) GetV1Beta1Conditions() clusterv1.Conditions {
	return p.Status.Deprecated.v1beta1Conditions()
}

// SetV1Beta1Conditions replaces the conditions in the old form.
func (p *AWSFargateProfile) SetV1Beta1Conditions(conditions clusterv1.Conditions) {
	p.Status.Deprecated = p.Status.Deprecated.withConditions(conditions)
}

// Provisioned tells whether pods can run on the profile. Nothing of Cluster API waits for it.
func (p *AWSFargateProfile) Provisioned() bool { return p.Status.Ready }
