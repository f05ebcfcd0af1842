package mirror

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

// grown gives a mirror that has seen the things, longer ago than the grace.
func grown(t *testing.T, o Options, things ...thing) (*region, *Mirror) {
	r := newRegion(things...)
	m := watching(r, o)
	refresh(t, m, r)
	time.Sleep(m.options.CreationGrace + time.Second)
	return r, m
}

func TestRowMissedOnceIsAskedForByIDAndThenGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, m := grown(t, Options{}, thing{Name: "a"}, thing{Name: "b"})
		r.remove("a")
		refresh(t, m, r)
		wantNames(t, m, r, "b")
		if n := r.count("byID"); n != 1 {
			t.Errorf("%d reads by id, want 1", n)
		}
	})
}

func TestRowHiddenFromListsButKnownByIDStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, m := grown(t, Options{}, thing{Name: "a"})
		r.hidden["a"] = true
		refresh(t, m, r)
		wantNames(t, m, r, "a")
	})
}

func TestRowGoesOnlyAfterTwoCompleteListingsMissedIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, m := grown(t, Options{}, thing{Name: "a"}, thing{Name: "b"})
		r.table.ByID = nil
		r.remove("a")
		time.Sleep(time.Second)
		refresh(t, m, r)
		wantNames(t, m, r, "a", "b")
		time.Sleep(time.Second)
		refresh(t, m, r)
		wantNames(t, m, r, "b")
	})
}

func TestRowSeenAgainNeedsTwoMissesAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, m := grown(t, Options{}, thing{Name: "a"})
		r.table.ByID = nil
		for _, hidden := range []bool{true, false, true} {
			r.hidden["a"] = hidden
			time.Sleep(time.Second)
			refresh(t, m, r)
		}
		wantNames(t, m, r, "a")
	})
}

func TestVanishedPageNeverDeletes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, m := grown(t, Options{RetryAfter: time.Second}, thing{Name: "a"}, thing{Name: "b"}, thing{Name: "c"})
		r.table.ByID = nil
		observed := m.Snapshot(home).Observed(r.table.Kind)
		r.set(thing{Name: "0"})
		r.breakAt(2, errDown)
		for range 5 {
			time.Sleep(2 * time.Second)
			if err := m.Refresh(t.Context(), home, 0, r.table.Kind); err == nil {
				t.Fatal("a listing that lost a page succeeded")
			}
		}
		// The page that came counts: it holds a new row.
		wantNames(t, m, r, "0", "a", "b", "c")
		s := m.Snapshot(home)
		if s.Err(r.table.Kind) == nil || !s.Observed(r.table.Kind).Equal(observed) {
			t.Errorf("after failed listings: err %v, observed %v, want an error and %v", s.Err(r.table.Kind), s.Observed(r.table.Kind), observed)
		}
	})
}

func TestFailedListingBetweenTwoCompleteOnesProvesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, m := grown(t, Options{RetryAfter: time.Second}, thing{Name: "a"})
		r.table.ByID = nil
		r.remove("a")
		refresh(t, m, r)
		r.breakAt(0, errDown)
		time.Sleep(2 * time.Second)
		if err := m.Refresh(t.Context(), home, 0, r.table.Kind); err == nil {
			t.Fatal("a failing listing succeeded")
		}
		wantNames(t, m, r, "a")
		r.breakAt(-1, nil)
		time.Sleep(2 * time.Second)
		refresh(t, m, r)
		wantNames(t, m, r)
	})
}

func TestRowPutIsKeptThroughTheGraceThoughListsMissIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion()
		m := watching(r, Options{})
		refresh(t, m, r)
		Put(m, home, r.table, thing{Name: "a"})
		for range 59 {
			time.Sleep(time.Second)
			refresh(t, m, r)
			wantNames(t, m, r, "a")
		}
		if n := r.count("byID"); n != 0 {
			t.Errorf("%d reads by id within the grace, want none", n)
		}
		time.Sleep(2 * time.Second)
		refresh(t, m, r)
		wantNames(t, m, r)
	})
}

func TestListingThatBeganWithinTheGraceProvesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion()
		m := watching(r, Options{ListTimeout: time.Hour})
		Put(m, home, r.table, thing{Name: "a"})
		r.slow = 2 * time.Minute
		refresh(t, m, r)
		wantNames(t, m, r, "a")
	})
}

func TestTombstoneOutlivesListsThatStillShowTheRow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, m := grown(t, Options{}, thing{Name: "a"})
		Drop(m, home, r.table, "a")
		wantNames(t, m, r)
		for range 59 {
			time.Sleep(time.Second)
			refresh(t, m, r)
			wantNames(t, m, r)
		}
		time.Sleep(2 * time.Second)
		refresh(t, m, r)
		wantNames(t, m, r, "a") // it was never deleted
	})
}

func TestRowPutAgainAfterADropIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, m := grown(t, Options{}, thing{Name: "a", State: "old"})
		Drop(m, home, r.table, "a")
		Put(m, home, r.table, thing{Name: "a", State: "new"})
		if got := state(m, r, "a"); got != "new" {
			t.Errorf("state %s, want new", got)
		}
	})
}

func TestOlderListingNeverUndoesAWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, m := grown(t, Options{ListTimeout: time.Hour}, thing{Name: "a", State: "old"})
		r.slow = 10 * time.Minute // the answer is from before the write, and comes after the hold
		done := make(chan error)
		go func() { done <- m.Refresh(t.Context(), home, 0, r.table.Kind) }()
		synctest.Wait()
		time.Sleep(time.Second)
		Modify(m, home, r.table, "a", func(row *thing) { row.State = "new" })
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if got := state(m, r, "a"); got != "new" {
			t.Errorf("state %s, want new", got)
		}
	})
}

func TestListingFromBeforeAPutIsNoNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion(thing{Name: "a", State: "old"})
		m := watching(r, Options{})
		r.slow = 2 * time.Second
		done := make(chan error)
		go func() { done <- m.Refresh(t.Context(), home, 0, r.table.Kind) }()
		time.Sleep(time.Second)
		Put(m, home, r.table, thing{Name: "a", State: "new"})
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if got := state(m, r, "a"); got != "new" {
			t.Errorf("state %s, want new", got)
		}
	})
}

func TestSlowListingDoesNotUndoALaterLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, m := grown(t, Options{}, thing{Name: "a", State: "old"})
		r.slow = 10 * time.Second
		done := make(chan error)
		go func() { done <- m.Refresh(t.Context(), home, 0, r.table.Kind) }()
		time.Sleep(time.Second)
		r.set(thing{Name: "a", State: "new"})
		if err := m.RefreshOf(t.Context(), home, 0, Interest{Kind: r.table.Kind, IDs: []string{"a"}}); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if got := state(m, r, "a"); got != "new" {
			t.Errorf("state %s, want new", got)
		}
	})
}

func TestStaleListingWithinTheHoldNeverUndoesAWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, m := grown(t, Options{}, thing{Name: "a", State: "old"})
		Modify(m, home, r.table, "a", func(row *thing) { row.State = "new" })
		time.Sleep(4 * time.Second)
		refresh(t, m, r)
		if got := state(m, r, "a"); got != "new" {
			t.Errorf("state %s within the hold, want new", got)
		}
		time.Sleep(2 * time.Second)
		refresh(t, m, r)
		if got := state(m, r, "a"); got != "old" {
			t.Errorf("state %s after the hold, want AWS's", got)
		}
	})
}

func TestReadThatShowsTheWriteEndsItsHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, m := grown(t, Options{}, thing{Name: "a", State: "old"})
		Modify(m, home, r.table, "a", func(row *thing) { row.State = "new" })
		r.set(thing{Name: "a", State: "new"})
		time.Sleep(time.Second)
		refresh(t, m, r)
		r.set(thing{Name: "a", State: "somebody else's"})
		time.Sleep(time.Second)
		refresh(t, m, r)
		if got := state(m, r, "a"); got != "somebody else's" {
			t.Errorf("state %s, want the change that came after our write was seen", got)
		}
	})
}

func TestDisagreementWithinTheHoldIsSettledRightAfterIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, m := grown(t, Options{Rest: time.Hour}, thing{Name: "a", State: "old"})
		run(t, m)
		synctest.Wait()
		Modify(m, home, r.table, "a", func(row *thing) { row.State = "new" })
		r.set(thing{Name: "a", State: "changed by somebody"})
		time.Sleep(2 * time.Second)
		refresh(t, m, r)
		time.Sleep(4 * time.Second)
		synctest.Wait()
		if got := state(m, r, "a"); got != "changed by somebody" {
			t.Errorf("state %s after the hold, want AWS's without waiting for the next sweep", got)
		}
	})
}

func TestModifyOfAnUnknownRowDoesNothing(t *testing.T) {
	r := newRegion()
	m := watching(r, Options{})
	if Modify(m, home, r.table, "a", func(*thing) { t.Error("called") }) {
		t.Error("Modify found a row that isn't there")
	}
}

func TestAbsentSinceNeedsTwoListingsAfterTheMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion()
		m := watching(r, Options{})
		refresh(t, m, r)
		moment := time.Now()
		for i, want := range []bool{false, true} {
			time.Sleep(time.Second)
			refresh(t, m, r)
			if got := m.Snapshot(home).AbsentSince(r.table.Kind, moment); got != want {
				t.Errorf("after %d listings: AbsentSince %v, want %v", i+1, got, want)
			}
		}
	})
}

func TestAnotherIdentityReadsWhatOneMayNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion(thing{Name: "a"})
		r.refused["controller"] = &smithy.GenericAPIError{Code: "UnauthorizedOperation"}
		m := watching(r, Options{})
		if err := m.Refresh(t.Context(), home, 0, r.table.Kind); !cloud.IsUnauthorized(err) {
			t.Fatalf("Refresh gives %v, want the refusal", err)
		}
		m.Want("other", &cloud.Session{Scope: home, Identity: "AWSClusterRoleIdentity/reader"})
		refresh(t, m, r)
		wantNames(t, m, r, "a")
		calls := r.count("list")
		time.Sleep(time.Second)
		refresh(t, m, r)
		if n := r.count("list") - calls; n != 1 {
			t.Errorf("the next listing took %d calls: it should begin with the identity that may read", n)
		}
	})
}

func TestWhatAWSSaysToOneIdentityIsNotToldToAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion(thing{Name: "a"})
		refuse := func(identity string) {
			r.refused[identity] = &smithy.OperationError{ServiceID: "EC2", OperationName: "DescribeThings", Err: &smithyhttp.ResponseError{
				Response: &smithyhttp.Response{Response: &http.Response{StatusCode: http.StatusForbidden}},
				Err:      &smithy.GenericAPIError{Code: "NewKindOfRefusal", Message: identity + " may not"},
			}}
		}
		refuse("controller")
		m := watching(r, Options{RetryAfter: 1})
		err := m.Refresh(t.Context(), home, 0, r.table.Kind)
		if !cloud.IsUnauthorized(err) || !strings.Contains(err.Error(), "controller may not") {
			t.Errorf("the only identity gets %v", err)
		}
		refuse("dev")
		m.Want("other", sessionOf("dev"), Whole(r.table.Kind)...)
		time.Sleep(time.Second)
		err = m.Refresh(t.Context(), home, 0, r.table.Kind)
		e := cloud.Classify(err)
		if e.Class != cloud.Unauthorized || strings.Contains(e.Message, "may not") || !strings.HasPrefix(e.Message, "EC2 DescribeThings: ") {
			t.Errorf("both identities get %+v", e)
		}
	})
}
