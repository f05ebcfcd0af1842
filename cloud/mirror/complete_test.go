package mirror

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

// withCompletion makes the table one whose list doesn't tell the tags, which take a call
// for five rows.
func (r *region) withCompletion() *region {
	list := r.table.List
	r.table.List = func(ctx context.Context, s *cloud.Session, page func([]thing) error) error {
		return list(ctx, s, func(rows []thing) error {
			bare := make([]thing, len(rows))
			for i, row := range rows {
				bare[i] = thing{Name: row.Name, State: row.State}
			}
			return page(bare)
		})
	}
	r.table.Batch = 5
	r.table.Completed = func(t *thing) bool { return t.Tags != nil }
	r.table.Complete = func(_ context.Context, _ *cloud.Session, rows []*thing) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.calls["complete"]++
		if len(rows) > 5 {
			return fmt.Errorf("%d rows in one call", len(rows))
		}
		for _, row := range rows {
			if r.refused[row.Name] != nil {
				return r.refused[row.Name]
			}
			r.calls["complete/"+row.Name]++
			row.Tags = map[string]string{}
			for k, v := range r.things[row.Name].Tags {
				row.Tags[k] = v
			}
		}
		return nil
	}
	r.table.Carry = func(known, read *thing) { read.Tags = orKnown(read.Tags, known.Tags) }
	return r
}

func TestTagsAreReadForNewRowsAndForOthersInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion().withCompletion()
		for i := range 12 {
			r.set(thing{Name: fmt.Sprintf("ours-%02d", i), Tags: mine})
		}
		for i := range 100 {
			r.set(thing{Name: fmt.Sprintf("foreign-%03d", i), Tags: map[string]string{"team": "x"}})
		}
		m := watching(r, Options{})
		refresh(t, m, r)
		if n := r.count("complete"); n != 23 || len(Tagged(m.Snapshot(home), r.table, "team", "x")) != 100 {
			t.Fatalf("%d calls at first, want 112 rows, five a call", n)
		}
		r.set(thing{Name: "ours-07"}, thing{Name: "new", Tags: mine}) // somebody took ours' tag
		for n := range 3 {
			time.Sleep(time.Minute)
			clear(r.calls)
			refresh(t, m, r)
			if got, want := r.count("complete"), 2; n > 0 && got != want || n == 0 && got > want+1 {
				t.Errorf("listing %d: %d calls, want %d: five of ours and five of others", n, got, want)
			}
		}
		if got := len(Tagged(m.Snapshot(home), r.table, OwnedTagPrefix+"c1", "owned")); got != 12 {
			t.Errorf("%d of ours after three listings, want 12: one lost its tag, one is new", got)
		}
		clear(r.calls)
		for range 25 {
			time.Sleep(time.Minute)
			refresh(t, m, r)
		}
		for call, n := range r.calls {
			if strings.HasPrefix(call, "complete/foreign") && n > 2 {
				t.Errorf("%s: %d times in 25 listings", call, n)
			}
		}
		if n := len(r.calls); n != 3+13+100 {
			t.Errorf("%d different calls, want the listing's and one of each row", n)
		}
	})
}

func TestAFewRowsCostOneCallForTheirTags(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion(thing{Name: "ours", Tags: mine}, thing{Name: "a", Tags: mine}, thing{Name: "b"}, thing{Name: "c"}).withCompletion()
		m := watching(r, Options{})
		for n := range 5 {
			time.Sleep(time.Minute)
			refresh(t, m, r)
			if got := r.count("complete"); got != n+1 {
				t.Errorf("%d calls after %d listings", got, n+1)
			}
		}
	})
}

func TestANewRowIsNotShownWithoutItsTags(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion(thing{Name: "known", Tags: mine}).withCompletion()
		m := watching(r, Options{RetryAfter: 1})
		refresh(t, m, r)
		r.set(thing{Name: "known", State: "changed", Tags: mine}, thing{Name: "new", Tags: mine})
		r.refused["new"] = errDown
		time.Sleep(time.Minute)
		if err := m.Refresh(t.Context(), home, 0, r.table.Kind); err == nil {
			t.Error("the listing counts as complete")
		}
		wantNames(t, m, r, "known")
		if row, _ := Get(m.Snapshot(home), r.table, "known"); row.State != "changed" || !Owned(row.Tags) {
			t.Errorf("what is known: %+v", row)
		}
		delete(r.refused, "new")
		time.Sleep(time.Minute)
		refresh(t, m, r)
		wantNames(t, m, r, "known", "new")
	})
}
