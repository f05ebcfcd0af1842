package validation

import (
	"fmt"
	"strings"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
)

// Recorded is one field in which the server keeps what it made or chose in AWS. Whoever
// creates an object may give it, to move, restore or adopt; afterwards it is the server's,
// because what it names is changed and deleted.
type Recorded[Spec any] struct {
	// Path below spec.
	Path []string
	// Value of the field, nil where it is empty; see Given and Deref.
	Value func(*Spec) any
	// Free tells that users may change it, seen from the old spec. It may be nil.
	Free func(*Spec) bool
}

// Paths are those of the fields, as spec.network.vpc.id; below names what they are fields of.
func Paths[Spec any](table []Recorded[Spec], below ...string) []string {
	var paths []string
	for _, f := range table {
		paths = append(paths, strings.Join(append(append([]string{"spec"}, below...), f.Path...), "."))
	}
	return paths
}

// ChangedRecords reports the recorded fields of a spec, which stands at path, that differ
// from the old one's.
func ChangedRecords[Spec any](table []Recorded[Spec], updated, old *Spec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, f := range table {
		before, after := f.Value(old), f.Value(updated)
		if apiequality.Semantic.DeepEqual(before, after) || f.Free != nil && f.Free(old) {
			continue
		}
		advice := "leave it out"
		if before != nil {
			advice = fmt.Sprintf("write %v", before)
		}
		at := path
		for _, name := range f.Path {
			at = at.Child(name)
		}
		errs = append(errs, field.Invalid(at, after, "is recorded by the server, which deletes in AWS what it names, and can only be given when the object is created: "+advice))
	}
	return errs
}

// isManagedElsewhere: somebody else records in such an object.
func isManagedElsewhere(obj runtime.Object) bool {
	m, err := meta.Accessor(obj)
	if err != nil {
		return false
	}
	_, found := m.GetAnnotations()[clusterv1.ManagedByAnnotation]
	return found
}

// Deref is the value of an optional field, nil where it is empty.
func Deref(text *string) any {
	if text == nil {
		return nil
	}
	return Given(*text)
}

// Given is a value, nil where it is zero.
func Given[T comparable](value T) any {
	var zero T
	if value == zero {
		return nil
	}
	return value
}
