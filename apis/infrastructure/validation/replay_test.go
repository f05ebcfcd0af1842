package validation

import (
	"regexp"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/capa-apiserver/capa-apiserver/apis/infrastructure/install"
	"github.com/capa-apiserver/capa-apiserver/test/groups"
)

func bench() *groups.Bench { return groups.NewBench(install.Group, Rules) }

// What the storage asks of an object's kind.
func create(obj runtime.Object) field.ErrorList      { return Rules.Of(obj).Create(obj) }
func update(obj, old runtime.Object) field.ErrorList { return Rules.Of(obj).Update(obj, old) }
func statusUpdate(obj, old runtime.Object) field.ErrorList {
	return Rules.Of(obj).StatusUpdate(obj, old)
}
func recorded(obj, old runtime.Object) field.ErrorList { return Rules.Of(obj).Recorded(obj, old) }
func warnings(obj runtime.Object) []string             { return Rules.Of(obj).Warnings(obj) }

// A test of a whole server replays these files too.
func TestInvalidManifestsAreRefusedWithTheFieldAndWhatToWrite(t *testing.T) {
	bench().Refuses(t, 200)
}

func TestValidManifestsAreTakenAndReadBack(t *testing.T) {
	bench().Takes(t, 50)
}

// ofMachines tells the files about machines; fewestOfMachines keeps them from becoming
// fewer unnoticed.
var ofMachines = regexp.MustCompile(`(?m)^kind: AWSMachine(Template|Pool)?$`)

const fewestOfMachines = 150

// TestRefusalsOfMachinesNameTheFieldAndTheAdvice holds the expectations themselves to
// name both. What a misspelt field should be called, nobody can know.
func TestRefusalsOfMachinesNameTheFieldAndTheAdvice(t *testing.T) {
	count := 0
	groups.Replay(t, "invalid", 200, func(t *testing.T, content []byte) {
		if !ofMachines.Match(content) {
			return
		}
		count++
		expected := groups.Wants(content)
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
