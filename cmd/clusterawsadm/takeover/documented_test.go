package takeover

import (
	"strings"
	"testing"

	"github.com/capa-apiserver/capa-apiserver/test/difference"
)

// whatDiffers are the fields in which objects may differ after a takeover, as docs/from-capa.md has
// them: at once, or when somebody has written them since.
var whatDiffers = map[difference.Row]bool{
	{Field: "metadata.resourceVersion"}:                                                  atOnce,
	{Field: "metadata.generation"}:                                                       since,
	{Field: "metadata.managedFields"}:                                                    since,
	{Field: "metadata.ownerReferences[].apiVersion"}:                                     atOnce,
	{Field: "metadata.labels.clusterctl.cluster.x-k8s.io/move-hierarchy", LeftOut: true}: atOnce,
	{Field: "spec", LeftOut: true}:                                                       atOnce,
	{Field: "status", LeftOut: true}:                                                     atOnce,
	{Field: "status.conditions"}:                                                         since,
	{Field: "status.v1beta2.conditions"}:                                                 since,
}

const atOnce, since = true, false

func TestObjectsAreEqualAfterATakeoverButForWhatIsDocumented(t *testing.T) {
	table, err := difference.Documented("../../../docs/from-capa.md", "| Field | What it says afterwards |")
	if err != nil {
		t.Fatal(err)
	}
	if len(table) != len(whatDiffers) {
		t.Errorf("documented are %v", table)
	}
	h := newModelHost(t)
	end(t, h, false)
	seen := map[difference.Row]bool{}
	for k, o := range h.kept {
		if k.byServer || !known(k.group, o.GetKind()) {
			continue
		}
		k.byServer = true
		is, err := shown(h.kept[k], theirs, false)
		if err != nil {
			t.Fatal(err)
		}
		difference.Of(o.Object, is.Object, "", func(path string, was, is any) {
			if o.GetKind() == defaultIdentity && (path == "metadata.uid" || strings.HasPrefix(path, "metadata.managedFields")) { // the server's own stays
				return
			}
			row, found := table.Row(path, was)
			if !found || !whatDiffers[row] {
				t.Errorf("%s: %s was %v and is %v", called(o), path, was, is)
			}
			seen[row] = true
		})
	}
	for row, now := range whatDiffers {
		if now && !seen[row] {
			t.Errorf("nothing differs in %+v", row)
		}
	}
	for _, row := range table {
		if _, found := whatDiffers[row]; !found {
			t.Errorf("%+v is documented to differ", row)
		}
	}
}
