package validation

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/util/validation/field"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// Limits of tags, from the EC2 User Guide.
const (
	maxTags        = 50
	maxTagKeyLen   = 128
	maxTagValueLen = 256
)

var tagPattern = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

const tagCharacters = "may only hold letters, digits, spaces and _.:/=+-@"

func validateTags(tags infrav1.Tags, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if len(tags) > maxTags {
		errs = append(errs, field.TooMany(path, len(tags), maxTags))
	}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		errs = append(errs, validateTag(key, tags[key], path.Key(key))...)
	}
	return errs
}

func validateTag(key, value string, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if n := utf8.RuneCountInString(key); n < 1 || n > maxTagKeyLen {
		errs = append(errs, field.Invalid(path, key, fmt.Sprintf("the key must be 1 to %d characters long", maxTagKeyLen)))
	}
	if utf8.RuneCountInString(value) > maxTagValueLen {
		errs = append(errs, field.Invalid(path, value, fmt.Sprintf("the value must be at most %d characters long", maxTagValueLen)))
	}
	if strings.HasPrefix(key, "aws:") {
		errs = append(errs, field.Invalid(path, key, "the key must not begin with aws:, which AWS keeps for itself"))
	}
	if !tagPattern.MatchString(key) {
		errs = append(errs, field.Invalid(path, key, "the key "+tagCharacters))
	}
	if !tagPattern.MatchString(value) {
		errs = append(errs, field.Invalid(path, value, "the value "+tagCharacters))
	}
	return errs
}
