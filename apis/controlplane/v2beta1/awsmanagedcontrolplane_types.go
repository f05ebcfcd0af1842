package v2beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// ControlPlaneFinalizer keeps an AWSManagedControlPlane until its resources are gone from AWS.
const ControlPlaneFinalizer = "awsmanagedcontrolplane.controlplane.cluster.x-k8s.io"

// Names of IAM roles that control planes use unless they name one.
const (
	// DefaultControlPlaneRole is the role of every control plane where roles aren't made.
	DefaultControlPlaneRole = "eks-controlplane.cluster-api-provider-aws.sigs.k8s.io"
	// ControlPlaneRoleSuffix follows the name of the Cluster in the name of a role that is made.
	ControlPlaneRoleSuffix = "-iam-service-role"
)

// AWSManagedControlPlaneSpec is the wanted EKS cluster, with the network that it is in.
type AWSManagedControlPlaneSpec struct {
	AWSManagedControlPlaneCommonSpec `json:",inline"`
	AWSManagedControlPlaneExtraSpec  `json:",inline"`

	// addons of EKS, with different names. What is installed and not listed here is left alone.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +k8s:validation:maxItems=100
	Addons []Addon `json:"addons,omitzero"`
}

// AWSManagedControlPlaneCommonSpec is what v1beta2 has too, but for add-ons.
type AWSManagedControlPlaneCommonSpec struct {
	// eksClusterName is the name of the cluster in EKS. Left out, NAMESPACE_NAME of this
	// object. Can't be changed.
	// +optional
	// +k8s:validation:maxLength=100
	EKSClusterName string `json:"eksClusterName,omitempty"`

	// identityRef says with whose credentials AWS is called. Left out, the
	// AWSClusterControllerIdentity named default.
	// +optional
	IdentityRef *infrav1.AWSIdentityReference `json:"identityRef,omitempty"`

	// network of the cluster.
	// +optional
	Network infrav1.NetworkSpec `json:"network,omitzero"`

	// secondaryCidrBlock is a further IPv4 range of the VPC, for pods: /16 to /28 within
	// 100.64.0.0/10 or 198.19.0.0/16.
	// +optional
	// +k8s:validation:maxLength=64
	SecondaryCidrBlock *string `json:"secondaryCidrBlock,omitempty"`

	// region the cluster lives in, for example us-east-1. Can't be changed.
	// +optional
	// +k8s:validation:maxLength=64
	Region string `json:"region,omitempty"`

	// partition of AWS, for example aws or aws-us-gov. Left empty, it follows from the region.
	// +optional
	// +k8s:validation:maxLength=32
	Partition string `json:"partition,omitempty"`

	// sshKeyName is the EC2 key pair put on the instances. Left out, the key pair
	// named default is used; write an empty string to have none.
	// +optional
	// +k8s:validation:maxLength=255
	SSHKeyName *string `json:"sshKeyName,omitempty"`

	// version of Kubernetes, for example v1.34 or v1.34.2. EKS knows minor versions only.
	// What is written stays as it is; a higher minor is reached one by one.
	// +optional
	// +k8s:validation:maxLength=64
	// +k8s:validation:pattern="^v?(0|[1-9][0-9]*)\\.(0|[1-9][0-9]*)(\\.(0|[1-9][0-9]*))?([-+][0-9A-Za-z.+-]+)?$"
	Version *string `json:"version,omitempty"`

	// roleName is the IAM role that EKS acts as. Left out,
	// eks-controlplane.cluster-api-provider-aws.sigs.k8s.io, or where roles may be made,
	// CLUSTER-iam-service-role.
	// +optional
	// +k8s:validation:minLength=2
	// +k8s:validation:maxLength=64
	RoleName *string `json:"roleName,omitempty"`

	// rolePath is the path of a role that is made, for example /eks/.
	// +optional
	// +k8s:validation:maxLength=512
	RolePath string `json:"rolePath,omitempty"`

	// rolePermissionsBoundary is the ARN of the policy that bounds a role that is made.
	// +optional
	// +k8s:validation:maxLength=2048
	RolePermissionsBoundary string `json:"rolePermissionsBoundary,omitempty"`

	// roleAdditionalPolicies are ARNs of policies to attach to a role that is made, besides
	// AmazonEKSClusterPolicy.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=20
	// +k8s:validation:items:maxLength=2048
	RoleAdditionalPolicies []string `json:"roleAdditionalPolicies,omitzero"`

	// logging says which logs of the control plane go to CloudWatch.
	// +optional
	Logging *ControlPlaneLoggingSpec `json:"logging,omitempty"`

	// encryptionConfig encrypts Secrets with a key of your own. It can be added later, and
	// never removed.
	// +optional
	EncryptionConfig *EncryptionConfig `json:"encryptionConfig,omitempty"`

	// additionalTags are put on every AWS resource of the cluster.
	// +optional
	// +k8s:validation:maxProperties=50
	// +k8s:validation:additionalProperties:maxLength=256
	AdditionalTags infrav1.Tags `json:"additionalTags,omitzero"`

	// iamAuthenticatorConfig lets IAM roles and users in, by the ConfigMap aws-auth in the
	// cluster. accessEntries are the newer way.
	// +optional
	IAMAuthenticatorConfig *IAMAuthenticatorConfig `json:"iamAuthenticatorConfig,omitempty"`

	// endpointAccess says from where the API server is reached.
	// +optional
	EndpointAccess EndpointAccess `json:"endpointAccess"`

	// controlPlaneEndpoint is where the API server is reached. Written by the provider.
	// Can't be changed once set.
	// +optional
	ControlPlaneEndpoint infrav1.APIEndpoint `json:"controlPlaneEndpoint"`

	// imageLookupFormat is the name pattern of AMIs, for machines that don't say.
	// +optional
	// +k8s:validation:maxLength=512
	ImageLookupFormat string `json:"imageLookupFormat,omitempty"`

	// imageLookupOrg is the AWS account that owns the AMIs, for machines that don't say.
	// +optional
	// +k8s:validation:maxLength=64
	ImageLookupOrg string `json:"imageLookupOrg,omitempty"`

	// imageLookupBaseOS is the operating system of the AMIs, for machines that don't say.
	// +optional
	// +k8s:validation:maxLength=128
	ImageLookupBaseOS string `json:"imageLookupBaseOS,omitempty"`

	// bastion is a host that machines in private subnets are reached through.
	// +optional
	Bastion infrav1.Bastion `json:"bastion,omitzero"`

	// tokenMethod is what the kubeconfig for users runs to get a token.
	// +optional
	// +default="iam-authenticator"
	TokenMethod *EKSTokenMethod `json:"tokenMethod,omitempty"`

	// associateOIDCProvider makes IAM trust the cluster's service accounts.
	// +optional
	// +default=false
	AssociateOIDCProvider bool `json:"associateOIDCProvider"`

	// oidcIdentityProviderConfig lets users of an OIDC provider in.
	// +optional
	OIDCIdentityProviderConfig *OIDCIdentityProviderConfig `json:"oidcIdentityProviderConfig,omitempty"`

	// vpcCni says how the VPC CNI plugin runs.
	// +optional
	VpcCni VpcCni `json:"vpcCni"`

	// bootstrapSelfManagedAddons has EKS install vpc-cni, kube-proxy and coredns when the
	// cluster is made. Write false where another CNI plugin is used. Has no effect later.
	// +optional
	// +default=true
	BootstrapSelfManagedAddons *bool `json:"bootstrapSelfManagedAddons,omitempty"`

	// restrictPrivateSubnets puts the control plane into private subnets only.
	// +optional
	// +default=false
	RestrictPrivateSubnets bool `json:"restrictPrivateSubnets"`

	// kubeProxy says whether kube-proxy runs.
	// +optional
	KubeProxy KubeProxy `json:"kubeProxy"`

	// upgradePolicy says what AWS does when the standard support of the version ends:
	// upgrade by itself (standard), or go on at a higher price (extended). Left out, it is
	// left alone.
	// +optional
	UpgradePolicy *UpgradePolicy `json:"upgradePolicy,omitempty"`

	// accessConfig says how principals of IAM are let in. Can't be removed once written.
	// +optional
	AccessConfig *AccessConfig `json:"accessConfig,omitempty"`

	// accessEntries let principals of IAM in, one entry for each. Entries that somebody else
	// made are left alone.
	// +optional
	// +listType=map
	// +listMapKey=principalARN
	// +k8s:validation:maxItems=1000
	AccessEntries []AccessEntry `json:"accessEntries,omitzero"`
}

// AWSManagedControlPlaneExtraSpec is what v1beta2 doesn't have, where an annotation keeps it.
type AWSManagedControlPlaneExtraSpec struct {
	// force lets a change of the version pass that AWS, or this server, would stop because
	// of what it found in the cluster: APIs still in use that are gone, add-ons that don't
	// fit, nodes that fall too far behind.
	// +optional
	Force bool `json:"force"`

	// controlPlaneAccess says how Cluster API itself reaches the cluster.
	// +optional
	ControlPlaneAccess *ControlPlaneAccess `json:"controlPlaneAccess,omitempty"`

	// podIdentityAssociations give IAM roles to service accounts of the cluster. Add-ons have
	// theirs in addons.
	// +optional
	// +listType=map
	// +listMapKey=namespace
	// +listMapKey=serviceAccount
	// +k8s:validation:maxItems=1000
	PodIdentityAssociations []PodIdentityAssociation `json:"podIdentityAssociations,omitzero"`

	// autoMode has EKS run nodes, load balancers and volumes by itself. Left out, it is left alone.
	// +optional
	AutoMode *AutoMode `json:"autoMode,omitempty"`

	// deletionProtection has AWS refuse to delete the cluster; while it is true, deleting
	// this object waits. Left out, it is left alone.
	// +optional
	DeletionProtection *bool `json:"deletionProtection,omitempty"`

	// scalingTier is the size that the control plane keeps at least. Left out, it is left alone.
	// +optional
	ScalingTier *ScalingTier `json:"scalingTier,omitempty"`

	// zonalShift lets AWS move traffic out of a zone in trouble. Left out, it is left alone.
	// +optional
	ZonalShift *bool `json:"zonalShift,omitempty"`
}

// AWSManagedControlPlaneStatus is what AWS has, and how far that is from what is wanted.
type AWSManagedControlPlaneStatus struct {
	// conditions say how the parts of the control plane are.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// initialization tells Cluster API that the control plane, and the infrastructure below
	// it, were there once.
	// +optional
	Initialization *Initialization `json:"initialization,omitempty"`

	// ready tells that the control plane can be used now.
	// +optional
	// +default=false
	Ready bool `json:"ready"`

	// version that the control plane runs: what spec.version says where the minor is the
	// same, and the minor with .0 otherwise.
	// +optional
	// +k8s:validation:maxLength=64
	Version *string `json:"version,omitempty"`

	// versions says the same in a list, which has one item.
	// +optional
	// +listType=map
	// +listMapKey=version
	Versions []ControlPlaneVersion `json:"versions,omitempty"`

	// platformVersion is EKS's own version of the control plane, for example eks.12.
	// +optional
	PlatformVersion string `json:"platformVersion,omitempty"`

	// serviceCIDR is the range for services, which nodes have to know.
	// +optional
	// +k8s:validation:maxLength=64
	ServiceCIDR string `json:"serviceCIDR,omitempty"`

	// externalManagedControlPlane tells Cluster API that the control plane has no machines.
	// +optional
	// +default=true
	ExternalManagedControlPlane *bool `json:"externalManagedControlPlane,omitempty"`

	// observedGeneration is the generation of the spec that this status is of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// accountID is the AWS account in which the cluster's resources are; recorded when
	// the first is made, and compared before anything is changed.
	// +optional
	// +k8s:validation:maxLength=12
	// +k8s:validation:pattern="^[0-9]{12}$"
	AccountID string `json:"accountID,omitempty"`

	// failureDomains are the zones machines can be placed in.
	// +optional
	// +listType=map
	// +listMapKey=name
	FailureDomains []infrav1.FailureDomain `json:"failureDomains,omitempty"`

	// networkStatus is the network as seen in AWS.
	// +optional
	NetworkStatus infrav1.NetworkStatus `json:"networkStatus,omitzero"`

	// bastion is the bastion host as seen in AWS.
	// +optional
	Bastion *infrav1.Instance `json:"bastion,omitempty"`

	// oidcProvider is the provider by which IAM trusts the cluster's service accounts.
	// +optional
	OIDCProvider OIDCProviderStatus `json:"oidcProvider,omitzero"`

	// addons as seen in AWS.
	// +optional
	// +listType=atomic
	Addons []AddonState `json:"addons,omitempty"`

	// identityProviderStatus is the OIDC provider whose users are let in.
	// +optional
	IdentityProviderStatus IdentityProviderStatus `json:"identityProviderStatus,omitzero"`

	// update is the latest change of the EKS cluster that was asked for. AWS makes one at a
	// time, and says later how it went.
	// +optional
	Update *ClusterUpdate `json:"update,omitempty"`

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

	// deprecated groups status that only older contracts of Cluster API know.
	// +optional
	Deprecated *DeprecatedStatus `json:"deprecated,omitempty"`
}

// Initialization carries what Cluster API's v1beta2 contract wants to know about the first
// provisioning of a control plane, and of the infrastructure where one object is both.
type Initialization struct {
	// provisioned is true once the network was complete and the EKS cluster there for the
	// first time. It never goes back to false.
	// +optional
	Provisioned *bool `json:"provisioned,omitempty"`

	// controlPlaneInitialized is true once the API server could be reached, and its
	// kubeconfig was there. It never goes back to false.
	// +optional
	ControlPlaneInitialized *bool `json:"controlPlaneInitialized,omitempty"`
}

// ControlPlaneVersion is a version that the control plane runs.
type ControlPlaneVersion struct {
	// version of Kubernetes.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=256
	Version string `json:"version"`
}

// ClusterUpdate is a change of an EKS cluster that was asked for.
type ClusterUpdate struct {
	// type of the change, as EKS calls it, for example VersionUpdate.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=128
	Type string `json:"type"`

	// paramsHash stands for what was asked for, so that the same isn't asked for again where
	// it failed.
	// +optional
	// +k8s:validation:maxLength=128
	ParamsHash string `json:"paramsHash,omitempty"`

	// since is when the change was asked for.
	// +required
	Since metav1.MicroTime `json:"since"`

	// id of the update in EKS. Empty while the answer isn't known.
	// +optional
	// +k8s:validation:maxLength=128
	ID string `json:"id,omitempty"`

	// state of the update, as EKS calls it: InProgress, Successful, Failed or Cancelled. Empty
	// while nobody knows.
	// +optional
	// +k8s:validation:maxLength=32
	State string `json:"state,omitempty"`

	// message is what EKS says of an update that failed.
	// +optional
	Message string `json:"message,omitempty"`
}

// DeprecatedStatus groups status that only older contracts of Cluster API know.
type DeprecatedStatus struct {
	// v1beta1 groups what belongs to Cluster API's v1beta1 contract.
	// +optional
	V1Beta1 *V1Beta1DeprecatedStatus `json:"v1beta1,omitempty"`
}

// V1Beta1DeprecatedStatus is status in Cluster API's v1beta1 contract. v1beta2 shows it as
// status.conditions and status.failureMessage.
type V1Beta1DeprecatedStatus struct {
	// conditions in the old form.
	// +optional
	// +listType=atomic
	Conditions []infrav1.V1Beta1Condition `json:"conditions,omitempty"`

	// failureMessage says what failed, for a person to read.
	// +optional
	FailureMessage *string `json:"failureMessage,omitempty"`
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

	// status is what is.
	// +optional
	Status AWSManagedControlPlaneStatus `json:"status,omitzero"`
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
