// Package awsmanagedmachinepooltemplate is the room of the kind AWSManagedMachinePoolTemplate.
package awsmanagedmachinepooltemplate

import (
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/registry/generic"
	"github.com/capa-apiserver/capa-apiserver/registry/infrastructure"
)

// Kind is the kind's row.
func Kind() generic.Kind {
	return infrastructure.Kind(&infrav1.AWSManagedMachinePoolTemplate{}, "awsmmpt")
}
