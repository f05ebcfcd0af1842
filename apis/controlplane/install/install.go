// Package install is the group controlplane.cluster.x-k8s.io as a whole.
package install

import (
	"github.com/capa-apiserver/capa-apiserver/apis/controlplane/v1beta2"
	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/apis/group"
	"github.com/capa-apiserver/capa-apiserver/apis/openapi"
)

// Group is the group: v2beta1 is what is stored, v1beta2 what older manifests say.
var Group = &group.Group{
	Hub:     group.Version{GroupVersion: controlplanev1.SchemeGroupVersion, AddToScheme: controlplanev1.AddToScheme, Kinds: controlplanev1.Kinds},
	Spokes:  []group.Version{{GroupVersion: v1beta2.SchemeGroupVersion, AddToScheme: v1beta2.AddToScheme, Kinds: v1beta2.Kinds}},
	OpenAPI: openapi.GetOpenAPIDefinitions,
}
