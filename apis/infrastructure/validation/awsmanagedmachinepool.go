package validation

import (
	"k8s.io/apimachinery/pkg/util/validation/field"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// ValidateAWSManagedMachinePool judges a new AWSManagedMachinePool.
func ValidateAWSManagedMachinePool(pool *infrav1.AWSManagedMachinePool) field.ErrorList {
	errs := ValidateTags(pool.Spec.AdditionalTags, specPath.Child("additionalTags"))
	return append(errs, ValidateOwnership(pool.Spec.AdditionalTags, ClustersOf(pool), false, specPath.Child("additionalTags"))...)
}

// ValidateAWSManagedMachinePoolTemplate judges a new template.
func ValidateAWSManagedMachinePoolTemplate(template *infrav1.AWSManagedMachinePoolTemplate) field.ErrorList {
	return validateTemplateMetadata(template.Spec.Template.ObjectMeta)
}
