package docs

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/capa-apiserver/capa-apiserver/"

// sinks are the types by whose field Reason a reason gets into a condition.
var sinks = []string{module + "reconcile/plan.Wait", module + "reconcile/plan.Problem", module + "reconcile/conditions.Condition",
	"k8s.io/apimachinery/pkg/apis/meta/v1.Condition"}

// TestEveryReasonHasItsParagraph also finds paragraphs of reasons that the code has no more.
func TestEveryReasonHasItsParagraph(t *testing.T) {
	found, err := collectReasons("..", []string{"./apis/...", "./cloud/...", "./reconcile/...", "./apiserver/..."}, sinks...)
	if err != nil {
		t.Fatal(err)
	}
	// Codes of EKS's errors are cut off its messages; all else has to be told in the code.
	for _, what := range slices.Sorted(maps.Keys(found.others)) {
		if !strings.HasPrefix(what, "func strings.Cut(") {
			t.Errorf("the reason of a condition comes from %s (%s): say it as a constant, or have collectReasons follow it", what, found.others[what])
		}
	}
	for value, name := range found.declared {
		if found.constants[value] == "" {
			t.Errorf("no condition can have %s (%q)", name, value)
		}
	}
	explained := map[string]bool{}
	for _, list := range reasons {
		for _, r := range list {
			explained[r] = true
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(found.constants)) {
		if !explained[reason] {
			t.Errorf("docs/troubleshooting.md has no paragraph for %s of %s: say what it means, what to look at, and what to do", reason, found.constants[reason])
		}
		delete(explained, reason)
	}
	for _, reason := range slices.Sorted(maps.Keys(explained)) {
		if !strings.Contains(troubleshooting, "**`"+reason+"`**, **or another code of EKS**") {
			t.Errorf("docs/troubleshooting.md explains %s, which no condition can have", reason)
		}
	}
}

func TestReasonsAreFoundInWhateverWayTheyGetIntoACondition(t *testing.T) {
	found, err := collectReasons(".", []string{"./testdata/ways"}, module+"docs/testdata/ways.condition")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"Assigned", "Closure", "Constant", "Converted", "Error", "FromMap", "Generic", "Keyed", "Named", "Or", "Positional", "Ranged", "Returned", "Second"}
	if got := slices.Sorted(maps.Keys(found.constants)); !slices.Equal(got, want) || len(found.others) > 0 {
		t.Errorf("found %v, and %v; want %v", got, found.others, want)
	}
}
