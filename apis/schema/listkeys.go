package schema

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/kube-openapi/pkg/validation/spec"
)

// duplicateKeys reports items of keyed lists (x-kubernetes-list-type: map) whose keys occur before.
func duplicateKeys(path *field.Path, value any, s *spec.Schema) field.ErrorList {
	var errs field.ErrorList
	switch value := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			child := value[name]
			if property, found := s.Properties[name]; found {
				errs = append(errs, duplicateKeys(path.Child(name), child, &property)...)
			} else if s.AdditionalProperties != nil && s.AdditionalProperties.Schema != nil {
				errs = append(errs, duplicateKeys(path.Key(name), child, s.AdditionalProperties.Schema)...)
			}
		}
	case []any:
		if s.Items == nil || s.Items.Schema == nil {
			return nil
		}
		errs = append(errs, duplicateItems(path, value, listKeys(s))...)
		for i, child := range value {
			errs = append(errs, duplicateKeys(path.Index(i), child, s.Items.Schema)...)
		}
	}
	return errs
}

func duplicateItems(path *field.Path, items []any, keys []string) field.ErrorList {
	if len(keys) == 0 {
		return nil
	}
	var errs field.ErrorList
	first := map[string]int{}
	for i, item := range items {
		object, ok := item.(map[string]any)
		if !ok {
			continue
		}
		key := keyOf(object, keys)
		if before, found := first[key]; found {
			err := field.Duplicate(path.Index(i), key)
			err.Detail = fmt.Sprintf("item %d has the same %s; remove or change one of the two", before, strings.Join(keys, " and "))
			errs = append(errs, err)
			continue
		}
		first[key] = i
	}
	return errs
}

// keyOf writes an item's keys as name=value, joined by commas.
func keyOf(object map[string]any, keys []string) string {
	parts := make([]string, 0, len(keys))
	for _, key := range keys {
		parts = append(parts, fmt.Sprintf("%s=%v", key, object[key]))
	}
	return strings.Join(parts, ",")
}

func listKeys(s *spec.Schema) []string {
	if listType, _ := s.Extensions.GetString("x-kubernetes-list-type"); listType != "map" {
		return nil
	}
	keys, _ := s.Extensions.GetStringSlice("x-kubernetes-list-map-keys")
	return keys
}
