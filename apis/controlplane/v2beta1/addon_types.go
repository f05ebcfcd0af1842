package v2beta1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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
	ConflictResolution *AddonResolution `json:"conflictResolution,omitempty"`

	// serviceAccountRoleARN is the IAM role of the add-on's service account.
	// +optional
	// +k8s:validation:maxLength=2048
	ServiceAccountRoleARN *string `json:"serviceAccountRoleARN,omitempty"`

	// podIdentityAssociations give IAM roles to the add-on's service accounts.
	// +optional
	// +listType=map
	// +listMapKey=serviceAccount
	// +k8s:validation:maxItems=16
	PodIdentityAssociations []AddonPodIdentityAssociation `json:"podIdentityAssociations,omitzero"`

	// preserveOnDelete leaves in the cluster what the add-on installed when it is taken away.
	// +optional
	PreserveOnDelete bool `json:"preserveOnDelete"`
}

// The versions of add-ons that follow what EKS has.
const (
	AddonVersionDefault = "default"
	AddonVersionLatest  = "latest"
)

// Channel returns default or latest for an add-on that follows what EKS has, "" for one
// whose version is fixed.
func (a *Addon) Channel() string {
	switch a.Version {
	case "":
		return AddonVersionDefault
	case AddonVersionDefault, AddonVersionLatest:
		return a.Version
	default:
		return ""
	}
}

// AddonResolution says what becomes of fields that somebody else changed.
// +enum
type AddonResolution string

// What becomes of fields that somebody else changed.
const (
	AddonResolutionOverwrite AddonResolution = "overwrite"
	AddonResolutionNone      AddonResolution = "none"
	AddonResolutionPreserve  AddonResolution = "preserve"
)

// AddonPodIdentityAssociation gives an IAM role to a service account of an add-on.
type AddonPodIdentityAssociation struct {
	// serviceAccount of the add-on.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=253
	ServiceAccount string `json:"serviceAccount,omitempty"`

	// roleARN is the role.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=2048
	RoleARN string `json:"roleARN,omitempty"`
}

// AddonState is an add-on as seen in AWS.
type AddonState struct {
	// name of the add-on.
	// +required
	Name string `json:"name"`

	// version that is installed.
	// +required
	Version string `json:"version"`

	// arn of the add-on.
	// +required
	ARN string `json:"arn"`

	// serviceAccountRoleARN is the IAM role of its service account.
	// +optional
	ServiceAccountRoleARN *string `json:"serviceAccountRoleARN,omitempty"`

	// createdAt is when it was installed.
	// +optional
	CreatedAt metav1.Time `json:"createdAt,omitzero"`

	// modifiedAt is when it was last changed.
	// +optional
	ModifiedAt metav1.Time `json:"modifiedAt,omitzero"`

	// status, as EKS calls it, for example ACTIVE.
	// +optional
	Status *string `json:"status,omitempty"`

	// issues of its health.
	// +optional
	// +listType=atomic
	Issues []AddonIssue `json:"issues,omitempty"`
}

// AddonIssue is something that is wrong with an add-on.
type AddonIssue struct {
	// code of the issue, for example InsufficientNumberOfReplicas.
	// +optional
	Code *string `json:"code,omitempty"`

	// message says what is wrong, for a person to read.
	// +optional
	Message *string `json:"message,omitempty"`

	// resourceIds are what it is about.
	// +optional
	// +listType=atomic
	ResourceIDs []string `json:"resourceIds,omitempty"`
}

// PodIdentityAssociation gives an IAM role to a service account of the cluster.
type PodIdentityAssociation struct {
	// namespace of the service account.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=63
	Namespace string `json:"namespace,omitempty"`

	// serviceAccount is its name. It needn't be there yet.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=253
	ServiceAccount string `json:"serviceAccount,omitempty"`

	// roleARN is the role that its pods get, of the cluster's account.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=2048
	RoleARN string `json:"roleARN,omitempty"`

	// targetRoleARN is a role, of another account too, that is assumed from the first one.
	// +optional
	// +k8s:validation:maxLength=2048
	TargetRoleARN string `json:"targetRoleARN,omitempty"`

	// disableSessionTags leaves out the tags that say of which pod a session is.
	// +optional
	DisableSessionTags bool `json:"disableSessionTags"`
}
