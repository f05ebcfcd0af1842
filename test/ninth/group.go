package ninth

import (
	"maps"
	"strings"

	"k8s.io/kube-openapi/pkg/common"
	"k8s.io/kube-openapi/pkg/validation/spec"

	"github.com/capa-apiserver/capa-apiserver/apis/group"
	"github.com/capa-apiserver/capa-apiserver/apis/openapi"
	"github.com/capa-apiserver/capa-apiserver/test/ninth/v2beta1"
)

// Group is the group.
var Group = &group.Group{
	Hub:     group.Version{GroupVersion: v2beta1.SchemeGroupVersion, Kinds: v2beta1.Kinds, AddToScheme: v2beta1.AddToScheme},
	OpenAPI: models,
}

// elsewhere names the models of other packages, which are generated with these packages'
// other types and not with the ninth kind's.
var elsewhere = strings.NewReplacer("k8s.io/apimachinery/pkg/apis/meta/v1.", "io.k8s.apimachinery.pkg.apis.meta.v1.",
	"github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1.", "io.x-k8s.cluster.infrastructure.v2beta1.")

// models are the group's own, and those of the libraries.
func models(ref common.ReferenceCallback) map[string]common.OpenAPIDefinition {
	all := openapi.GetOpenAPIDefinitions(ref)
	maps.Copy(all, v2beta1.GetOpenAPIDefinitions(func(path string) spec.Ref { return ref(elsewhere.Replace(path)) }))
	for name := range all {
		for i, needed := range all[name].Dependencies {
			all[name].Dependencies[i] = elsewhere.Replace(needed)
		}
	}
	return all
}
