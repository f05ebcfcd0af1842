package schema

import (
	"reflect"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// NewErrors returns the errors that were not in the old object already. So a rule
// that comes later, or was passed by once, doesn't stop the update of an object
// whose offending field isn't changed. An error is the same when its kind, field,
// value and words are. old is only called when there are errors.
func NewErrors(errs field.ErrorList, old func() field.ErrorList) field.ErrorList {
	if len(errs) == 0 {
		return nil
	}
	known := old()
	var fresh field.ErrorList
	for _, err := range errs {
		if !contains(known, err) {
			fresh = append(fresh, err)
		}
	}
	return fresh
}

func contains(errs field.ErrorList, err *field.Error) bool {
	for _, other := range errs {
		if other.Type == err.Type && other.Field == err.Field && other.Detail == err.Detail &&
			reflect.DeepEqual(other.BadValue, err.BadValue) {
			return true
		}
	}
	return false
}
