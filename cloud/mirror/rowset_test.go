package mirror

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/smithy-go"
	"pgregory.net/rapid"
)

func TestASetOfRowsIsWhatItsEditsMakeIt(t *testing.T) {
	table := &Table[thing]{
		Kind: "test/thing",
		ID:   func(t *thing) string { return t.Name },
		Tags: func(t *thing) map[string]string { return t.Tags },
		VPC:  func(t *thing) string { return t.State },
	}
	rapid.Check(t, func(rt *rapid.T) {
		want := map[string]*thing{}
		var set rowSet
		for range rapid.IntRange(1, 30).Draw(rt, "versions") {
			before, count := set, len(want)
			e := rowEdit{rowSet: set}
			for range rapid.IntRange(0, 60).Draw(rt, "edits") {
				id := fmt.Sprint(rapid.IntRange(0, 80).Draw(rt, "id"))
				if rapid.IntRange(0, 3).Draw(rt, "what") == 0 {
					e.remove(id)
					delete(want, id)
					continue
				}
				row := &thing{Name: id, State: rapid.SampledFrom([]string{"", "v1", "v2"}).Draw(rt, "vpc"),
					Tags: map[string]string{OwnedTagPrefix + rapid.SampledFrom([]string{"c1", "c2"}).Draw(rt, "cluster"): "owned"}}
				e.set(id, row)
				want[id] = row
			}
			set = e.rowSet
			if n := len(maps.Collect(before.all())); n != count {
				rt.Fatalf("an edit changed the set it was made of: %d rows, had %d", n, count)
			}
			snap := NewSnapshot(home).with(table.Kind, &tableView{rows: set})
			check := func(what string, got []*thing, keep func(*thing) bool) {
				var ids, names []string
				for id, row := range want {
					if keep(row) {
						ids = append(ids, id)
					}
				}
				for _, row := range got {
					names = append(names, row.Name)
				}
				if slices.Sort(ids); !slices.Equal(ids, names) {
					rt.Fatalf("%s: %v, want %v", what, names, ids)
				}
			}
			check("all", Select(snap, table, nil), func(*thing) bool { return true })
			for _, v := range []string{"v1", "v2"} {
				check(v, InVPC(snap, table, v), func(row *thing) bool { return row.State == v })
			}
			for _, c := range []string{"c1", "c2"} {
				check(c, Tagged(snap, table, OwnedTagPrefix+c, "owned"), func(row *thing) bool { return row.Tags[OwnedTagPrefix+c] != "" })
			}
			for id := range want {
				if row, ok := Get(snap, table, id); !ok || row != want[id] {
					rt.Fatalf("row %s: %v", id, row)
				}
			}
		}
	})
}

// crowd is an account with ten things of a cluster and so many that are nobody's. It
// counts how often the mirror looks at the tags of a row.
func crowd(foreign int) (r *region, looked *int) {
	r, looked = newRegion(), new(int)
	for i := range 10 {
		r.set(thing{Name: fmt.Sprintf("ours-%d", i), Tags: mine})
	}
	for i := range foreign {
		r.set(thing{Name: fmt.Sprintf("foreign-%d", i), Tags: map[string]string{"Name": "x", "team": "y"}})
	}
	r.table.Tags = func(t *thing) map[string]string { *looked++; return t.Tags }
	return r.withDetails(), looked
}

func TestWhatIsDoneCostsTheSameHoweverManyRowsAreForeign(t *testing.T) {
	counts := map[int]int{}
	for _, foreign := range []int{1_000, 20_000} {
		synctest.Test(t, func(t *testing.T) {
			r, looked := crowd(foreign)
			m := watching(r, Options{})
			refresh(t, m, r)
			look := func() {
				snap := m.Snapshot(home)
				if n := len(Tagged(snap, r.table, OwnedTagPrefix+"c1", "owned")); n != 10 {
					t.Fatalf("%d rows, want ours", n)
				}
				InVPC(snap, r.table, "vpc-1")
			}
			look() // the index is made once
			*looked = 0
			for i := range 10 {
				Modify(m, home, r.table, fmt.Sprintf("ours-%d", i), func(row *thing) { row.State = "changed" })
				look()
			}
			counts[foreign] = *looked
		})
	}
	if few, many := counts[1_000], counts[20_000]; many > few*3/2 {
		t.Errorf("rows looked at in ten passes that each write: %d among 20,000 foreign ones, %d among 1,000", many, few)
	}
}

func TestDetailsThatAreNotFoundAreAskedForOncePerListing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion(thing{Name: "a", Tags: mine}).withDetails()
		r.fail = &smithy.GenericAPIError{Code: "LoadBalancerNotFound"}
		m := watching(r, Options{})
		run(t, m)
		if calls := r.callsIn(10 * time.Minute); calls["details"] > 11 {
			t.Errorf("%d reads of details in 10 minutes, want one a minute", calls["details"])
		}
		if err := m.Snapshot(home).Err(r.table.Kind); err != nil {
			t.Errorf("what isn't found is no failure of the table: %v", err)
		}
		for range 60 { // readers' listings make no difference
			time.Sleep(time.Second)
			refresh(t, m, r)
		}
		if calls := r.count("details"); calls > 13 {
			t.Errorf("%d reads of details, want one a minute", calls)
		}
	})
}

func TestAbsenceIsJudgedByWhatWasAskedAfterItWasNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion(thing{Name: "a"})
		m := watching(r, Options{})
		refresh(t, m, r)
		time.Sleep(time.Second)
		r.set(thing{Name: "new"})
		named := time.Now() // a spec says that there are these two
		absent := func(id string) bool { return m.Snapshot(home).Absent(r.table.Kind, id, named) }
		if absent("new") || absent("none") {
			t.Error("absent by a listing that began before it was named")
		}
		if !m.Snapshot(home).Absent(r.table.Kind, "none", time.Time{}) || absent("a") {
			t.Error("the listing says nothing at all")
		}
		look := func() {
			t.Helper()
			if err := m.RefreshOf(t.Context(), home, time.Since(named), Interest{Kind: r.table.Kind, IDs: []string{"new", "none"}}); err != nil {
				t.Fatal(err)
			}
		}
		look()
		look()
		if absent("new") || !absent("none") {
			t.Errorf("after a look: new absent %v, none absent %v", absent("new"), absent("none"))
		}
		if n := r.count("byID"); n != 1 {
			t.Errorf("%d reads by id, want one", n)
		}
		time.Sleep(time.Second)
		named = time.Now()
		time.Sleep(time.Millisecond)
		refresh(t, m, r)
		look()
		if n := r.count("byID"); !absent("none") || n != 1 {
			t.Errorf("after a listing: none absent %v, %d reads by id", absent("none"), n)
		}
		r.table.ByID = nil
		time.Sleep(time.Second)
		named = time.Now()
		time.Sleep(time.Millisecond)
		if look(); !absent("none") {
			t.Error("a table that can't be read by id isn't listed for it")
		}
	})
}

func TestARowThatSomebodyWantsByItsIDIsLookedAtLikeACluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion(thing{Name: "theirs", State: "pending"}, thing{Name: "other", State: "pending"}).withDetails()
		m := watching(r, Options{})
		run(t, m)
		synctest.Wait()
		m.Want("o1", session, Interest{Kind: r.table.Kind, IDs: []string{"theirs"}})
		synctest.Wait()
		if r.count("details/theirs") != 1 || r.count("details/other") != 0 {
			t.Errorf("calls %v, want the details at once", r.calls)
		}
		if calls := r.callsIn(50 * time.Second); calls["byID"] < 3 || calls["details/other"] > 0 {
			t.Errorf("calls %v", calls)
		}
		m.LetGo("o1")
		if calls := r.callsIn(10 * time.Minute); calls["details"] > 1 || calls["byID"] > 1 {
			t.Errorf("calls %v for a row that nobody wants", calls)
		}
	})
}

// BenchmarkPass is what a pass asks of a snapshot, and one write, beside so many rows
// that are of no concern.
func BenchmarkPass(b *testing.B) {
	for _, foreign := range []int{1_000, 20_000} {
		b.Run(fmt.Sprintf("foreign=%d", foreign), func(b *testing.B) {
			r, _ := crowd(foreign)
			m := New(Options{Tables: []Resource{r.table}})
			m.Want("test", session, Whole(r.table.Kind)...)
			if err := m.Refresh(b.Context(), home, 0, r.table.Kind); err != nil {
				b.Fatal(err)
			}
			Tagged(m.Snapshot(home), r.table, OwnedTagPrefix+"c1", "owned") // makes the index
			n := 0
			for b.Loop() {
				snap := m.Snapshot(home)
				Tagged(snap, r.table, OwnedTagPrefix+"c1", "owned")
				InVPC(snap, r.table, "vpc-1")
				n++
				Modify(m, home, r.table, fmt.Sprintf("ours-%d", n%10), func(row *thing) { row.State = fmt.Sprint(n) })
			}
		})
	}
}

// BenchmarkLiveRead is what a read asks while the facts are fresh, beside so many rows
// that are of no concern.
func BenchmarkLiveRead(b *testing.B) {
	for _, foreign := range []int{1_000, 20_000} {
		b.Run(fmt.Sprintf("foreign=%d", foreign), func(b *testing.B) {
			r, _ := crowd(foreign)
			m := New(Options{Tables: []Resource{r.table}})
			m.Want("test", session, Whole(r.table.Kind)...)
			if err := m.Refresh(b.Context(), home, 0, r.table.Kind); err != nil {
				b.Fatal(err)
			}
			Tagged(m.Snapshot(home), r.table, OwnedTagPrefix+"c1", "owned") // makes the index
			for b.Loop() {
				m.WantFor("o1", session, time.Minute, Whole(r.table.Kind)...)
				if err := m.Refresh(b.Context(), home, time.Hour, r.table.Kind); err != nil {
					b.Fatal(err)
				}
				if len(Tagged(m.Snapshot(home), r.table, OwnedTagPrefix+"c1", "owned")) != 10 {
					b.Fatal("not ours")
				}
			}
		})
	}
}
