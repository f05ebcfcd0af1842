package apiserver

import (
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/capa-apiserver/capa-apiserver/apiserver/registrar"
	"github.com/capa-apiserver/capa-apiserver/registry/generic"
	"github.com/capa-apiserver/capa-apiserver/registry/infrastructure/awscluster"
	"github.com/capa-apiserver/capa-apiserver/registry/infrastructure/awsclusteridentity"
	"github.com/capa-apiserver/capa-apiserver/registry/infrastructure/awsclustertemplate"
	"github.com/capa-apiserver/capa-apiserver/registry/infrastructure/awsmachine"
	"github.com/capa-apiserver/capa-apiserver/registry/infrastructure/awsmachinepool"
	"github.com/capa-apiserver/capa-apiserver/registry/infrastructure/awsmachinetemplate"
)

// Kinds are all kinds that the server serves. Storage, discovery and the shadow
// CRDs follow from this table.
func Kinds() []generic.Kind {
	return append([]generic.Kind{
		awscluster.Kind(),
		awsclustertemplate.Kind(),
		awsmachine.Kind(),
		awsmachinetemplate.Kind(),
		awsmachinepool.Kind(),
	}, awsclusteridentity.Kinds()...)
}

// resources is the table as the registrar needs it.
func resources() []registrar.Resource {
	var all []registrar.Resource
	for _, k := range Kinds() {
		all = append(all, registrar.Resource{
			Group: k.Group, Kind: k.Name, Plural: k.Plural, Singular: k.Singular,
			ShortNames: k.ShortNames, Categories: k.Categories, Namespaced: k.Namespaced,
			Versions: k.Served, ShadowLabels: k.Labels,
		})
	}
	return all
}

// mapper knows the kinds without asking for them: caches are set up before anything is
// served.
func mapper() meta.RESTMapper {
	m := meta.NewDefaultRESTMapper(nil)
	for _, k := range Kinds() {
		scope := meta.RESTScopeRoot
		if k.Namespaced {
			scope = meta.RESTScopeNamespace
		}
		for _, version := range k.Served {
			gv := schema.GroupVersion{Group: k.Group, Version: version}
			m.AddSpecific(gv.WithKind(k.Name), gv.WithResource(k.Plural), gv.WithResource(k.Singular), scope)
		}
	}
	return m
}
