package generic

import (
	"encoding/json"
	"fmt"
	"reflect"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
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
	// longestProviderID has a long zone, and what stands around it in JSON.
	longestProviderID = 64
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
	for i, owner := range m.GetOwnerReferences() {
		at := path.Child("ownerReferences").Index(i)
		for _, f := range []struct {
			name, have string
			max        int
		}{
			{"apiVersion", owner.APIVersion, 2 * validation.DNS1123SubdomainMaxLength},
			{"kind", owner.Kind, validation.DNS1123LabelMaxLength},
			{"name", owner.Name, validation.DNS1123SubdomainMaxLength},
			{"uid", string(owner.UID), validation.DNS1123SubdomainMaxLength},
		} {
			if len(f.have) > f.max {
				errs = append(errs, field.TooLong(at.Child(f.name), "", f.max))
			}
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
// server's, as far as they are such as AWS has.
func sizeOf(obj runtime.Object) int {
	spec := part(obj, "Spec")
	size := jsonSize(spec)
	if !spec.IsValid() {
		return size
	}
	if list := spec.FieldByName("ProviderIDList"); list.IsValid() {
		size -= min(jsonSize(list), list.Len()*longestProviderID)
	}
	return size
}

// jsonSize returns how many bytes of JSON a value has; none if there is no value.
func jsonSize(value reflect.Value) int {
	if !value.IsValid() {
		return 0
	}
	text, err := json.Marshal(value.Interface())
	if err != nil {
		return 0 // what can't be written isn't stored either
	}
	return len(text)
}
