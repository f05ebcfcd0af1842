package groups

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"github.com/capa-apiserver/capa-apiserver/apis/group"
	"github.com/capa-apiserver/capa-apiserver/apis/validation"
)

// Bench treats manifests of a group as a server does.
type Bench struct {
	group           *group.Group
	rules           *validation.Table
	scheme          *runtime.Scheme
	codecs          serializer.CodecFactory
	strict, lenient runtime.Decoder
}

// NewBench judges by these rules.
func NewBench(g *group.Group, rules *validation.Table) *Bench {
	scheme := Scheme(g)
	b := &Bench{group: g, rules: rules, scheme: scheme, codecs: serializer.NewCodecFactory(scheme)}
	b.strict = serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDecoder(g.Internal())
	b.lenient = b.codecs.UniversalDecoder(g.Internal())
	return b
}

// Judge decodes strictly, defaults and converts, and validates: one document as a new
// object, two as an object and its update. It returns the refusal, or the empty string.
func (b *Bench) Judge(documents [][]byte) string {
	var objs []runtime.Object
	for _, document := range documents {
		obj, err := runtime.Decode(b.strict, document)
		if err != nil {
			return err.Error()
		}
		objs = append(objs, obj)
	}
	var errs field.ErrorList
	if errs = b.rules.Of(objs[0]).Create(objs[0]); len(objs) > 1 {
		if len(errs) > 0 {
			return "the old object is refused: " + errs.ToAggregate().Error()
		}
		errs = b.rules.Of(objs[1]).Update(objs[1], objs[0])
	}
	if len(errs) == 0 {
		return ""
	}
	return errs.ToAggregate().Error()
}

// Has tells whether a kind of the group stands in a document.
func (b *Bench) Has(document []byte) bool {
	var meta struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
	}
	if err := yaml.Unmarshal(document, &meta); err != nil {
		return false
	}
	gvk := schema.FromAPIVersionAndKind(meta.APIVersion, meta.Kind)
	return gvk.Group == b.group.Name() && slices.Contains(b.group.Versions(meta.Kind), b.group.Hub.Version)
}

// ReadBack fails unless every value of a manifest stands in the answer, at every version that
// has its fields: that is what makes a second kubectl apply change nothing. Where a version
// hasn't, reading the object there and writing it back loses nothing.
func (b *Bench) ReadBack(t *testing.T, document []byte) {
	t.Helper()
	var wrote map[string]any
	if err := yaml.Unmarshal(document, &wrote); err != nil {
		t.Fatal(err)
	}
	obj, err := runtime.Decode(b.strict, document)
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range b.group.Versions(group.KindName(obj)) {
		at := schema.GroupVersion{Group: b.group.Name(), Version: version}
		wrote["apiVersion"] = at.String()
		text, err := yaml.Marshal(wrote)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := runtime.Decode(b.strict, text); runtime.IsStrictDecodingError(err) {
			b.writeBack(t, obj, at)
			continue
		}
		for _, difference := range missing("", wrote, b.readAt(t, obj, at)) {
			t.Errorf("%s: %s", version, difference)
		}
	}
}

func (b *Bench) writeBack(t *testing.T, obj runtime.Object, at schema.GroupVersion) {
	t.Helper()
	text, err := yaml.Marshal(b.readAt(t, obj, at))
	if err != nil {
		t.Fatal(err)
	}
	back, err := runtime.Decode(b.strict, text)
	if err != nil {
		t.Fatalf("what is read at %s can't be written: %v", at, err)
	}
	if !equality.Semantic.DeepEqual(obj, back) {
		t.Errorf("reading at %s and writing it back makes\n%+v of\n%+v", at, back, obj)
	}
}

func (b *Bench) readAt(t *testing.T, obj runtime.Object, at schema.GroupVersion) map[string]any {
	t.Helper()
	info, _ := runtime.SerializerInfoForMediaType(b.codecs.SupportedMediaTypes(), runtime.ContentTypeYAML)
	text, err := runtime.Encode(b.codecs.EncoderForVersion(info.Serializer, at), obj)
	if err != nil {
		t.Fatal(err)
	}
	var content map[string]any
	if err := yaml.Unmarshal(text, &content); err != nil {
		t.Fatal(err)
	}
	return content
}

// missing lists what stands in want and not, or differently, in got. A null asks for nothing.
func missing(path string, want, got any) []string {
	switch want := want.(type) {
	case nil:
		return nil
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok {
			return []string{fmt.Sprintf("%s: got %v, want an object", path, got)}
		}
		var out []string
		for key, value := range want {
			out = append(out, missing(path+"."+key, value, object[key])...)
		}
		return out
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(want) {
			return []string{fmt.Sprintf("%s: got %v, want %d items", path, got, len(want))}
		}
		var out []string
		for i := range want {
			out = append(out, missing(fmt.Sprintf("%s[%d]", path, i), want[i], list[i])...)
		}
		return out
	default:
		if fmt.Sprint(got) != fmt.Sprint(want) {
			return []string{fmt.Sprintf("%s: got %v, want %v", path, got, want)}
		}
		return nil
	}
}

// Documents are the parts of a file.
func Documents(content []byte) [][]byte {
	var documents [][]byte
	for document := range strings.SplitSeq(string(content), "\n---\n") {
		if strings.TrimSpace(document) != "" {
			documents = append(documents, []byte(document))
		}
	}
	return documents
}
