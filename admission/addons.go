package admission

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"k8s.io/kube-openapi/pkg/validation/strfmt"
	"k8s.io/kube-openapi/pkg/validation/validate"
	"sigs.k8s.io/yaml"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
)

// judgeAddons: EKS has the add-ons for the version, in the versions that are asked for, and
// they take what they are configured with.
func judgeAddons(ctx context.Context, s *site, c *change) verdict {
	var v verdict
	for i := range c.updated.Spec.Addons {
		addon, at := &c.updated.Spec.Addons[i], controlPlanePath.Child("addons").Index(i)
		versions, err := s.AddonVersions(ctx, s.session, addon.Name, c.to.String())
		switch {
		case err != nil:
			v.paths, v.err = append(v.paths, at.String()), err
		case len(versions.Versions) == 0:
			v.addonRefused(c, addon, field.Invalid(at.Child("name"), addon.Name, fmt.Sprintf("EKS has no such add-on for v%s: take it out, or see what there is with: aws eks describe-addon-versions --kubernetes-version %s", c.to, c.to)))
		case addon.Channel() == "" && !slices.Contains(versions.Names(), addon.Version):
			v.addonRefused(c, addon, field.Invalid(at.Child("version"), addon.Version, fmt.Sprintf("EKS doesn't have it for v%s: write default, latest or one of %s", c.to, strings.Join(first(versions.Names(), maxSuggestions), ", "))))
		case addon.Configuration != "":
			v.judgeConfiguration(ctx, s, c, addon, at, versionOf(addon, versions))
		}
	}
	return v
}

// versionOf is the version that an add-on will have, "" where EKS doesn't say.
func versionOf(addon *controlplanev1.Addon, versions *mirror.EKSAddonVersions) string {
	switch addon.Channel() {
	case controlplanev1.AddonVersionDefault:
		return versions.Default()
	case controlplanev1.AddonVersionLatest:
		return versions.Newest()
	}
	return addon.Version
}

func (v *verdict) judgeConfiguration(ctx context.Context, s *site, c *change, addon *controlplanev1.Addon, at *field.Path, version string) {
	if version == "" {
		return
	}
	schema, err := s.AddonSchema(ctx, s.session, addon.Name, version)
	if err != nil {
		v.paths, v.err = append(v.paths, at.Child("configuration").String()), err
		return
	}
	for _, problem := range misconfigured(schema, addon.Configuration) {
		v.addonRefused(c, addon, field.Invalid(at.Child("configuration"), addon.Configuration, fmt.Sprintf("%s %s doesn't take it: %s; see what it takes with: aws eks describe-addon-configuration --addon-name %s --addon-version %s",
			addon.Name, version, problem, addon.Name, version)))
	}
}

// misconfigured is what a JSON schema says against a configuration, JSON or YAML. A schema
// that can't be read says nothing: EKS has the last word.
func misconfigured(schema, configuration string) []string {
	var document map[string]any
	wanted := &spec.Schema{}
	if json.Unmarshal([]byte(schema), &document) != nil {
		return nil
	}
	whole, err := json.Marshal(inlined(document, document, nil))
	if err != nil || json.Unmarshal(whole, wanted) != nil {
		return nil
	}
	given := map[string]any{}
	if err := yaml.Unmarshal([]byte(configuration), &given); err != nil {
		return []string{"it is neither a JSON nor a YAML object"}
	}
	var problems []string
	for _, problem := range validate.NewSchemaValidator(wanted, nil, "", strfmt.Default).Validate(given).Errors {
		problems = append(problems, strings.ReplaceAll(problem.Error(), " in body ", " "))
	}
	return problems
}

// inlined is a part of a schema with what its references point at in their place, for the
// validator knows none. What refers to itself takes anything.
func inlined(part any, document map[string]any, within []string) any {
	switch x := part.(type) {
	case map[string]any:
		if ref, ok := x["$ref"].(string); ok {
			target, err := resolve(ref, document)
			if err != nil || slices.Contains(within, ref) {
				return map[string]any{}
			}
			return inlined(target, document, append(slices.Clone(within), ref))
		}
		out := map[string]any{}
		for name, value := range x {
			if name != "definitions" && name != "$defs" && name != "$schema" {
				out[name] = inlined(value, document, within)
			}
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = inlined(x[i], document, within)
		}
		return out
	}
	return part
}

// resolve is what a reference within a document points at.
func resolve(ref string, document map[string]any) (any, error) {
	var at any = document
	for _, step := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
		members, _ := at.(map[string]any)
		next, ok := members[step]
		if !ok {
			return nil, errors.New("there is no " + ref)
		}
		at = next
	}
	return at, nil
}
