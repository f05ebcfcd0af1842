package core

import (
	"encoding/json"
	"fmt"
	"reflect"
	"sort"
	"strings"
	"time"
)

// marshalFields writes a struct as a JSON object whose durations are strings such as "3s".
func marshalFields(from any) ([]byte, error) {
	value, out := reflect.ValueOf(from), map[string]any{}
	for i := range value.NumField() {
		if d, ok := value.Field(i).Interface().(time.Duration); ok {
			out[jsonName(value.Type().Field(i))] = d.String()
			continue
		}
		out[jsonName(value.Type().Field(i))] = value.Field(i).Interface()
	}
	return json.Marshal(out)
}

// unmarshalFields merges a JSON object into the struct that into points at: fields that the object doesn't name keep their value.
// An unknown field is an error that lists the known ones.
func unmarshalFields(text []byte, into any) error {
	var given map[string]json.RawMessage
	if err := json.Unmarshal(text, &given); err != nil {
		return fmt.Errorf("want a JSON object: %w", err)
	}
	value, known := reflect.ValueOf(into).Elem(), []string{}
	for i := range value.NumField() {
		name := jsonName(value.Type().Field(i))
		known = append(known, name)
		raw, ok := given[name]
		if !ok {
			continue
		}
		delete(given, name)
		if err := unmarshalField(raw, value.Field(i)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for name := range given {
		sort.Strings(known)
		return fmt.Errorf("there is no field %q; there are %s", name, strings.Join(known, ", "))
	}
	return nil
}

func unmarshalField(raw json.RawMessage, into reflect.Value) error {
	if into.Type() != reflect.TypeFor[time.Duration]() {
		into.SetZero() // a map is replaced, not added to
		return json.Unmarshal(raw, into.Addr().Interface())
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return fmt.Errorf("%s is no duration; write it as a string such as \"1.5s\"", raw)
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return fmt.Errorf("%q is no duration of zero or more; write it as \"1.5s\"", text)
	}
	into.SetInt(int64(d))
	return nil
}

func jsonName(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	return name
}
