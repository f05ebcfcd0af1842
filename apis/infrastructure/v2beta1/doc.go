// Package v2beta1 is the native version, and the hub, of the AWS kinds of the
// group infrastructure.cluster.x-k8s.io. It follows the v1beta2 contract of
// Cluster API. Its Go types also serve as the group's internal version, so that
// there is one struct per kind and version.
//
// The structs under spec are shared with the package v1beta2, which is the wire
// format of existing manifests: spec has the same JSON shape in both versions.
//
// Rules for JSON tags keep a second apply of a manifest from changing anything, and JSON
// patches working below what was written. A bool is always written, so that false is read back
// where a user wrote it. A list or map of a spec is omitzero, so that an empty one stays. A
// struct is omitzero, a pointer or a struct that defaults fill, so that an object that switches
// something on by being there ({} in cni or ipv6) stays; those that CAPA always writes (ami, the
// metadata of templates, controlPlaneEndpoint) are always written. A required string is
// omitempty, so that leaving it out and leaving it empty are one error; but the description of
// a rule may be empty.
//
// Constraints (+k8s:validation, +required, +default) are published in OpenAPI
// and enforced from there by the package apis/schema.
//
// +k8s:deepcopy-gen=package
// +k8s:defaulter-gen=TypeMeta
// +k8s:openapi-gen=true
// +k8s:openapi-model-package=io.x-k8s.cluster.infrastructure.v2beta1
// +groupName=infrastructure.cluster.x-k8s.io
package v2beta1
