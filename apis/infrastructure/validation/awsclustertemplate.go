package validation

import (
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/util/validation/field"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

var templateSpecPath = field.NewPath("spec", "template", "spec")

// ValidateAWSClusterTemplate judges a new template. A ClusterClass patches templates before
// they are used, so most rules for clusters needn't hold yet; they give warnings.
func ValidateAWSClusterTemplate(template *infrav1.AWSClusterTemplate) field.ErrorList {
	return validateHosts(&template.Spec.Template.Spec, templateSpecPath)
}

// ValidateAWSClusterTemplateUpdate judges the update of a template, but not whether it
// may change: that is ValidateAWSClusterTemplateSpecImmutable, which isn't asked for
// ClusterClass's dry runs.
func ValidateAWSClusterTemplateUpdate(newTemplate, oldTemplate *infrav1.AWSClusterTemplate) field.ErrorList {
	return ratchet(ValidateAWSClusterTemplate, newTemplate, oldTemplate)
}

// ValidateAWSClusterTemplateSpecImmutable refuses any change of spec.
func ValidateAWSClusterTemplateSpecImmutable(newTemplate, oldTemplate *infrav1.AWSClusterTemplate) field.ErrorList {
	if apiequality.Semantic.DeepEqual(newTemplate.Spec, oldTemplate.Spec) {
		return nil
	}
	return field.ErrorList{field.Forbidden(field.NewPath("spec"),
		"AWSClusterTemplate.spec is immutable: create a template of another name, and refer to it in the ClusterClass")}
}

// AWSClusterTemplateWarnings returns what a cluster built from the template as it stands
// would be refused for.
func AWSClusterTemplateWarnings(template *infrav1.AWSClusterTemplate) []string {
	spec := &template.Spec.Template.Spec
	hosts := validateHosts(spec, templateSpecPath)
	var warnings []string
	for _, err := range validateClusterSpec(spec, templateSpecPath) {
		if !containsError(hosts, err) {
			warnings = append(warnings, err.Error()+" (clusters built from this template are refused unless a patch changes it)")
		}
	}
	return append(warnings, loadBalancerWarnings(spec.ControlPlaneLoadBalancer, templateSpecPath.Child("controlPlaneLoadBalancer"))...)
}

func containsError(errs field.ErrorList, err *field.Error) bool {
	for _, other := range errs {
		if other.Error() == err.Error() {
			return true
		}
	}
	return false
}
