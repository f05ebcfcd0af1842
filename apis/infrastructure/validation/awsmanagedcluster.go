package validation

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/apis/validation"
)

// ValidateAWSManagedCluster judges a new AWSManagedCluster.
func ValidateAWSManagedCluster(cluster *infrav1.AWSManagedCluster) field.ErrorList {
	errs := validateGCTasks(cluster.Annotations)
	return append(errs, validateEndpoint(BareEndpoint(cluster.Spec.ControlPlaneEndpoint), specPath.Child("controlPlaneEndpoint"))...)
}

// ValidateAWSManagedClusterUpdate judges the update of an AWSManagedCluster.
func ValidateAWSManagedClusterUpdate(updated, old *infrav1.AWSManagedCluster) field.ErrorList {
	errs := ValidateManagedByKept(updated.Annotations, old.Annotations)
	if endpoint := old.Spec.ControlPlaneEndpoint; !endpoint.IsZero() && updated.Spec.ControlPlaneEndpoint != endpoint {
		errs = append(errs, field.Invalid(specPath.Child("controlPlaneEndpoint"), updated.Spec.ControlPlaneEndpoint,
			fmt.Sprintf("field is immutable once set: write host %s and port %d, which are those of the AWSManagedControlPlane", endpoint.Host, endpoint.Port)))
	}
	return append(errs, validation.Ratchet(ValidateAWSManagedCluster, updated, old)...)
}

// ValidateAWSManagedClusterTemplate judges a new template.
func ValidateAWSManagedClusterTemplate(template *infrav1.AWSManagedClusterTemplate) field.ErrorList {
	if template.Spec.Template.Spec.ControlPlaneEndpoint.IsZero() {
		return nil
	}
	return field.ErrorList{field.Forbidden(templateSpecPath.Child("controlPlaneEndpoint"), "each cluster that is built from the template has its own endpoint, which the provider writes: leave it out")}
}
