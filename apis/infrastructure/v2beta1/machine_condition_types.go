package v2beta1

// Condition types of AWSMachine, besides Ready and Paused.
const (
	InstanceReadyCondition        = "InstanceReady"
	SecurityGroupsReadyCondition  = "SecurityGroupsReady"
	ELBAttachedCondition          = "ELBAttached"
	DedicatedHostReleaseCondition = "DedicatedHostRelease"
	// PublicAddressReadyCondition is there for machines with an address from a pool.
	PublicAddressReadyCondition = "PublicAddressReady"
	// InterruptionAnnouncedCondition is there, and true, when AWS announced that it
	// will interrupt the instance.
	InterruptionAnnouncedCondition = "InterruptionAnnounced"
)

// Reasons of the conditions of AWSMachine.
const (
	InstanceNotFoundReason                = "InstanceNotFound"
	InstanceForeignReason                 = "InstanceForeign"
	InstanceTerminatedReason              = "InstanceTerminated"
	InstanceStoppedReason                 = "InstanceStopped"
	InstanceNotReadyReason                = "InstanceNotReady"
	InstanceProvisionStartedReason        = "InstanceProvisionStarted"
	InstanceProvisionFailedReason         = "InstanceProvisionFailed"
	WaitingForClusterInfrastructureReason = "WaitingForClusterInfrastructure"
	WaitingForBootstrapDataReason         = "WaitingForBootstrapData"
	WaitingForControlPlaneVersionReason   = "WaitingForControlPlaneVersion"
	SecurityGroupsFailedReason            = "SecurityGroupsSyncFailed"
	ELBAttachFailedReason                 = "ELBAttachFailed"
	ELBDetachFailedReason                 = "ELBDetachFailed"
	ELBDetachedReason                     = "ELBDetached"
	PublicAddressFailedReason             = "PublicAddressFailed"
	DedicatedHostReleaseFailedReason      = "DedicatedHostReleaseFailed"
)

// Reasons of InterruptionAnnounced. The first is one of InstanceReady, too.
const (
	// SpotInterruptionReason: AWS takes the spot instance away within two minutes.
	SpotInterruptionReason = "SpotInterruption"
	// RebalanceRecommendedReason: it will probably do so before long.
	RebalanceRecommendedReason = "RebalanceRecommended"
	// ScheduledChangeReason: AWS stops, reboots or retires the instance at a time it named.
	ScheduledChangeReason = "ScheduledChange"
)

// Condition types of AWSMachinePool, besides Ready and Paused.
const (
	ASGReadyCondition                          = "ASGReady"
	LaunchTemplateReadyCondition               = "LaunchTemplateReady"
	PreLaunchTemplateUpdateCheckCondition      = "PreLaunchTemplateUpdateCheckSuccess"
	PostLaunchTemplateUpdateOperationCondition = "PostLaunchTemplateUpdateOperationSuccess"
	InstanceRefreshStartedCondition            = "InstanceRefreshStarted"
	LifecycleHookReadyCondition                = "LifecycleHookReady"
	// ASGCapacityReachedCondition is there, and false, while AWS can't launch the
	// instances that the group is to have.
	ASGCapacityReachedCondition = "ASGCapacityReached"
	// PoolSettingsReadyCondition is there, and false, while tags of the group and the
	// launch template can't be set, or old versions not be deleted.
	PoolSettingsReadyCondition = "PoolSettingsReady"
)

// Reasons of the conditions of AWSMachinePool.
const (
	ASGNotFoundReason                             = "ASGNotFound"
	ASGProvisionFailedReason                      = "ASGProvisionFailed"
	ASGDeletionInProgressReason                   = "ASGDeletionInProgress"
	LaunchTemplateNotFoundReason                  = "LaunchTemplateNotFound"
	LaunchTemplateCreateFailedReason              = "LaunchTemplateCreateFailed"
	LaunchTemplateReconcileFailedReason           = "LaunchTemplateReconcileFailed"
	NitroEnclaveEdgeZoneUnsupportedReason         = "NitroEnclaveEdgeZoneUnsupported"
	PreLaunchTemplateUpdateCheckFailedReason      = "PreLaunchTemplateUpdateCheckFailed"
	PostLaunchTemplateUpdateOperationFailedReason = "PostLaunchTemplateUpdateOperationFailed"
	InstanceRefreshNotReadyReason                 = "InstanceRefreshNotReady"
	InstanceRefreshFailedReason                   = "InstanceRefreshFailed"
	LifecycleHookCreationFailedReason             = "LifecycleHookCreationFailed"
	LifecycleHookUpdateFailedReason               = "LifecycleHookUpdateFailed"
	LifecycleHookDeletionFailedReason             = "LifecycleHookDeletionFailed"
	PoolSettingsFailedReason                      = "PoolSettingsFailed"
)

// Events of AWSMachinePool that tell of the AWSMachines of its instances.
const (
	AWSMachineCreationFailedEvent = "AWSMachineCreationFailed"
	AWSMachineDeletionFailedEvent = "AWSMachineDeletionFailed"
)
