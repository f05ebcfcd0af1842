package groups

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/apitesting/fuzzer"
	metafuzzer "k8s.io/apimachinery/pkg/apis/meta/fuzzer"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/randfill"
	"sigs.k8s.io/yaml"

	"github.com/capa-apiserver/capa-apiserver/apis/group"
	"github.com/capa-apiserver/capa-apiserver/test/fuzzing"
)

// stored are the group's kinds in all versions, without lists. Each schema is asked for
// once: they are made at the first question.
func (b *Bench) stored() []schema.GroupVersionKind {
	all := slices.DeleteFunc(kinds(b.group), func(gvk schema.GroupVersionKind) bool { return strings.HasSuffix(gvk.Kind, "List") })
	for _, gvk := range all {
		obj, err := b.scheme.New(gvk)
		if err != nil {
			panic(err)
		}
		b.treat(b.hub(obj), nil)
	}
	return all
}

// hub defaults and converts an object as a request does.
func (b *Bench) hub(obj runtime.Object) runtime.Object {
	b.scheme.Default(obj)
	out, err := b.scheme.ConvertToVersion(obj, b.group.Internal())
	if err != nil {
		panic(err)
	}
	return out
}

// treat does what the storage does with an object before it is stored. Answers are not
// compared with anything: what counts is that there is one.
func (b *Bench) treat(obj, old runtime.Object) {
	if old == nil {
		old = obj.DeepCopyObject()
	}
	rules := b.rules.Of(obj)
	_ = fmt.Sprint(rules.Create(obj), rules.Update(obj, old), rules.StatusUpdate(obj, old), rules.Recorded(obj, old), rules.Warnings(obj))
	for _, version := range b.group.Versions(group.KindName(obj)) {
		out, err := b.scheme.ConvertToVersion(obj.DeepCopyObject(), schema.GroupVersion{Group: b.group.Name(), Version: version})
		if err != nil {
			panic(err)
		}
		if _, err := json.Marshal(out); err != nil {
			panic(err)
		}
	}
}

// FuzzManifests decodes, defaults and judges any text, beginning with that of testdata.
func (b *Bench) FuzzManifests(f *testing.F) {
	b.stored()
	for _, dir := range []string{"valid", "invalid", "corpus"} {
		files, err := filepath.Glob(filepath.Join("testdata", dir, "*.yaml"))
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			for _, document := range Documents(content) {
				if converted, err := yaml.YAMLToJSON(document); err == nil {
					f.Add(converted)
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > fuzzing.MaxInput || len(bytes.TrimSpace(data)) == 0 {
			return
		}
		fuzzing.Limited(t, func() {
			for _, decoder := range []runtime.Decoder{b.strict, b.lenient} {
				obj, err := runtime.Decode(decoder, data)
				if err == nil && slices.ContainsFunc(b.group.Hub.Kinds(), func(kind runtime.Object) bool { return fmt.Sprintf("%T", kind) == fmt.Sprintf("%T", obj) }) {
					b.treat(obj, nil)
				}
			}
		})
	})
}

// FuzzObjects fills objects of every kind and version from bytes, and judges each as new
// and as the update of another one.
func (b *Bench) FuzzObjects(f *testing.F) {
	all := b.stored()
	for i := range all {
		f.Add(uint8(i), []byte("an object"), []byte("another one"))
	}
	f.Fuzz(func(t *testing.T, kind uint8, first, second []byte) {
		if len(first)+len(second) > fuzzing.MaxInput {
			return
		}
		gvk := all[int(kind)%len(all)]
		fuzzing.Limited(t, func() {
			old, updated := b.filled(t, gvk, first), b.filled(t, gvk, second)
			b.treat(updated, old)
		})
	})
}

func (b *Bench) filled(t *testing.T, gvk schema.GroupVersionKind, data []byte) runtime.Object {
	obj, err := b.scheme.New(gvk)
	if err != nil {
		t.Fatal(err)
	}
	// Metadata is the API machinery's, whose types aren't all valid at random.
	randfill.NewFromGoFuzz(data).NilChance(0.3).NumElements(0, 5).MaxDepth(20).Funcs(fuzzer.MergeFuzzerFuncs(metafuzzer.Funcs, objects)(b.codecs)...).Fill(obj)
	obj.GetObjectKind().SetGroupVersionKind(gvk)
	return b.hub(obj)
}
