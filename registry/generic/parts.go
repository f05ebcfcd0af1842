package generic

import (
	"reflect"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime"
)

// part gives a settable view of the object's Spec or Status, which every kind
// here names so; invalid where the kind has no such part.
func part(obj runtime.Object, name string) reflect.Value {
	return reflect.ValueOf(obj).Elem().FieldByName(name)
}

// copyPart sets a part of dst to src's.
func copyPart(dst, src runtime.Object, name string) {
	if to := part(dst, name); to.IsValid() {
		to.Set(part(src, name))
	}
}

// clearPart sets a part of the object to its zero value.
func clearPart(obj runtime.Object, name string) {
	if p := part(obj, name); p.IsValid() {
		p.SetZero()
	}
}

// samePart tells whether a part means the same in both objects.
func samePart(a, b runtime.Object, name string) bool {
	pa, pb := part(a, name), part(b, name)
	if !pa.IsValid() {
		return true
	}
	return equality.Semantic.DeepEqual(pa.Interface(), pb.Interface())
}
