// Package v2beta1 is a further group of one kind, for tests. Nothing of the product knows it.
//
// +k8s:deepcopy-gen=package
// +k8s:openapi-gen=true
// +k8s:openapi-model-package=com.example.ninth.v2beta1
// +groupName=ninth.example.com
package v2beta1
