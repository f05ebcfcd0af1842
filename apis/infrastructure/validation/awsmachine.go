package validation

import (
	"k8s.io/apimachinery/pkg/util/validation/field"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// ValidateAWSMachine judges a new AWSMachine.
func ValidateAWSMachine(machine *infrav1.AWSMachine) field.ErrorList {
	return validateMachineSpec(&machine.Spec, field.NewPath("spec"))
}

// ValidateAWSMachineUpdate judges the update of an AWSMachine.
func ValidateAWSMachineUpdate(newMachine, oldMachine *infrav1.AWSMachine) field.ErrorList {
	return ratchet(ValidateAWSMachine, newMachine, oldMachine)
}

func validateMachineSpec(spec *infrav1.AWSMachineSpec, path *field.Path) field.ErrorList {
	errs := validateTags(spec.AdditionalTags, path.Child("additionalTags"))
	return append(errs, validateSSHKeyName(spec.SSHKeyName, path.Child("sshKeyName"))...)
}
