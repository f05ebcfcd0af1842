// Package v1beta2 is the wire format of existing manifests of the AWS kinds of
// the group bootstrap.cluster.x-k8s.io, field for field. Like that of the group
// infrastructure.cluster.x-k8s.io, it uses the structs of package v2beta1 wherever both
// versions have the same JSON.
//
// +k8s:deepcopy-gen=package
// +k8s:defaulter-gen=TypeMeta
// +k8s:conversion-gen=github.com/capa-apiserver/capa-apiserver/apis/bootstrap/v2beta1
// +k8s:openapi-gen=true
// +k8s:openapi-model-package=io.x-k8s.cluster.bootstrap.v1beta2
// +groupName=bootstrap.cluster.x-k8s.io
package v1beta2
