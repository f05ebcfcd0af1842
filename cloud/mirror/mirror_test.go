package mirror

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

// thing is a made-up AWS resource.
type thing struct {
	Name   string
	State  string
	Tags   map[string]string
	Detail *string
}

var (
	home    = cloud.Scope{Account: "111122223333", Region: "us-east-1"}
	session = &cloud.Session{Scope: home, Identity: "controller"}
	mine    = map[string]string{OwnedTagPrefix + "c1": "owned"}
)

// region is a made-up AWS with one table of things, which counts its calls. Its
// listings have one thing a page.
type region struct {
	mu     sync.Mutex
	things map[string]thing
	calls  map[string]int
	// fail makes a listing fail after that many pages; -1 means never.
	failAfter int
	fail      error
	// hidden things are left out of listings.
	hidden map[string]bool
	// hideIDs hides them from reads by id too.
	hideIDs bool
	// slow is how long a listing takes after its answer is fixed.
	slow time.Duration
	// refused are identities that may not read.
	refused map[string]error
	table   *Table[thing]
}

func newRegion(things ...thing) *region {
	r := &region{things: map[string]thing{}, calls: map[string]int{}, failAfter: -1, hidden: map[string]bool{}, refused: map[string]error{}}
	for _, t := range things {
		r.things[t.Name] = t
	}
	r.table = &Table[thing]{
		Kind: "test/thing",
		ID:   func(t *thing) string { return t.Name },
		Tags: func(t *thing) map[string]string { return t.Tags },
		VPC:  noVPC[thing],
		List: r.list,
		ByID: r.byID,
		Busy: func(t *thing) bool { return t.State == "pending" },
	}
	return r
}

// withDetails makes the table one whose details take a call of their own.
func (r *region) withDetails() *region {
	r.table.Detailed = func(t *thing) bool { return t.Detail != nil }
	r.table.Details = func(_ context.Context, _ *cloud.Session, row *thing) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.calls["details"]++
		r.calls["details/"+row.Name]++
		if r.fail != nil && r.failAfter == -1 {
			return r.fail
		}
		detail := "of " + row.Name
		row.Detail = &detail
		return nil
	}
	r.table.Carry = func(known, read *thing) {
		if read.Detail == nil {
			read.Detail = known.Detail
		}
	}
	return r
}

func (r *region) list(_ context.Context, s *cloud.Session, page func([]thing) error) error {
	r.mu.Lock()
	r.calls["list"]++
	r.calls["list/"+s.Identity]++
	if err := r.refused[s.Identity]; err != nil {
		r.mu.Unlock()
		return err
	}
	var rows []thing
	for _, name := range slices.Sorted(maps.Keys(r.things)) {
		if !r.hidden[name] {
			rows = append(rows, r.things[name])
		}
	}
	failAfter, fail, slow := r.failAfter, r.fail, r.slow
	r.mu.Unlock()
	time.Sleep(slow)
	for i, row := range rows {
		if i == failAfter {
			return fail
		}
		if err := page([]thing{row}); err != nil {
			return err
		}
	}
	if failAfter >= len(rows) {
		return fail
	}
	return nil
}

func (r *region) byID(_ context.Context, _ *cloud.Session, ids []string) ([]thing, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls["byID"]++
	var rows []thing
	for _, id := range ids {
		if t, ok := r.things[id]; ok && (!r.hideIDs || !r.hidden[id]) {
			rows = append(rows, t)
		}
	}
	return rows, nil
}

func (r *region) set(things ...thing) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range things {
		r.things[t.Name] = t
	}
}

func (r *region) remove(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.things, name)
}

func (r *region) breakAt(failAfter int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failAfter, r.fail = failAfter, err
}

func (r *region) count(call string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.calls[call]
}

// watching gives a mirror of the region, without jitter, that isn't running.
func watching(r *region, o Options) *Mirror {
	o.Tables = []Resource{r.table}
	o.Jitter = func(d time.Duration) time.Duration { return d }
	m := New(o)
	m.Want("test", session, Whole(r.table.Kind)...)
	return m
}

// run runs the mirror until the test's bubble ends.
func run(t *testing.T, m *Mirror) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
}

func refresh(t *testing.T, m *Mirror, r *region) {
	t.Helper()
	if err := m.Refresh(t.Context(), home, 0, r.table.Kind); err != nil {
		t.Fatalf("refresh: %v", err)
	}
}

func names(m *Mirror, r *region) []string {
	var names []string
	for _, row := range Select(m.Snapshot(home), r.table, nil) {
		names = append(names, row.Name)
	}
	return names
}

func wantNames(t *testing.T, m *Mirror, r *region, want ...string) {
	t.Helper()
	if got := names(m, r); !slices.Equal(got, want) {
		t.Fatalf("the snapshot holds %q, want %q", got, want)
	}
}

func state(m *Mirror, r *region, name string) string {
	row, ok := Get(m.Snapshot(home), r.table, name)
	if !ok {
		return "absent"
	}
	return row.State
}

var errDown = errors.New("AWS is down")

func TestSnapshotShowsWhatWasListed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion(thing{Name: "a"}, thing{Name: "b"})
		m := watching(r, Options{})
		if m.Snapshot(home).Seen(r.table.Kind) {
			t.Error("a table counts as seen before it was listed")
		}
		refresh(t, m, r)
		wantNames(t, m, r, "a", "b")
		s := m.Snapshot(home)
		if !s.Seen(r.table.Kind) || !s.Observed(r.table.Kind).Equal(time.Now()) {
			t.Errorf("seen %v, observed %v, want true and now", s.Seen(r.table.Kind), s.Observed(r.table.Kind))
		}
	})
}

func TestSnapshotOfUnknownScopeIsEmptyAndUnseen(t *testing.T) {
	m := New(Options{})
	other := cloud.Scope{Account: "1", Region: "eu-west-1"}
	if s := m.Snapshot(other); s.Seen(VPCs.Kind) || len(Select(s, VPCs, nil)) > 0 || s.Scope != other {
		t.Errorf("snapshot of a scope nobody watches: %+v", s)
	}
	if err := m.Refresh(t.Context(), other, 0, VPCs.Kind); !errors.Is(err, ErrNotWatched) {
		t.Errorf("Refresh gives %v, want ErrNotWatched", err)
	}
}

func TestSnapshotsNeverChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion(thing{Name: "a", State: "old", Tags: map[string]string{"k": "old"}})
		m := watching(r, Options{})
		refresh(t, m, r)
		before := m.Snapshot(home)
		Modify(m, home, r.table, "a", func(row *thing) { row.State = "new"; row.Tags["k"] = "new" })
		Put(m, home, r.table, thing{Name: "b"})
		row, _ := Get(before, r.table, "a")
		if row.State != "old" || row.Tags["k"] != "old" || len(Select(before, r.table, nil)) != 1 {
			t.Errorf("an old snapshot now shows %+v", row)
		}
	})
}
