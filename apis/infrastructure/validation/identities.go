package validation

import (
	"encoding/json"
	"regexp"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	utilvalidation "k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/apis/validation"
)

// What STS takes, from the reference of AssumeRole.
var (
	roleARNPattern     = regexp.MustCompile(`^arn:aws[a-z-]*:iam::\d{12}:role/.+$`)
	policyARNPattern   = regexp.MustCompile(`^arn:aws[a-z-]*:iam::(\d{12}|aws):policy/.+$`)
	sessionNamePattern = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
	externalIDPattern  = regexp.MustCompile(`^[\w+=,.@:/-]+$`)
)

const (
	minExternalIDLen = 2
	maxExternalIDLen = 1224
)

// maxChainedSeconds is the longest session of a role that is assumed from another role.
const maxChainedSeconds = 3600

// ValidateAWSClusterControllerIdentity judges a new identity.
func ValidateAWSClusterControllerIdentity(identity *infrav1.AWSClusterControllerIdentity) field.ErrorList {
	var errs field.ErrorList
	if identity.Name != infrav1.AWSClusterControllerIdentityName {
		errs = append(errs, field.Invalid(field.NewPath("metadata", "name"), identity.Name,
			"an AWSClusterControllerIdentity must be named "+infrav1.AWSClusterControllerIdentityName))
	}
	return append(errs, validateNamespaces(identity.Spec.AllowedNamespaces)...)
}

// ValidateAWSClusterControllerIdentityUpdate judges the update of an identity: spec can't change.
func ValidateAWSClusterControllerIdentityUpdate(newIdentity, oldIdentity *infrav1.AWSClusterControllerIdentity) field.ErrorList {
	errs := validation.Ratchet(ValidateAWSClusterControllerIdentity, newIdentity, oldIdentity)
	if !sameNamespaces(newIdentity.Spec.AllowedNamespaces, oldIdentity.Spec.AllowedNamespaces) {
		errs = append(errs, field.Forbidden(field.NewPath("spec"),
			"AWSClusterControllerIdentity.spec is immutable: delete the identity and create it anew"))
	}
	return errs
}

// ValidateAWSClusterRoleIdentity judges a new identity.
func ValidateAWSClusterRoleIdentity(identity *infrav1.AWSClusterRoleIdentity) field.ErrorList {
	spec, path := &identity.Spec, field.NewPath("spec")
	errs := validateNamespaces(spec.AllowedNamespaces)
	errs = append(errs, validateRole(&spec.AWSRoleSpec, path)...)
	errs = append(errs, validateExternalID(spec.ExternalID, path.Child("externalID"))...)
	return append(errs, validateSource(identity, path)...)
}

// validateExternalID takes the empty string.
func validateExternalID(id string, path *field.Path) field.ErrorList {
	if id == "" || len(id) >= minExternalIDLen && len(id) <= maxExternalIDLen && externalIDPattern.MatchString(id) {
		return nil
	}
	return field.ErrorList{field.Invalid(path, id, "must be 2 to 1224 letters, digits and _+=,.@:/-")}
}

func validateSource(identity *infrav1.AWSClusterRoleIdentity, path *field.Path) field.ErrorList {
	source, at := identity.Spec.SourceIdentityRef, path.Child("sourceIdentityRef")
	if source == nil {
		return field.ErrorList{field.Required(at, "write the identity that assumes the role, such as kind AWSClusterControllerIdentity and name default")}
	}
	if source.Kind != infrav1.ClusterRoleIdentityKind {
		return nil
	}
	var errs field.ErrorList
	if source.Name == identity.Name && source.Name != "" {
		errs = append(errs, field.Invalid(at.Child("name"), source.Name, "an identity can't be its own source: name the identity that assumes the role"))
	}
	if seconds := identity.Spec.DurationSeconds; seconds > maxChainedSeconds {
		errs = append(errs, field.Invalid(path.Child("durationSeconds"), seconds, "must be at most 3600 when the source is itself a role: AWS limits chained roles to one hour"))
	}
	return errs
}

func validateRole(role *infrav1.AWSRoleSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if role.RoleArn != "" && !roleARNPattern.MatchString(role.RoleArn) {
		errs = append(errs, field.Invalid(path.Child("roleARN"), role.RoleArn, "must be the ARN of an IAM role such as arn:aws:iam::111122223333:role/my-role"))
	}
	if role.SessionName != "" && !sessionNamePattern.MatchString(role.SessionName) {
		errs = append(errs, field.Invalid(path.Child("sessionName"), role.SessionName, "must be 2 to 64 letters, digits and _+=,.@-"))
	}
	if role.InlinePolicy != "" && !json.Valid([]byte(role.InlinePolicy)) {
		errs = append(errs, field.Invalid(path.Child("inlinePolicy"), role.InlinePolicy, `must be an IAM policy in JSON such as {"Version":"2012-10-17","Statement":[]}`))
	}
	for i, arn := range role.PolicyARNs {
		if !policyARNPattern.MatchString(arn) {
			errs = append(errs, field.Invalid(path.Child("policyARNs").Index(i), arn, "must be the ARN of an IAM policy such as arn:aws:iam::111122223333:policy/my-policy"))
		}
	}
	return errs
}

// ValidateAWSClusterStaticIdentity judges a new identity.
func ValidateAWSClusterStaticIdentity(identity *infrav1.AWSClusterStaticIdentity) field.ErrorList {
	errs := validateNamespaces(identity.Spec.AllowedNamespaces)
	name := identity.Spec.SecretRef
	if name != "" && len(utilvalidation.IsDNS1123Subdomain(name)) > 0 {
		errs = append(errs, field.Invalid(field.NewPath("spec", "secretRef"), name, "must be the name of a Secret, such as aws-credentials"))
	}
	return errs
}

// ValidateAWSClusterStaticIdentityUpdate judges the update of an identity: secretRef can't change.
func ValidateAWSClusterStaticIdentityUpdate(newIdentity, oldIdentity *infrav1.AWSClusterStaticIdentity) field.ErrorList {
	errs := validation.Ratchet(ValidateAWSClusterStaticIdentity, newIdentity, oldIdentity)
	if newIdentity.Spec.SecretRef != oldIdentity.Spec.SecretRef {
		errs = append(errs, field.Invalid(field.NewPath("spec", "secretRef"), newIdentity.Spec.SecretRef,
			"field is immutable: write "+oldIdentity.Spec.SecretRef+", change the keys in that Secret, or create a new identity"))
	}
	return errs
}

func validateNamespaces(allowed *infrav1.AllowedNamespaces) field.ErrorList {
	if allowed == nil {
		return nil
	}
	path := field.NewPath("spec", "allowedNamespaces", "selector")
	errs := validateSelectorSize(&allowed.Selector, path)
	if allowed.NamespaceList == nil {
		errs = append(errs, validateSelectorChooses(&allowed.Selector, path)...)
	}
	return append(errs, metav1validation.ValidateLabelSelector(&allowed.Selector, metav1validation.LabelSelectorValidationOptions{}, path)...)
}

// validateSelectorChooses refuses an empty matchLabels or matchExpressions: it is meant to
// pick none, but would be stored like no selector at all, which lets all namespaces in.
func validateSelectorChooses(selector *metav1.LabelSelector, path *field.Path) field.ErrorList {
	const detail = "is empty and picks no namespace: write what to match; for no namespace leave allowedNamespaces out, and for all write allowedNamespaces: {}"
	if len(selector.MatchLabels)+len(selector.MatchExpressions) > 0 {
		return nil
	}
	var errs field.ErrorList
	if selector.MatchLabels != nil {
		errs = append(errs, field.Invalid(path.Child("matchLabels"), field.OmitValueType{}, detail))
	}
	if selector.MatchExpressions != nil {
		errs = append(errs, field.Invalid(path.Child("matchExpressions"), field.OmitValueType{}, detail))
	}
	return errs
}

// maxSelectorItems is more than anybody needs to choose namespaces by their labels.
const maxSelectorItems = 100

func validateSelectorSize(selector *metav1.LabelSelector, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	judge := func(path *field.Path, have int) {
		if have > maxSelectorItems {
			errs = append(errs, field.TooMany(path, have, maxSelectorItems))
		}
	}
	judge(path.Child("matchLabels"), len(selector.MatchLabels))
	judge(path.Child("matchExpressions"), len(selector.MatchExpressions))
	for i, e := range selector.MatchExpressions {
		judge(path.Child("matchExpressions").Index(i).Child("values"), len(e.Values))
	}
	return errs
}

// sameNamespaces tells an empty list from one left out: the first allows no namespace
// and the second may allow all.
func sameNamespaces(a, b *infrav1.AllowedNamespaces) bool {
	if a != nil && b != nil && (a.NamespaceList == nil) != (b.NamespaceList == nil) {
		return false
	}
	return apiequality.Semantic.DeepEqual(a, b)
}
