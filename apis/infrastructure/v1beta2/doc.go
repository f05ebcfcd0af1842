// Package v1beta2 is the wire format of existing manifests of the AWS kinds of
// the group infrastructure.cluster.x-k8s.io, field for field.
//
// Its kinds use the structs of package v2beta1 wherever both versions have the
// same JSON: all of spec, and the parts of status. Only the kinds themselves and
// their status differ, so that conversion stays trivial and a field is defined,
// defaulted and validated in one place.
//
// +k8s:deepcopy-gen=package
// +k8s:defaulter-gen=TypeMeta
// +k8s:conversion-gen=github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1
// +k8s:openapi-gen=true
// +k8s:openapi-model-package=io.x-k8s.cluster.infrastructure.v1beta2
// +groupName=infrastructure.cluster.x-k8s.io
package v1beta2
