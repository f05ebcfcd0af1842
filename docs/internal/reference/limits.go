package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"k8s.io/kube-openapi/pkg/validation/spec"
)

// limits says what is enforced of a field, and what it is where it is left out.
func limits(s *spec.Schema) []string {
	var all []string
	if s.Default != nil && !reflect.ValueOf(s.Default).IsZero() && !isEmptyMap(s.Default) {
		text, _ := json.Marshal(s.Default)
		all = append(all, "default `"+string(text)+"`")
	}
	all = append(all, ownLimits(s)...)
	for i := range s.AllOf {
		all = append(all, limits(&s.AllOf[i])...)
	}
	if s.Items != nil && s.Items.Schema != nil {
		all = append(all, each("each: ", s.Items.Schema)...)
	}
	if s.AdditionalProperties != nil && s.AdditionalProperties.Schema != nil {
		all = append(all, each("each value: ", s.AdditionalProperties.Schema)...)
	}
	if keys, ok := s.Extensions["x-kubernetes-list-map-keys"].([]any); ok {
		var names []string
		for _, k := range keys {
			names = append(names, fmt.Sprintf("`%v`", k))
		}
		all = append(all, "no two of one "+strings.Join(names, " and "))
	}
	return all
}

func each(prefix string, s *spec.Schema) []string {
	if inner := limits(s); len(inner) > 0 {
		return []string{prefix + strings.Join(inner, ", ")}
	}
	return nil
}

func isEmptyMap(value any) bool {
	m, ok := value.(map[string]any)
	return ok && len(m) == 0
}

func ownLimits(s *spec.Schema) []string {
	var all []string
	if len(s.Enum) > 0 {
		var names []string
		for _, v := range s.Enum {
			names = append(names, fmt.Sprintf("`%v`", v))
		}
		all = append(all, "one of "+strings.Join(names, ", "))
	}
	size := func(least, most *int64, what string) {
		switch {
		case least != nil && most != nil:
			all = append(all, fmt.Sprintf("%d to %d %s", *least, *most, what))
		case most != nil:
			all = append(all, fmt.Sprintf("at most %d %s", *most, what))
		case least != nil:
			all = append(all, fmt.Sprintf("at least %d %s", *least, what))
		}
	}
	size(s.MinLength, s.MaxLength, "characters")
	size(s.MinItems, s.MaxItems, "items")
	size(s.MinProperties, s.MaxProperties, "keys")
	if s.Minimum != nil {
		all = append(all, fmt.Sprintf("at least %v", *s.Minimum))
	}
	if s.Maximum != nil {
		all = append(all, fmt.Sprintf("at most %v", *s.Maximum))
	}
	if s.MultipleOf != nil {
		all = append(all, fmt.Sprintf("a multiple of %v", *s.MultipleOf))
	}
	if s.Pattern != "" {
		all = append(all, "pattern `"+s.Pattern+"`")
	}
	return all
}
