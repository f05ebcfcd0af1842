// Package awsmanagedcontrolplanetemplate is the room of the kind AWSManagedControlPlaneTemplate.
package awsmanagedcontrolplanetemplate

import (
	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/registry/controlplane"
	"github.com/capa-apiserver/capa-apiserver/registry/generic"
)

// Kind is the kind's row.
func Kind() generic.Kind {
	return controlplane.Kind(&controlplanev1.AWSManagedControlPlaneTemplate{}, "awmcpt")
}
