// Package schema enforces at run time what the API types publish in OpenAPI:
// required fields, types, enums, lengths, ranges, patterns and the keys of lists.
// The markers beside the fields are the only place where such a limit is written.
package schema

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"

	apiextensionsvalidation "k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/cel/openapi/resolver"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"k8s.io/kube-openapi/pkg/validation/strfmt"
	"k8s.io/kube-openapi/pkg/validation/validate"

	"github.com/capa-apiserver/capa-apiserver/apis/group"
)

// Schemas are the published schemas of one API group.
type Schemas struct {
	definitions func() *resolver.DefinitionsSchemaResolver
	// sections holds one *section per kind, version and top-level field.
	sections sync.Map
}

// New reads the schemas of a group when they are first asked for.
func New(g *group.Group) *Schemas {
	return &Schemas{definitions: sync.OnceValue(func() *resolver.DefinitionsSchemaResolver {
		scheme := runtime.NewScheme()
		g.InstallExternal(scheme)
		return resolver.NewDefinitionsSchemaResolver(g.OpenAPI, scheme)
	})}
}

type sectionKey struct {
	gvk   schema.GroupVersionKind
	field string
}

// section is the schema of spec or status of one kind.
type section struct {
	schema    *spec.Schema
	validator apiextensionsvalidation.SchemaCreateValidator
}

// Validate judges the spec of an object by the schema published for gvk. The object
// must be of gvk's Go type. An object without spec is judged as one with an empty spec.
func (s *Schemas) Validate(gvk schema.GroupVersionKind, obj runtime.Object) field.ErrorList {
	return s.validateSection(gvk, obj, "spec")
}

// ValidateUpdate is Validate without what was already wrong in the old object.
func (s *Schemas) ValidateUpdate(gvk schema.GroupVersionKind, newObj, oldObj runtime.Object) field.ErrorList {
	return NewErrors(s.Validate(gvk, newObj), func() field.ErrorList { return s.Validate(gvk, oldObj) })
}

// ValidateStatus judges the status of an object by the schema published for gvk.
func (s *Schemas) ValidateStatus(gvk schema.GroupVersionKind, obj runtime.Object) field.ErrorList {
	return s.validateSection(gvk, obj, "status")
}

// ValidateStatusUpdate is ValidateStatus without what was already wrong in the old object.
func (s *Schemas) ValidateStatusUpdate(gvk schema.GroupVersionKind, newObj, oldObj runtime.Object) field.ErrorList {
	return NewErrors(s.ValidateStatus(gvk, newObj), func() field.ErrorList { return s.ValidateStatus(gvk, oldObj) })
}

func (s *Schemas) validateSection(gvk schema.GroupVersionKind, obj runtime.Object, name string) field.ErrorList {
	path := field.NewPath(name)
	part, err := s.sectionFor(gvk, name)
	if err != nil {
		return field.ErrorList{field.InternalError(path, err)}
	}
	if part == nil {
		return nil
	}
	value, err := valueOf(obj, name)
	if err != nil {
		return field.ErrorList{field.InternalError(path, fmt.Errorf("cannot read %s: %w", gvk.Kind, err))}
	}
	errs := apiextensionsvalidation.ValidateCustomResource(path, value, part.validator)
	errs = explain(errs, part.schema)
	return append(errs, duplicateKeys(path, value, part.schema)...)
}

// valueOf is the content of spec or status, as it would be written. The rest of the object, of which managed fields are the most, isn't looked at.
func valueOf(obj runtime.Object, name string) (map[string]any, error) {
	part := reflect.ValueOf(obj).Elem().FieldByName(strings.ToUpper(name[:1]) + name[1:])
	if !part.IsValid() {
		return map[string]any{}, nil
	}
	return runtime.DefaultUnstructuredConverter.ToUnstructured(part.Addr().Interface())
}

// sectionFor returns nil for a kind without that field.
func (s *Schemas) sectionFor(gvk schema.GroupVersionKind, name string) (*section, error) {
	key := sectionKey{gvk, name}
	if cached, found := s.sections.Load(key); found {
		return cached.(*section), nil
	}
	root, err := s.definitions().ResolveSchema(gvk)
	if err != nil {
		if errors.Is(err, resolver.ErrSchemaNotFound) {
			return nil, fmt.Errorf("no schema is published for %s: run make update, which generates it from the types", gvk)
		}
		return nil, err
	}
	var part *section
	if property, found := root.Properties[name]; found {
		part = &section{schema: &property, validator: newValidator(&property)}
	}
	s.sections.Store(key, part)
	return part, nil
}

// createValidator adapts kube-openapi's validator to the one interface that reports field errors.
type createValidator struct{ *validate.SchemaValidator }

var _ apiextensionsvalidation.SchemaCreateValidator = createValidator{}

func newValidator(s *spec.Schema) createValidator {
	return createValidator{validate.NewSchemaValidator(s, nil, "", strfmt.Default)}
}

// Validate checks a value made of maps, slices and scalars.
func (v createValidator) Validate(value any, _ ...apiextensionsvalidation.ValidationOption) *validate.Result {
	return v.SchemaValidator.Validate(value)
}

// explain rewrites what the validator says for people: the field's own description where a
// value is missing, words where a pattern doesn't match, and no path twice.
func explain(errs field.ErrorList, root *spec.Schema) field.ErrorList {
	for _, err := range errs {
		at := lookup(root, err.Field)
		if _, detail, found := strings.Cut(err.Detail, " in body "); found {
			err.Detail = detail
		}
		if at == nil {
			continue
		}
		switch {
		case err.Type == field.ErrorTypeRequired && err.Detail == "":
			err.Detail = firstSentence(at.Description)
		case at.Pattern != "" && strings.HasPrefix(err.Detail, "should match"):
			err.Detail = patternWords[at.Pattern]
		}
	}
	return errs
}

// lookup finds the schema of a field by a path such as spec.network.subnets[0].id.
func lookup(root *spec.Schema, path string) *spec.Schema {
	at := root
	parts := strings.Split(path, ".")
	for _, part := range parts[1:] {
		name, _, isItem := strings.Cut(part, "[")
		next, found := at.Properties[name]
		if !found {
			return nil
		}
		at = &next
		if isItem {
			if at.Items == nil || at.Items.Schema == nil {
				return nil
			}
			at = at.Items.Schema
		}
	}
	return at
}

func firstSentence(text string) string {
	sentence, _, _ := strings.Cut(text, "\n\nPossible enum values")
	return strings.TrimSpace(sentence)
}

// patternWords says in words what a pattern of the API wants.
var patternWords = map[string]string{
	"^(igw-[0-9a-z]+)?$":    "must be the id of an internet gateway, such as igw-0123456789abcdef0; the provider writes it",
	"^(eigw-[0-9a-z]+)?$":   "must be the id of an egress-only internet gateway, such as eigw-0123456789abcdef0; the provider writes it",
	"^(cagw-[0-9a-z]+)?$":   "must be the id of a carrier gateway, such as cagw-0123456789abcdef0; the provider writes it",
	"^(subnet-[0-9a-z]+)?$": "must be the id of a subnet, such as subnet-0123456789abcdef0; the provider writes it",
	"^(rtb-[0-9a-z]+)?$":    "must be the id of a route table, such as rtb-0123456789abcdef0; the provider writes it",
	"^(nat-[0-9a-z]+)?$":    "must be the id of a NAT gateway, such as nat-0123456789abcdef0; the provider writes it",
	`^[A-Za-z0-9]([A-Za-z0-9]{0,31}|[-A-Za-z0-9]{0,30}[A-Za-z0-9])$`: "must be at most 32 letters, digits and hyphens, without a hyphen at either end, such as my-cluster-api",
	`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`:                             "must be 3 to 63 lower-case letters, digits, dots and hyphens, beginning and ending with a letter or digit, such as my-bucket",
	`^[\w+=,.@-]+$`:                                                  "must be the name of an IAM role, made of letters, digits and _+=,.@- and not an ARN, such as my-role",
	`^[0-9]{12}$`:                                                    "must be the id of an AWS account, 12 digits, such as 123456789012",
	`^v?(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))?([-+][0-9A-Za-z.+-]+)?$`: "must be a version of Kubernetes with at least its major and minor number, such as v1.34 or v1.34.2",
	`^h-[0-9a-f]{17}$`: "must be the id of a dedicated host, h- and 17 hexadecimal digits, such as h-0123456789abcdef0",
}
