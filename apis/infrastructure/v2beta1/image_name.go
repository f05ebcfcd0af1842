package v2beta1

import (
	"errors"
	"regexp"
	"strings"
)

// imageFields are the two fields of an imageLookupFormat.
var imageFields = regexp.MustCompile(`\{\{\s*\.(BaseOS|K8sVersion)\s*\}\}`)

// errImageFields says what an imageLookupFormat may hold.
var errImageFields = errors.New("only {{.BaseOS}} and {{.K8sVersion}} may stand between {{ and }}, such as in capa-ami-{{.BaseOS}}-?{{.K8sVersion}}-*")

// ImageName fills the fields of an imageLookupFormat in. The format is text: nothing in it
// is executed, and what else stands between double braces is an error.
func ImageName(format, baseOS, version string) (string, error) {
	rest := imageFields.ReplaceAllLiteralString(format, "")
	if strings.Contains(rest, "{{") || strings.Contains(rest, "}}") {
		return "", errImageFields
	}
	return imageFields.ReplaceAllStringFunc(format, func(field string) string {
		if strings.Contains(field, "BaseOS") {
			return baseOS
		}
		return version
	}), nil
}
