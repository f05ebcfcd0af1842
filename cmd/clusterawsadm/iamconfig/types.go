// Package iamconfig is AWSIAMConfiguration, which says what clusterawsadm makes in an account: version v1beta1, and v1alpha1 to be read.
package iamconfig

import (
	"encoding/json"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

// What a configuration is called.
const (
	Group      = "bootstrap.aws.infrastructure.cluster.x-k8s.io"
	APIVersion = Group + "/v1beta1"
	Kind       = "AWSIAMConfiguration"
)

// Where bootstrap data can be kept.
const (
	SecretsManager = "secrets-manager"
	ParameterStore = "ssm-parameter-store"
)

// Configuration is an AWSIAMConfiguration.
type Configuration struct {
	metav1.TypeMeta `json:",inline"`
	Spec            Spec `json:"spec,omitempty"`
}

// Spec is what to make, and under which names.
type Spec struct {
	// NamePrefix and NameSuffix are put around every name, but for those of the EKS roles, which clusters look for under fixed names.
	NamePrefix string  `json:"namePrefix,omitempty"`
	NameSuffix *string `json:"nameSuffix,omitempty"`

	ControlPlane          ControlPlane          `json:"controlPlane,omitempty"`
	ClusterAPIControllers ClusterAPIControllers `json:"clusterAPIControllers,omitempty"`
	Nodes                 Nodes                 `json:"nodes,omitempty"`
	BootstrapUser         BootstrapUser         `json:"bootstrapUser,omitempty"`

	StackName string            `json:"stackName,omitempty"`
	StackTags map[string]string `json:"stackTags,omitempty"`
	// Region is where the stack is made, if neither the command line nor the environment says.
	Region      string       `json:"region,omitempty"`
	EKS         *EKS         `json:"eks,omitempty"`
	EventBridge *EventBridge `json:"eventBridge,omitempty"`
	// Partition is part of the ARNs of AWS's own policies: aws, aws-cn or aws-us-gov.
	Partition string `json:"partition,omitempty"`
	// SecureSecretsBackends are where bootstrap data may be kept.
	SecureSecretsBackends []string  `json:"secureSecretBackends,omitempty"`
	S3Buckets             S3Buckets `json:"s3Buckets,omitempty"`
	// AllowAssumeRole lets the controllers assume roles of the stack's suffix, for AWSClusterRoleIdentities.
	AllowAssumeRole bool `json:"allowAssumeRole,omitempty"`
}

// Role is what all roles have.
type Role struct {
	Disable bool `json:"disable"`
	// ExtraPolicyAttachments are ARNs of further policies.
	ExtraPolicyAttachments []string `json:"extraPolicyAttachments,omitempty"`
	// ExtraStatements are the role's own policy, in IAM's words.
	ExtraStatements     []json.RawMessage `json:"extraStatements,omitempty"`
	Path                string            `json:"path,omitempty"`
	PermissionsBoundary string            `json:"permissionsBoundary,omitempty"`
	// TrustStatements say who else may assume the role, in IAM's words.
	TrustStatements []json.RawMessage `json:"trustStatements,omitempty"`
	Tags            map[string]string `json:"tags,omitempty"`
}

// ControlPlane is the role of control plane nodes.
type ControlPlane struct {
	Role `json:",inline"`
	// DisableClusterAPIControllerPolicyAttachment: management clusters that run on such nodes get their rights otherwise.
	DisableClusterAPIControllerPolicyAttachment bool `json:"disableClusterAPIControllerPolicyAttachment,omitempty"`
	DisableCloudProviderPolicy                  bool `json:"disableCloudProviderPolicy"`
	EnableCSIPolicy                             bool `json:"enableCSIPolicy"`
}

// ClusterAPIControllers is the role of the management cluster's controllers.
type ClusterAPIControllers struct {
	Role `json:",inline"`
	// AllowedEC2InstanceProfiles are the names of roles that machines may get; "*" and the suffix by default.
	AllowedEC2InstanceProfiles []string `json:"allowedEC2InstanceProfiles,omitempty"`
}

// Nodes is the role of all other nodes.
type Nodes struct {
	Role                         `json:",inline"`
	DisableCloudProviderPolicy   bool `json:"disableCloudProviderPolicy"`
	EC2ContainerRegistryReadOnly bool `json:"ec2ContainerRegistryReadOnly"`
}

// BootstrapUser is a user with the controllers' rights.
type BootstrapUser struct {
	Enable                 bool              `json:"enable"`
	UserName               string            `json:"userName,omitempty"`
	GroupName              string            `json:"groupName,omitempty"`
	ExtraPolicyAttachments []string          `json:"extraPolicyAttachments,omitempty"`
	ExtraGroups            []string          `json:"extraGroups,omitempty"`
	ExtraStatements        []json.RawMessage `json:"extraStatements,omitempty"`
	Tags                   map[string]string `json:"tags,omitempty"`
}

// EKS is what EKS clusters need.
type EKS struct {
	Disable bool `json:"disable"`
	// AllowIAMRoleCreation lets the controllers make roles and identity providers.
	AllowIAMRoleCreation       bool   `json:"iamRoleCreation,omitempty"`
	EnableUserEKSConsolePolicy bool   `json:"enableUserEKSConsolePolicy,omitempty"`
	DefaultControlPlaneRole    Role   `json:"defaultControlPlaneRole,omitempty"`
	ManagedMachinePool         *Role  `json:"managedMachinePool,omitempty"`
	Fargate                    *Role  `json:"fargate,omitempty"`
	KMSAliasPrefix             string `json:"kmsAliasPrefix,omitempty"`
	// AllowedRolePolicies are ARNs of policies, or patterns of them, that roles which the controllers make may get besides AWS's
	// own for EKS: those of the server's --iam-role-policies.
	AllowedRolePolicies cloud.RolePolicies `json:"allowedRolePolicies,omitempty"`
	// AllowedPodIdentityRoles are the names of roles that pods may get by EKS Pod Identity; all by default.
	AllowedPodIdentityRoles []string `json:"allowedPodIdentityRoles,omitempty"`
}

// EventBridge is what events of AWS need.
type EventBridge struct {
	Enable bool `json:"enable,omitempty"`
}

// S3Buckets is what clusters' buckets need.
type S3Buckets struct {
	Enable     bool   `json:"enable"`
	NamePrefix string `json:"namePrefix"`
}

// Name is what something of the stack is called.
func (s *Spec) Name(of string) string { return s.NamePrefix + of + *s.NameSuffix }

// KeepsSecretsIn says whether bootstrap data may be kept there.
func (s *Spec) KeepsSecretsIn(backend string) bool {
	return slices.Contains(s.SecureSecretsBackends, backend)
}
