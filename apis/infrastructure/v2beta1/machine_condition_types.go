package v2beta1

// Condition types of AWSMachine, besides Ready and Paused.
const (
	InstanceReadyCondition        = "InstanceReady"
	SecurityGroupsReadyCondition  = "SecurityGroupsReady"
	ELBAttachedCondition          = "ELBAttached"
	DedicatedHostReleaseCondition = "DedicatedHostRelease"
)

// Reasons of the conditions of AWSMachine.
const (
	InstanceNotFoundReason                = "InstanceNotFound"
	InstanceTerminatedReason              = "InstanceTerminated"
	InstanceStoppedReason                 = "InstanceStopped"
	InstanceNotReadyReason                = "InstanceNotReady"
	InstanceProvisionStartedReason        = "InstanceProvisionStarted"
	InstanceProvisionFailedReason         = "InstanceProvisionFailed"
	WaitingForClusterInfrastructureReason = "WaitingForClusterInfrastructure"
	WaitingForBootstrapDataReason         = "WaitingForBootstrapData"
	SecurityGroupsFailedReason            = "SecurityGroupsSyncFailed"
	ELBAttachFailedReason                 = "ELBAttachFailed"
	ELBDetachFailedReason                 = "ELBDetachFailed"
	DedicatedHostReleaseFailedReason      = "DedicatedHostReleaseFailed"
)

// Condition types of AWSMachinePool, besides Ready and Paused.
const (
	ASGReadyCondition                          = "ASGReady"
	LaunchTemplateReadyCondition               = "LaunchTemplateReady"
	PreLaunchTemplateUpdateCheckCondition      = "PreLaunchTemplateUpdateCheckSuccess"
	PostLaunchTemplateUpdateOperationCondition = "PostLaunchTemplateUpdateOperationSuccess"
	InstanceRefreshStartedCondition            = "InstanceRefreshStarted"
	LifecycleHookReadyCondition                = "LifecycleHookReady"
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
	AWSMachineCreationFailedReason                = "AWSMachineCreationFailed"
	AWSMachineDeletionFailedReason                = "AWSMachineDeletionFailed"
	LifecycleHookCreationFailedReason             = "LifecycleHookCreationFailed"
	LifecycleHookUpdateFailedReason               = "LifecycleHookUpdateFailed"
	LifecycleHookDeletionFailedReason             = "LifecycleHookDeletionFailed"
)
