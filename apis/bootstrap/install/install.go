// Package install is the group bootstrap.cluster.x-k8s.io as a whole.
package install

import (
	"github.com/capa-apiserver/capa-apiserver/apis/bootstrap/v1beta2"
	bootstrapv1 "github.com/capa-apiserver/capa-apiserver/apis/bootstrap/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/apis/group"
	"github.com/capa-apiserver/capa-apiserver/apis/openapi"
)

// Group is the group: v2beta1 is what is stored, v1beta2 what older manifests say.
var Group = &group.Group{
	Hub:     group.Version{GroupVersion: bootstrapv1.SchemeGroupVersion, AddToScheme: bootstrapv1.AddToScheme, Kinds: bootstrapv1.Kinds},
	Spokes:  []group.Version{{GroupVersion: v1beta2.SchemeGroupVersion, AddToScheme: v1beta2.AddToScheme, Kinds: v1beta2.Kinds}},
	OpenAPI: openapi.GetOpenAPIDefinitions,
}
