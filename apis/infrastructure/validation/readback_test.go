package validation

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/capa-apiserver/capa-apiserver/test/groups"
)

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
	b, taken := bench(), 0
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, document := range groups.Documents([]byte(os.Expand(string(content), corpusVariable))) {
			if !b.Has(document) {
				continue
			}
			taken++
			if answer := b.Judge([][]byte{document}); answer != "" {
				t.Errorf("%s: %s\n%s", file, answer, document)
				continue
			}
			b.ReadBack(t, document)
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
