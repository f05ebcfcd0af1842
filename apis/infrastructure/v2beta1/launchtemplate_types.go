package v2beta1

import "time"

// AWSLaunchTemplate describes the instances of a pool.
type AWSLaunchTemplate struct {
	// name of the launch template. Left out, that of the pool.
	// +optional
	// +k8s:validation:maxLength=128
	Name string `json:"name,omitempty"`

	// iamInstanceProfile is the name of the instance profile.
	// +optional
	// +k8s:validation:maxLength=128
	IamInstanceProfile string `json:"iamInstanceProfile,omitempty"`

	// ami is the machine image. Left out, it is looked up by name.
	// +optional
	AMI AMIReference `json:"ami"`

	// imageLookupFormat is the name pattern of the image, with {{.BaseOS}} and
	// {{.K8sVersion}} filled in. Left out, that of the cluster.
	// +optional
	// +k8s:validation:maxLength=512
	ImageLookupFormat string `json:"imageLookupFormat,omitempty"`

	// imageLookupOrg is the AWS account that owns the image. Left out, that of the cluster.
	// +optional
	// +k8s:validation:maxLength=64
	ImageLookupOrg string `json:"imageLookupOrg,omitempty"`

	// imageLookupBaseOS is the operating system of the image. Left out, that of the cluster.
	// +optional
	// +k8s:validation:maxLength=128
	ImageLookupBaseOS string `json:"imageLookupBaseOS,omitempty"`

	// instanceType of the instances, for example m5.large. May be left out with overrides
	// of mixedInstancesPolicy.
	// +optional
	// +k8s:validation:maxLength=64
	InstanceType string `json:"instanceType,omitempty"`

	// rootVolume tunes the volume that instances boot from.
	// +optional
	RootVolume *Volume `json:"rootVolume,omitempty"`

	// nonRootVolumes are further volumes.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=128
	NonRootVolumes []Volume `json:"nonRootVolumes,omitzero"`

	// sshKeyName is the EC2 key pair put on the instances. Left out, that of the
	// cluster; write an empty string to have none.
	// +optional
	// +k8s:validation:maxLength=255
	SSHKeyName *string `json:"sshKeyName,omitempty"`

	// versionNumber of the launch template that is used.
	// +optional
	VersionNumber *int64 `json:"versionNumber,omitempty"`

	// additionalSecurityGroups are added to those that the cluster's machines have.
	// +optional
	// +listType=atomic
	// +k8s:validation:maxItems=16
	AdditionalSecurityGroups []AWSResourceReference `json:"additionalSecurityGroups,omitzero"`

	// spotMarketOptions makes the instances spot instances. Excludes mixedInstancesPolicy.
	// +optional
	SpotMarketOptions *SpotMarketOptions `json:"spotMarketOptions,omitempty"`

	// instanceMetadataOptions tune the instance metadata service.
	// +optional
	InstanceMetadataOptions *InstanceMetadataOptions `json:"instanceMetadataOptions,omitempty"`

	// privateDnsName tunes the private host names.
	// +optional
	PrivateDNSName *PrivateDNSName `json:"privateDnsName,omitempty"`

	// capacityReservationId is the capacity reservation to launch into. Excludes spot instances.
	// +optional
	// +k8s:validation:maxLength=128
	CapacityReservationID *string `json:"capacityReservationId,omitempty"`

	// marketType is how the instances are paid for. Left out, on demand, or spot with spotMarketOptions.
	// +optional
	MarketType MarketType `json:"marketType,omitempty"`

	// capacityReservationPreference says which capacity reservations are used:
	// None, Open (any that matches) or CapacityReservationsOnly.
	// +optional
	// +k8s:validation:maxLength=32
	CapacityReservationPreference CapacityReservationPreference `json:"capacityReservationPreference,omitempty"`

	// enclaveOptions tune Nitro Enclaves.
	// +optional
	EnclaveOptions *EnclaveOptions `json:"enclaveOptions,omitempty"`
}

// EnclaveOptions tune Nitro Enclaves.
type EnclaveOptions struct {
	// enabled lets the instances run enclaves.
	// +optional
	Enabled *bool `json:"enabled,omitempty"`
}

// AWSLifecycleHook makes Auto Scaling wait at a transition of an instance until
// somebody completes it, or for heartbeatTimeout.
type AWSLifecycleHook struct {
	// name of the hook, unique in the pool.
	// +required
	// +k8s:validation:minLength=1
	// +k8s:validation:maxLength=255
	Name string `json:"name,omitempty"`

	// notificationTargetARN is the queue or topic that is told. Set together with roleARN.
	// +optional
	// +k8s:validation:maxLength=255
	NotificationTargetARN *string `json:"notificationTargetARN,omitempty"`

	// roleARN is the role that tells it. Set together with notificationTargetARN.
	// +optional
	// +k8s:validation:maxLength=255
	RoleARN *string `json:"roleARN,omitempty"`

	// lifecycleTransition is the transition to wait at.
	// +required
	LifecycleTransition LifecycleTransition `json:"lifecycleTransition,omitempty"`

	// heartbeatTimeout is how long to wait, from 30s to 48h, for example 5m. It stays
	// the string that the user wrote.
	// +optional
	// +k8s:validation:maxLength=64
	HeartbeatTimeout *string `json:"heartbeatTimeout,omitempty"`

	// defaultResult says what happens after that time.
	// +optional
	DefaultResult *LifecycleHookDefaultResult `json:"defaultResult,omitempty"`

	// notificationMetadata is sent with the notification.
	// +optional
	// +k8s:validation:maxLength=4000
	NotificationMetadata *string `json:"notificationMetadata,omitempty"`
}

// Timeout returns how long the hook waits, or zero for Auto Scaling's own default.
func (h *AWSLifecycleHook) Timeout() time.Duration { return duration(h.HeartbeatTimeout) }

// duration reads a duration that validation has seen. It is zero when left out.
func duration(text *string) time.Duration {
	if text == nil {
		return 0
	}
	value, err := time.ParseDuration(*text)
	if err != nil {
		return 0
	}
	return value
}

// LifecycleTransition is a transition of an instance in an Auto Scaling group.
// +enum
type LifecycleTransition string

// The transitions of instances in Auto Scaling groups.
const (
	LifecycleTransitionLaunching   LifecycleTransition = "autoscaling:EC2_INSTANCE_LAUNCHING"
	LifecycleTransitionTerminating LifecycleTransition = "autoscaling:EC2_INSTANCE_TERMINATING"
)

// LifecycleHookDefaultResult says what happens when nobody completes a hook.
// +enum
type LifecycleHookDefaultResult string

// What happens when nobody completes a hook.
const (
	LifecycleHookContinue LifecycleHookDefaultResult = "CONTINUE"
	LifecycleHookAbandon  LifecycleHookDefaultResult = "ABANDON"
)
