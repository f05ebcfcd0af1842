package validation

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// validateDedicatedHost judges what only instances on dedicated hosts can have.
func validateDedicatedHost(spec *infrav1.AWSMachineSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	id, dynamic, affinity := path.Child("hostID"), path.Child("dynamicHostAllocation"), path.Child("hostAffinity")
	onHost := hasHostAffinity(spec)
	if spec.HostID != nil && spec.DynamicHostAllocation != nil {
		errs = append(errs, field.Forbidden(id, "hostID and dynamicHostAllocation are mutually exclusive; remove one of the two"))
	}
	if spec.Tenancy != infrav1.InstanceTenancyHost {
		const detail = "can only be set when tenancy is host: write tenancy: host, or remove it"
		if spec.HostID != nil {
			errs = append(errs, field.Forbidden(id, detail))
		}
		if spec.DynamicHostAllocation != nil {
			errs = append(errs, field.Forbidden(dynamic, detail))
		}
	}
	if spec.DynamicHostAllocation == nil {
		return errs
	}
	if !onHost {
		errs = append(errs, field.Required(affinity, "must be host with dynamicHostAllocation: write hostAffinity: host"))
	}
	return append(errs, ValidateTags(spec.DynamicHostAllocation.Tags, dynamic.Child("tags"))...)
}

// validateTemplateHost wants a host to be bound to. A machine may have the host of its
// template's time, and so needs none.
func validateTemplateHost(spec *infrav1.AWSMachineSpec, path *field.Path) field.ErrorList {
	if !hasHostAffinity(spec) || spec.Tenancy != infrav1.InstanceTenancyHost || spec.HostID != nil || spec.DynamicHostAllocation != nil {
		return nil
	}
	return field.ErrorList{field.Required(path.Child("hostID"), "hostAffinity host needs hostID or dynamicHostAllocation: write one of them, or leave hostAffinity out")}
}

// hostWarnings tell of an affinity to hosts that instances of another tenancy don't have.
// Provider versions that wrote it by default are why it isn't refused.
func hostWarnings(spec *infrav1.AWSMachineSpec, path *field.Path) []string {
	if !hasHostAffinity(spec) || spec.Tenancy == infrav1.InstanceTenancyHost {
		return nil
	}
	return []string{fmt.Sprintf("%s: has no effect, because tenancy isn't host: write tenancy: host, or leave hostAffinity out", path.Child("hostAffinity"))}
}

func hasHostAffinity(spec *infrav1.AWSMachineSpec) bool {
	return spec.HostAffinity != nil && *spec.HostAffinity == infrav1.HostAffinityHost
}

func validatePlacementGroup(spec *infrav1.AWSMachineSpec, path *field.Path) field.ErrorList {
	if spec.PlacementGroupPartition == 0 || spec.PlacementGroupName != "" {
		return nil
	}
	return field.ErrorList{field.Required(path.Child("placementGroupName"), "placementGroupPartition is a partition of a placement group: write the group's name")}
}
