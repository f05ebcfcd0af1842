// Package awsmachinepool is the room of the kind AWSMachinePool.
package awsmachinepool

import (
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/registry/generic"
	"github.com/capa-apiserver/capa-apiserver/registry/infrastructure"
)

// Kind is the kind's row.
func Kind() generic.Kind {
	k := infrastructure.Kind(&infrav1.AWSMachinePool{}, "awsmp")
	k.Columns = columns
	return k
}
