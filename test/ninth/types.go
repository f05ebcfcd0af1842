// Package ninth is a further kind in a group of its own, for tests: what it takes to add
// one is what stands here. Nothing of the product knows it.
package ninth

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/kube-openapi/pkg/common"
	"k8s.io/kube-openapi/pkg/validation/spec"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/apis/openapi"
)

// GroupVersion is the group's only version.
var GroupVersion = schema.GroupVersion{Group: "ninth.example.com", Version: "v2beta1"}

// AWSNinth is the kind.
type AWSNinth struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              Spec   `json:"spec,omitzero"`
	Status            Status `json:"status,omitzero"`
}

// Spec is what users want.
type Spec struct {
	// ClusterName is the cluster that it is for.
	ClusterName string `json:"clusterName,omitempty"`
	Size        int64  `json:"size,omitempty"`
}

// Status is what is.
type Status struct {
	Conditions  []metav1.Condition   `json:"conditions,omitempty"`
	Observation *infrav1.Observation `json:"observation,omitempty"`
}

// AWSNinthList is a list of them.
type AWSNinthList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []AWSNinth `json:"items"`
}

// What follows is generated for the kinds of apis/.

// DeepCopyObject copies an object.
func (in *AWSNinth) DeepCopyObject() runtime.Object {
	out := *in
	in.ObjectMeta.DeepCopyInto(&out.ObjectMeta)
	out.Status.Conditions = slices.Clone(in.Status.Conditions)
	return &out
}

// DeepCopyObject copies a list.
func (in *AWSNinthList) DeepCopyObject() runtime.Object {
	out := *in
	out.Items = slices.Clone(in.Items)
	for i := range in.Items {
		out.Items[i] = *in.Items[i].DeepCopyObject().(*AWSNinth)
	}
	return &out
}

// OpenAPIModelName names the model.
func (in AWSNinth) OpenAPIModelName() string { return "com.example.ninth.v2beta1.AWSNinth" }

// OpenAPIModelName names the model.
func (in AWSNinthList) OpenAPIModelName() string { return "com.example.ninth.v2beta1.AWSNinthList" }

func definitions(ref common.ReferenceCallback) map[string]common.OpenAPIDefinition {
	all := openapi.GetOpenAPIDefinitions(ref) // metadata and conditions
	model := func(fields map[string]spec.Schema, needs ...string) common.OpenAPIDefinition {
		fields["apiVersion"], fields["kind"] = *spec.StringProperty(), *spec.StringProperty()
		return common.OpenAPIDefinition{Dependencies: needs, Schema: spec.Schema{SchemaProps: spec.SchemaProps{Type: []string{"object"}, Properties: fields}}}
	}
	to := func(name string) spec.Schema { return spec.Schema{SchemaProps: spec.SchemaProps{Ref: ref(name)}} }
	object := func(fields map[string]spec.Schema) spec.Schema {
		return spec.Schema{SchemaProps: spec.SchemaProps{Type: []string{"object"}, Properties: fields}}
	}
	meta, list, condition := metav1.ObjectMeta{}.OpenAPIModelName(), metav1.ListMeta{}.OpenAPIModelName(), metav1.Condition{}.OpenAPIModelName()
	observation := infrav1.Observation{}.OpenAPIModelName()
	all[AWSNinth{}.OpenAPIModelName()] = model(map[string]spec.Schema{
		"metadata": to(meta),
		"spec":     object(map[string]spec.Schema{"clusterName": *spec.StringProperty().WithMaxLength(63), "size": *spec.Int64Property().WithMinimum(0, false)}),
		"status":   object(map[string]spec.Schema{"conditions": atomic(spec.ArrayProperty(new(to(condition)))), "observation": to(observation)}),
	}, meta, condition, observation)
	all[AWSNinthList{}.OpenAPIModelName()] = model(map[string]spec.Schema{
		"metadata": to(list), "items": atomic(spec.ArrayProperty(new(to(AWSNinth{}.OpenAPIModelName())))),
	}, list, AWSNinth{}.OpenAPIModelName())
	return all
}

func atomic(s *spec.Schema) spec.Schema {
	s.AddExtension("x-kubernetes-list-type", "atomic")
	return *s
}
