package schema

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/kube-openapi/pkg/validation/spec"

	bootstrap "github.com/capa-apiserver/capa-apiserver/apis/bootstrap/install"
	controlplane "github.com/capa-apiserver/capa-apiserver/apis/controlplane/install"
	"github.com/capa-apiserver/capa-apiserver/apis/group"
	infrastructure "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/install"
	"github.com/capa-apiserver/capa-apiserver/apis/openapi"
)

// groups are all groups of apis/.
var groups = []*group.Group{infrastructure.Group, controlplane.Group, bootstrap.Group}

func TestAllGroupsAreJudged(t *testing.T) {
	known := map[string]bool{}
	for _, g := range groups {
		known[g.Name()] = true
	}
	for name := range openapi.GetOpenAPIDefinitions(spec.MustCreateRef) {
		short, ours := strings.CutPrefix(name, "io.x-k8s.cluster.")
		short, _, _ = strings.Cut(short, ".")
		if ours && !known[short+".cluster.x-k8s.io"] {
			t.Errorf("%s is of a group that isn't judged here: add it to groups", name)
		}
	}
}

// TestWhatUsersWriteHasAMaximum holds every kind and version to it: a string without a
// list of its values has a length, a list a number of items and a map a number of entries.
func TestWhatUsersWriteHasAMaximum(t *testing.T) {
	for _, g := range groups {
		scheme := runtime.NewScheme()
		g.InstallExternal(scheme)
		published, judged := New(g), 0
		for gvk := range scheme.AllKnownTypes() {
			root, err := published.definitions().ResolveSchema(gvk)
			if err != nil {
				continue // lists and options, which nobody stores
			}
			s, found := root.Properties["spec"]
			if !found {
				continue
			}
			judged++
			for _, path := range unlimited(gvk.Kind+"/"+gvk.Version+" spec", &s, nil) {
				t.Error(path)
			}
		}
		if want := len(g.Hub.Kinds()) / 2; judged < want {
			t.Errorf("%d kinds of %s were judged, want %d in all versions", judged, g.Name(), want)
		}
	}
}

// unlimited lists what has no maximum at or below a schema. more are the constraints that
// the field puts on it from outside.
func unlimited(path string, s *spec.Schema, more []spec.Schema) []string {
	all := append(append([]spec.Schema{*s}, s.AllOf...), more...)
	has := func(limit func(spec.Schema) bool) bool { return slices.ContainsFunc(all, limit) }
	var out []string
	if s.Type.Contains("string") && len(s.Enum) == 0 && s.Format == "" && !has(func(s spec.Schema) bool { return s.MaxLength != nil || len(s.Enum) > 0 }) {
		out = append(out, path+": a string without maxLength")
	}
	if s.Type.Contains("array") {
		if !has(func(s spec.Schema) bool { return s.MaxItems != nil }) {
			out = append(out, path+": a list without maxItems")
		}
		out = append(out, unlimited(path+"[]", s.Items.Schema, within(all, func(s spec.Schema) *spec.Schema {
			if s.Items == nil {
				return nil
			}
			return s.Items.Schema
		}))...)
	}
	if s.AdditionalProperties != nil {
		if !has(func(s spec.Schema) bool { return s.MaxProperties != nil }) {
			out = append(out, path+": a map without maxProperties")
		}
		out = append(out, unlimited(path+"{}", s.AdditionalProperties.Schema, within(all, func(s spec.Schema) *spec.Schema {
			if s.AdditionalProperties == nil {
				return nil
			}
			return s.AdditionalProperties.Schema
		}))...)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		if name == "selector" {
			continue // the API machinery's type; package validation limits it
		}
		property := s.Properties[name]
		out = append(out, unlimited(path+"."+name, &property, nil)...)
	}
	return out
}

func within(all []spec.Schema, part func(spec.Schema) *spec.Schema) []spec.Schema {
	var out []spec.Schema
	for _, s := range all {
		if p := part(s); p != nil {
			out = append(out, append([]spec.Schema{*p}, p.AllOf...)...)
		}
	}
	return out
}
