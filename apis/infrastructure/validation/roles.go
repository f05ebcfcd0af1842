package validation

import (
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

var (
	roleNamePattern = regexp.MustCompile(`^[\w+=,.@-]+$`)
	rolePathPattern = regexp.MustCompile(`^(/|/[!-~]*/)$`)
)

// RoleSpec is what a spec says of an IAM role: that of a control plane, a profile or a pool.
type RoleSpec struct {
	Name, Path, Boundary string
	Policies             []string
}

// ValidateRole judges a role whose fields stand at path.
func ValidateRole(role RoleSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if role.Name != "" && !roleNamePattern.MatchString(role.Name) {
		errs = append(errs, field.Invalid(path.Child("roleName"), role.Name, "must be the name of an IAM role, made of letters, digits and _+=,.@- and not an ARN, such as my-role"))
	}
	if role.Path != "" && !rolePathPattern.MatchString(role.Path) {
		errs = append(errs, field.Invalid(path.Child("rolePath"), role.Path, "must begin and end with a slash, such as /eks/"))
	}
	if role.Boundary != "" {
		errs = append(errs, validatePolicyARN(role.Boundary, path.Child("rolePermissionsBoundary"))...)
	}
	for i, policy := range role.Policies {
		at := path.Child("roleAdditionalPolicies").Index(i)
		errs = append(errs, validatePolicyARN(policy, at)...)
		if slices.Contains(role.Policies[:i], policy) {
			errs = append(errs, field.Duplicate(at, policy))
		}
	}
	return errs
}

func validatePolicyARN(arn string, path *field.Path) field.ErrorList {
	if policyARNPattern.MatchString(arn) {
		return nil
	}
	return field.ErrorList{field.Invalid(path, arn, "must be the ARN of an IAM policy, such as arn:aws:iam::aws:policy/AmazonEKSVPCResourceController")}
}

// ValidateRoleARN takes the empty string.
func ValidateRoleARN(arn string, path *field.Path) field.ErrorList {
	switch {
	case arn == "" || roleARNPattern.MatchString(arn):
		return nil
	case strings.Contains(arn, ":assumed-role/"):
		return field.ErrorList{field.Invalid(path, arn, "is of a session and not of its role: write the role's ARN, such as arn:aws:iam::123456789012:role/my-role")}
	default:
		return field.ErrorList{field.Invalid(path, arn, "must be the ARN of an IAM role, such as arn:aws:iam::123456789012:role/my-role")}
	}
}
