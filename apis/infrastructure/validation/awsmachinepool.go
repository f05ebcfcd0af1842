package validation

import (
	"cmp"
	"fmt"
	"regexp"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/apis/validation"
)

// ValidateAWSMachinePool judges a new AWSMachinePool.
func ValidateAWSMachinePool(pool *infrav1.AWSMachinePool) field.ErrorList {
	spec, path := &pool.Spec, field.NewPath("spec")
	errs := validateSizes(spec, path)
	errs = append(errs, validatePeriod(spec.DefaultCoolDown, path.Child("defaultCoolDown"))...)
	errs = append(errs, validatePeriod(spec.DefaultInstanceWarmup, path.Child("defaultInstanceWarmup"))...)
	errs = append(errs, ValidateTags(spec.AdditionalTags, path.Child("additionalTags"))...)
	errs = append(errs, ValidateOwnership(spec.AdditionalTags, ClustersOf(pool), false, path.Child("additionalTags"))...)
	errs = append(errs, validateReferences(spec.Subnets, path.Child("subnets"))...)
	errs = append(errs, validateReferenceForms(spec.Subnets, "subnet-", path.Child("subnets"))...)
	errs = append(errs, validateLaunchTemplate(&spec.AWSLaunchTemplate, path.Child("awsLaunchTemplate"))...)
	errs = append(errs, validateTemplateName(pool, path.Child("awsLaunchTemplate", "name"))...)
	errs = append(errs, validateMix(spec, path)...)
	errs = append(errs, validateRefresh(spec.RefreshPreferences, path.Child("refreshPreferences"))...)
	errs = append(errs, validateIgnition(spec.Ignition, path.Child("ignition"))...)
	return append(errs, validateLifecycleHooks(spec.AWSLifecycleHooks, path.Child("lifecycleHooks"))...)
}

// ValidateAWSMachinePoolUpdate judges the update of an AWSMachinePool. Nothing in its spec is immutable
// but what the server records.
func ValidateAWSMachinePoolUpdate(newPool, oldPool *infrav1.AWSMachinePool) field.ErrorList {
	errs := validation.Ratchet(ValidateAWSMachinePool, newPool, oldPool)
	return append(errs, ValidateManagedByKept(newPool.Annotations, oldPool.Annotations)...)
}

// AWSMachinePoolWarnings returns what isn't wrong but likely not meant.
func AWSMachinePoolWarnings(pool *infrav1.AWSMachinePool) []string {
	path := field.NewPath("spec", "awsLaunchTemplate")
	warnings := amiWarnings(pool.Spec.AWSLaunchTemplate.AMI, path.Child("ami"))
	warnings = append(warnings, rootVolumeWarnings(pool.Spec.AWSLaunchTemplate.RootVolume, path.Child("rootVolume"))...)
	return append(warnings, nonRootVolumeWarnings(pool.Spec.AWSLaunchTemplate.NonRootVolumes, path.Child("nonRootVolumes"))...)
}

func validateSizes(spec *infrav1.AWSMachinePoolSpec, path *field.Path) field.ErrorList {
	smallest, largest := spec.Sizes()
	if smallest <= largest {
		return nil
	}
	return field.ErrorList{field.Invalid(path.Child("minSize"), smallest, fmt.Sprintf("must not be more than maxSize, which is %d", largest))}
}

// templateNames are the names that EC2 takes for launch templates.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplate.html
var templateNames = regexp.MustCompile(`^[a-zA-Z0-9().\-/_]{3,128}$`)

// validateTemplateName judges the name of the launch template, which is the pool's
// unless it has one of its own.
func validateTemplateName(pool *infrav1.AWSMachinePool, path *field.Path) field.ErrorList {
	own := pool.Spec.AWSLaunchTemplate.Name
	name := cmp.Or(own, pool.Name)
	switch {
	case name == "" || templateNames.MatchString(name):
		return nil
	case own == "":
		return field.ErrorList{field.Invalid(field.NewPath("metadata", "name"), name, fmt.Sprintf(
			"is also that of the pool's launch template, for which EC2 takes 3 to 128 characters: rename the pool, or write a name into %s", path))}
	}
	return field.ErrorList{field.Invalid(path, name, "must have 3 to 128 letters, digits and characters of ().-/_, or else be left out where the pool's own "+
		"name has: EC2 takes no other name for a launch template")}
}

func validatePeriod(text *string, path *field.Path) field.ErrorList {
	if text == nil {
		return nil
	}
	if period, err := time.ParseDuration(*text); err != nil || period < 0 {
		return field.ErrorList{field.Invalid(path, *text, "must be a duration of 0s or more, such as 300s")}
	}
	return nil
}

func validateLaunchTemplate(spec *infrav1.AWSLaunchTemplate, path *field.Path) field.ErrorList {
	errs := validateInstanceType(spec.InstanceType, path.Child("instanceType"))
	errs = append(errs, validateAMI(spec.AMI, path.Child("ami"))...)
	errs = append(errs, validateImageFormat(spec.ImageLookupFormat, path.Child("imageLookupFormat"))...)
	errs = append(errs, validateProfileName(spec.IamInstanceProfile, path.Child("iamInstanceProfile"))...)
	errs = append(errs, validateSSHKeyName(spec.SSHKeyName, path.Child("sshKeyName"))...)
	errs = append(errs, validateRootVolume(spec.RootVolume, path.Child("rootVolume"))...)
	errs = append(errs, validateNonRootVolumes(spec.NonRootVolumes, path.Child("nonRootVolumes"))...)
	errs = append(errs, validateReferences(spec.AdditionalSecurityGroups, path.Child("additionalSecurityGroups"))...)
	errs = append(errs, validateReferenceForms(spec.AdditionalSecurityGroups, "sg-", path.Child("additionalSecurityGroups"))...)
	errs = append(errs, launchTemplateMarket(spec).validate(path)...)
	return append(errs, launchTemplateMarket(spec).validateForms(path)...)
}

// validateMix judges the mix of instance types, and that there is an instance type at all.
func validateMix(spec *infrav1.AWSMachinePoolSpec, path *field.Path) field.ErrorList {
	template, mix := &spec.AWSLaunchTemplate, spec.MixedInstancesPolicy
	launch, at := path.Child("awsLaunchTemplate"), path.Child("mixedInstancesPolicy")
	var errs field.ErrorList
	if template.InstanceType == "" && (mix == nil || len(mix.Overrides) == 0) {
		errs = append(errs, field.Required(launch.Child("instanceType"), "write an instance type such as m5.large, or several in mixedInstancesPolicy.overrides"))
	}
	if mix == nil {
		return errs
	}
	if template.SpotMarketOptions != nil {
		errs = append(errs, field.Forbidden(launch.Child("spotMarketOptions"),
			"either spotMarketOptions or mixedInstancesPolicy should be used: remove it, and write the share of spot instances in mixedInstancesPolicy.instancesDistribution"))
	} else if launchTemplateMarket(template).isSpot() {
		errs = append(errs, field.Invalid(launch.Child("marketType"), template.MarketType,
			"cannot be used with mixedInstancesPolicy: remove it, and write the share of spot instances in mixedInstancesPolicy.instancesDistribution"))
	}
	errs = append(errs, validateDistribution(mix.InstancesDistribution, at.Child("instancesDistribution"))...)
	return append(errs, validateOverrides(mix.Overrides, at.Child("overrides"))...)
}

func validateDistribution(distribution *infrav1.InstancesDistribution, path *field.Path) field.ErrorList {
	if distribution == nil {
		return nil
	}
	var errs field.ErrorList
	if base := distribution.OnDemandBaseCapacity; base != nil && *base < 0 {
		errs = append(errs, field.Invalid(path.Child("onDemandBaseCapacity"), *base, "must not be negative"))
	}
	return append(errs, validatePercentage(distribution.OnDemandPercentageAboveBaseCapacity, path.Child("onDemandPercentageAboveBaseCapacity"))...)
}

func validateOverrides(overrides []infrav1.Overrides, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	seen := map[string]bool{}
	for i, override := range overrides {
		at := path.Index(i).Child("instanceType")
		errs = append(errs, validateInstanceType(override.InstanceType, at)...)
		if seen[override.InstanceType] {
			err := field.Duplicate(at, override.InstanceType)
			err.Detail = "list each instance type once"
			errs = append(errs, err)
		}
		seen[override.InstanceType] = true
	}
	return errs
}

// maxHealthyDifference is Auto Scaling's limit between the two percentages.
const maxHealthyDifference = 100

func validateRefresh(refresh *infrav1.RefreshPreferences, path *field.Path) field.ErrorList {
	if refresh == nil {
		return nil
	}
	errs := validatePercentage(refresh.MinHealthyPercentage, path.Child("minHealthyPercentage"))
	if warmup := refresh.InstanceWarmup; warmup != nil && *warmup < 0 {
		errs = append(errs, field.Invalid(path.Child("instanceWarmup"), *warmup, "must be 0 seconds or more"))
	}
	smallest, largest := refresh.MinHealthyPercentage, refresh.MaxHealthyPercentage
	switch {
	case largest == nil:
	case smallest == nil:
		errs = append(errs, field.Required(path.Child("minHealthyPercentage"), "must be set with maxHealthyPercentage: write a number such as 90"))
	case *largest-*smallest > maxHealthyDifference:
		errs = append(errs, field.Invalid(path.Child("maxHealthyPercentage"), *largest,
			fmt.Sprintf("must be at most %d more than minHealthyPercentage: write at most %d", maxHealthyDifference, *smallest+maxHealthyDifference)))
	}
	return errs
}

func validatePercentage(value *int64, path *field.Path) field.ErrorList {
	if value == nil || *value >= 0 && *value <= 100 {
		return nil
	}
	return field.ErrorList{field.Invalid(path, *value, "must be a percentage between 0 and 100")}
}
