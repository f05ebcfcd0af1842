package validation

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"sigs.k8s.io/yaml"

	"github.com/capa-apiserver/capa-apiserver/apis/infrastructure/install"
	"github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v1beta2"
)

// TestWhatAUserWroteIsReadBack is what makes a second kubectl apply change nothing:
// every value of a manifest stands in the answer, at either version.
func TestWhatAUserWroteIsReadBack(t *testing.T) {
	replay(t, "valid", 50, func(t *testing.T, content []byte) {
		for _, document := range documentsOf(content) {
			expectReadBack(t, document)
		}
	})
}

// TestManifestsOfACorpusAreTaken also takes the manifests of a folder of your own, if
// CAPA_CORPUS_DIR names one: templates of clusterctl, whose variables are filled in here.
func TestManifestsOfACorpusAreTaken(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "corpus", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if dir := os.Getenv("CAPA_CORPUS_DIR"); dir != "" {
		more, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
		if err != nil || len(more) == 0 {
			t.Fatalf("no manifests in CAPA_CORPUS_DIR=%s (%v)", dir, err)
		}
		files = append(files, more...)
	}
	taken := 0
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, document := range documentsOf([]byte(os.Expand(string(content), corpusVariable))) {
			if !isInfrastructureKind(document) {
				continue
			}
			taken++
			if answer := judge([][]byte{document}); answer != "" {
				t.Errorf("%s: %s\n%s", file, answer, document)
				continue
			}
			expectReadBack(t, document)
		}
	}
	if taken == 0 {
		t.Error("no manifest of ours was found")
	}
}

var corpusVariables = map[string]string{
	"CLUSTER_NAME":                       "quickstart",
	"AWS_REGION":                         "us-east-1",
	"AWS_SSH_KEY_NAME":                   "default",
	"AWS_S3_BUCKET_NAME":                 "cluster-api-provider-aws-quickstart",
	"AWS_AVAILABILITY_ZONE":              "us-east-1a",
	"AWS_CONTROL_PLANE_MACHINE_TYPE":     "m5.large",
	"AWS_NODE_MACHINE_TYPE":              "m5.large",
	"MULTI_TENANCY_JUMP_IDENTITY_NAME":   "jump",
	"MULTI_TENANCY_JUMP_ROLE_ARN":        "arn:aws:iam::111122223333:role/jump",
	"MULTI_TENANCY_NESTED_IDENTITY_NAME": "nested",
	"MULTI_TENANCY_NESTED_ROLE_ARN":      "arn:aws:iam::444455556666:role/nested",
}

// corpusVariable leaves a variable alone that no manifest of ours uses.
func corpusVariable(name string) string {
	if value, found := corpusVariables[name]; found {
		return value
	}
	return "${" + name + "}"
}

// isInfrastructureKind tells whether a kind of this package stands in a document.
func isInfrastructureKind(document []byte) bool {
	var meta struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
	}
	if err := yaml.Unmarshal(document, &meta); err != nil || !strings.HasPrefix(meta.APIVersion, v1beta2.GroupName+"/") {
		return false
	}
	scheme := runtime.NewScheme()
	install.Group.Install(scheme)
	return scheme.Recognizes(v1beta2.SchemeGroupVersion.WithKind(meta.Kind))
}

func expectReadBack(t *testing.T, document []byte) {
	t.Helper()
	var wrote map[string]any
	if err := yaml.Unmarshal(document, &wrote); err != nil {
		t.Fatal(err)
	}
	obj, err := runtime.Decode(decoder(), document)
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"v1beta2", "v2beta1"} {
		wrote["apiVersion"] = v1beta2.GroupName + "/" + version
		for _, difference := range missing("", wrote, readAt(t, obj, version)) {
			t.Errorf("%s: %s", version, difference)
		}
	}
}

func readAt(t *testing.T, obj runtime.Object, version string) map[string]any {
	t.Helper()
	scheme := runtime.NewScheme()
	install.Group.Install(scheme)
	codecs := serializer.NewCodecFactory(scheme)
	info, _ := runtime.SerializerInfoForMediaType(codecs.SupportedMediaTypes(), runtime.ContentTypeYAML)
	target := v1beta2.SchemeGroupVersion
	target.Version = version
	text, err := runtime.Encode(codecs.EncoderForVersion(info.Serializer, target), obj)
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
