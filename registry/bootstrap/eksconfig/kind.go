// Package eksconfig is the room of the kind EKSConfig.
package eksconfig

import (
	bootstrapv1 "github.com/capa-apiserver/capa-apiserver/apis/bootstrap/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/registry/bootstrap"
	"github.com/capa-apiserver/capa-apiserver/registry/generic"
)

// Kind is the kind's row.
func Kind() generic.Kind {
	k := bootstrap.Kind(&bootstrapv1.EKSConfig{}, "eksc")
	k.Columns = bootstrap.Columns
	return k
}
