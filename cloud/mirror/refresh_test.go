package mirror

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

func TestReadersAtOnceShareOneListing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion(thing{Name: "a"})
		r.slow = time.Second
		m := watching(r, Options{})
		results := make(chan error)
		for range 50 {
			go func() { results <- m.Refresh(t.Context(), home, 2*time.Second, r.table.Kind) }()
		}
		for range 50 {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
		if n := r.count("list"); n != 1 {
			t.Errorf("%d listings for 50 readers, want 1", n)
		}
	})
}

func TestFreshEnoughTableIsNotReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion()
		m := watching(r, Options{})
		refresh(t, m, r)
		time.Sleep(2 * time.Second)
		for _, step := range []struct {
			maxAge time.Duration
			want   int
		}{{2 * time.Second, 1}, {time.Second, 2}} {
			if err := m.Refresh(t.Context(), home, step.maxAge, r.table.Kind); err != nil {
				t.Fatal(err)
			}
			if n := r.count("list"); n != step.want {
				t.Errorf("at 2 s of age, %v allowed: %d listings in all, want %d", step.maxAge, n, step.want)
			}
		}
	})
}

func TestListingBegunTooEarlyDoesNotSatisfyAReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion()
		r.slow = 10 * time.Second
		m := watching(r, Options{})
		go func() { _ = m.Refresh(t.Context(), home, 0, r.table.Kind) }()
		time.Sleep(5 * time.Second)
		r.set(thing{Name: "new"})
		if err := m.Refresh(t.Context(), home, 2*time.Second, r.table.Kind); err != nil {
			t.Fatal(err)
		}
		wantNames(t, m, r, "new")
		if n := r.count("list"); n != 2 {
			t.Errorf("%d listings, want 2", n)
		}
	})
}

func TestListingOutlivesTheReaderWhoAskedForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion(thing{Name: "a"})
		r.slow = 10 * time.Second
		m := watching(r, Options{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := m.Refresh(ctx, home, 0, r.table.Kind); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("Refresh gives %v, want the deadline", err)
		}
		if err := m.Refresh(t.Context(), home, 2*time.Second, r.table.Kind); err != nil {
			t.Fatal(err)
		}
		wantNames(t, m, r, "a")
		if n := r.count("list"); n != 1 {
			t.Errorf("%d listings, want the first reader's only", n)
		}
	})
}

func TestReadersMakeNoStormWhileAWSIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion(thing{Name: "a"})
		m := watching(r, Options{})
		refresh(t, m, r)
		r.breakAt(0, errDown)
		for range 600 { // one minute of ten reads a second
			time.Sleep(100 * time.Millisecond)
			if err := m.Refresh(t.Context(), home, 0, r.table.Kind); !errors.Is(err, errDown) {
				t.Fatalf("Refresh gives %v, want AWS's error", err)
			}
			wantNames(t, m, r, "a")
		}
		if n := r.count("list") - 1; n > 13 {
			t.Errorf("%d listings in a minute of failures, want one in 5 s at most", n)
		}
		r.breakAt(-1, nil)
		time.Sleep(5 * time.Second)
		refresh(t, m, r)
		if err := m.Snapshot(home).Err(r.table.Kind); err != nil {
			t.Errorf("the error stays after a good listing: %v", err)
		}
	})
}

func TestListingThatHangsEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion()
		r.table.List = func(ctx context.Context, _ *cloud.Session, _ func([]thing) error) error {
			<-ctx.Done()
			return ctx.Err()
		}
		m := watching(r, Options{})
		began := time.Now()
		if err := m.Refresh(t.Context(), home, 0, r.table.Kind); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Refresh gives %v, want the listing's deadline", err)
		}
		if took := time.Since(began); took != time.Minute {
			t.Errorf("the listing took %v, want a minute", took)
		}
	})
}

func TestChangesAreOnlyRealDifferences(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion(thing{Name: "a", State: "1", Tags: map[string]string{"k": "v"}})
		m := watching(r, Options{})
		var changes []Change
		m.Subscribe(func(c []Change) { changes = append(changes, c...) })
		expect := func(what string, want ...string) {
			t.Helper()
			var got []string
			for _, c := range changes {
				got = append(got, c.ID)
			}
			if len(got) != len(want) {
				t.Fatalf("%s: changes of %q, want of %q", what, got, want)
			}
			for i := range want {
				if got[i] != want[i] {
					t.Fatalf("%s: changes of %q, want of %q", what, got, want)
				}
			}
			changes = nil
		}
		again := func() {
			time.Sleep(6 * time.Second)
			_ = m.Refresh(t.Context(), home, 0, r.table.Kind)
		}
		again()
		expect("first listing", "a", "")
		again()
		expect("nothing new")
		r.set(thing{Name: "a", State: "2"})
		time.Sleep(6 * time.Second)
		_ = m.Refresh(t.Context(), home, 0, r.table.Kind)
		if c := changes[0]; c.Tags["k"] != "v" || c.Old.(*thing).State != "1" || c.New.(*thing).State != "2" {
			t.Errorf("change %+v: want the lost tag, the old and the new row", c)
		}
		expect("another state", "a")
		r.breakAt(0, errDown)
		again()
		expect("the first failure", "")
		again()
		expect("a further failure")
		r.breakAt(-1, nil)
		again()
		expect("the end of the failures", "")
		Drop(m, home, r.table, "a")
		expect("a drop", "a")
	})
}

func TestSubscriberMayUseTheMirror(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion()
		m := watching(r, Options{})
		var order []string
		m.Subscribe(func(changes []Change) {
			for _, c := range changes {
				order = append(order, c.ID)
				if c.ID == "a" {
					Put(m, home, r.table, thing{Name: "b"})
				}
			}
		})
		Put(m, home, r.table, thing{Name: "a"})
		if len(order) != 2 || order[0] != "a" || order[1] != "b" {
			t.Errorf("changes in the order %q, want a, b", order)
		}
	})
}
