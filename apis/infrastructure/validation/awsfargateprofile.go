package validation

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	utilvalidation "k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/apis/validation"
)

var (
	// eksNamePattern is what EKS takes as the name of a cluster or a profile.
	eksNamePattern = regexp.MustCompile(`^[0-9A-Za-z][A-Za-z0-9_-]*$`)
	// selectorNamespacePattern takes wildcards too.
	selectorNamespacePattern = regexp.MustCompile(`^[a-z0-9*?]([a-z0-9*?-]*[a-z0-9*?])?$`)
)

// ValidateEKSName takes the empty string.
func ValidateEKSName(name string, path *field.Path) field.ErrorList {
	if name == "" || eksNamePattern.MatchString(name) {
		return nil
	}
	return field.ErrorList{field.Invalid(path, name, "must begin with a letter or digit and hold only letters, digits, hyphens and underscores, such as team-a_production; leave it out to have one made of namespace and name")}
}

// ValidateAWSFargateProfile judges a new AWSFargateProfile.
func ValidateAWSFargateProfile(profile *infrav1.AWSFargateProfile) field.ErrorList {
	spec, path := &profile.Spec, specPath
	errs := ValidateTags(spec.AdditionalTags, path.Child("additionalTags"))
	errs = append(errs, ValidateOwnership(spec.AdditionalTags, ClustersOf(profile), false, path.Child("additionalTags"))...)
	if name := spec.ClusterName; name != "" && len(utilvalidation.IsDNS1123Label(name)) > 0 {
		errs = append(errs, field.Invalid(path.Child("clusterName"), name, "must be the name of a Cluster in this namespace, such as quickstart"))
	}
	errs = append(errs, validateProfileOfEKS(spec.ProfileName, path.Child("profileName"))...)
	errs = append(errs, ValidateRole(RoleSpec{Name: spec.RoleName, Path: spec.RolePath, Boundary: spec.RolePermissionsBoundary}, path)...)
	errs = append(errs, validateSelectors(spec.Selectors, path.Child("selectors"))...)
	return append(errs, validateProfileSubnets(spec.SubnetIDs, path.Child("subnetIDs"))...)
}

func validateProfileOfEKS(name string, path *field.Path) field.ErrorList {
	if strings.HasPrefix(name, "eks") {
		return field.ErrorList{field.Invalid(path, name, "must not begin with eks, which AWS keeps for itself: write another name")}
	}
	return ValidateEKSName(name, path)
}

func validateSelectors(selectors []infrav1.FargateSelector, path *field.Path) field.ErrorList {
	if len(selectors) == 0 {
		return field.ErrorList{field.Required(path, "say which pods run on Fargate, such as namespace: default")}
	}
	var errs field.ErrorList
	for i, selector := range selectors {
		at := path.Index(i)
		switch {
		case selector.Namespace == "":
			errs = append(errs, field.Required(at.Child("namespace"), "write the namespace of the pods, such as default, or * for all"))
		case !selectorNamespacePattern.MatchString(selector.Namespace):
			errs = append(errs, field.Invalid(at.Child("namespace"), selector.Namespace, "must be the name of a namespace, such as default, which may hold * and ?"))
		}
		for _, key := range slices.Sorted(maps.Keys(selector.Labels)) {
			errs = append(errs, metav1validation.ValidateLabelName(key, at.Child("labels"))...)
		}
		if before := slices.IndexFunc(selectors[:i], func(s infrav1.FargateSelector) bool { return apiequality.Semantic.DeepEqual(s, selector) }); before >= 0 {
			errs = append(errs, field.Invalid(at, selector.Namespace, fmt.Sprintf("is the same as %s: take one of them out", path.Index(before))))
		}
	}
	return errs
}

func validateProfileSubnets(ids []string, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, id := range ids {
		if !infrav1.IsSubnetID(id) {
			errs = append(errs, field.Invalid(path.Index(i), id, "must be the id of a private subnet, such as subnet-0123456789abcdef0; leave the list out for all private subnets of the cluster"))
		}
		if slices.Contains(ids[:i], id) {
			errs = append(errs, field.Duplicate(path.Index(i), id))
		}
	}
	return errs
}

// ValidateAWSFargateProfileUpdate judges the update of an AWSFargateProfile: EKS changes
// nothing of a profile but its tags. The name of its role may come once, from the server.
func ValidateAWSFargateProfileUpdate(updated, old *infrav1.AWSFargateProfile) field.ErrorList {
	errs := ValidateManagedByKept(updated.Annotations, old.Annotations)
	kept := *updated
	kept.Spec = old.Spec
	kept.Spec.AdditionalTags = updated.Spec.AdditionalTags
	if old.Spec.RoleName == "" {
		kept.Spec.RoleName = updated.Spec.RoleName
	}
	wanted, given := reflect.ValueOf(kept.Spec), reflect.ValueOf(updated.Spec)
	for i := range wanted.NumField() {
		if !apiequality.Semantic.DeepEqual(wanted.Field(i).Interface(), given.Field(i).Interface()) {
			name, _, _ := strings.Cut(wanted.Type().Field(i).Tag.Get("json"), ",")
			errs = append(errs, field.Invalid(specPath.Child(name), field.OmitValueType{}, "is immutable, because EKS changes no profile: "+writeAsBefore(wanted.Field(i))+", or make another AWSFargateProfile"))
		}
	}
	return append(errs, validation.Ratchet(ValidateAWSFargateProfile, &kept, old)...)
}
