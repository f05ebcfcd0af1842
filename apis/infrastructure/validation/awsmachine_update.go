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

// ValidateAWSMachineUpdate judges the update of an AWSMachine: all that is judged on create,
// unless it was wrong before, and what may change at all.
func ValidateAWSMachineUpdate(newMachine, oldMachine *infrav1.AWSMachine) field.ErrorList {
	errs := validation.Ratchet(ValidateAWSMachine, newMachine, oldMachine)
	errs = append(errs, validateManagedByKept(newMachine.Annotations, oldMachine.Annotations)...)
	return append(errs, validateMachineChange(&newMachine.Spec, &oldMachine.Spec, field.NewPath("spec"))...)
}

// validateMachineChange reports each field that changed and belongs to the running instance.
func validateMachineChange(newSpec, oldSpec *infrav1.AWSMachineSpec, path *field.Path) field.ErrorList {
	newFixed, oldFixed := fixedPart(newSpec), fixedPart(oldSpec)
	if apiequality.Semantic.DeepEqual(newFixed, oldFixed) {
		return nil
	}
	var errs field.ErrorList
	newValue, oldValue := reflect.ValueOf(newFixed), reflect.ValueOf(oldFixed)
	for i := range newValue.NumField() {
		before := oldValue.Field(i)
		if apiequality.Semantic.DeepEqual(newValue.Field(i).Interface(), before.Interface()) {
			continue
		}
		name, _, _ := strings.Cut(newValue.Type().Field(i).Tag.Get("json"), ",")
		errs = append(errs, field.Invalid(path.Child(name), field.OmitValueType{},
			"cannot be modified, because the instance has it: "+writeAsBefore(before)+
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
