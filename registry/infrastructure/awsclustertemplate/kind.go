// Package awsclustertemplate is the room of the kind AWSClusterTemplate.
package awsclustertemplate

import (
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/registry/generic"
	"github.com/capa-apiserver/capa-apiserver/registry/infrastructure"
)

// Kind is the kind's row. That the spec can't be changed is not among its rules
// but an admission plugin's, which sees the dry runs that have to pass.
func Kind() generic.Kind {
	return infrastructure.Kind(&infrav1.AWSClusterTemplate{}, "awsct")
}
