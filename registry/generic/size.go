package generic

import (
	"encoding/json"
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
	// maxSpec is the size of a spec in bytes of JSON. A cluster with 500 subnets and a few
	// tags each takes half of it. Who reads a list holds each object several times.
	maxSpec = 256 << 10
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

// validateWhole refuses a spec that is too big altogether. One that was stored so may
// be written as long as it doesn't grow. old is nil for a new object.
func validateWhole(obj, old runtime.Object) field.ErrorList {
	size := sizeOf(obj)
	if size <= maxSpec || old != nil && size <= sizeOf(old) {
		return nil
	}
	return field.ErrorList{field.Invalid(field.NewPath("spec"), field.OmitValueType{}, fmt.Sprintf(
		"it has %d KiB of JSON, and may have %d KiB: leave out tags and rules that aren't needed, or divide it into several objects",
		(size+1023)>>10, maxSpec>>10))}
}

// sizeOf returns how many bytes of JSON the spec is that users wrote. The list of a pool's instances is the
// server's.
func sizeOf(obj runtime.Object) int {
	spec := part(obj, "Spec")
	if !spec.IsValid() {
		return 0
	}
	size := jsonSize(spec.Interface())
	if list := spec.FieldByName("ProviderIDList"); list.IsValid() {
		size -= jsonSize(list.Interface())
	}
	return size
}

func jsonSize(value any) int {
	text, err := json.Marshal(value)
	if err != nil {
		return 0 // what can't be written isn't stored either
	}
	return len(text)
}
