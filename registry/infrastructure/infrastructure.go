// Package infrastructure holds what the kinds of the group
// infrastructure.cluster.x-k8s.io have in common.
package infrastructure

import (
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/capa-apiserver/capa-apiserver/apis/infrastructure/install"
	"github.com/capa-apiserver/capa-apiserver/apis/infrastructure/validation"
	"github.com/capa-apiserver/capa-apiserver/registry/generic"
)

// Kind is what follows from a kind's type and its group.
func Kind(object runtime.Object, short string) generic.Kind {
	return generic.KindOf(install.Group, validation.Rules, object, short)
}
