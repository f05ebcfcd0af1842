package v1beta2

import (
	"k8s.io/apimachinery/pkg/conversion"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// Convert_v1beta2_AWSMachineStatus_To_v2beta1_AWSMachineStatus converts status to the hub.
func Convert_v1beta2_AWSMachineStatus_To_v2beta1_AWSMachineStatus(in *AWSMachineStatus, out *infrav1.AWSMachineStatus, _ conversion.Scope) error {
	var extra AWSMachineV2Beta1Status
	if in.V2Beta1 != nil {
		extra = *in.V2Beta1
	}
	*out = infrav1.AWSMachineStatus{
		Conditions:       extra.Conditions,
		Initialization:   machineInitialization(in.Ready, extra.Initialization),
		Ready:            in.Ready,
		Addresses:        in.Addresses,
		FailureDomain:    extra.FailureDomain,
		InstanceState:    in.InstanceState,
		Interruptible:    in.Interruptible,
		DedicatedHost:    in.DedicatedHost,
		Observation:      extra.Observation,
		Failures:         extra.Failures,
		PendingCreations: extra.PendingCreations,
		FormerUIDs:       extra.FormerUIDs,
		Deprecated:       machineDeprecated(in.Conditions, in.FailureReason, in.FailureMessage),
	}
	return nil
}

// machineInitialization returns what ready says, or else what is stored: a machine that
// was provisioned may have lost its instance since.
func machineInitialization(ready bool, stored *infrav1.Initialization) *infrav1.Initialization {
	if ready {
		return &infrav1.Initialization{Provisioned: &ready}
	}
	return stored
}

// Convert_v2beta1_AWSMachineStatus_To_v1beta2_AWSMachineStatus converts status from the hub.
func Convert_v2beta1_AWSMachineStatus_To_v1beta2_AWSMachineStatus(in *infrav1.AWSMachineStatus, out *AWSMachineStatus, _ conversion.Scope) error {
	old := oldMachineStatus(in.Deprecated)
	*out = AWSMachineStatus{
		Ready:          in.Ready,
		Interruptible:  in.Interruptible,
		Addresses:      in.Addresses,
		InstanceState:  in.InstanceState,
		FailureReason:  old.FailureReason,
		FailureMessage: old.FailureMessage,
		Conditions:     old.Conditions,
		DedicatedHost:  in.DedicatedHost,
	}
	extra := AWSMachineV2Beta1Status{
		Conditions:       in.Conditions,
		FailureDomain:    in.FailureDomain,
		Observation:      in.Observation,
		Failures:         in.Failures,
		PendingCreations: in.PendingCreations,
		FormerUIDs:       in.FormerUIDs,
	}
	if !out.Ready {
		extra.Initialization = in.Initialization
	}
	if len(extra.Conditions) > 0 || extra.Initialization != nil || extra.FailureDomain != "" || extra.Observation != nil || len(extra.Failures) > 0 || len(extra.PendingCreations) > 0 || len(extra.FormerUIDs) > 0 {
		out.V2Beta1 = &extra
	}
	return nil
}

// Convert_v1beta2_AWSMachineTemplateStatus_To_v2beta1_AWSMachineTemplateStatus converts status to the hub.
func Convert_v1beta2_AWSMachineTemplateStatus_To_v2beta1_AWSMachineTemplateStatus(in *AWSMachineTemplateStatus, out *infrav1.AWSMachineTemplateStatus, _ conversion.Scope) error {
	*out = infrav1.AWSMachineTemplateStatus{
		Capacity:   in.Capacity,
		NodeInfo:   in.NodeInfo,
		Deprecated: deprecatedConditions(in.Conditions),
	}
	if in.V2Beta1 != nil {
		out.Conditions = in.V2Beta1.Conditions
	}
	return nil
}

// Convert_v2beta1_AWSMachineTemplateStatus_To_v1beta2_AWSMachineTemplateStatus converts status from the hub.
func Convert_v2beta1_AWSMachineTemplateStatus_To_v1beta2_AWSMachineTemplateStatus(in *infrav1.AWSMachineTemplateStatus, out *AWSMachineTemplateStatus, _ conversion.Scope) error {
	*out = AWSMachineTemplateStatus{
		Capacity:   in.Capacity,
		NodeInfo:   in.NodeInfo,
		Conditions: oldConditions(in.Deprecated),
	}
	if len(in.Conditions) > 0 {
		out.V2Beta1 = &AWSMachineTemplateV2Beta1Status{Conditions: in.Conditions}
	}
	return nil
}

// Convert_v1beta2_AWSMachinePoolStatus_To_v2beta1_AWSMachinePoolStatus converts status to the hub.
func Convert_v1beta2_AWSMachinePoolStatus_To_v2beta1_AWSMachinePoolStatus(in *AWSMachinePoolStatus, out *infrav1.AWSMachinePoolStatus, _ conversion.Scope) error {
	var extra AWSMachinePoolV2Beta1Status
	if in.V2Beta1 != nil {
		extra = *in.V2Beta1
	}
	*out = infrav1.AWSMachinePoolStatus{
		Conditions:                extra.Conditions,
		Ready:                     in.Ready,
		Initialization:            extra.Initialization,
		Replicas:                  in.Replicas,
		Instances:                 in.Instances,
		InfrastructureMachineKind: in.InfrastructureMachineKind,
		LaunchTemplateID:          in.LaunchTemplateID,
		LaunchTemplateVersion:     in.LaunchTemplateVersion,
		ASGStatus:                 in.ASGStatus,
		Observation:               extra.Observation,
		Failures:                  extra.Failures,
		FormerUIDs:                extra.FormerUIDs,
		Deprecated:                machineDeprecated(in.Conditions, in.FailureReason, in.FailureMessage),
	}
	return nil
}

// Convert_v2beta1_AWSMachinePoolStatus_To_v1beta2_AWSMachinePoolStatus converts status from the hub.
func Convert_v2beta1_AWSMachinePoolStatus_To_v1beta2_AWSMachinePoolStatus(in *infrav1.AWSMachinePoolStatus, out *AWSMachinePoolStatus, _ conversion.Scope) error {
	old := oldMachineStatus(in.Deprecated)
	*out = AWSMachinePoolStatus{
		Ready:                     in.Ready,
		Replicas:                  in.Replicas,
		Conditions:                old.Conditions,
		Instances:                 in.Instances,
		LaunchTemplateID:          in.LaunchTemplateID,
		LaunchTemplateVersion:     in.LaunchTemplateVersion,
		FailureReason:             old.FailureReason,
		FailureMessage:            old.FailureMessage,
		ASGStatus:                 in.ASGStatus,
		InfrastructureMachineKind: in.InfrastructureMachineKind,
	}
	extra := AWSMachinePoolV2Beta1Status{Conditions: in.Conditions, Initialization: in.Initialization, Observation: in.Observation, Failures: in.Failures, FormerUIDs: in.FormerUIDs}
	if len(extra.Conditions) > 0 || extra.Initialization != nil || extra.Observation != nil || len(extra.Failures) > 0 || len(extra.FormerUIDs) > 0 {
		out.V2Beta1 = &extra
	}
	return nil
}

func machineDeprecated(conditions []infrav1.V1Beta1Condition, reason, message *string) *infrav1.MachineDeprecatedStatus {
	if len(conditions) == 0 && reason == nil && message == nil {
		return nil
	}
	return &infrav1.MachineDeprecatedStatus{V1Beta1: &infrav1.MachineV1Beta1DeprecatedStatus{
		Conditions: conditions, FailureReason: reason, FailureMessage: message,
	}}
}

func oldMachineStatus(in *infrav1.MachineDeprecatedStatus) infrav1.MachineV1Beta1DeprecatedStatus {
	if in == nil || in.V1Beta1 == nil {
		return infrav1.MachineV1Beta1DeprecatedStatus{}
	}
	return *in.V1Beta1
}
