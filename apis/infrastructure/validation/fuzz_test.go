package validation

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
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"sigs.k8s.io/randfill"
	"sigs.k8s.io/yaml"

	"github.com/capa-apiserver/capa-apiserver/apis/infrastructure/install"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/test/fuzzing"
)

// bench is what a fuzz target works with, made once.
type bench struct {
	scheme          *runtime.Scheme
	codecs          serializer.CodecFactory
	strict, lenient runtime.Decoder
	kinds           []schema.GroupVersionKind
}

// newBench also asks for each schema once: they are made at the first question.
func newBench() *bench {
	scheme := runtime.NewScheme()
	install.Group.Install(scheme)
	b := &bench{
		scheme:  scheme,
		codecs:  serializer.NewCodecFactory(scheme),
		strict:  serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDecoder(install.Group.Internal()),
		lenient: serializer.NewCodecFactory(scheme).UniversalDecoder(install.Group.Internal()),
	}
	for gvk := range scheme.AllKnownTypes() {
		obj, err := scheme.New(gvk)
		if err != nil || gvk.Version == runtime.APIVersionInternal || !strings.HasPrefix(gvk.Kind, "AWS") || strings.HasSuffix(gvk.Kind, "List") {
			continue
		}
		b.kinds = append(b.kinds, gvk)
		b.judge(b.hub(obj), nil)
	}
	slices.SortFunc(b.kinds, func(x, y schema.GroupVersionKind) int { return strings.Compare(x.String(), y.String()) })
	return b
}

// hub defaults and converts an object as a request does.
func (b *bench) hub(obj runtime.Object) runtime.Object {
	b.scheme.Default(obj)
	out, err := b.scheme.ConvertToVersion(obj, install.Group.Internal())
	if err != nil {
		panic(err)
	}
	return out
}

// judge does what the storage does with an object before it is stored. Answers are not
// compared with anything: what counts is that there is one.
func (b *bench) judge(obj, old runtime.Object) {
	if old == nil {
		old = obj.DeepCopyObject()
	}
	_ = fmt.Sprint(create(obj), update(obj, old), statusUpdate(obj, old), recorded(obj, old), warnings(obj))
	for _, version := range []string{"v1beta2", "v2beta1"} {
		out, err := b.scheme.ConvertToVersion(obj.DeepCopyObject(), schema.GroupVersion{Group: infrav1.GroupName, Version: version})
		if err != nil {
			panic(err)
		}
		if _, err := json.Marshal(out); err != nil {
			panic(err)
		}
	}
}

// FuzzManifests decodes, defaults and judges any text.
func FuzzManifests(f *testing.F) {
	b := newBench()
	for _, pattern := range []string{"valid", "invalid", "corpus"} {
		files, err := filepath.Glob(filepath.Join("testdata", pattern, "*.yaml"))
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			for _, document := range documentsOf(content) {
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
				if err == nil && slices.ContainsFunc(infrav1.Kinds(), func(kind runtime.Object) bool { return sameType(kind, obj) }) {
					b.judge(obj, nil)
				}
			}
		})
	})
}

func sameType(a, b runtime.Object) bool { return fmt.Sprintf("%T", a) == fmt.Sprintf("%T", b) }

// FuzzObjects fills objects of every kind and version from bytes, and judges each as new
// and as the update of another one.
func FuzzObjects(f *testing.F) {
	b := newBench()
	for i := range b.kinds {
		f.Add(uint8(i), []byte("an object"), []byte("another one"))
	}
	f.Fuzz(func(t *testing.T, kind uint8, first, second []byte) {
		if len(first)+len(second) > fuzzing.MaxInput {
			return
		}
		gvk := b.kinds[int(kind)%len(b.kinds)]
		fuzzing.Limited(t, func() {
			old, updated := b.filled(t, gvk, first), b.filled(t, gvk, second)
			b.judge(updated, old)
		})
	})
}

func (b *bench) filled(t *testing.T, gvk schema.GroupVersionKind, data []byte) runtime.Object {
	obj, err := b.scheme.New(gvk)
	if err != nil {
		t.Fatal(err)
	}
	// Metadata is the API machinery's, whose types aren't all valid at random.
	randfill.NewFromGoFuzz(data).NilChance(0.3).NumElements(0, 5).MaxDepth(20).Funcs(fuzzer.MergeFuzzerFuncs(metafuzzer.Funcs)(b.codecs)...).Fill(obj)
	obj.GetObjectKind().SetGroupVersionKind(gvk)
	return b.hub(obj)
}
