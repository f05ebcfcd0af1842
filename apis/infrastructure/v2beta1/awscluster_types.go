package v2beta1

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ClusterFinalizer keeps an AWSCluster until its resources are gone from AWS.
const ClusterFinalizer = "awscluster.infrastructure.cluster.x-k8s.io"

// AWSClusterSpec is the wanted state of a cluster's infrastructure.
type AWSClusterSpec struct {
	// network of the cluster.
	// +optional
	Network NetworkSpec `json:"network,omitzero"`

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

	// controlPlaneEndpoint is where the API server is reached. Written by the
	// provider from the load balancer. Can't be changed once set.
	// +optional
	ControlPlaneEndpoint APIEndpoint `json:"controlPlaneEndpoint"`

	// additionalTags are put on every AWS resource of the cluster.
	// +optional
	// +k8s:validation:maxProperties=50
	// +k8s:validation:additionalProperties:maxLength=256
	AdditionalTags Tags `json:"additionalTags,omitzero"`

	// controlPlaneLoadBalancer is the load balancer of the API server.
	// +optional
	ControlPlaneLoadBalancer *AWSLoadBalancerSpec `json:"controlPlaneLoadBalancer,omitempty"`

	// secondaryControlPlaneLoadBalancer is a second load balancer of the API
	// server, of the other scheme. It must be an NLB.
	// +optional
	SecondaryControlPlaneLoadBalancer *AWSLoadBalancerSpec `json:"secondaryControlPlaneLoadBalancer,omitempty"`

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
	Bastion Bastion `json:"bastion,omitzero"`

	// identityRef says with whose credentials AWS is called. Left out, the
	// AWSClusterControllerIdentity named default.
	// +optional
	IdentityRef *AWSIdentityReference `json:"identityRef,omitempty"`

	// s3Bucket stores bootstrap data of machines that use Ignition.
	// +optional
	S3Bucket *S3Bucket `json:"s3Bucket,omitempty"`
}

// Bastion describes the bastion host.
type Bastion struct {
	// enabled creates the bastion host.
	// +optional
	Enabled bool `json:"enabled"`

	// disableIngressRules lets nobody in. Excludes allowedCIDRBlocks.
	// +optional
	DisableIngressRules bool `json:"disableIngressRules"`

	// allowedCIDRBlocks may reach the bastion by SSH. Left empty, everybody may.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=1000
	// +k8s:validation:items:maxLength=64
	AllowedCIDRBlocks []string `json:"allowedCIDRBlocks,omitzero"`

	// instanceType of the bastion, for example t3.micro.
	// +optional
	// +k8s:validation:maxLength=64
	InstanceType string `json:"instanceType,omitempty"`

	// ami of the bastion. Left empty, a current Ubuntu.
	// +optional
	// +k8s:validation:maxLength=128
	AMI string `json:"ami,omitempty"`
}

// S3Bucket describes the bucket for bootstrap data.
type S3Bucket struct {
	// name of the bucket.
	// +required
	// +k8s:validation:minLength=3
	// +k8s:validation:maxLength=63
	// +k8s:validation:pattern="^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"
	Name string `json:"name,omitempty"`

	// controlPlaneIAMInstanceProfile may read what control plane machines need.
	// +optional
	// +k8s:validation:maxLength=128
	ControlPlaneIAMInstanceProfile string `json:"controlPlaneIAMInstanceProfile,omitempty"`

	// nodesIAMInstanceProfiles may read what nodes need.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=100
	// +k8s:validation:items:maxLength=128
	NodesIAMInstanceProfiles []string `json:"nodesIAMInstanceProfiles,omitzero"`

	// additionalIAMRoles may read further parts of the bucket.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +listMapKey=prefix
	// +k8s:validation:maxItems=100
	AdditionalIAMRoles []S3BucketIAMRole `json:"additionalIAMRoles,omitzero"`

	// presignedURLDuration is how long links into the bucket are good, for example
	// 1h. With it, machines need no instance profile to read. It stays the string
	// that the user wrote, so that applying a manifest again changes nothing.
	// +optional
	// +k8s:validation:maxLength=64
	PresignedURLDuration *string `json:"presignedURLDuration,omitempty"`

	// bestEffortDeleteObjects goes on when AWS denies the deletion of objects.
	// +optional
	BestEffortDeleteObjects *bool `json:"bestEffortDeleteObjects,omitempty"`
}

// PresignDuration returns how long links into the bucket are good, or zero when
// machines read it with their instance profiles. Validation has refused the rest.
func (b *S3Bucket) PresignDuration() time.Duration {
	if b.PresignedURLDuration == nil {
		return 0
	}
	duration, err := time.ParseDuration(*b.PresignedURLDuration)
	if err != nil {
		return 0
	}
	return duration
}

// S3BucketIAMRole lets a role read the objects under a prefix.
type S3BucketIAMRole struct {
	// name of the role, not its ARN.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=128
	// +k8s:validation:pattern="^[\\w+=,.@-]+$"
	Name string `json:"name,omitempty"`

	// prefix of the objects, without a slash in front.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=512
	Prefix string `json:"prefix,omitempty"`
}

// AWSClusterStatus is what AWS has, and how far that is from what is wanted.
type AWSClusterStatus struct {
	// conditions say how the parts of the infrastructure are.
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
	FailureDomains []FailureDomain `json:"failureDomains,omitempty"`

	// networkStatus is the network as seen in AWS.
	// +optional
	NetworkStatus NetworkStatus `json:"networkStatus,omitzero"`

	// bastion is the bastion host as seen in AWS.
	// +optional
	Bastion *Instance `json:"bastion,omitempty"`

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
	Deprecated *DeprecatedStatus `json:"deprecated,omitempty"`
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
	Spec AWSClusterSpec `json:"spec,omitzero"`

	// status is what is.
	// +optional
	Status AWSClusterStatus `json:"status,omitzero"`
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
