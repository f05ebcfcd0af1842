// Package groups holds every API group to what all of them promise: nothing is lost on
// the wire or between versions, and whatever somebody writes is judged.
package groups

import (
	"encoding/json"
	"math/rand"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/api/apitesting/fuzzer"
	"k8s.io/apimachinery/pkg/api/apitesting/roundtrip"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metafuzzer "k8s.io/apimachinery/pkg/apis/meta/fuzzer"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/diff"
	"sigs.k8s.io/randfill"

	"github.com/capa-apiserver/capa-apiserver/apis/group"
)

// Scheme knows the group as a server does.
func Scheme(g *group.Group) *runtime.Scheme {
	scheme := runtime.NewScheme()
	g.Install(scheme)
	return scheme
}

// versions of the group that clients see, the hub first.
func versions(g *group.Group) []group.Version {
	return slices.Concat([]group.Version{g.Hub}, g.Spokes)
}

// kinds of the group in all versions, lists included.
func kinds(g *group.Group) []schema.GroupVersionKind {
	var all []schema.GroupVersionKind
	for _, v := range versions(g) {
		for _, object := range v.Kinds() {
			all = append(all, v.WithKind(group.KindName(object)))
		}
	}
	return all
}

// objects fills what may be any object with one in JSON: nothing else is ever decoded.
func objects(serializer.CodecFactory) []any {
	return []any{func(x *runtime.RawExtension, c randfill.Continue) {
		text, err := json.Marshal(map[string]any{"text": c.String(0), "flag": c.Bool()})
		if err != nil {
			panic(err)
		}
		*x = runtime.RawExtension{Raw: text}
	}}
}

// Filler fills objects of the group at random, within the forms to which the functions keep
// them.
func Filler(t *testing.T, g *group.Group, funcs fuzzer.FuzzerFuncs) *randfill.Filler {
	t.Helper()
	seed := rand.Int63()
	t.Logf("seed %d", seed)
	return fuzzer.FuzzerFor(fuzzer.MergeFuzzerFuncs(metafuzzer.Funcs, objects, funcs), rand.NewSource(seed), serializer.NewCodecFactory(Scheme(g)))
}

// RoundTrip fills objects of every kind and version at random: each survives its own JSON
// and YAML, and nothing is lost on the way to another version and back. The functions keep
// random content within the forms that have one meaning.
func RoundTrip(t *testing.T, g *group.Group, funcs fuzzer.FuzzerFuncs) {
	t.Helper()
	scheme, filler := Scheme(g), Filler(t, g, funcs)
	codecs := serializer.NewCodecFactory(scheme)
	for _, gvk := range kinds(g) {
		t.Run(gvk.Version+"/"+gvk.Kind, func(t *testing.T) {
			roundtrip.RoundTripSpecificKindWithoutProtobuf(t, gvk, scheme, codecs, filler, nil)
			for _, other := range versions(g) {
				if other.Version != gvk.Version && slices.Contains(kinds(g), other.WithKind(gvk.Kind)) {
					for range 100 {
						thereAndBack(t, scheme, filler, gvk, other.GroupVersion)
					}
				}
			}
		})
	}
}

func thereAndBack(t *testing.T, scheme *runtime.Scheme, filler *randfill.Filler, gvk schema.GroupVersionKind, other schema.GroupVersion) {
	t.Helper()
	original, err := scheme.New(gvk)
	if err != nil {
		t.Fatal(err)
	}
	filler.Fill(original)
	original.GetObjectKind().SetGroupVersionKind(gvk)
	there, err := scheme.ConvertToVersion(original.DeepCopyObject(), other)
	if err != nil {
		t.Fatalf("to %s: %v", other, err)
	}
	back, err := scheme.ConvertToVersion(there, gvk.GroupVersion())
	if err != nil {
		t.Fatalf("back to %s: %v", gvk.GroupVersion(), err)
	}
	if !apiequality.Semantic.DeepEqual(original, back) {
		t.Fatalf("%s changed on its way to %s and back:\n%s", gvk, other, diff.Diff(original, back))
	}
}
