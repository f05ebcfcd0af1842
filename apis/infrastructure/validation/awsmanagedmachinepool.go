package validation

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	utilvalidation "k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// ValidateAWSManagedMachinePool judges a new AWSManagedMachinePool.
func ValidateAWSManagedMachinePool(pool *infrav1.AWSManagedMachinePool) field.ErrorList {
	errs := ValidateOwnership(pool.Spec.AdditionalTags, ClustersOf(pool), false, specPath.Child("additionalTags"))
	return append(errs, validateNodegroup(&pool.Spec, specPath)...)
}

func validateNodegroup(spec *infrav1.AWSManagedMachinePoolSpec, path *field.Path) field.ErrorList {
	errs := ValidateTags(spec.AdditionalTags, path.Child("additionalTags"))
	errs = append(errs, ValidateEKSName(spec.EKSNodegroupName, path.Child("eksNodegroupName"))...)
	errs = append(errs, ValidateRole(RoleSpec{Name: spec.RoleName, Path: spec.RolePath, Boundary: spec.RolePermissionsBoundary, Policies: spec.RoleAdditionalPolicies}, path)...)
	errs = append(errs, validateNodegroupPlaces(spec, path)...)
	errs = append(errs, validateNodegroupImage(spec, path)...)
	errs = append(errs, validateNodegroupTypes(spec, path)...)
	errs = append(errs, validateNodegroupSizes(spec.Scaling, path.Child("scaling"))...)
	errs = append(errs, validateNodeLabels(spec.Labels, path.Child("labels"))...)
	errs = append(errs, validateNodeTaints(spec.Taints, path.Child("taints"))...)
	errs = append(errs, validateRemoteAccess(spec.RemoteAccess, path.Child("remoteAccess"))...)
	errs = append(errs, validateUpdateConfig(spec.UpdateConfig, path.Child("updateConfig"))...)
	errs = append(errs, validateNodeRepair(spec.NodeRepairConfig, path.Child("nodeRepairConfig"))...)
	errs = append(errs, validateNodegroupTemplate(spec, path)...)
	errs = append(errs, validateTemplateRef(spec.LaunchTemplateRef, path.Child("launchTemplateRef"))...)
	return append(errs, validateLifecycleHooks(spec.AWSLifecycleHooks, path.Child("lifecycleHooks"))...)
}

func validateNodegroupPlaces(spec *infrav1.AWSManagedMachinePoolSpec, path *field.Path) field.ErrorList {
	errs := validateIDs(spec.SubnetIDs, "subnet-", path.Child("subnetIDs"))
	return append(errs, validateDistinct(spec.AvailabilityZones, "us-east-1a", path.Child("availabilityZones"))...)
}

// validateIDs wants each item to be there once, and to be an id of AWS.
func validateIDs(ids []string, prefix string, path *field.Path) field.ErrorList {
	errs := validateDistinct(ids, prefix+"0123456789abcdef0", path)
	for i, id := range ids {
		errs = append(errs, validatePrefixed(id, prefix, path.Index(i))...)
	}
	return errs
}

// validateDistinct wants each item to be there once, and none to be empty.
func validateDistinct(items []string, example string, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, item := range items {
		switch {
		case item == "":
			errs = append(errs, field.Required(path.Index(i), "take the empty item out, or write one such as "+example))
		case slices.Contains(items[:i], item):
			err := field.Duplicate(path.Index(i), item)
			err.Detail = "list each once: take one of them out"
			errs = append(errs, err)
		}
	}
	return errs
}

// releasePattern is the form of releases: 1.34.2-20251112, and for Bottlerocket and Windows
// 1.50.0-a3e2f1 and 1.34-2025.11.12.
var releasePattern = regexp.MustCompile(`^[0-9]+\.[0-9]+(\.[0-9]+)?-[0-9A-Za-z.]+$`)

// validateNodegroupImage: an image of one's own has no release of EKS's.
func validateNodegroupImage(spec *infrav1.AWSManagedMachinePoolSpec, path *field.Path) field.ErrorList {
	kind, given := spec.AMIType, spec.LaunchTemplateRef != nil
	image := path.Child("awsLaunchTemplate", "ami", "id")
	var errs field.ErrorList
	if kind != nil && *kind == infrav1.AMITypeCustom && !spec.HasOwnImage() && !given {
		errs = append(errs, field.Required(image, "amiType CUSTOM is an image of your own: write its id, such as ami-0123456789abcdef0, or leave amiType out for Amazon Linux 2023"))
	}
	switch release := spec.AMIVersion; {
	case release == nil:
	case spec.HasOwnImage() || kind != nil && *kind == infrav1.AMITypeCustom:
		errs = append(errs, field.Forbidden(path.Child("amiVersion"), "is a release of EKS's images, and the nodes have the one of awsLaunchTemplate.ami.id: remove one of the two"))
	case !releasePattern.MatchString(*release):
		errs = append(errs, field.Invalid(path.Child("amiVersion"), *release, "must be a release of the image such as 1.34.2-20251112; leave it out for the newest one"))
	}
	return errs
}

func validateNodegroupTypes(spec *infrav1.AWSManagedMachinePoolSpec, path *field.Path) field.ErrorList {
	several := path.Child("instanceTypes")
	errs := validateDistinct(spec.InstanceTypes, "m5.large", several)
	for i, name := range spec.InstanceTypes {
		errs = append(errs, validateInstanceType(name, several.Index(i))...)
	}
	if spec.InstanceType != nil {
		errs = append(errs, validateInstanceType(*spec.InstanceType, path.Child("instanceType"))...)
		if len(spec.InstanceTypes) > 0 {
			errs = append(errs, field.Forbidden(path.Child("instanceType"), "cannot be set if instanceTypes is: write all types there, and remove it here"))
		}
	}
	return errs
}

func validateNodegroupSizes(sizes *infrav1.ManagedMachinePoolScaling, path *field.Path) field.ErrorList {
	if sizes == nil {
		return nil
	}
	var errs field.ErrorList
	smallest, largest := sizes.MinSize, sizes.MaxSize
	if smallest != nil && *smallest < 0 {
		errs = append(errs, field.Invalid(path.Child("minSize"), *smallest, "must be greater or equal zero"))
	}
	switch {
	case largest == nil:
	case *largest < 1:
		errs = append(errs, field.Invalid(path.Child("maxSize"), *largest, "must be greater than zero, as EKS wants it: write at least 1, and 0 for the replicas of the MachinePool to have no nodes"))
	case smallest != nil && *smallest > *largest:
		errs = append(errs, field.Invalid(path.Child("maxSize"), *largest, fmt.Sprintf("must be greater or equal minSize: write at least %d", *smallest)))
	}
	return errs
}

// mostNodeKey is how long EKS lets keys of labels and taints be, prefix included.
const mostNodeKey = 63

// reservedForNodes are domains whose labels EKS takes from nobody.
// https://docs.aws.amazon.com/eks/latest/APIReference/API_UpdateNodegroupConfig.html
var reservedForNodes = []string{"kubernetes.io", "k8s.io", "eks.amazonaws.com"}

// validateNodeLabels judges labels as Kubernetes and EKS do.
func validateNodeLabels(labels map[string]string, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		at := path.Key(shortened(key))
		errs = append(errs, validateNodeKey(key, at)...)
		domain, _, _ := strings.Cut(key, "/")
		for _, reserved := range reservedForNodes {
			if strings.Contains(key, "/") && (domain == reserved || strings.HasSuffix(domain, "."+reserved)) {
				errs = append(errs, field.Forbidden(at, "EKS takes no labels of "+reserved+" for the nodes: write one of your own, such as example.com/role"))
			}
		}
		for _, problem := range utilvalidation.IsValidLabelValue(labels[key]) {
			errs = append(errs, field.Invalid(at, labels[key], problem))
		}
	}
	return errs
}

func validateNodeKey(key string, at *field.Path) field.ErrorList {
	if len(key) > mostNodeKey {
		return field.ErrorList{field.TooLong(at, field.OmitValueType{}, mostNodeKey)}
	}
	return metav1validation.ValidateLabelName(key, at)
}

func validateNodeTaints(taints infrav1.Taints, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, taint := range taints {
		at := path.Index(i)
		errs = append(errs, validateNodeKey(taint.Key, at.Child("key"))...)
		for _, problem := range utilvalidation.IsValidLabelValue(taint.Value) {
			errs = append(errs, field.Invalid(at.Child("value"), taint.Value, problem))
		}
		if slices.ContainsFunc(taints[:i], func(t infrav1.Taint) bool { return t.Key == taint.Key && t.Effect == taint.Effect }) {
			err := field.Duplicate(at, taint.Key)
			err.Detail = fmt.Sprintf("a node has one taint of a key and an effect: take one of them out, or write another effect than %s", taint.Effect)
			errs = append(errs, err)
		}
	}
	return errs
}

func validateRemoteAccess(access *infrav1.ManagedRemoteAccess, path *field.Path) field.ErrorList {
	if access == nil {
		return nil
	}
	errs := validateSSHKeyName(access.SSHKeyName, path.Child("sshKeyName"))
	sources := path.Child("sourceSecurityGroups")
	if access.Public && len(access.SourceSecurityGroups) > 0 {
		errs = append(errs, field.Forbidden(sources, "must be empty if public is set: remove one of the two"))
	}
	return append(errs, validateIDs(access.SourceSecurityGroups, "sg-", sources)...)
}

func validateUpdateConfig(config *infrav1.UpdateConfig, path *field.Path) field.ErrorList {
	if config == nil {
		return nil
	}
	switch number, share := config.MaxUnavailable != nil, config.MaxUnavailablePercentage != nil; {
	case number && share:
		return field.ErrorList{field.Forbidden(path.Child("maxUnavailablePercentage"), "cannot specify both maxUnavailable and maxUnavailablePercentage: remove one of the two")}
	case !number && !share:
		return field.ErrorList{field.Required(path.Child("maxUnavailable"), "must specify one of maxUnavailable or maxUnavailablePercentage: write a number of nodes such as 1")}
	}
	return nil
}

func validateNodeRepair(config *infrav1.NodeRepairConfig, path *field.Path) field.ErrorList {
	if config == nil {
		return nil
	}
	var errs field.ErrorList
	for _, pair := range []struct {
		name         string
		count, share *int32
	}{
		{"maxUnhealthyNodeThreshold", config.MaxUnhealthyNodeThresholdCount, config.MaxUnhealthyNodeThresholdPercentage},
		{"maxParallelNodesRepaired", config.MaxParallelNodesRepairedCount, config.MaxParallelNodesRepairedPercentage},
	} {
		if pair.count != nil && pair.share != nil {
			errs = append(errs, field.Forbidden(path.Child(pair.name+"Percentage"), "cannot be set if "+pair.name+"Count is: remove one of the two"))
		}
	}
	for i, override := range config.Overrides {
		same := func(o infrav1.NodeRepairOverride) bool {
			return o.NodeMonitoringCondition == override.NodeMonitoringCondition && o.NodeUnhealthyReason == override.NodeUnhealthyReason
		}
		if slices.ContainsFunc(config.Overrides[:i], same) {
			err := field.Duplicate(path.Child("overrides").Index(i), override.NodeUnhealthyReason)
			err.Detail = "is about the same condition and reason as another one: take one of them out"
			errs = append(errs, err)
		}
	}
	return errs
}

// validateNodegroupTemplate judges what EKS forbids beside a launch template, and in it.
func validateNodegroupTemplate(spec *infrav1.AWSManagedMachinePoolSpec, path *field.Path) field.ErrorList {
	if spec.AWSLaunchTemplate == nil && spec.LaunchTemplateRef == nil {
		return validateCapacity(spec, path)
	}
	has, in := "awsLaunchTemplate", path.Child("awsLaunchTemplate")
	if spec.AWSLaunchTemplate == nil {
		has = "launchTemplateRef"
	}
	var errs field.ErrorList
	if spec.AWSLaunchTemplate != nil && spec.LaunchTemplateRef != nil {
		errs = append(errs, field.Forbidden(path.Child("launchTemplateRef"), "cannot be specified with awsLaunchTemplate: remove one of the two"))
	}
	if spec.DiskSize != nil {
		errs = append(errs, field.Forbidden(path.Child("diskSize"), "cannot be specified when "+has+" is: remove it, and write the size into rootVolume of the launch template"))
	}
	if spec.RemoteAccess != nil {
		errs = append(errs, field.Forbidden(path.Child("remoteAccess"), "cannot be specified when "+has+" is: remove it, and write sshKeyName and security groups into the launch template"))
	}
	template := spec.AWSLaunchTemplate
	if template == nil {
		return append(errs, validateCapacity(spec, path)...)
	}
	if spec.InstanceType != nil {
		errs = append(errs, field.Forbidden(path.Child("instanceType"), "cannot be specified when awsLaunchTemplate is: move it to awsLaunchTemplate.instanceType"))
	}
	if len(spec.InstanceTypes) > 0 && template.InstanceType != "" {
		errs = append(errs, field.Forbidden(in.Child("instanceType"), "cannot be specified when spec.instanceTypes is: list it there, and remove it here"))
	}
	if template.IamInstanceProfile != "" {
		errs = append(errs, field.Forbidden(in.Child("iamInstanceProfile"), "is prohibited in node groups, as EKS makes the profile: remove it, and write the role into roleName"))
	}
	if template.VersionNumber != nil {
		errs = append(errs, field.Forbidden(in.Child("versionNumber"), "follows from the template, of which a change makes a new version: remove it, or name a launch template of yours in launchTemplateRef"))
	}
	if template.Name != "" && !templateNames.MatchString(template.Name) {
		errs = append(errs, field.Invalid(in.Child("name"), template.Name, "must have 3 to 128 letters, digits and characters of ().-/_, or else be left out: EC2 takes no other name for a launch template"))
	}
	errs = append(errs, validateLaunchTemplate(template, in)...)
	return append(errs, validateCapacity(spec, path)...)
}

// validateCapacity: EKS asks for spot instances itself, and takes a capacity block from a
// launch template.
func validateCapacity(spec *infrav1.AWSManagedMachinePoolSpec, path *field.Path) field.ErrorList {
	block := spec.CapacityType != nil && *spec.CapacityType == infrav1.ManagedMachinePoolCapacityTypeCapacityBlock
	template, in := spec.AWSLaunchTemplate, path.Child("awsLaunchTemplate")
	switch {
	case template == nil && block && spec.LaunchTemplateRef == nil:
		return field.ErrorList{field.Required(in.Child("capacityReservationId"), "capacityType capacityBlock needs the block's id, such as cr-0123456789abcdef0, with marketType: CapacityBlock")}
	case template == nil:
		return nil
	case template.SpotMarketOptions != nil:
		return field.ErrorList{field.Forbidden(in.Child("spotMarketOptions"), "is prohibited in node groups: remove it, and write capacityType: spot")}
	case template.MarketType == infrav1.MarketTypeSpot:
		return field.ErrorList{field.Invalid(in.Child("marketType"), template.MarketType, "is prohibited in node groups: remove it, and write capacityType: spot")}
	case block != (template.MarketType == infrav1.MarketTypeCapacityBlock):
		return field.ErrorList{field.Invalid(in.Child("marketType"), template.MarketType, "must be CapacityBlock exactly if capacityType is capacityBlock: write both, or neither")}
	}
	return nil
}

func validateTemplateRef(ref *infrav1.LaunchTemplateReference, path *field.Path) field.ErrorList {
	switch {
	case ref == nil:
		return nil
	case ref.ID != "" && ref.Name != "":
		return field.ErrorList{field.Forbidden(path.Child("name"), "only one of id or name may be specified: remove one of the two")}
	case ref.ID != "":
		return validatePrefixedItem(ref.ID, "lt-", path.Child("id"))
	case ref.Name == "":
		return field.ErrorList{field.Required(path.Child("id"), "write the launch template's id, such as lt-0123456789abcdef0, or its name")}
	case !templateNames.MatchString(ref.Name):
		return field.ErrorList{field.Invalid(path.Child("name"), ref.Name, "must be the name of a launch template, which has 3 to 128 letters, digits and characters of ().-/_")}
	}
	return nil
}

// AWSManagedMachinePoolWarnings returns what isn't wrong but likely not meant.
func AWSManagedMachinePoolWarnings(pool *infrav1.AWSManagedMachinePool) []string {
	return nodegroupWarnings(&pool.Spec, specPath)
}

func nodegroupWarnings(spec *infrav1.AWSManagedMachinePoolSpec, path *field.Path) []string {
	var warnings []string
	if kind := spec.AMIType; kind != nil && kind.IsAL2() && !spec.HasOwnImage() {
		warnings = append(warnings, fmt.Sprintf("%s: EKS makes no more images of Amazon Linux 2, and has none for Kubernetes 1.33 and newer: make a pool with amiType %s and a NodeadmConfig", path.Child("amiType"), kind.Successor()))
	}
	if len(spec.AWSLifecycleHooks) > 0 {
		warnings = append(warnings, fmt.Sprintf("%s: are kept and not made, because EKS drains and replaces the nodes itself: take them out, or use an AWSMachinePool", path.Child("lifecycleHooks")))
	}
	template, in := spec.AWSLaunchTemplate, path.Child("awsLaunchTemplate")
	if template == nil {
		return warnings
	}
	for _, unused := range []struct {
		name  string
		given bool
	}{
		{"ami.eksLookupType", template.AMI.EKSOptimizedLookupType != nil},
		{"imageLookupFormat", template.ImageLookupFormat != ""},
		{"imageLookupOrg", template.ImageLookupOrg != ""},
		{"imageLookupBaseOS", template.ImageLookupBaseOS != ""},
	} {
		if unused.given {
			warnings = append(warnings, fmt.Sprintf("%s.%s: isn't used, because EKS chooses the image by amiType: remove it, or write ami.id", in, unused.name))
		}
	}
	warnings = append(warnings, rootVolumeWarnings(template.RootVolume, in.Child("rootVolume"))...)
	return append(warnings, nonRootVolumeWarnings(template.NonRootVolumes, in.Child("nonRootVolumes"))...)
}

// ValidateAWSManagedMachinePoolTemplate judges a new template. A ClusterClass patches templates
// before they are used, so the rules for pools needn't hold yet; they give warnings. What each
// pool has of its own is no part of a template.
func ValidateAWSManagedMachinePoolTemplate(template *infrav1.AWSManagedMachinePoolTemplate) field.ErrorList {
	spec := &template.Spec.Template.Spec
	errs := validateTemplateMetadata(template.Spec.Template.ObjectMeta)
	errs = append(errs, ValidateOwnership(spec.AdditionalTags, nil, false, templateSpecPath.Child("additionalTags"))...)
	if len(spec.ProviderIDList) > 0 {
		errs = append(errs, field.Forbidden(templateSpecPath.Child("providerIDList"), "each pool that is built from the template has its own instances, which the provider writes: leave it out"))
	}
	if spec.EKSNodegroupName != "" {
		errs = append(errs, field.Forbidden(templateSpecPath.Child("eksNodegroupName"), "each pool that is built from the template has a node group of its own, and no two can have one name: leave it out"))
	}
	return errs
}

// AWSManagedMachinePoolTemplateWarnings returns what a pool built from the template as it
// stands would be refused for.
func AWSManagedMachinePoolTemplateWarnings(template *infrav1.AWSManagedMachinePoolTemplate) []string {
	spec := &template.Spec.Template.Spec
	var warnings []string
	for _, err := range validateNodegroup(spec, templateSpecPath) {
		warnings = append(warnings, err.Error()+" (pools built from this template are refused unless a patch changes it)")
	}
	return append(warnings, nodegroupWarnings(spec, templateSpecPath)...)
}
