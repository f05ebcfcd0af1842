package takeover

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/capa-apiserver/capa-apiserver/apis/takeover"
)

// What somebody writes into an object of the server's has it not removed without a word to AWS.
func TestAnAnnotationAloneSetsNothingAside(t *testing.T) {
	o := parse(t, theirMachine)
	o.SetAnnotations(map[string]string{takeover.GivenBackAnnotation: ""})
	if aside(o) {
		t.Error("an object with a finalizer is aside")
	}
	o.SetFinalizers(nil)
	if aside(o) {
		t.Error("an object that isn't paused is aside")
	}
	o.SetAnnotations(map[string]string{takeover.GivenBackAnnotation: "", "cluster.x-k8s.io/paused": ""})
	if !aside(o) {
		t.Error("an object that was given back isn't aside")
	}
}

// What CAPA gets back is what has changed, and nothing that is only said in other words.
func TestOnlyWhatHasChangedIsWrittenBack(t *testing.T) {
	cases := map[string]struct {
		change func(*unstructured.Unstructured)
		want   map[string]any
	}{
		"nothing": {func(*unstructured.Unstructured) {}, map[string]any{}},
		"a spec": {func(o *unstructured.Unstructured) {
			_ = unstructured.SetNestedField(o.Object, "m5.large", "spec", "instanceType")
		}, map[string]any{"spec": map[string]any{"instanceType": "m5.large"}}},
		"a status": {func(o *unstructured.Unstructured) {
			_ = unstructured.SetNestedField(o.Object, "stopped", "status", "instanceState")
		}, map[string]any{"status": map[string]any{"instanceState": "stopped", "ready": false}}},
		"a label": {func(o *unstructured.Unstructured) { o.SetLabels(map[string]string{"a": "b"}) },
			map[string]any{"metadata": map[string]any{"labels": map[string]any{"a": "b"}}}},
		"what is taken away": {func(o *unstructured.Unstructured) { o.SetFinalizers(nil) },
			map[string]any{"metadata": map[string]any{"finalizers": nil}}},
		"what is the store's, or the server's own": {func(o *unstructured.Unstructured) {
			o.SetResourceVersion("78")
			o.SetGeneration(9)
			o.SetManagedFields(nil)
		}, map[string]any{}},
	}
	codec := newCodec()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			was := parse(t, theirMachine)
			_ = unstructured.SetNestedField(was.Object, "unknown to the server", "spec", "ofALaterCAPA")
			now, err := codec.convert(was, ours)
			if err != nil {
				t.Fatal(err)
			}
			c.change(now)
			is, err := codec.asTheirs(now)
			if err != nil {
				t.Fatal(err)
			}
			got, err := codec.since(was, is)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("written is (-want +got):\n%s", diff)
			}
		})
	}
}
