// Package ninth is the row of a further kind, of a group of its own, for tests: what it takes
// to add one is what stands here and in v2beta1.
package ninth

import (
	"context"
	"maps"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/kube-openapi/pkg/common"
	"k8s.io/kube-openapi/pkg/validation/spec"

	"github.com/capa-apiserver/capa-apiserver/admission"
	"github.com/capa-apiserver/capa-apiserver/apis/group"
	"github.com/capa-apiserver/capa-apiserver/apis/openapi"
	"github.com/capa-apiserver/capa-apiserver/apis/validation"
	"github.com/capa-apiserver/capa-apiserver/apiserver"
	"github.com/capa-apiserver/capa-apiserver/registry/generic"
	"github.com/capa-apiserver/capa-apiserver/test/ninth/v2beta1"
)

type (
	// AWSNinth is the kind.
	AWSNinth = v2beta1.AWSNinth
	// AWSNinthList is a list of them.
	AWSNinthList = v2beta1.AWSNinthList
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

var rules = validation.NewTable(Group, validation.Own[*AWSNinth]{Create: func(n *AWSNinth) field.ErrorList {
	if n.Spec.ClusterName == "" {
		return field.ErrorList{field.Required(field.NewPath("spec", "clusterName"), "name the cluster")}
	}
	return nil
}})

// Row is the kind's row in the server's table.
func Row() apiserver.Row {
	return apiserver.Row{Kind: generic.KindOf(Group, rules, &AWSNinth{}, "awsn"), Admission: judge, Live: apiserver.LiveOf(Kind())}
}

// judge refuses what needs something outside of the object to be judged.
func judge(admission.Options) admission.Rules {
	return admission.Rules{Validate: []admission.Rule{func(_ context.Context, r admission.Request) ([]string, field.ErrorList) {
		if r.Object.(*AWSNinth).Spec.ClusterName == r.Namespace {
			return nil, field.ErrorList{field.Invalid(field.NewPath("spec", "clusterName"), r.Namespace, "is the namespace")}
		}
		return []string{"the ninth kind was judged"}, nil
	}}}
}
