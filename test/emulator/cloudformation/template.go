package cloudformation

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"sigs.k8s.io/yaml"

	"github.com/capa-apiserver/capa-apiserver/test/emulator/core"
)

// template is one with the sections that are followed here.
type template struct {
	text      string
	about     string
	resources map[string]declared
}

// declared is a resource of a template.
type declared struct {
	Type       string
	Properties map[string]any
	DependsOn  any
	after      []string // what it depends on
}

func (t *template) description() *string { return core.Next(t.about) }

func (t *template) same(other *template) bool {
	return t.about == other.about && reflect.DeepEqual(t.resources, other.resources)
}

// longestTemplate is that of a body ("CloudFormation quotas").
const longestTemplate = 51200

// sections of a template ("Template anatomy"); those that aren't followed here are refused rather than passed over.
var sections = []string{"AWSTemplateFormatVersion", "Description", "Metadata", "Resources"}

func templateOf(text string, capabilities []types.Capability) (*template, error) {
	if text == "" {
		return nil, invalid("Either Template URL or Template Body must be specified.")
	}
	if len(text) > longestTemplate {
		return nil, invalid("1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to %d", longestTemplate)
	}
	var whole map[string]any
	if err := yaml.Unmarshal([]byte(text), &whole); err != nil {
		return nil, invalid("Template format error: %s is not well-formed.", map[bool]string{true: "JSON", false: "YAML"}[strings.HasPrefix(strings.TrimSpace(text), "{")])
	}
	for name := range whole {
		if !slices.Contains(sections, name) {
			return nil, invalid("Invalid template property or properties [%s]", name)
		}
	}
	plain, err := json.Marshal(whole)
	var read struct {
		Description string
		Resources   map[string]declared
	}
	if err == nil {
		err = json.Unmarshal(plain, &read)
	}
	if err != nil {
		return nil, invalid("Template format error: %v", err)
	}
	if len(read.Resources) == 0 {
		return nil, invalid("Template format error: At least one Resources member must be defined.")
	}
	t := &template{text: text, about: read.Description, resources: read.Resources}
	return t, t.check(capabilities)
}

var logicalID = regexp.MustCompile(`^[a-zA-Z0-9]{1,255}$`)

func (t *template) check(capabilities []types.Capability) error {
	var unknown, unresolved []string
	named := false
	for _, id := range slices.Sorted(maps.Keys(t.resources)) {
		d := t.resources[id]
		if !logicalID.MatchString(id) {
			return invalid("Template format error: Resource name %s is non alphanumeric.", id)
		}
		k, ok := kinds[d.Type]
		if !ok {
			unknown = append(unknown, d.Type)
			continue
		}
		named = named || d.Properties[k.name] != nil
		for name := range d.Properties {
			if !slices.Contains(k.properties, name) {
				return invalid("Encountered unsupported property %s in %s of type %s", name, id, d.Type)
			}
		}
		for _, other := range append(refs(d.Properties), listOf(d.DependsOn)...) {
			switch {
			case strings.HasPrefix(other, "AWS::"):
			case t.resources[other].Type == "":
				unresolved = append(unresolved, other)
			case !slices.Contains(d.after, other):
				d.after = append(d.after, other)
			}
		}
		t.resources[id] = d
	}
	switch {
	case len(unknown) > 0:
		return invalid("Template format error: Unrecognized resource types: [%s]", strings.Join(unknown, ", "))
	case len(unresolved) > 0:
		return invalid("Template format error: Unresolved resource dependencies [%s] in the Resources block of the template", strings.Join(unresolved, ", "))
	case slices.Contains(capabilities, types.CapabilityCapabilityNamedIam):
		return nil
	case named:
		return core.Refuse("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_NAMED_IAM]")
	case !slices.Contains(capabilities, types.CapabilityCapabilityIam):
		return core.Refuse("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_IAM]")
	}
	return nil
}

func listOf(of any) []string {
	switch v := of.(type) {
	case string:
		return []string{v}
	case []any:
		out := []string{}
		for _, x := range v {
			out = append(out, fmt.Sprint(x))
		}
		return out
	}
	return nil
}

var inText = regexp.MustCompile(`\$\{([A-Za-z0-9:.]+)\}`)

// refs lists the resources and pseudo parameters that a value names.
func refs(in any) []string {
	var out []string
	switch v := in.(type) {
	case map[string]any:
		if name, ok := v["Ref"].(string); ok && len(v) == 1 {
			return []string{name}
		}
		if of := listOf(v["Fn::GetAtt"]); len(v) == 1 && len(of) > 0 {
			name, _, _ := strings.Cut(of[0], ".")
			return []string{name}
		}
		if text, ok := v["Fn::Sub"].(string); ok {
			for _, m := range inText.FindAllStringSubmatch(text, -1) {
				name := m[1]
				if !strings.HasPrefix(name, "AWS::") {
					name, _, _ = strings.Cut(name, ".")
				}
				out = append(out, name)
			}
			return out
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			out = append(out, refs(v[key])...)
		}
	case []any:
		for _, x := range v {
			out = append(out, refs(x)...)
		}
	}
	return out
}

// resolved is a value with the names in it replaced by what they stand for.
func (x *stack) resolved(in any) any {
	switch v := in.(type) {
	case map[string]any:
		if name, ok := v["Ref"].(string); ok && len(v) == 1 {
			return x.refer(name)
		}
		if of := listOf(v["Fn::GetAtt"]); len(v) == 1 && len(of) > 0 {
			return x.attribute(strings.Join(of, "."))
		}
		if text, ok := v["Fn::Sub"].(string); ok && len(v) == 1 {
			return inText.ReplaceAllStringFunc(text, func(found string) string {
				name := found[2 : len(found)-1]
				if strings.Contains(strings.TrimPrefix(name, "AWS::"), ".") {
					return x.attribute(name)
				}
				return x.refer(name)
			})
		}
		out := map[string]any{}
		for key, value := range v {
			out[key] = x.resolved(value)
		}
		return out
	case []any:
		out := make([]any, 0, len(v))
		for _, value := range v {
			out = append(out, x.resolved(value))
		}
		return out
	}
	return in
}

// refer is what Ref yields.
func (x *stack) refer(name string) string {
	switch name {
	case "AWS::Partition":
		return core.Partition(x.region.Name)
	case "AWS::AccountId":
		return x.region.Account
	case "AWS::Region":
		return x.region.Name
	case "AWS::StackName":
		return *x.StackName
	case "AWS::StackId":
		return *x.StackId
	case "AWS::URLSuffix":
		return "amazonaws.com"
	}
	if y := x.resources[name]; y != nil {
		return y.physical
	}
	return ""
}

// attribute is what Fn::GetAtt yields: "Arn" is the only one here.
func (x *stack) attribute(name string) string {
	id, _, _ := strings.Cut(name, ".")
	if y := x.resources[id]; y != nil {
		return y.arn
	}
	return ""
}
