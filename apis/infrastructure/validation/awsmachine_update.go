package validation

import (
	"encoding/json"
	"reflect"
	"strings"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/util/validation/field"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/apis/validation"
)

// ValidateAWSMachineUpdate judges the update of an AWSMachine: what may change at all, and,
// with what can't change put back, all that is judged on create, unless it was wrong before.
func ValidateAWSMachineUpdate(newMachine, oldMachine *infrav1.AWSMachine) field.ErrorList {
	changed := changedFixed(&newMachine.Spec, &oldMachine.Spec)
	errs := validateMachineChange(changed, &oldMachine.Spec, field.NewPath("spec"))
	errs = append(errs, ValidateManagedByKept(newMachine.Annotations, oldMachine.Annotations)...)
	kept := *newMachine
	for _, i := range changed {
		reflect.ValueOf(&kept.Spec).Elem().Field(i).Set(reflect.ValueOf(oldMachine.Spec).Field(i))
	}
	return append(errs, validation.Ratchet(ValidateAWSMachine, &kept, oldMachine)...)
}

// changedFixed are the fields of a spec that changed and belong to the running instance.
func changedFixed(newSpec, oldSpec *infrav1.AWSMachineSpec) []int {
	newFixed, oldFixed := fixedPart(newSpec), fixedPart(oldSpec)
	if apiequality.Semantic.DeepEqual(newFixed, oldFixed) {
		return nil
	}
	var changed []int
	newValue, oldValue := reflect.ValueOf(newFixed), reflect.ValueOf(oldFixed)
	for i := range newValue.NumField() {
		if !apiequality.Semantic.DeepEqual(newValue.Field(i).Interface(), oldValue.Field(i).Interface()) {
			changed = append(changed, i)
		}
	}
	return changed
}

// validateMachineChange reports each of the fields.
func validateMachineChange(changed []int, oldSpec *infrav1.AWSMachineSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	before := reflect.ValueOf(fixedPart(oldSpec))
	for _, i := range changed {
		name, _, _ := strings.Cut(before.Type().Field(i).Tag.Get("json"), ",")
		errs = append(errs, field.Invalid(path.Child(name), field.OmitValueType{},
			"cannot be modified, because the instance has it: "+writeAsBefore(before.Field(i))+
				"; for other instances make a new AWSMachineTemplate and refer to it"))
	}
	return errs
}

func writeAsBefore(before reflect.Value) string {
	if before.IsZero() {
		return "leave it out"
	}
	text, err := json.Marshal(before.Interface())
	if err != nil {
		return "write it as it was"
	}
	return "write " + string(text)
}

// fixedPart is what can't be changed of a spec. What the provider writes, and what it can
// bring about on a running instance, is taken out.
func fixedPart(spec *infrav1.AWSMachineSpec) infrav1.AWSMachineSpec {
	fixed := *spec
	fixed.ProviderID, fixed.InstanceID = nil, nil
	fixed.AdditionalTags, fixed.AdditionalSecurityGroups = nil, nil
	fixed.CloudInit = &infrav1.CloudInit{}
	if spec.CloudInit != nil {
		fixed.CloudInit.InsecureSkipSecretsManager = spec.CloudInit.InsecureSkipSecretsManager
	}
	fixed.PrivateDNSName = &infrav1.PrivateDNSName{}
	if spec.PrivateDNSName != nil {
		fixed.PrivateDNSName.HostnameType = spec.PrivateDNSName.HostnameType
	}
	return fixed
}
