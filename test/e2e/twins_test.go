package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensionsclient "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/cel/openapi/resolver"

	"github.com/capa-apiserver/capa-apiserver/apis/infrastructure/install"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// twinGroup is the group of the AWSMachines that a CRD serves.
const twinGroup = "twins.example.com"

var twins = schema.GroupVersionResource{Group: twinGroup, Version: "v2beta1", Resource: "awsmachines"}

// serveTwins has kube-apiserver serve AWSMachines of a group of their own, by a CRD of
// the same schema.
func (w *world) serveTwins() {
	w.t.Helper()
	scheme := runtime.NewScheme()
	install.Group.InstallExternal(scheme)
	published, err := resolver.NewDefinitionsSchemaResolver(install.Group.OpenAPI, scheme).ResolveSchema(infrav1.SchemeGroupVersion.WithKind("AWSMachine"))
	must(w.t, err)
	text, err := json.Marshal(published)
	must(w.t, err)
	var fields map[string]any
	must(w.t, json.Unmarshal(text, &fields))
	properties := fields["properties"].(map[string]any)
	properties["metadata"] = map[string]any{"type": "object"}
	text, err = json.Marshal(structural(fields))
	must(w.t, err)
	props := &apiextensionsv1.JSONSchemaProps{}
	must(w.t, json.Unmarshal(text, props))

	crd := &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: twins.Resource + "." + twinGroup},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: twinGroup, Scope: apiextensionsv1.NamespaceScoped,
			Names: apiextensionsv1.CustomResourceDefinitionNames{Kind: "AWSMachine", ListKind: "AWSMachineList", Plural: twins.Resource, Singular: "awsmachine"},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
				Name: twins.Version, Served: true, Storage: true,
				Schema:       &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: props},
				Subresources: &apiextensionsv1.CustomResourceSubresources{Status: &apiextensionsv1.CustomResourceSubresourceStatus{}},
			}},
		},
	}
	client, err := apiextensionsclient.NewForConfig(w.config)
	must(w.t, err)
	api := client.ApiextensionsV1().CustomResourceDefinitions()
	_, err = api.Create(context.Background(), crd, metav1.CreateOptions{})
	must(w.t, err)
	w.t.Cleanup(func() { _ = api.Delete(context.Background(), crd.Name, metav1.DeleteOptions{}) })
	w.eventually("the twins are served", func(ctx context.Context) error {
		_, err := w.dynamic().Resource(twins).List(ctx, metav1.ListOptions{})
		return err
	})
}

// structural brings a schema into the form that CRDs want: what a field adds to the schema
// of its type stands in one place with it.
func structural(s map[string]any) map[string]any {
	if all, ok := s["allOf"].([]any); ok {
		delete(s, "allOf")
		for _, part := range all {
			for key, value := range part.(map[string]any) {
				if _, given := s[key]; !given {
					s[key] = value
				}
			}
		}
		return structural(s)
	}
	delete(s, "x-kubernetes-group-version-kind")
	// Zero values of Go's types, which aren't meant as defaults and may be out of range.
	if text := fmt.Sprint(s["default"]); text == "" || text == "0" || text == "map[]" {
		delete(s, "default")
	}
	if properties, ok := s["properties"].(map[string]any); ok {
		for name, property := range properties {
			properties[name] = structural(property.(map[string]any))
		}
	}
	for _, key := range []string{"items", "additionalProperties"} {
		if child, ok := s[key].(map[string]any); ok {
			s[key] = structural(child)
		}
	}
	return s
}

// twin is a copy of an object of ours as a CRD's client writes it.
func twin(obj *unstructured.Unstructured) *unstructured.Unstructured {
	out := obj.DeepCopy()
	out.SetAPIVersion(twins.GroupVersion().String())
	out.SetResourceVersion("")
	out.SetUID("")
	out.SetOwnerReferences(nil)
	out.SetFinalizers(nil)
	out.SetManagedFields(nil)
	return out
}

// pad makes a twin as large as the object of which it is the twin, what the server manages
// included. It tells whether there is something to write.
func pad(twin, of *unstructured.Unstructured) bool {
	lacks := size(of) - size(twin)
	annotations := maps.Clone(twin.GetAnnotations())
	if annotations == nil {
		annotations = map[string]string{}
	}
	length := len(annotations["padding"]) + lacks
	if lacks == 0 || length < 0 {
		return false
	}
	annotations["padding"] = strings.Repeat("x", length)
	twin.SetAnnotations(annotations)
	return true
}

func size(obj *unstructured.Unstructured) int {
	text, err := json.Marshal(obj)
	if err != nil {
		panic(fmt.Sprint("an object isn't JSON: ", err))
	}
	return len(text)
}
