package awscluster

import (
	"testing"
)

func TestQuickStartComesUpAndGoesAway(t *testing.T) {
	w := newWorld(t, newCluster())
	w.create()
	t.Logf("%v\n%s", w.resources(), w.describe())
	if left := w.plan(); len(left) > 0 {
		t.Errorf("a complete cluster still has a plan: %q", left)
	}
	w.delete()
	if left := w.resources(); len(left) > 0 {
		t.Errorf("the account isn't empty: %v", left)
	}
}
