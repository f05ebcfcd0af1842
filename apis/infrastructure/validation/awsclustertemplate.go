package validation

import (
	"maps"
	"slices"

	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

var templateSpecPath = field.NewPath("spec", "template", "spec")

// ValidateAWSClusterTemplate judges a new template. A ClusterClass patches templates before
// they are used, so most rules for clusters needn't hold yet; they give warnings. Whether it
// may change is not among the rules: the admission plugin for templates judges that, which
// lets ClusterClass's dry runs pass.
func ValidateAWSClusterTemplate(template *infrav1.AWSClusterTemplate) field.ErrorList {
	errs := validateTemplateMetadata(template.Spec.Template.ObjectMeta)
	errs = append(errs, ClusterOwnership(&template.Spec.Template.Spec, nil, templateSpecPath)...)
	return append(errs, ValidateHosts(&template.Spec.Template.Spec, templateSpecPath)...)
}

// maxQualifiedName is how long the key of a label or annotation can be: a DNS name, a slash
// and a name.
const maxQualifiedName = 253 + 1 + 63

// validateTemplateMetadata limits what the schema can't: the length of keys, and the size of
// all annotations. Whether the keys are right is seen where they are used.
func validateTemplateMetadata(meta infrav1.ObjectMeta) field.ErrorList {
	path := field.NewPath("spec", "template", "metadata")
	var errs field.ErrorList
	for _, name := range slices.Concat(slices.Sorted(maps.Keys(meta.Labels)), slices.Sorted(maps.Keys(meta.Annotations))) {
		if len(name) > maxQualifiedName {
			errs = append(errs, field.TooLong(path.Key(shortened(name)), field.OmitValueType{}, maxQualifiedName))
		}
	}
	if err := apivalidation.ValidateAnnotationsSize(meta.Annotations); err != nil {
		errs = append(errs, field.TooLong(path.Child("annotations"), field.OmitValueType{}, apivalidation.TotalAnnotationSizeLimitB))
	}
	return errs
}

// AWSClusterTemplateWarnings returns what a cluster built from the template as it stands
// would be refused for.
func AWSClusterTemplateWarnings(template *infrav1.AWSClusterTemplate) []string {
	spec := &template.Spec.Template.Spec
	hosts := ValidateHosts(spec, templateSpecPath)
	var warnings []string
	for _, err := range validateClusterSpec(spec, templateSpecPath) {
		if !Contains(hosts, err) {
			warnings = append(warnings, err.Error()+" (clusters built from this template are refused unless a patch changes it)")
		}
	}
	return append(warnings, loadBalancerWarnings(spec.ControlPlaneLoadBalancer, templateSpecPath.Child("controlPlaneLoadBalancer"))...)
}

// Contains tells whether there is an error that says the same.
func Contains(errs field.ErrorList, err *field.Error) bool {
	for _, other := range errs {
		if other.Error() == err.Error() {
			return true
		}
	}
	return false
}
