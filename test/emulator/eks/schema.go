package eks

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"sigs.k8s.io/yaml"
)

// configuration holds values, JSON or YAML, to an add-on's schema.
func configuration(schema string, values *string) error {
	if values == nil || *values == "" {
		return nil
	}
	var given any
	if err := yaml.Unmarshal([]byte(*values), &given); err != nil {
		return invalid("ConfigurationValue provided in request is not supported: The value is neither JSON nor YAML")
	}
	var wanted map[string]any
	if err := json.Unmarshal([]byte(schema), &wanted); err != nil {
		panic(err) // a mistake in the program
	}
	if problem := mismatch("$", wanted, given); problem != "" {
		return invalid("ConfigurationValue provided in request is not supported: Json schema validation failed with error: [%s]", problem)
	}
	return nil
}

// mismatch is the first thing in which a value differs from a JSON schema's types, properties and enumerations.
func mismatch(path string, schema map[string]any, value any) string {
	if wanted, ok := schema["type"]; ok && !isOf(wanted, value) {
		return fmt.Sprintf("%s: %s found, %v expected", path, typeOf(value), wanted)
	}
	if one, ok := schema["enum"].([]any); ok && !slices.Contains(one, value) {
		return fmt.Sprintf("%s: does not have a value in the enumeration %v", path, one)
	}
	members, _ := value.(map[string]any)
	properties, _ := schema["properties"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(members)) {
		property, known := properties[name].(map[string]any)
		if !known {
			if schema["additionalProperties"] == false {
				return fmt.Sprintf("%s.%s: is not defined in the schema and the schema does not allow additional properties", path, name)
			}
			continue
		}
		if problem := mismatch(path+"."+name, property, members[name]); problem != "" {
			return problem
		}
	}
	return ""
}

func isOf(wanted, value any) bool {
	if several, ok := wanted.([]any); ok {
		return slices.ContainsFunc(several, func(one any) bool { return isOf(one, value) })
	}
	return wanted == typeOf(value) || wanted == "number" && typeOf(value) == "integer"
}

func typeOf(value any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case float64:
		if v == float64(int64(v)) {
			return "integer"
		}
		return "number"
	case []any:
		return "array"
	}
	return "object"
}
