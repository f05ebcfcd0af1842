// Package v2beta1 is the native version, and the hub, of the AWS kinds of the group
// bootstrap.cluster.x-k8s.io. It follows the v1beta2 contract of Cluster API, and the rules
// of the package infrastructure/v2beta1 for JSON tags: spec has the same JSON shape in both
// versions, so that what older manifests have no field for is written there all the same.
//
// +k8s:deepcopy-gen=package
// +k8s:defaulter-gen=TypeMeta
// +k8s:openapi-gen=true
// +k8s:openapi-model-package=io.x-k8s.cluster.bootstrap.v2beta1
// +groupName=bootstrap.cluster.x-k8s.io
package v2beta1
