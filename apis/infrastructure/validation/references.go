package validation

import (
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// instanceTypePattern takes a family, a dot and a size: m5.large, u-6tb1.112xlarge, mac2-m2.metal.
var instanceTypePattern = regexp.MustCompile(`^[a-z][a-z0-9-]*\.[a-z0-9-]+$`)

// validateInstanceType takes the empty string.
func validateInstanceType(name string, path *field.Path) field.ErrorList {
	if name == "" || instanceTypePattern.MatchString(name) {
		return nil
	}
	return field.ErrorList{field.Invalid(path, name, "must be an EC2 instance type such as m5.large")}
}

// validateReferences wants no reference to have both an id and filters.
func validateReferences(refs []infrav1.AWSResourceReference, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i := range refs {
		errs = append(errs, validateReference(&refs[i], path.Index(i))...)
	}
	return errs
}

func validateReference(ref *infrav1.AWSResourceReference, path *field.Path) field.ErrorList {
	if ref.ID == nil || len(ref.Filters) == 0 {
		return nil
	}
	return field.ErrorList{field.Forbidden(path, "only one of id or filters may be specified; remove one of the two")}
}

// validateReferenceForms wants each reference to have one of the two, and an id of the right kind.
func validateReferenceForms(refs []infrav1.AWSResourceReference, idPrefix string, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, ref := range refs {
		at := path.Index(i)
		switch {
		case ref.ID != nil:
			errs = append(errs, validatePrefixedItem(*ref.ID, idPrefix, at.Child("id"))...)
		case len(ref.Filters) == 0:
			errs = append(errs, field.Required(at, fmt.Sprintf("write id, such as %s0123456789abcdef0, or filters", idPrefix)))
		}
	}
	return errs
}

// validateAMI also takes a parameter of Systems Manager, which EC2 resolves at the launch.
func validateAMI(ami infrav1.AMIReference, path *field.Path) field.ErrorList {
	if ami.ID == nil || strings.HasPrefix(*ami.ID, "resolve:ssm:") {
		return nil
	}
	return validatePrefixedItem(*ami.ID, "ami-", path.Child("id"))
}

// validateImageFormat fills the pattern in as a look-up does.
func validateImageFormat(format string, path *field.Path) field.ErrorList {
	if _, err := infrav1.ImageName(format, "ubuntu-24.04", "1.34.1"); err != nil {
		return field.ErrorList{field.Invalid(path, shortened(format), err.Error())}
	}
	return nil
}

// validateProfileName takes the empty string.
func validateProfileName(name string, path *field.Path) field.ErrorList {
	if !strings.HasPrefix(name, "arn:") {
		return nil
	}
	return field.ErrorList{field.Invalid(path, name, "must be the name of an instance profile and not its ARN, such as nodes.cluster-api-provider-aws.sigs.k8s.io")}
}

func amiWarnings(ami infrav1.AMIReference, path *field.Path) []string {
	if ami.ID == nil || ami.EKSOptimizedLookupType == nil {
		return nil
	}
	return []string{fmt.Sprintf("%s: has no effect, because ami.id is set", path.Child("eksLookupType"))}
}
