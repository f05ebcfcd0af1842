package validation

import (
	"k8s.io/apimachinery/pkg/util/validation/field"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// ValidateAWSMachineTemplate judges a new template. A ClusterClass may patch it before it is
// used, so rules about the form of single values needn't hold yet; they give warnings.
func ValidateAWSMachineTemplate(template *infrav1.AWSMachineTemplate) field.ErrorList {
	spec := &template.Spec.Template.Spec
	errs := validateTemplateMetadata(template.Spec.Template.ObjectMeta)
	errs = append(errs, validateNothingOfOneMachine(spec, templateSpecPath)...)
	errs = append(errs, validateMachineRules(spec, templateSpecPath)...)
	errs = append(errs, machineOwnership(spec, ClustersOf(template), templateSpecPath)...)
	return append(errs, validateTemplateHost(spec, templateSpecPath)...)
}

// AWSMachineTemplateWarnings returns what a machine built from the template as it stands
// would be refused for, and what is likely not meant.
func AWSMachineTemplateWarnings(template *infrav1.AWSMachineTemplate) []string {
	machine := &infrav1.AWSMachine{Spec: *template.Spec.Template.Spec.DeepCopy()}
	infrav1.SetObjectDefaults_AWSMachine(machine)
	errs := append(validateMachineRules(&machine.Spec, templateSpecPath), validateMachineForms(&machine.Spec, templateSpecPath)...)
	var warnings []string
	for _, err := range withoutThose(errs, ValidateAWSMachineTemplate(template)) {
		warnings = append(warnings, err.Error()+" (machines built from this template are refused unless a patch changes it)")
	}
	return append(warnings, machineWarnings(&machine.Spec, templateSpecPath)...)
}

// validateNothingOfOneMachine refuses what can be true of one machine only.
func validateNothingOfOneMachine(spec *infrav1.AWSMachineSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	const detail = "cannot be set in templates: the provider writes it into each machine; remove it"
	if spec.ProviderID != nil {
		errs = append(errs, field.Forbidden(path.Child("providerID"), detail))
	}
	if spec.InstanceID != nil {
		errs = append(errs, field.Forbidden(path.Child("instanceID"), detail))
	}
	if spec.CloudInit == nil {
		return errs
	}
	if spec.CloudInit.SecretPrefix != "" {
		errs = append(errs, field.Forbidden(path.Child("cloudInit", "secretPrefix"), detail))
	}
	if spec.CloudInit.SecretCount != 0 {
		errs = append(errs, field.Forbidden(path.Child("cloudInit", "secretCount"), detail))
	}
	return errs
}
