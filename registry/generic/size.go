package generic

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// What the API machinery doesn't limit of metadata. The sizes are far above what anybody
// needs and far below what a watcher notices; the library limits annotations to 256 KiB,
// and managed fields follow from what is written.
const (
	maxLabels          = 500
	maxFinalizers      = 100
	maxOwnerReferences = 100
)

// validateSize refuses metadata of a size that every watcher would have to hold.
func validateSize(obj runtime.Object) field.ErrorList {
	m, path := accessor(obj), field.NewPath("metadata")
	var errs field.ErrorList
	for _, f := range []struct {
		name      string
		have, max int
	}{
		{"labels", len(m.GetLabels()), maxLabels},
		{"finalizers", len(m.GetFinalizers()), maxFinalizers},
		{"ownerReferences", len(m.GetOwnerReferences()), maxOwnerReferences},
	} {
		if f.have > f.max {
			err := field.TooMany(path.Child(f.name), f.have, f.max)
			err.Detail = fmt.Sprintf("must have at most %d items: keep what belongs elsewhere in a ConfigMap", f.max)
			errs = append(errs, err)
		}
	}
	return errs
}

// validateSizeUpdate lets an object be that had as much before the limit was there.
func validateSizeUpdate(obj, old runtime.Object) field.ErrorList {
	if len(validateSize(old)) > 0 {
		return nil
	}
	return validateSize(obj)
}
