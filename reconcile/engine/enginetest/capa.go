package enginetest

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/capa-apiserver/capa-apiserver/cmd/clusterawsadm/policy"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// CAPAs are the two policies that the tool of CAPA v2.13.0 gives its controllers, without options, for the tests of
// packages below reconcile.
func CAPAs(t testing.TB) []policy.Document {
	t.Helper()
	var out struct {
		Controllers policy.Document `json:"controllers"`
		EKS         policy.Document `json:"controllers-eks"`
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "cmd", "clusterawsadm", "policy", "testdata", "capa-v2.13.0.json"))
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return []policy.Document{out.Controllers, out.EKS}
}

// Granting is a policy that allows actions on a resource.
func Granting(resource string, actions ...string) policy.Document {
	return policy.Document{Version: policy.Version, Statement: []policy.Statement{policy.Allow(actions, []string{resource}, nil)}}
}

// RestrictTo gives the processes the rights of the documents in place of those they had.
func (w *World) RestrictTo(documents ...policy.Document) {
	w.T.Helper()
	w.Must(Restrict(w.AWS, w.URL, documents))
}

// Denied are the rights for want of which AWS refused requests, sorted.
func (w *World) Denied() []string { return Denied(w.AWS.Log()) }

// Denied are those of a log.
func Denied(log []emulator.Entry) []string {
	rights := map[string]bool{}
	for _, e := range log {
		if _, right, ok := strings.Cut(e.Message, "is not authorized to perform: "); ok {
			right, _, _ = strings.Cut(right, " ")
			rights[right] = true
		}
	}
	return slices.Sorted(maps.Keys(rights))
}
