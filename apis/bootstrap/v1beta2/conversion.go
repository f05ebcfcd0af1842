package v1beta2

import (
	"k8s.io/apimachinery/pkg/conversion"

	bootstrapv1 "github.com/capa-apiserver/capa-apiserver/apis/bootstrap/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// Convert_v1beta2_ConfigStatus_To_v2beta1_ConfigStatus converts status to the hub. When ready
// and initialization contradict each other, ready wins: it is the field that writers of this
// version know.
func Convert_v1beta2_ConfigStatus_To_v2beta1_ConfigStatus(in *ConfigStatus, out *bootstrapv1.ConfigStatus, _ conversion.Scope) error {
	*out = bootstrapv1.ConfigStatus{
		Initialization:     in.Initialization,
		Ready:              in.Ready,
		DataSecretName:     in.DataSecretName,
		ObservedGeneration: in.ObservedGeneration,
	}
	switch {
	case in.Ready:
		out.Initialization = &bootstrapv1.Initialization{DataSecretCreated: &in.Ready}
	case created(in.Initialization):
		out.Initialization = nil
	}
	if in.V2Beta1 != nil {
		out.Conditions = in.V2Beta1.Conditions
	}
	if len(in.Conditions) > 0 || in.FailureReason != nil || in.FailureMessage != nil {
		out.Deprecated = &infrav1.MachineDeprecatedStatus{V1Beta1: &infrav1.MachineV1Beta1DeprecatedStatus{
			Conditions: in.Conditions, FailureReason: in.FailureReason, FailureMessage: in.FailureMessage,
		}}
	}
	return nil
}

// Convert_v2beta1_ConfigStatus_To_v1beta2_ConfigStatus converts status from the hub.
func Convert_v2beta1_ConfigStatus_To_v1beta2_ConfigStatus(in *bootstrapv1.ConfigStatus, out *ConfigStatus, _ conversion.Scope) error {
	*out = ConfigStatus{
		Ready:              created(in.Initialization),
		Initialization:     in.Initialization,
		DataSecretName:     in.DataSecretName,
		ObservedGeneration: in.ObservedGeneration,
	}
	if d := in.Deprecated; d != nil && d.V1Beta1 != nil {
		out.Conditions, out.FailureReason, out.FailureMessage = d.V1Beta1.Conditions, d.V1Beta1.FailureReason, d.V1Beta1.FailureMessage
	}
	if len(in.Conditions) > 0 {
		out.V2Beta1 = &ConfigV2Beta1Status{Conditions: in.Conditions}
	}
	return nil
}

func created(i *bootstrapv1.Initialization) bool {
	return i != nil && i.DataSecretCreated != nil && *i.DataSecretCreated
}
