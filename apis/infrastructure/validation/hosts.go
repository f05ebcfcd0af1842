package validation

import (
	"regexp"

	"k8s.io/apimachinery/pkg/util/validation/field"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// sshKeyNamePattern takes printable ASCII without blanks at either end.
var sshKeyNamePattern = regexp.MustCompile(`^[!-~]([ -~]*[!-~])?$`)

const maxSSHKeyNameLen = 255

// validateSSHKeyName takes nil (the key pair named default) and the empty string (none).
func validateSSHKeyName(name *string, path *field.Path) field.ErrorList {
	if name == nil || *name == "" {
		return nil
	}
	if len(*name) > maxSSHKeyNameLen || !sshKeyNamePattern.MatchString(*name) {
		return field.ErrorList{field.Invalid(path, *name,
			"is not a valid key name: write the name of an EC2 key pair, at most 255 printable ASCII characters without blanks at either end")}
	}
	return nil
}

func validateBastion(bastion *infrav1.Bastion, path *field.Path) field.ErrorList {
	blocks := path.Child("allowedCIDRBlocks")
	if bastion.DisableIngressRules && len(bastion.AllowedCIDRBlocks) > 0 {
		return field.ErrorList{field.Forbidden(blocks, "must be empty when disableIngressRules is true; remove one of the two")}
	}
	return validateCIDRs(bastion.AllowedCIDRBlocks, anyFamily, blocks)
}
