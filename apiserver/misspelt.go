package apiserver

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/capa-apiserver/capa-apiserver/apis/slips"
)

// advising tells of a field that a kind doesn't have which one is likely meant. Of what
// server-side apply refuses, the library tells before any decoder is asked.
type advising struct{ runtime.Serializer }

func (s advising) Decode(data []byte, defaults *schema.GroupVersionKind, into runtime.Object) (runtime.Object, *schema.GroupVersionKind, error) {
	obj, gvk, err := s.Serializer.Decode(data, defaults, into)
	strict, ok := runtime.AsStrictDecodingError(err)
	if !ok || obj == nil {
		return obj, gvk, err
	}
	errs := strict.Errors()
	for i := range min(len(errs), mostAdvice) {
		errs[i] = advised(errs[i], reflect.TypeOf(obj))
	}
	return obj, gvk, runtime.NewStrictDecodingError(errs)
}

const (
	// mostAdvice is how many of an object's unknown fields are compared with what there is,
	// and longestAdvised the most letters of an error that is looked at.
	mostAdvice     = 20
	longestAdvised = 1024
)

var unknownField = regexp.MustCompile(`^unknown field "([^"]+)"$`)

// advised adds to an error about an unknown field the field of the type that is nearest.
func advised(err error, of reflect.Type) error {
	text := err.Error()
	if len(text) > longestAdvised {
		return err
	}
	found := unknownField.FindStringSubmatch(text)
	if found == nil {
		return err
	}
	path := strings.Split(found[1], ".")
	written, place, parent := path[len(path)-1], path[:len(path)-1], of
	for _, name := range place {
		if parent = within(parent, name); parent == nil {
			return err
		}
	}
	meant := elsewhere(written, of)
	if near := nearest(written, slices.Sorted(maps.Keys(fieldsOf(parent)))); near != "" {
		meant = strings.Join(append(slices.Clone(place), near), ".")
	}
	if meant == "" {
		return err
	}
	return fmt.Errorf("%w (did you mean %s?)", err, meant)
}

// nearest is the name that is a few slips away; failing that, the shortest one that the
// written one is a part of, or the other way round.
func nearest(written string, names []string) string {
	const part = 4 // letters; less is in too many names
	near, least := "", min(3, 1+len(written)/4)+1
	holds := ""
	lower := strings.ToLower(written)
	for _, name := range names {
		other := strings.ToLower(name)
		if far := slips.Distance(lower, other); far < least {
			near, least = name, far
		}
		if min(len(lower), len(other)) >= part && (strings.Contains(other, lower) || strings.Contains(lower, other)) && (holds == "" || len(name) < len(holds)) {
			holds = name
		}
	}
	if near != "" {
		return near
	}
	return holds
}

// elsewhere is where else in the spec a field of the name is, the nearest to its top.
func elsewhere(name string, of reflect.Type) string {
	type place struct {
		path string
		of   reflect.Type
	}
	seen := map[reflect.Type]bool{}
	for next := []place{{"spec", fieldsOf(of)["spec"]}}; len(next) > 0; next = next[1:] {
		fields := fieldsOf(next[0].of)
		for _, field := range slices.Sorted(maps.Keys(fields)) {
			at := next[0].path + "." + field
			if strings.EqualFold(field, name) {
				return at
			}
			if of := fields[field]; !seen[of] {
				seen[of] = true
				next = append(next, place{at, of})
			}
		}
	}
	return ""
}

// within is the type of a field, or of an item where an index follows the name.
func within(of reflect.Type, name string) reflect.Type {
	name, _, _ = strings.Cut(name, "[")
	if of = bare(of); of != nil && of.Kind() == reflect.Map {
		return of.Elem()
	}
	return fieldsOf(of)[name]
}

var marshaler = reflect.TypeFor[json.Marshaler]()

// fieldsOf are the fields that users write of a type or of its items, by their names.
func fieldsOf(of reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	if of = bare(of); of == nil || of.Kind() != reflect.Struct || reflect.PointerTo(of).Implements(marshaler) {
		return fields
	}
	for i := range of.NumField() {
		f := of.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "" && f.Anonymous:
			maps.Copy(fields, fieldsOf(f.Type))
		case name != "" && name != "-":
			fields[name] = f.Type
		}
	}
	return fields
}

// bare is a type without pointers and lists around it.
func bare(of reflect.Type) reflect.Type {
	for of != nil && (of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice) {
		of = of.Elem()
	}
	return of
}
