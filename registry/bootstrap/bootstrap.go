// Package bootstrap holds what the kinds of the group bootstrap.cluster.x-k8s.io have in
// common.
package bootstrap

import (
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/capa-apiserver/capa-apiserver/apis/bootstrap/install"
	bootstrapv1 "github.com/capa-apiserver/capa-apiserver/apis/bootstrap/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/apis/bootstrap/validation"
	"github.com/capa-apiserver/capa-apiserver/registry/generic"
)

// Kind is what follows from a kind's type and its group.
func Kind(object runtime.Object, short string) generic.Kind {
	return generic.KindOf(install.Group, validation.Rules, object, short)
}

// config is an object of one of the two kinds of configurations.
type config interface {
	ConfigStatus() *bootstrapv1.ConfigStatus
}

// Columns are the ones that users of configurations know, and the age.
var Columns = []generic.Column{
	generic.LabelColumn("Cluster", "cluster.x-k8s.io/cluster-name", "Cluster whose nodes it is for."),
	{Name: "Ready", Type: "boolean", Description: "Whether the bootstrap data was there once.",
		Value: func(obj runtime.Object) any { return obj.(config).ConfigStatus().Ready }},
	{Name: "DataSecretName", Type: "string", Description: "Secret that holds the bootstrap data.",
		Value: func(obj runtime.Object) any {
			if name := obj.(config).ConfigStatus().DataSecretName; name != nil {
				return *name
			}
			return nil
		}},
	generic.AgeColumn,
}
