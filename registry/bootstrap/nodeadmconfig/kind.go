// Package nodeadmconfig is the room of the kind NodeadmConfig.
package nodeadmconfig

import (
	bootstrapv1 "github.com/capa-apiserver/capa-apiserver/apis/bootstrap/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/registry/bootstrap"
	"github.com/capa-apiserver/capa-apiserver/registry/generic"
)

// Kind is the kind's row. Existing tools have no short name of it.
func Kind() generic.Kind {
	k := bootstrap.Kind(&bootstrapv1.NodeadmConfig{}, "")
	k.ShortNames, k.Columns = nil, bootstrap.Columns
	return k
}
