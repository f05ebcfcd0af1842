package validation

import (
	"k8s.io/apimachinery/pkg/util/validation/field"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// ValidateAWSMachineTemplate judges a new template.
func ValidateAWSMachineTemplate(template *infrav1.AWSMachineTemplate) field.ErrorList {
	return validateMachineSpec(&template.Spec.Template.Spec, templateSpecPath)
}

// ValidateAWSMachineTemplateUpdate judges the update of a template, but not whether it may
// change: the admission plugin for templates does, which lets ClusterClass's dry runs pass.
func ValidateAWSMachineTemplateUpdate(newTemplate, oldTemplate *infrav1.AWSMachineTemplate) field.ErrorList {
	return ratchet(ValidateAWSMachineTemplate, newTemplate, oldTemplate)
}
