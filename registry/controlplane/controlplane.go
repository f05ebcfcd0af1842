// Package controlplane holds what the kinds of the group
// controlplane.cluster.x-k8s.io have in common.
package controlplane

import (
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/capa-apiserver/capa-apiserver/apis/controlplane/install"
	"github.com/capa-apiserver/capa-apiserver/apis/controlplane/validation"
	"github.com/capa-apiserver/capa-apiserver/registry/generic"
)

// Kind is what follows from a kind's type and its group.
func Kind(object runtime.Object, short string) generic.Kind {
	return generic.KindOf(install.Group, validation.Rules, object, short)
}
