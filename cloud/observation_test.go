package cloud

import (
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The table is what users look a reason up in.
func TestEveryReasonOfAnObservationIsInTheDocs(t *testing.T) {
	text, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "| Reason | What to do |\n|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	var documented []string
	for line := range strings.Lines(table) {
		cell, _, _ := strings.Cut(strings.TrimPrefix(line, "|"), "|")
		documented = append(documented, regexp.MustCompile(`\w+`).FindAllString(cell, -1)...)
	}
	slices.Sort(documented)
	want := slices.Sorted(slices.Values(observationReasons))
	if !slices.Equal(documented, want) {
		t.Errorf("documented are\n%q, and there are\n%q", documented, want)
	}
}

func TestObservationReasons(t *testing.T) {
	for want, err := range map[string]error{
		string(Throttled):                answer(503, "RequestLimitExceeded", ""),
		string(Unauthorized):             answer(403, "UnauthorizedOperation", ""),
		string(Transient):                answer(503, "Unavailable", ""),
		string(Unknown):                  answer(400, "InvalidParameterValue", ""),
		PrincipalUsageUnauthorizedReason: &IdentityError{PrincipalUsageUnauthorizedReason, "x", errors.New("no")},
		PrincipalCredentialRetrievalFailedReason: &IdentityError{PrincipalCredentialRetrievalFailedReason, "x",
			answer(403, "AccessDenied", "")},
	} {
		if got := ObservationReason(err); got != want || !slices.Contains(observationReasons, got) {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
}
