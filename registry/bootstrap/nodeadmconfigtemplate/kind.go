// Package nodeadmconfigtemplate is the room of the kind NodeadmConfigTemplate.
package nodeadmconfigtemplate

import (
	bootstrapv1 "github.com/capa-apiserver/capa-apiserver/apis/bootstrap/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/registry/bootstrap"
	"github.com/capa-apiserver/capa-apiserver/registry/generic"
)

// Kind is the kind's row.
func Kind() generic.Kind {
	return bootstrap.Kind(&bootstrapv1.NodeadmConfigTemplate{}, "nodeadmct")
}
