package v2beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupName is the API group of the bootstrap kinds.
const GroupName = "bootstrap.cluster.x-k8s.io"

// SchemeGroupVersion is the group and version of the types of this package.
var SchemeGroupVersion = schema.GroupVersion{Group: GroupName, Version: "v2beta1"}

var (
	// SchemeBuilder collects the functions that fill a scheme with this version.
	SchemeBuilder = runtime.NewSchemeBuilder(addKnownTypes, addDefaultingFuncs)

	// AddToScheme registers the types of this version and their defaults.
	AddToScheme = SchemeBuilder.AddToScheme
)

// Kinds returns one empty object of every kind of this package, lists included.
// A new kind is added here and nowhere else in the registration.
func Kinds() []runtime.Object {
	return []runtime.Object{
		&NodeadmConfig{}, &NodeadmConfigList{},
		&NodeadmConfigTemplate{}, &NodeadmConfigTemplateList{},
		&EKSConfig{}, &EKSConfigList{},
		&EKSConfigTemplate{}, &EKSConfigTemplateList{},
	}
}

func addKnownTypes(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(SchemeGroupVersion, Kinds()...)
	metav1.AddToGroupVersion(scheme, SchemeGroupVersion)
	return nil
}
