package v1beta2

import (
	"reflect"

	"k8s.io/apimachinery/pkg/conversion"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// Convert_v1beta2_AWSManagedClusterStatus_To_v2beta1_AWSManagedClusterStatus converts status to the hub.
func Convert_v1beta2_AWSManagedClusterStatus_To_v2beta1_AWSManagedClusterStatus(in *AWSManagedClusterStatus, out *infrav1.AWSManagedClusterStatus, _ conversion.Scope) error {
	var extra AWSManagedClusterV2Beta1Status
	if in.V2Beta1 != nil {
		extra = *in.V2Beta1
	}
	*out = infrav1.AWSManagedClusterStatus{
		Conditions:     extra.Conditions,
		Initialization: initialization(in.Ready, extra.Initialization),
		Ready:          in.Ready,
		FailureDomains: FailureDomainList(in.FailureDomains),
		Deprecated:     deprecatedConditions(in.Conditions),
	}
	return nil
}

// Convert_v2beta1_AWSManagedClusterStatus_To_v1beta2_AWSManagedClusterStatus converts status from the hub.
func Convert_v2beta1_AWSManagedClusterStatus_To_v1beta2_AWSManagedClusterStatus(in *infrav1.AWSManagedClusterStatus, out *AWSManagedClusterStatus, _ conversion.Scope) error {
	*out = AWSManagedClusterStatus{
		Ready:          provisioned(in.Initialization),
		FailureDomains: FailureDomainMap(in.FailureDomains),
		Conditions:     oldConditions(in.Deprecated),
	}
	extra := AWSManagedClusterV2Beta1Status{Conditions: in.Conditions}
	if !out.Ready {
		extra.Initialization = in.Initialization
	}
	if len(extra.Conditions) > 0 || extra.Initialization != nil {
		out.V2Beta1 = &extra
	}
	return nil
}

// Convert_v1beta2_AWSFargateProfileStatus_To_v2beta1_AWSFargateProfileStatus converts status to the hub.
func Convert_v1beta2_AWSFargateProfileStatus_To_v2beta1_AWSFargateProfileStatus(in *AWSFargateProfileStatus, out *infrav1.AWSFargateProfileStatus, _ conversion.Scope) error {
	var extra AWSFargateProfileV2Beta1Status
	if in.V2Beta1 != nil {
		extra = *in.V2Beta1
	}
	*out = infrav1.AWSFargateProfileStatus{
		Conditions:       extra.Conditions,
		Ready:            in.Ready,
		Observation:      extra.Observation,
		Failures:         extra.Failures,
		PendingCreations: extra.PendingCreations,
		FormerUIDs:       extra.FormerUIDs,
		Deprecated:       machineDeprecated(in.Conditions, in.FailureReason, in.FailureMessage),
	}
	return nil
}

// Convert_v2beta1_AWSFargateProfileStatus_To_v1beta2_AWSFargateProfileStatus converts status from the hub.
func Convert_v2beta1_AWSFargateProfileStatus_To_v1beta2_AWSFargateProfileStatus(in *infrav1.AWSFargateProfileStatus, out *AWSFargateProfileStatus, _ conversion.Scope) error {
	old := oldMachineStatus(in.Deprecated)
	*out = AWSFargateProfileStatus{Ready: in.Ready, Conditions: old.Conditions, FailureReason: old.FailureReason, FailureMessage: old.FailureMessage}
	extra := AWSFargateProfileV2Beta1Status{Conditions: in.Conditions, Observation: in.Observation, Failures: in.Failures, PendingCreations: in.PendingCreations, FormerUIDs: in.FormerUIDs}
	if len(extra.Conditions) > 0 || extra.Observation != nil || len(extra.Failures) > 0 || len(extra.PendingCreations) > 0 || len(extra.FormerUIDs) > 0 {
		out.V2Beta1 = &extra
	}
	return nil
}

// Convert_v1beta2_AWSManagedMachinePoolStatus_To_v2beta1_AWSManagedMachinePoolStatus converts status to the hub.
func Convert_v1beta2_AWSManagedMachinePoolStatus_To_v2beta1_AWSManagedMachinePoolStatus(in *AWSManagedMachinePoolStatus, out *infrav1.AWSManagedMachinePoolStatus, _ conversion.Scope) error {
	var extra AWSManagedMachinePoolV2Beta1Status
	if in.V2Beta1 != nil {
		extra = *in.V2Beta1
	}
	*out = infrav1.AWSManagedMachinePoolStatus{
		Conditions:            extra.Conditions,
		Ready:                 in.Ready,
		Initialization:        extra.Initialization,
		Replicas:              in.Replicas,
		LaunchTemplateID:      in.LaunchTemplateID,
		LaunchTemplateVersion: in.LaunchTemplateVersion,
		Nodegroup:             extra.Nodegroup,
		Update:                extra.Update,
		Observation:           extra.Observation,
		Failures:              extra.Failures,
		PendingCreations:      extra.PendingCreations,
		FormerUIDs:            extra.FormerUIDs,
		Deprecated:            machineDeprecated(in.Conditions, in.FailureReason, in.FailureMessage),
	}
	return nil
}

// Convert_v2beta1_AWSManagedMachinePoolStatus_To_v1beta2_AWSManagedMachinePoolStatus converts status from the hub.
func Convert_v2beta1_AWSManagedMachinePoolStatus_To_v1beta2_AWSManagedMachinePoolStatus(in *infrav1.AWSManagedMachinePoolStatus, out *AWSManagedMachinePoolStatus, _ conversion.Scope) error {
	old := oldMachineStatus(in.Deprecated)
	*out = AWSManagedMachinePoolStatus{
		Ready:                 in.Ready,
		Replicas:              in.Replicas,
		LaunchTemplateID:      in.LaunchTemplateID,
		LaunchTemplateVersion: in.LaunchTemplateVersion,
		FailureReason:         old.FailureReason,
		FailureMessage:        old.FailureMessage,
		Conditions:            old.Conditions,
	}
	extra := AWSManagedMachinePoolV2Beta1Status{
		Conditions:       in.Conditions,
		Initialization:   in.Initialization,
		Nodegroup:        in.Nodegroup,
		Update:           in.Update,
		Observation:      in.Observation,
		Failures:         in.Failures,
		PendingCreations: in.PendingCreations,
		FormerUIDs:       in.FormerUIDs,
	}
	if !reflect.ValueOf(extra).IsZero() {
		out.V2Beta1 = &extra
	}
	return nil
}

// Convert_v1beta2_AWSManagedMachinePool_To_v2beta1_AWSManagedMachinePool converts to the hub.
func Convert_v1beta2_AWSManagedMachinePool_To_v2beta1_AWSManagedMachinePool(in *AWSManagedMachinePool, out *infrav1.AWSManagedMachinePool, s conversion.Scope) error {
	if err := autoConvert_v1beta2_AWSManagedMachinePool_To_v2beta1_AWSManagedMachinePool(in, out, s); err != nil {
		return err
	}
	var extra extraOfPool
	if err := TakeExtra(&out.ObjectMeta, &extra); err != nil {
		return err
	}
	extra.into(&out.Spec)
	return nil
}

// Convert_v2beta1_AWSManagedMachinePool_To_v1beta2_AWSManagedMachinePool converts from the hub.
func Convert_v2beta1_AWSManagedMachinePool_To_v1beta2_AWSManagedMachinePool(in *infrav1.AWSManagedMachinePool, out *AWSManagedMachinePool, s conversion.Scope) error {
	if err := autoConvert_v2beta1_AWSManagedMachinePool_To_v1beta2_AWSManagedMachinePool(in, out, s); err != nil {
		return err
	}
	return KeepExtra(&out.ObjectMeta, extraOf(&in.Spec))
}

// Convert_v1beta2_AWSManagedMachinePoolTemplate_To_v2beta1_AWSManagedMachinePoolTemplate converts to the hub.
func Convert_v1beta2_AWSManagedMachinePoolTemplate_To_v2beta1_AWSManagedMachinePoolTemplate(in *AWSManagedMachinePoolTemplate, out *infrav1.AWSManagedMachinePoolTemplate, s conversion.Scope) error {
	if err := autoConvert_v1beta2_AWSManagedMachinePoolTemplate_To_v2beta1_AWSManagedMachinePoolTemplate(in, out, s); err != nil {
		return err
	}
	var extra extraOfPool
	if err := TakeExtra(&out.ObjectMeta, &extra); err != nil {
		return err
	}
	extra.into(&out.Spec.Template.Spec)
	return nil
}

// Convert_v2beta1_AWSManagedMachinePoolTemplate_To_v1beta2_AWSManagedMachinePoolTemplate converts from the hub.
func Convert_v2beta1_AWSManagedMachinePoolTemplate_To_v1beta2_AWSManagedMachinePoolTemplate(in *infrav1.AWSManagedMachinePoolTemplate, out *AWSManagedMachinePoolTemplate, s conversion.Scope) error {
	if err := autoConvert_v2beta1_AWSManagedMachinePoolTemplate_To_v1beta2_AWSManagedMachinePoolTemplate(in, out, s); err != nil {
		return err
	}
	return KeepExtra(&out.ObjectMeta, extraOf(&in.Spec.Template.Spec))
}

// Convert_v2beta1_AWSManagedMachinePoolSpec_To_v1beta2_AWSManagedMachinePoolSpec leaves out what only v2beta1 has, which the object's
// annotation keeps.
func Convert_v2beta1_AWSManagedMachinePoolSpec_To_v1beta2_AWSManagedMachinePoolSpec(in *infrav1.AWSManagedMachinePoolSpec, out *AWSManagedMachinePoolSpec, s conversion.Scope) error {
	return autoConvert_v2beta1_AWSManagedMachinePoolSpec_To_v1beta2_AWSManagedMachinePoolSpec(in, out, s)
}

// Convert_v2beta1_UpdateConfig_To_v1beta2_UpdateConfig leaves out what only v2beta1 has, which the object's
// annotation keeps.
func Convert_v2beta1_UpdateConfig_To_v1beta2_UpdateConfig(in *infrav1.UpdateConfig, out *UpdateConfig, s conversion.Scope) error {
	return autoConvert_v2beta1_UpdateConfig_To_v1beta2_UpdateConfig(in, out, s)
}

// Convert_v2beta1_NodeRepairConfig_To_v1beta2_NodeRepairConfig leaves out what only v2beta1 has, which the object's
// annotation keeps.
func Convert_v2beta1_NodeRepairConfig_To_v1beta2_NodeRepairConfig(in *infrav1.NodeRepairConfig, out *NodeRepairConfig, s conversion.Scope) error {
	return autoConvert_v2beta1_NodeRepairConfig_To_v1beta2_NodeRepairConfig(in, out, s)
}
