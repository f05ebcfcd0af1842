// Package install puts all versions of the group infrastructure.cluster.x-k8s.io
// into a scheme.
package install

import (
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v1beta2"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// InternalVersion is the group's internal version. Its types are those of the hub.
var InternalVersion = schema.GroupVersion{Group: infrav1.GroupName, Version: runtime.APIVersionInternal}

// Install registers the group for a server: both versions, and the hub's types as
// the internal version too. v2beta1 comes first in discovery and is what is stored.
func Install(scheme *runtime.Scheme) {
	InstallExternal(scheme)
	scheme.AddKnownTypes(InternalVersion, infrav1.Kinds()...)
}

// InstallExternal registers the versions that clients see, without the internal
// one. Clients use it, and so does whatever names the OpenAPI models: with the
// internal version registered, the hub's models would also be published as kinds
// of a version __internal.
func InstallExternal(scheme *runtime.Scheme) {
	utilruntime.Must(infrav1.AddToScheme(scheme))
	utilruntime.Must(v1beta2.AddToScheme(scheme))
	utilruntime.Must(scheme.SetVersionPriority(infrav1.SchemeGroupVersion, v1beta2.SchemeGroupVersion))
}
