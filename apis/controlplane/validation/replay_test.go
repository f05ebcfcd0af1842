package validation

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/capa-apiserver/capa-apiserver/apis/controlplane/install"
	"github.com/capa-apiserver/capa-apiserver/test/groups"
)

func bench() *groups.Bench { return groups.NewBench(install.Group, Rules) }

// A test of a whole server replays these files too.
func TestInvalidManifestsAreRefusedWithTheFieldAndWhatToWrite(t *testing.T) {
	bench().Refuses(t, 120)
}

func TestValidManifestsAreTakenAndReadBack(t *testing.T) {
	bench().Takes(t, 14)
}

func TestRefusalsNameTheFieldAndTheAdvice(t *testing.T) {
	groups.Replay(t, "invalid", 120, func(t *testing.T, content []byte) {
		expected := groups.Wants(content)
		if strings.HasPrefix(expected[0], "unknown field") {
			return
		}
		if !strings.HasPrefix(expected[0], "spec.") && !strings.HasPrefix(expected[0], "metadata.") {
			t.Errorf("the first expectation names no field: %q", expected[0])
		}
		if len(expected) < 2 && !strings.Contains(expected[0], ": ") {
			t.Error("no expectation says what to write")
		}
	})
}

// TestManifestsOfACorpusAreTaken also takes the manifests of a folder of your own, if
// CAPA_CORPUS_DIR names one: templates of clusterctl, whose variables are filled in here.
func TestManifestsOfACorpusAreTaken(t *testing.T) {
	folders, taken, b := []string{filepath.Join("testdata", "corpus")}, 0, bench()
	if dir := os.Getenv("CAPA_CORPUS_DIR"); dir != "" {
		folders = append(folders, dir)
	}
	variables := map[string]string{"CLUSTER_NAME": "quickstart", "AWS_REGION": "us-east-1", "AWS_SSH_KEY_NAME": "default", "KUBERNETES_VERSION": "v1.34.2"}
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no manifests in %s (%v)", folder, err)
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, document := range groups.Documents([]byte(os.Expand(string(content), func(name string) string { return variables[name] }))) {
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
	}
	if taken == 0 {
		t.Error("no manifest of ours was found")
	}
}
