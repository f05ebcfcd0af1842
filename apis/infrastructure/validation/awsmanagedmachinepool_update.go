package validation

import (
	"reflect"
	"strings"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation/field"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/apis/validation"
)

// fixedOfNodegroups are the fields of a pool that EKS changes in no node group, or IAM in no
// role.
var fixedOfNodegroups = sets.New("eksNodegroupName", "availabilityZones", "availabilityZoneSubnetType", "subnetIDs", "roleName", "rolePath",
	"amiType", "diskSize", "instanceType", "instanceTypes", "remoteAccess", "capacityType", "awsLaunchTemplate", "launchTemplateRef")

// ValidateAWSManagedMachinePoolUpdate judges the update of an AWSManagedMachinePool. The name of
// its role may come once, from the server.
func ValidateAWSManagedMachinePoolUpdate(updated, old *infrav1.AWSManagedMachinePool) field.ErrorList {
	errs := ValidateManagedByKept(updated.Annotations, old.Annotations)
	kept := updated.DeepCopy()
	now, before := reflect.ValueOf(&kept.Spec).Elem(), reflect.ValueOf(fixedOfPool(&old.Spec, &updated.Spec))
	fixed := reflect.ValueOf(fixedOfPool(&updated.Spec, &updated.Spec))
	for _, f := range reflect.VisibleFields(now.Type()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		had := before.FieldByIndex(f.Index)
		if !fixedOfNodegroups.Has(name) || apiequality.Semantic.DeepEqual(fixed.FieldByIndex(f.Index).Interface(), had.Interface()) {
			continue
		}
		errs = append(errs, field.Invalid(specPath.Child(name), field.OmitValueType{}, "field is immutable, because EKS changes it in no node group: "+
			writeAsBefore(had)+"; for other nodes make another AWSManagedMachinePool and refer to it"))
		now.FieldByIndex(f.Index).Set(reflect.ValueOf(old.Spec).FieldByIndex(f.Index))
	}
	return append(errs, validation.Ratchet(ValidateAWSManagedMachinePool, kept, old)...)
}

// fixedOfPool is the spec with that part only, of fields that can be changed in part, which
// can't. A role that isn't named yet counts as named as the update says.
func fixedOfPool(spec, updated *infrav1.AWSManagedMachinePoolSpec) infrav1.AWSManagedMachinePoolSpec {
	fixed := *spec
	if fixed.RoleName == "" {
		fixed.RoleName = updated.RoleName
	}
	if template := fixed.AWSLaunchTemplate; template != nil {
		fixed.AWSLaunchTemplate = &infrav1.AWSLaunchTemplate{Name: template.Name}
	}
	if ref := fixed.LaunchTemplateRef; ref != nil {
		fixed.LaunchTemplateRef = &infrav1.LaunchTemplateReference{ID: ref.ID, Name: ref.Name}
	}
	return fixed
}
