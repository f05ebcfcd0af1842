package validation

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/capa-apiserver/capa-apiserver/apis/infrastructure/install"
)

// The files of testdata/invalid hold one manifest (a create) or two (an old object and its
// update), below lines "# want: <text>" that the answer must contain. Those of testdata/valid
// must be taken, likewise. A test of a whole server can replay them.

func decoder() runtime.Decoder {
	scheme := runtime.NewScheme()
	install.Group.Install(scheme)
	return serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDecoder(install.Group.Internal())
}

// What the storage asks of an object's kind.
func create(obj runtime.Object) field.ErrorList      { return Rules.Of(obj).Create(obj) }
func update(obj, old runtime.Object) field.ErrorList { return Rules.Of(obj).Update(obj, old) }
func statusUpdate(obj, old runtime.Object) field.ErrorList {
	return Rules.Of(obj).StatusUpdate(obj, old)
}
func recorded(obj, old runtime.Object) field.ErrorList { return Rules.Of(obj).Recorded(obj, old) }
func warnings(obj runtime.Object) []string             { return Rules.Of(obj).Warnings(obj) }

// judge decodes strictly, defaults and converts as the server does, and validates.
// It returns the refusal, or the empty string.
func judge(documents [][]byte) string {
	var objs []runtime.Object
	for _, document := range documents {
		obj, err := runtime.Decode(decoder(), document)
		if err != nil {
			return err.Error()
		}
		objs = append(objs, obj)
	}
	var errs field.ErrorList
	if len(objs) == 1 {
		errs = create(objs[0])
	} else {
		if errs := create(objs[0]); len(errs) > 0 {
			return "the old object is refused: " + errs.ToAggregate().Error()
		}
		errs = update(objs[1], objs[0])
	}
	if len(errs) == 0 {
		return ""
	}
	return errs.ToAggregate().Error()
}

func documentsOf(content []byte) [][]byte {
	var documents [][]byte
	for _, document := range bytes.Split(content, []byte("\n---\n")) {
		if len(bytes.TrimSpace(document)) > 0 {
			documents = append(documents, document)
		}
	}
	return documents
}

func wants(content []byte) []string {
	var out []string
	for _, line := range strings.Split(string(content), "\n") {
		if want, found := strings.CutPrefix(line, "# want: "); found {
			out = append(out, want)
		}
	}
	return out
}

func replay(t *testing.T, dir string, atLeast int, check func(t *testing.T, content []byte)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", dir, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < atLeast {
		t.Fatalf("found %d files in testdata/%s, want at least %d", len(files), dir, atLeast)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			check(t, content)
		})
	}
}

func TestInvalidManifestsAreRefusedWithTheFieldAndWhatToWrite(t *testing.T) {
	replay(t, "invalid", 200, func(t *testing.T, content []byte) {
		expected := wants(content)
		if len(expected) == 0 {
			t.Fatal("the file has no line beginning with \"# want: \"")
		}
		answer := judge(documentsOf(content))
		if answer == "" {
			t.Fatal("the manifest is taken")
		}
		for _, want := range expected {
			if !strings.Contains(answer, want) {
				t.Errorf("the answer lacks %q:\n%s", want, answer)
			}
		}
	})
}

// ofMachines tells the files about machines; fewestOfMachines keeps them from becoming
// fewer unnoticed.
var ofMachines = regexp.MustCompile(`(?m)^kind: AWSMachine(Template|Pool)?$`)

const fewestOfMachines = 150

// TestRefusalsOfMachinesNameTheFieldAndTheAdvice holds the expectations themselves to
// name both. What a misspelt field should be called, nobody can know.
func TestRefusalsOfMachinesNameTheFieldAndTheAdvice(t *testing.T) {
	count := 0
	replay(t, "invalid", 200, func(t *testing.T, content []byte) {
		if !ofMachines.Match(content) {
			return
		}
		count++
		expected := wants(content)
		if strings.HasPrefix(expected[0], "unknown field") {
			return
		}
		if !strings.HasPrefix(expected[0], "spec.") && !strings.HasPrefix(expected[0], "spec:") && !strings.HasPrefix(expected[0], "metadata.") {
			t.Errorf("the first expectation names no field: %q", expected[0])
		}
		if len(expected) < 2 && !strings.Contains(expected[0], ": ") {
			t.Error("no expectation says what to write")
		}
	})
	if count < fewestOfMachines {
		t.Errorf("there are %d files about machines, want at least %d", count, fewestOfMachines)
	}
}

func TestValidManifestsAreTaken(t *testing.T) {
	replay(t, "valid", 50, func(t *testing.T, content []byte) {
		if answer := judge(documentsOf(content)); answer != "" {
			t.Errorf("the manifest is refused: %s", answer)
		}
	})
}
