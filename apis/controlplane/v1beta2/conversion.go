package v1beta2

import (
	"k8s.io/apimachinery/pkg/conversion"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infraold "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v1beta2"
)

// Convert_v1beta2_AWSManagedControlPlaneStatus_To_v2beta1_AWSManagedControlPlaneStatus converts status to the hub.
func Convert_v1beta2_AWSManagedControlPlaneStatus_To_v2beta1_AWSManagedControlPlaneStatus(in *AWSManagedControlPlaneStatus, out *controlplanev1.AWSManagedControlPlaneStatus, _ conversion.Scope) error {
	var extra AWSManagedControlPlaneV2Beta1Status
	if in.V2Beta1 != nil {
		extra = *in.V2Beta1
	}
	*out = controlplanev1.AWSManagedControlPlaneStatus{
		Conditions:                  extra.Conditions,
		Initialization:              initialization(in.Initialized, extra.Initialization),
		Ready:                       in.Ready,
		Version:                     in.Version,
		Versions:                    extra.Versions,
		PlatformVersion:             extra.PlatformVersion,
		ServiceCIDR:                 extra.ServiceCIDR,
		ExternalManagedControlPlane: in.ExternalManagedControlPlane,
		ObservedGeneration:          in.ObservedGeneration,
		AccountID:                   extra.AccountID,
		FailureDomains:              infraold.FailureDomainList(in.FailureDomains),
		NetworkStatus:               in.Network,
		Bastion:                     in.Bastion,
		OIDCProvider:                in.OIDCProvider,
		Addons:                      in.Addons,
		IdentityProviderStatus:      in.IdentityProviderStatus,
		Update:                      extra.Update,
		Observation:                 extra.Observation,
		Failures:                    extra.Failures,
		PendingCreations:            extra.PendingCreations,
		FormerUIDs:                  extra.FormerUIDs,
	}
	if len(in.Conditions) > 0 || in.FailureMessage != nil {
		out.Deprecated = &controlplanev1.DeprecatedStatus{V1Beta1: &controlplanev1.V1Beta1DeprecatedStatus{Conditions: in.Conditions, FailureMessage: in.FailureMessage}}
	}
	return nil
}

// Convert_v2beta1_AWSManagedControlPlaneStatus_To_v1beta2_AWSManagedControlPlaneStatus converts status from the hub.
func Convert_v2beta1_AWSManagedControlPlaneStatus_To_v1beta2_AWSManagedControlPlaneStatus(in *controlplanev1.AWSManagedControlPlaneStatus, out *AWSManagedControlPlaneStatus, _ conversion.Scope) error {
	*out = AWSManagedControlPlaneStatus{
		Network:                     in.NetworkStatus,
		FailureDomains:              infraold.FailureDomainMap(in.FailureDomains),
		Bastion:                     in.Bastion,
		OIDCProvider:                in.OIDCProvider,
		ExternalManagedControlPlane: in.ExternalManagedControlPlane,
		Initialized:                 initialized(in.Initialization),
		Ready:                       in.Ready,
		Addons:                      in.Addons,
		IdentityProviderStatus:      in.IdentityProviderStatus,
		ObservedGeneration:          in.ObservedGeneration,
		Version:                     in.Version,
	}
	if d := in.Deprecated; d != nil && d.V1Beta1 != nil {
		out.Conditions, out.FailureMessage = d.V1Beta1.Conditions, d.V1Beta1.FailureMessage
	}
	extra := AWSManagedControlPlaneV2Beta1Status{
		Conditions:       in.Conditions,
		Initialization:   withoutInitialized(in.Initialization),
		Versions:         in.Versions,
		PlatformVersion:  in.PlatformVersion,
		ServiceCIDR:      in.ServiceCIDR,
		AccountID:        in.AccountID,
		Update:           in.Update,
		Observation:      in.Observation,
		Failures:         in.Failures,
		PendingCreations: in.PendingCreations,
		FormerUIDs:       in.FormerUIDs,
	}
	if len(extra.Conditions) > 0 || extra.Initialization != nil || len(extra.Versions) > 0 || extra.PlatformVersion != "" || extra.ServiceCIDR != "" || extra.AccountID != "" || extra.Update != nil ||
		extra.Observation != nil || len(extra.Failures) > 0 || len(extra.PendingCreations) > 0 || len(extra.FormerUIDs) > 0 {
		out.V2Beta1 = &extra
	}
	return nil
}

// initialization is initialized in the hub's form, beside what else is stored. When they
// contradict each other, initialized wins: it is the field that writers of this version know.
func initialization(isInitialized bool, stored *controlplanev1.Initialization) *controlplanev1.Initialization {
	var out controlplanev1.Initialization
	if stored != nil {
		out = *stored
	}
	switch {
	case isInitialized:
		out.ControlPlaneInitialized = &isInitialized
	case initialized(stored):
		out.ControlPlaneInitialized = nil
	default:
		return stored
	}
	return &out
}

func initialized(i *controlplanev1.Initialization) bool {
	return i != nil && i.ControlPlaneInitialized != nil && *i.ControlPlaneInitialized
}

// withoutInitialized is what initialized doesn't say; nil for nothing.
func withoutInitialized(i *controlplanev1.Initialization) *controlplanev1.Initialization {
	switch {
	case !initialized(i):
		return i
	case i.Provisioned == nil:
		return nil
	default:
		return &controlplanev1.Initialization{Provisioned: i.Provisioned}
	}
}

// Convert_v1beta2_AWSManagedControlPlane_To_v2beta1_AWSManagedControlPlane converts to the hub.
func Convert_v1beta2_AWSManagedControlPlane_To_v2beta1_AWSManagedControlPlane(in *AWSManagedControlPlane, out *controlplanev1.AWSManagedControlPlane, s conversion.Scope) error {
	if err := autoConvert_v1beta2_AWSManagedControlPlane_To_v2beta1_AWSManagedControlPlane(in, out, s); err != nil {
		return err
	}
	var extra extraSpec
	if err := infraold.TakeExtra(&out.ObjectMeta, &extra); err != nil {
		return err
	}
	extra.into(&out.Spec)
	return nil
}

// Convert_v2beta1_AWSManagedControlPlane_To_v1beta2_AWSManagedControlPlane converts from the hub.
func Convert_v2beta1_AWSManagedControlPlane_To_v1beta2_AWSManagedControlPlane(in *controlplanev1.AWSManagedControlPlane, out *AWSManagedControlPlane, s conversion.Scope) error {
	if err := autoConvert_v2beta1_AWSManagedControlPlane_To_v1beta2_AWSManagedControlPlane(in, out, s); err != nil {
		return err
	}
	return infraold.KeepExtra(&out.ObjectMeta, extraOf(&in.Spec))
}

// Convert_v1beta2_AWSManagedControlPlaneTemplate_To_v2beta1_AWSManagedControlPlaneTemplate converts to the hub.
func Convert_v1beta2_AWSManagedControlPlaneTemplate_To_v2beta1_AWSManagedControlPlaneTemplate(in *AWSManagedControlPlaneTemplate, out *controlplanev1.AWSManagedControlPlaneTemplate, s conversion.Scope) error {
	if err := autoConvert_v1beta2_AWSManagedControlPlaneTemplate_To_v2beta1_AWSManagedControlPlaneTemplate(in, out, s); err != nil {
		return err
	}
	var extra extraSpec
	if err := infraold.TakeExtra(&out.ObjectMeta, &extra); err != nil {
		return err
	}
	extra.into(&out.Spec.Template.Spec)
	return nil
}

// Convert_v2beta1_AWSManagedControlPlaneTemplate_To_v1beta2_AWSManagedControlPlaneTemplate converts from the hub.
func Convert_v2beta1_AWSManagedControlPlaneTemplate_To_v1beta2_AWSManagedControlPlaneTemplate(in *controlplanev1.AWSManagedControlPlaneTemplate, out *AWSManagedControlPlaneTemplate, s conversion.Scope) error {
	if err := autoConvert_v2beta1_AWSManagedControlPlaneTemplate_To_v1beta2_AWSManagedControlPlaneTemplate(in, out, s); err != nil {
		return err
	}
	return infraold.KeepExtra(&out.ObjectMeta, extraOf(&in.Spec.Template.Spec))
}

// Convert_v2beta1_AWSManagedControlPlaneSpec_To_v1beta2_AWSManagedControlPlaneSpec leaves out what only v2beta1 has, which the object's
// annotation keeps.
func Convert_v2beta1_AWSManagedControlPlaneSpec_To_v1beta2_AWSManagedControlPlaneSpec(in *controlplanev1.AWSManagedControlPlaneSpec, out *AWSManagedControlPlaneSpec, s conversion.Scope) error {
	return autoConvert_v2beta1_AWSManagedControlPlaneSpec_To_v1beta2_AWSManagedControlPlaneSpec(in, out, s)
}

// Convert_v2beta1_Addon_To_v1beta2_Addon leaves out what only v2beta1 has, which the object's
// annotation keeps.
func Convert_v2beta1_Addon_To_v1beta2_Addon(in *controlplanev1.Addon, out *Addon, s conversion.Scope) error {
	return autoConvert_v2beta1_Addon_To_v1beta2_Addon(in, out, s)
}
