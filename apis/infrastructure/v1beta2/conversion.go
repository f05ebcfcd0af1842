package v1beta2

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/conversion"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// Convert_v1beta2_AWSClusterStatus_To_v2beta1_AWSClusterStatus converts status to the hub.
// Failure domains are ordered by name, so that the result doesn't depend on the map's order.
func Convert_v1beta2_AWSClusterStatus_To_v2beta1_AWSClusterStatus(in *AWSClusterStatus, out *infrav1.AWSClusterStatus, _ conversion.Scope) error {
	out.NetworkStatus = in.Network
	out.Bastion = in.Bastion
	out.FailureDomains = FailureDomainList(in.FailureDomains)
	out.Deprecated = deprecatedConditions(in.Conditions)
	var extra AWSClusterV2Beta1Status
	if in.V2Beta1 != nil {
		extra = *in.V2Beta1
	}
	out.Conditions = extra.Conditions
	out.Observation = extra.Observation
	out.Failures = extra.Failures
	out.PendingCreations = extra.PendingCreations
	out.AccountID = extra.AccountID
	out.FormerUIDs = extra.FormerUIDs
	out.Initialization = initialization(in.Ready, extra.Initialization)
	out.Ready = in.Ready
	return nil
}

// Convert_v2beta1_AWSClusterStatus_To_v1beta2_AWSClusterStatus converts status from the hub.
func Convert_v2beta1_AWSClusterStatus_To_v1beta2_AWSClusterStatus(in *infrav1.AWSClusterStatus, out *AWSClusterStatus, _ conversion.Scope) error {
	out.Network = in.NetworkStatus
	out.Bastion = in.Bastion
	out.FailureDomains = FailureDomainMap(in.FailureDomains)
	out.Conditions = oldConditions(in.Deprecated)
	out.Ready = provisioned(in.Initialization)
	extra := AWSClusterV2Beta1Status{
		AccountID:        in.AccountID,
		Conditions:       in.Conditions,
		Observation:      in.Observation,
		Failures:         in.Failures,
		PendingCreations: in.PendingCreations,
		FormerUIDs:       in.FormerUIDs,
	}
	if !out.Ready {
		extra.Initialization = in.Initialization
	}
	out.V2Beta1 = nil
	if len(extra.Conditions) > 0 || extra.Initialization != nil || extra.AccountID != "" || extra.Observation != nil || len(extra.Failures) > 0 || len(extra.PendingCreations) > 0 || len(extra.FormerUIDs) > 0 {
		out.V2Beta1 = &extra
	}
	return nil
}

// initialization is ready, in the hub's form. When they contradict each other, ready wins: it
// is the field that writers of this version know.
func initialization(ready bool, stored *infrav1.Initialization) *infrav1.Initialization {
	switch {
	case ready:
		return &infrav1.Initialization{Provisioned: &ready}
	case provisioned(stored):
		return nil
	default:
		return stored
	}
}

func provisioned(i *infrav1.Initialization) bool {
	return i != nil && i.Provisioned != nil && *i.Provisioned
}

// FailureDomainList is the hub's form of failure domains, in the order of their names.
func FailureDomainList(in map[string]FailureDomain) []infrav1.FailureDomain {
	if len(in) == 0 {
		return nil
	}
	out := make([]infrav1.FailureDomain, 0, len(in))
	for _, name := range slices.Sorted(maps.Keys(in)) {
		out = append(out, infrav1.FailureDomain{Name: name, ControlPlane: in[name].ControlPlane, Attributes: in[name].Attributes})
	}
	return out
}

// FailureDomainMap is this version's form of failure domains.
func FailureDomainMap(in []infrav1.FailureDomain) map[string]FailureDomain {
	if len(in) == 0 {
		return nil
	}
	out := make(map[string]FailureDomain, len(in))
	for _, domain := range in {
		out[domain.Name] = FailureDomain{ControlPlane: domain.ControlPlane, Attributes: domain.Attributes}
	}
	return out
}

func deprecatedConditions(in []infrav1.V1Beta1Condition) *infrav1.DeprecatedStatus {
	if len(in) == 0 {
		return nil
	}
	return &infrav1.DeprecatedStatus{V1Beta1: &infrav1.V1Beta1DeprecatedStatus{Conditions: in}}
}

func oldConditions(in *infrav1.DeprecatedStatus) []infrav1.V1Beta1Condition {
	if in == nil || in.V1Beta1 == nil {
		return nil
	}
	return in.V1Beta1.Conditions
}
