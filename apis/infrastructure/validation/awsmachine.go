package validation

import (
	"fmt"
	"regexp"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// providerIDPattern takes any zone, local ones and none among them.
var providerIDPattern = regexp.MustCompile(`^aws:///[^/]*/i-[^/]+$`)

// ValidateAWSMachine judges a new AWSMachine.
func ValidateAWSMachine(machine *infrav1.AWSMachine) field.ErrorList {
	path := field.NewPath("spec")
	errs := machineOwnership(&machine.Spec, ClustersOf(machine), path)
	return slices.Concat(errs, validateMachineRules(&machine.Spec, path), validateMachineForms(&machine.Spec, path))
}

// AWSMachineWarnings returns what isn't wrong but likely not meant.
func AWSMachineWarnings(machine *infrav1.AWSMachine) []string {
	return machineWarnings(&machine.Spec, field.NewPath("spec"))
}

// validateMachineRules are the rules that a template must keep too.
func validateMachineRules(spec *infrav1.AWSMachineSpec, path *field.Path) field.ErrorList {
	errs := validateTemplateRootVolume(spec.RootVolume, path.Child("rootVolume"))
	errs = append(errs, validateNonRootVolumes(spec.NonRootVolumes, path.Child("nonRootVolumes"))...)
	errs = append(errs, validateBootstrap(spec, path)...)
	errs = append(errs, validateSSHKeyName(spec.SSHKeyName, path.Child("sshKeyName"))...)
	errs = append(errs, validateReferences(spec.AdditionalSecurityGroups, path.Child("additionalSecurityGroups"))...)
	errs = append(errs, ValidateTags(spec.AdditionalTags, path.Child("additionalTags"))...)
	errs = append(errs, machineMarket(spec).validate(path)...)
	return append(errs, validateDedicatedHost(spec, path)...)
}

// validateMachineForms are the rules that a template needn't keep before it is patched.
func validateMachineForms(spec *infrav1.AWSMachineSpec, path *field.Path) field.ErrorList {
	errs := validateInstanceType(spec.InstanceType, path.Child("instanceType"))
	errs = append(errs, withoutThose(validateRootVolume(spec.RootVolume, path.Child("rootVolume")), validateTemplateRootVolume(spec.RootVolume, path.Child("rootVolume")))...)
	errs = append(errs, validateAMI(spec.AMI, path.Child("ami"))...)
	errs = append(errs, validateImageFormat(spec.ImageLookupFormat, path.Child("imageLookupFormat"))...)
	errs = append(errs, validateProfileName(spec.IAMInstanceProfile, path.Child("iamInstanceProfile"))...)
	errs = append(errs, machineMarket(spec).validateForms(path)...)
	errs = append(errs, validateMachineNetwork(spec, path)...)
	errs = append(errs, validatePlacementGroup(spec, path)...)
	errs = append(errs, validateCPUOptions(spec.CPUOptions, path.Child("cpuOptions"))...)
	return append(errs, validateProviderID(spec.ProviderID, path.Child("providerID"))...)
}

func validateMachineNetwork(spec *infrav1.AWSMachineSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if spec.ElasticIPPool != nil && (spec.PublicIP == nil || !*spec.PublicIP) {
		errs = append(errs, field.Required(path.Child("publicIP"), "publicIP must be true with elasticIpPool: write publicIP: true, or remove the pool"))
	}
	errs = append(errs, validateElasticIPPool(spec.ElasticIPPool, path.Child("elasticIpPool"))...)
	errs = append(errs, validateReferenceForms(spec.AdditionalSecurityGroups, "sg-", path.Child("additionalSecurityGroups"))...)
	errs = append(errs, validateMachineSubnet(spec.Subnet, path.Child("subnet"))...)
	for i, id := range spec.NetworkInterfaces {
		errs = append(errs, validatePrefixedItem(id, "eni-", path.Child("networkInterfaces").Index(i))...)
	}
	return append(errs, validateRoleOverrides(spec.SecurityGroupOverrides, path.Child("securityGroupOverrides"))...)
}

// validateMachineSubnet takes an empty reference, which chooses as if it were left out.
func validateMachineSubnet(ref *infrav1.AWSResourceReference, path *field.Path) field.ErrorList {
	if ref == nil {
		return nil
	}
	errs := validateReference(ref, path)
	if ref.ID != nil {
		errs = append(errs, validatePrefixedItem(*ref.ID, "subnet-", path.Child("id"))...)
	}
	return errs
}

func validateCPUOptions(options *infrav1.CPUOptions, path *field.Path) field.ErrorList {
	if options == nil || *options != (infrav1.CPUOptions{}) {
		return nil
	}
	return field.ErrorList{field.Required(path, "must not be empty: write confidentialCompute or nestedVirtualization, or leave cpuOptions out")}
}

func validateProviderID(id *string, path *field.Path) field.ErrorList {
	if id == nil || *id == "" || providerIDPattern.MatchString(*id) {
		return nil
	}
	return field.ErrorList{field.Invalid(path, *id, "must be aws:///ZONE/INSTANCE, such as aws:///us-east-1a/i-0123456789abcdef0; the provider writes it")}
}

func machineWarnings(spec *infrav1.AWSMachineSpec, path *field.Path) []string {
	warnings := amiWarnings(spec.AMI, path.Child("ami"))
	warnings = append(warnings, rootVolumeWarnings(spec.RootVolume, path.Child("rootVolume"))...)
	warnings = append(warnings, nonRootVolumeWarnings(spec.NonRootVolumes, path.Child("nonRootVolumes"))...)
	warnings = append(warnings, hostWarnings(spec, path)...)
	if spec.CloudInit != nil && spec.CloudInit.InsecureSkipSecretsManager {
		warnings = append(warnings, fmt.Sprintf("%s: everybody who may describe the instance can read its bootstrap data, the token to join the cluster among them", path.Child("cloudInit", "insecureSkipSecretsManager")))
	}
	return warnings
}

// withoutThose returns the errors that aren't among the others.
func withoutThose(errs, others field.ErrorList) field.ErrorList {
	var out field.ErrorList
	for _, err := range errs {
		if !Contains(others, err) {
			out = append(out, err)
		}
	}
	return out
}
