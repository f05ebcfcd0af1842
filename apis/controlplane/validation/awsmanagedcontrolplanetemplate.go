package validation

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	shared "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/validation"
)

var templateSpecPath = field.NewPath("spec", "template", "spec")

// ValidateAWSManagedControlPlaneTemplate judges a new template. Who is let in needn't be right
// yet: a ClusterClass patches templates before they are used.
func ValidateAWSManagedControlPlaneTemplate(template *controlplanev1.AWSManagedControlPlaneTemplate) field.ErrorList {
	spec := &template.Spec.Template.Spec
	errs := shared.ClusterOwnership(foundation(spec), nil, templateSpecPath)
	errs = append(errs, shared.ValidateEKSName(spec.EKSClusterName, templateSpecPath.Child("eksClusterName"))...)
	return append(errs, validateSpec(spec, templateSpecPath)...)
}

// AWSManagedControlPlaneTemplateWarnings returns what a control plane built from the template
// as it stands would be refused for, and what isn't meant.
func AWSManagedControlPlaneTemplateWarnings(template *controlplanev1.AWSManagedControlPlaneTemplate) []string {
	spec := &template.Spec.Template.Spec
	warnings := specWarnings(spec, templateSpecPath)
	for _, err := range validateEntry(spec, templateSpecPath) {
		warnings = append(warnings, err.Error()+" (control planes built from this template are refused unless a patch changes it)")
	}
	if spec.EKSClusterName != "" {
		warnings = append(warnings, fmt.Sprintf("%s: all control planes built from this template would have the same EKS cluster: leave it out", templateSpecPath.Child("eksClusterName")))
	}
	return warnings
}
