// Package v2beta1 is a further group of one kind, for tests. Nothing of the product knows it.
//
// +k8s:deepcopy-gen=package
// +k8s:openapi-gen=true
// +k8s:openapi-model-package=com.example.ninth.v2beta1
// +groupName=ninth.example.com
package v2beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// SchemeGroupVersion is the group's only version.
var SchemeGroupVersion = schema.GroupVersion{Group: "ninth.example.com", Version: "v2beta1"}

// Kinds are an empty object of the kind, and an empty list.
func Kinds() []runtime.Object { return []runtime.Object{&AWSNinth{}, &AWSNinthList{}} }

// AddToScheme registers the kind.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(SchemeGroupVersion, Kinds()...)
	metav1.AddToGroupVersion(scheme, SchemeGroupVersion)
	return nil
}
