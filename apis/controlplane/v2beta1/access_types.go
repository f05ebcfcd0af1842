package v2beta1

// AccessConfig says how principals of IAM are let in.
type AccessConfig struct {
	// authenticationMode says where it is written who is let in: in the ConfigMap aws-auth
	// (config_map), in access entries (api), or in both. It can only go forward, to api.
	// +optional
	// +default="config_map"
	AuthenticationMode EKSAuthenticationMode `json:"authenticationMode,omitempty"`

	// bootstrapClusterCreatorAdminPermissions makes the identity that creates the cluster its
	// administrator. Has no effect later.
	// +optional
	// +default=true
	BootstrapClusterCreatorAdminPermissions *bool `json:"bootstrapClusterCreatorAdminPermissions,omitempty"`
}

// EKSAuthenticationMode says where it is written who is let in.
// +enum
type EKSAuthenticationMode string

// Where it is written who is let in.
const (
	EKSAuthenticationModeConfigMap       EKSAuthenticationMode = "config_map"
	EKSAuthenticationModeAPI             EKSAuthenticationMode = "api"
	EKSAuthenticationModeAPIAndConfigMap EKSAuthenticationMode = "api_and_config_map"
)

// AccessEntry lets a principal of IAM in.
type AccessEntry struct {
	// principalARN is the role or user. Can't be changed.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=2048
	PrincipalARN string `json:"principalARN,omitempty"`

	// type of the entry. Can't be changed.
	// +optional
	// +default="standard"
	Type AccessEntryType `json:"type,omitempty"`

	// kubernetesGroups that the principal is in. Only for the type standard.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=100
	// +k8s:validation:items:maxLength=253
	KubernetesGroups []string `json:"kubernetesGroups,omitzero"`

	// username of the principal in Kubernetes. Left out, EKS chooses one.
	// +optional
	// +k8s:validation:maxLength=512
	Username string `json:"username,omitempty"`

	// accessPolicies say what the principal may do.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=20
	AccessPolicies []AccessPolicyReference `json:"accessPolicies,omitzero"`
}

// AccessEntryType is a type of access entries.
// +enum
type AccessEntryType string

// The types of access entries.
const (
	AccessEntryTypeStandard      AccessEntryType = "standard"
	AccessEntryTypeEC2Linux      AccessEntryType = "ec2_linux"
	AccessEntryTypeEC2Windows    AccessEntryType = "ec2_windows"
	AccessEntryTypeFargateLinux  AccessEntryType = "fargate_linux"
	AccessEntryTypeEC2           AccessEntryType = "ec2"
	AccessEntryTypeHybridLinux   AccessEntryType = "hybrid_linux"
	AccessEntryTypeHyperpodLinux AccessEntryType = "hyperpod_linux"
)

// AccessPolicyReference says what a principal may do, and where.
type AccessPolicyReference struct {
	// policyARN is one of EKS's own access policies.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=2048
	PolicyARN string `json:"policyARN,omitempty"`

	// accessScope says where.
	// +required
	AccessScope AccessScope `json:"accessScope"`
}

// AccessScope says where a policy counts.
type AccessScope struct {
	// type is the whole cluster, or some namespaces of it.
	// +required
	// +default="cluster"
	Type AccessScopeType `json:"type,omitempty"`

	// namespaces in which it counts. Only for the type namespace.
	// +optional
	// +listType=atomic
	// +k8s:validation:minItems=1
	// +k8s:validation:maxItems=100
	// +k8s:validation:items:maxLength=63
	Namespaces []string `json:"namespaces,omitempty"`
}

// AccessScopeType says where a policy counts.
// +enum
type AccessScopeType string

// Where a policy counts.
const (
	AccessScopeTypeCluster   AccessScopeType = "cluster"
	AccessScopeTypeNamespace AccessScopeType = "namespace"
)

// IAMAuthenticatorConfig is what the ConfigMap aws-auth says besides the roles of nodes.
type IAMAuthenticatorConfig struct {
	// mapRoles lets IAM roles in.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=1000
	RoleMappings []RoleMapping `json:"mapRoles,omitzero"`

	// mapUsers lets IAM users in.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=1000
	UserMappings []UserMapping `json:"mapUsers,omitzero"`
}

// KubernetesMapping is who a principal of IAM is in Kubernetes.
type KubernetesMapping struct {
	// username in Kubernetes.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=512
	UserName string `json:"username,omitempty"`

	// groups in Kubernetes.
	// +required
	// +listType=atomic
	// +k8s:validation:maxItems=100
	// +k8s:validation:items:maxLength=253
	Groups []string `json:"groups,omitzero"`
}

// RoleMapping lets an IAM role in.
type RoleMapping struct {
	// rolearn is the ARN of the role.
	// +required
	// +k8s:validation:minLength=31
	// +k8s:validation:maxLength=2048
	RoleARN string `json:"rolearn,omitempty"`

	KubernetesMapping `json:",inline"`
}

// UserMapping lets an IAM user in.
type UserMapping struct {
	// userarn is the ARN of the user.
	// +required
	// +k8s:validation:minLength=31
	// +k8s:validation:maxLength=2048
	UserARN string `json:"userarn,omitempty"`

	KubernetesMapping `json:",inline"`
}

// OIDCIdentityProviderConfig lets users of an OIDC provider in.
type OIDCIdentityProviderConfig struct {
	// clientId is what the provider calls the cluster.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=512
	ClientID string `json:"clientId,omitempty"`

	// identityProviderConfigName is what EKS calls the provider.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=100
	IdentityProviderConfigName string `json:"identityProviderConfigName,omitempty"`

	// issuerUrl is the URL of the provider, https://….
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=2048
	IssuerURL string `json:"issuerUrl,omitempty"`

	// groupsClaim is the claim that has the groups.
	// +optional
	// +k8s:validation:maxLength=512
	GroupsClaim *string `json:"groupsClaim,omitempty"`

	// groupsPrefix goes before every group.
	// +optional
	// +k8s:validation:maxLength=512
	GroupsPrefix *string `json:"groupsPrefix,omitempty"`

	// usernameClaim is the claim that has the user's name. Left out, sub.
	// +optional
	// +k8s:validation:maxLength=512
	UsernameClaim *string `json:"usernameClaim,omitempty"`

	// usernamePrefix goes before every user's name.
	// +optional
	// +k8s:validation:maxLength=512
	UsernamePrefix *string `json:"usernamePrefix,omitempty"`

	// requiredClaims must stand in a token, with these values.
	// +optional
	// +k8s:validation:maxProperties=50
	// +k8s:validation:additionalProperties:maxLength=253
	RequiredClaims map[string]string `json:"requiredClaims,omitzero"`

	// tags of the provider in EKS.
	// +optional
	// +k8s:validation:maxProperties=50
	// +k8s:validation:additionalProperties:maxLength=256
	Tags map[string]string `json:"tags,omitzero"`
}

// IdentityProviderStatus is the OIDC provider whose users are let in.
type IdentityProviderStatus struct {
	// arn of the provider.
	// +optional
	ARN string `json:"arn,omitempty"`

	// status, as EKS calls it, for example ACTIVE.
	// +optional
	Status string `json:"status,omitempty"`
}
