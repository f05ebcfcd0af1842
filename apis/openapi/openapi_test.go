package openapi_test

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/cel/openapi/resolver"
	"k8s.io/kube-openapi/pkg/common"
	"k8s.io/kube-openapi/pkg/validation/spec"

	infrainstall "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/install"
	"github.com/capa-apiserver/capa-apiserver/apis/openapi"
)

// ours begins the names of the models of this project.
const ours = "io.x-k8s.cluster."

func definitions() map[string]common.OpenAPIDefinition {
	return openapi.GetOpenAPIDefinitions(spec.MustCreateRef)
}

func TestEveryKindHasAModelWithoutDanglingReferences(t *testing.T) {
	scheme := runtime.NewScheme()
	infrainstall.Group.InstallExternal(scheme)
	schemas := resolver.NewDefinitionsSchemaResolver(openapi.GetOpenAPIDefinitions, scheme)
	kinds := 0
	for gvk := range scheme.AllKnownTypes() {
		if !strings.HasPrefix(gvk.Kind, "AWS") {
			continue
		}
		kinds++
		if _, err := schemas.ResolveSchema(gvk); err != nil {
			t.Errorf("%s: %v", gvk, err)
		}
	}
	if kinds == 0 {
		t.Error("no kinds found")
	}
	known := definitions()
	for name, definition := range known {
		for _, dependency := range definition.Dependencies {
			if _, found := known[dependency]; !found {
				t.Errorf("%s refers to %s, which is missing: add its package to hack/update-codegen.sh", name, dependency)
			}
		}
	}
}

func TestEveryListOfOursSaysHowItIsMerged(t *testing.T) {
	eachProperty(t, func(t *testing.T, path string, s spec.Schema) {
		if len(s.Type) != 1 || s.Type[0] != "array" {
			return
		}
		if listType, _ := s.Extensions.GetString("x-kubernetes-list-type"); listType == "" {
			t.Errorf("%s has no +listType", path)
		}
	})
}

func TestEveryFieldOfOursIsExplained(t *testing.T) {
	eachProperty(t, func(t *testing.T, path string, s spec.Schema) {
		if s.Description == "" {
			t.Errorf("%s has no description", path)
		}
	})
}

// eachProperty visits the fields of our models, but those that every object has.
func eachProperty(t *testing.T, visit func(t *testing.T, path string, s spec.Schema)) {
	t.Helper()
	visited := 0
	for name, definition := range definitions() {
		if !strings.HasPrefix(name, ours) {
			continue
		}
		for property, s := range definition.Schema.Properties {
			visited++
			visit(t, name+"."+property, s)
		}
	}
	if visited == 0 {
		t.Error("no fields found")
	}
}
