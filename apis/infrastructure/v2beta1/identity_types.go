package v2beta1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// AWSIdentityKind is a kind of identity.
// +enum
type AWSIdentityKind string

// The kinds of identities.
const (
	ControllerIdentityKind    AWSIdentityKind = "AWSClusterControllerIdentity"
	ClusterRoleIdentityKind   AWSIdentityKind = "AWSClusterRoleIdentity"
	ClusterStaticIdentityKind AWSIdentityKind = "AWSClusterStaticIdentity"
)

// AWSClusterControllerIdentityName is the only name an AWSClusterControllerIdentity can have.
const AWSClusterControllerIdentityName = "default"

// AWSIdentityReference names an identity.
type AWSIdentityReference struct {
	// name of the identity.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=253
	Name string `json:"name,omitempty"`

	// kind of the identity.
	// +required
	Kind AWSIdentityKind `json:"kind,omitempty"`
}

// AWSClusterIdentitySpec is what all identities have.
type AWSClusterIdentitySpec struct {
	// allowedNamespaces are the namespaces whose clusters may use this identity.
	// Left out, none may; an empty object allows all.
	// +optional
	AllowedNamespaces *AllowedNamespaces `json:"allowedNamespaces,omitempty"`
}

// AllowedNamespaces selects namespaces by name or by label: one match suffices.
// The empty object selects all of them.
type AllowedNamespaces struct {
	// list of namespaces. An empty list, unlike one left out, selects none: that
	// is why it is kept apart in JSON (omitzero, not omitempty).
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=1000
	// +k8s:validation:items:maxLength=63
	NamespaceList []string `json:"list,omitzero"`

	// selector on the labels of namespaces. Left out or {}, it adds none to the list.
	// +optional
	Selector metav1.LabelSelector `json:"selector"`
}

// AWSRoleSpec says which role to assume, and how.
type AWSRoleSpec struct {
	// roleARN is the role to assume, for example arn:aws:iam::111122223333:role/capi.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=2048
	RoleArn string `json:"roleARN,omitempty"`

	// sessionName of the assumed role's session.
	// +optional
	// +k8s:validation:maxLength=64
	SessionName string `json:"sessionName,omitempty"`

	// durationSeconds is how long the credentials are good.
	// +optional
	// +k8s:validation:minimum=900
	// +k8s:validation:maximum=43200
	DurationSeconds int32 `json:"durationSeconds,omitempty"`

	// inlinePolicy narrows the session, as an IAM policy in JSON.
	// +optional
	// +k8s:validation:maxLength=2048
	InlinePolicy string `json:"inlinePolicy,omitempty"`

	// policyARNs narrow the session, as managed policies.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=10
	// +k8s:validation:items:maxLength=2048
	PolicyARNs []string `json:"policyARNs,omitzero"`
}
