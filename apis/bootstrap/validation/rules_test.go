package validation

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/capa-apiserver/capa-apiserver/apis/bootstrap/install"
	bootstrapv1 "github.com/capa-apiserver/capa-apiserver/apis/bootstrap/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/test/groups"
)

func bench() *groups.Bench { return groups.NewBench(install.Group, Rules) }

// A test of a whole server replays these files too.
func TestInvalidManifestsAreRefusedWithTheFieldAndWhatToWrite(t *testing.T) {
	bench().Refuses(t, 50)
}

func TestValidManifestsAreTakenAndReadBack(t *testing.T) {
	bench().Takes(t, 6)
}

func FuzzManifests(f *testing.F) { bench().FuzzManifests(f) }

func FuzzObjects(f *testing.F) { bench().FuzzObjects(f) }

// TestManifestsOfACorpusAreTaken also takes the manifests of a folder of your own, if
// CAPA_CORPUS_DIR names one.
func TestManifestsOfACorpusAreTaken(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "corpus", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if dir := os.Getenv("CAPA_CORPUS_DIR"); dir != "" {
		theirs, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
		if err != nil || len(theirs) == 0 {
			t.Fatalf("no manifests in CAPA_CORPUS_DIR=%s (%v)", dir, err)
		}
		files = append(files, theirs...)
	}
	b, taken := bench(), 0
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, document := range groups.Documents([]byte(os.Expand(string(content), func(string) string { return "quickstart" }))) {
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

func TestWhatIsLikelyNotMeantIsWarnedOf(t *testing.T) {
	text := "x"
	for want, obj := range map[string]runtime.Object{
		"spec.featureGates: Instanceidnodename is no feature":        &bootstrapv1.NodeadmConfig{Spec: bootstrapv1.NodeadmConfigSpec{FeatureGates: map[string]bool{"Instanceidnodename": true}}},
		"spec.template.spec.files[1]: replaces what item 0 writes":   &bootstrapv1.NodeadmConfigTemplate{Spec: bootstrapv1.NodeadmConfigTemplateSpec{Template: bootstrapv1.NodeadmConfigTemplateResource{Spec: bootstrapv1.NodeadmConfigSpec{CloudInit: bootstrapv1.CloudInit{Files: []bootstrapv1.File{{Path: "/a"}, {Path: "/a"}}}}}}},
		"spec.users[0].passwd: whoever may read the object":          &bootstrapv1.NodeadmConfig{Spec: bootstrapv1.NodeadmConfigSpec{CloudInit: bootstrapv1.CloudInit{Users: []bootstrapv1.User{{Name: "a", Passwd: &text}}}}},
		"write a NodeadmConfig, and an image with Amazon Linux 2023": &bootstrapv1.EKSConfig{},
		"write a NodeadmConfigTemplate":                              &bootstrapv1.EKSConfigTemplate{},
		"spec.dockerConfigJson: has no effect unless":                &bootstrapv1.EKSConfig{Spec: bootstrapv1.EKSConfigSpec{DockerConfigJSON: &text}},
	} {
		if got := strings.Join(Rules.Of(obj).Warnings(obj), "\n"); !strings.Contains(got, want) {
			t.Errorf("the warnings are %q, want %q", got, want)
		}
	}
	if got := Rules.Of(&bootstrapv1.NodeadmConfig{}).Warnings(&bootstrapv1.NodeadmConfig{}); len(got) > 0 {
		t.Errorf("an empty configuration is warned of: %q", got)
	}
}

// TestRulesThatCameLaterDontStopAnUpdate writes what was stored before.
func TestRulesThatCameLaterDontStopAnUpdate(t *testing.T) {
	old := &bootstrapv1.NodeadmConfig{Spec: bootstrapv1.NodeadmConfigSpec{Kubelet: &bootstrapv1.KubeletOptions{Flags: []string{"no flag"}}}}
	updated := old.DeepCopy()
	updated.Spec.PreNodeadmCommands = []string{"true"}
	if errs := Rules.Of(old).Update(updated, old); len(errs) > 0 {
		t.Error(errs)
	}
}
