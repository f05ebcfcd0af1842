package validation

import (
	"k8s.io/apimachinery/pkg/util/validation/field"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// ValidateAWSMachinePool judges a new AWSMachinePool.
func ValidateAWSMachinePool(pool *infrav1.AWSMachinePool) field.ErrorList {
	return validateTags(pool.Spec.AdditionalTags, field.NewPath("spec", "additionalTags"))
}

// ValidateAWSMachinePoolUpdate judges the update of an AWSMachinePool. Nothing in it is immutable.
func ValidateAWSMachinePoolUpdate(newPool, oldPool *infrav1.AWSMachinePool) field.ErrorList {
	return ratchet(ValidateAWSMachinePool, newPool, oldPool)
}
