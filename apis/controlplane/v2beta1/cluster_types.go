package v2beta1

// ControlPlaneLoggingSpec says which logs of a control plane go to CloudWatch.
type ControlPlaneLoggingSpec struct {
	// apiServer logs what the API server says.
	// +required
	// +default=false
	APIServer bool `json:"apiServer"`

	// audit logs who asked the API server for what.
	// +required
	// +default=false
	Audit bool `json:"audit"`

	// authenticator logs who was let in by IAM.
	// +required
	// +default=false
	Authenticator bool `json:"authenticator"`

	// controllerManager logs what the controller manager says.
	// +required
	// +default=false
	ControllerManager bool `json:"controllerManager"`

	// scheduler logs what the scheduler says.
	// +required
	// +default=false
	Scheduler bool `json:"scheduler"`
}

// EncryptionConfig encrypts objects of the cluster with a key of your own.
type EncryptionConfig struct {
	// provider is the ARN of the KMS key. Can't be changed.
	// +optional
	// +k8s:validation:maxLength=2048
	Provider *string `json:"provider,omitempty"`

	// resources to encrypt: secrets.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=1
	// +k8s:validation:items:maxLength=64
	Resources []string `json:"resources,omitzero"`
}

// EndpointAccess says from where the API server is reached.
type EndpointAccess struct {
	// public lets it be reached from the internet. Left out, true.
	// +optional
	Public *bool `json:"public,omitempty"`

	// publicCIDRs may reach it from the internet. Left empty, everybody may.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=40
	// +k8s:validation:items:maxLength=64
	PublicCIDRs []string `json:"publicCIDRs,omitzero"`

	// private lets it be reached from within the VPC. Left out, false.
	// +optional
	Private *bool `json:"private,omitempty"`
}

// IsPublic tells whether the API server is reached from the internet.
func (e EndpointAccess) IsPublic() bool { return e.Public == nil || *e.Public }

// IsPrivate tells whether the API server is reached from within the VPC.
func (e EndpointAccess) IsPrivate() bool { return e.Private != nil && *e.Private }

// UpgradePolicy says what AWS does when the standard support of a version ends.
// +enum
type UpgradePolicy string

// What AWS does when the standard support of a version ends.
const (
	UpgradePolicyExtended UpgradePolicy = "extended"
	UpgradePolicyStandard UpgradePolicy = "standard"
)

// EKSTokenMethod is what a kubeconfig for users runs to get a token.
// +enum
type EKSTokenMethod string

// What a kubeconfig for users runs to get a token.
const (
	EKSTokenMethodIAMAuthenticator EKSTokenMethod = "iam-authenticator"
	EKSTokenMethodAWSCli           EKSTokenMethod = "aws-cli"
)

// ControlPlaneAccess says how Cluster API itself reaches the cluster.
type ControlPlaneAccess struct {
	// token is what the kubeconfig of Cluster API holds: a token of IAM, which lives for 15
	// minutes at most (iam), or one of a service account of the cluster, which lives for a
	// day (service-account). Cluster API reads everything anew whenever one ends.
	// +optional
	// +default="iam"
	Token ControlPlaneToken `json:"token,omitempty"`
}

// ControlPlaneToken is what the kubeconfig of Cluster API holds.
// +enum
type ControlPlaneToken string

// What the kubeconfig of Cluster API holds.
const (
	ControlPlaneTokenIAM            ControlPlaneToken = "iam"
	ControlPlaneTokenServiceAccount ControlPlaneToken = "service-account"
)

// AutoMode has EKS run nodes, load balancers and volumes by itself.
type AutoMode struct {
	// enabled switches it on.
	// +optional
	Enabled bool `json:"enabled"`

	// nodePools are EKS's own pools of nodes.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=2
	NodePools []AutoModeNodePool `json:"nodePools,omitzero"`

	// nodeRoleARN is the IAM role of the nodes of nodePools. Can't be changed.
	// +optional
	// +k8s:validation:maxLength=2048
	NodeRoleARN string `json:"nodeRoleARN,omitempty"`
}

// AutoModeNodePool is one of EKS's own pools of nodes.
// +enum
type AutoModeNodePool string

// EKS's own pools of nodes.
const (
	AutoModeNodePoolGeneralPurpose AutoModeNodePool = "general-purpose"
	AutoModeNodePoolSystem         AutoModeNodePool = "system"
)

// ScalingTier is the size that a control plane keeps at least.
// +enum
type ScalingTier string

// The sizes that a control plane keeps at least.
const (
	ScalingTierStandard ScalingTier = "standard"
	ScalingTierXL       ScalingTier = "tier-xl"
	ScalingTier2XL      ScalingTier = "tier-2xl"
	ScalingTier4XL      ScalingTier = "tier-4xl"
	ScalingTier8XL      ScalingTier = "tier-8xl"
)

// OIDCProviderStatus is the provider by which IAM trusts the cluster's service accounts.
type OIDCProviderStatus struct {
	// arn of the provider.
	// +optional
	ARN string `json:"arn,omitempty"`

	// trustPolicy is what a role's trust policy says that service accounts may assume, in JSON.
	// +optional
	TrustPolicy string `json:"trustPolicy,omitempty"`
}
