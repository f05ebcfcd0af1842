package mirror

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/smithy-go"
)

func TestSweepsKeepTheirPeriod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion(thing{Name: "a"})
		m := watching(r, Options{})
		run(t, m)
		time.Sleep(10*time.Minute + time.Second)
		synctest.Wait()
		if n := r.count("list"); n != 11 {
			t.Errorf("%d listings in ten minutes, want 11: one at once and one a minute", n)
		}
		wantNames(t, m, r, "a")
	})
}

func TestTableSweepsAtItsOwnPeriod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion()
		r.table.Rest = time.Hour
		run(t, watching(r, Options{}))
		time.Sleep(3*time.Hour + time.Second)
		synctest.Wait()
		if n := r.count("list"); n != 4 {
			t.Errorf("%d listings in three hours, want 4", n)
		}
	})
}

func TestReadersListingsPostponeTheSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion()
		m := watching(r, Options{})
		run(t, m)
		for range 60 {
			time.Sleep(10 * time.Second)
			refresh(t, m, r)
		}
		if n := r.count("list"); n != 61 {
			t.Errorf("%d listings, want 61: no sweep beside the readers' own", n)
		}
	})
}

func TestSweepsBackOffWhileAWSIsDownAndRecover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion(thing{Name: "a"})
		r.breakAt(0, errDown)
		m := watching(r, Options{})
		run(t, m)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		// At 0, 5, 15, 35, 75 s, and then once a minute.
		if n := r.count("list"); n != 5+8 {
			t.Errorf("%d listings in ten minutes of failures, want 13", n)
		}
		r.breakAt(-1, nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		wantNames(t, m, r, "a")
	})
}

func TestBusyRowsAreReadInOneCallWithGrowingPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion()
		m := watching(r, Options{Rest: time.Hour})
		run(t, m)
		synctest.Wait()
		for _, name := range []string{"a", "b", "c"} {
			row := thing{Name: name, State: "pending", Tags: mine}
			r.set(row)
			Put(m, home, r.table, row)
		}
		time.Sleep(2*time.Minute + time.Second)
		synctest.Wait()
		// At 2, 6, 14, 30, 60, 90 and 120 s.
		if n := r.count("byID"); n != 7 {
			t.Errorf("%d reads in two minutes, want 7 for all three", n)
		}
		for _, name := range []string{"a", "b", "c"} {
			r.set(thing{Name: name, State: "available", Tags: mine})
		}
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if got := state(m, r, "b"); got != "available" {
			t.Errorf("state %s, want available", got)
		}
		calls := r.count("byID")
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if n := r.count("byID") - calls; n != 0 {
			t.Errorf("%d reads after nothing was busy any more", n)
		}
	})
}

func TestALookAtABusyRowWaitsUntilItWillBeBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion()
		m := watching(r, Options{Rest: time.Hour, WriteHold: 5 * time.Second})
		run(t, m)
		synctest.Wait()
		row := thing{Name: "a", State: "pending", Tags: mine}
		Put(m, home, r.table, row)
		Modify(m, home, r.table, "a", func(row *thing) { row.Detail = new("ours") })
		row.State = "available"
		r.set(row)
		lists := r.count("list")
		time.Sleep(5*time.Second + 100*time.Millisecond)
		synctest.Wait()
		if got := state(m, r, "a"); got != "available" {
			t.Errorf("state %s once the write hold is over, want available", got)
		}
		if looks, more := r.count("byID"), r.count("list")-lists; looks != 1 || more != 0 {
			t.Errorf("%d looks and %d further listings, want one look", looks, more)
		}
	})
}

func TestChangeOfABusyRowBeginsThePausesAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion(thing{Name: "a", State: "pending", Tags: mine}, thing{Name: "b", State: "pending", Tags: mine})
		m := watching(r, Options{Rest: time.Hour})
		run(t, m)
		time.Sleep(15 * time.Second) // looks at 2, 6 and 14 s
		r.set(thing{Name: "a", State: "available", Tags: mine})
		r.set(thing{Name: "b", State: "pending", Tags: map[string]string{OwnedTagPrefix + "c1": "owned", "new": "tag"}})
		time.Sleep(15*time.Second + 100*time.Millisecond) // the look at 30 s finds it
		synctest.Wait()
		before := r.count("byID")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if n := r.count("byID") - before; n != 1 {
			t.Errorf("%d looks within 2 s of a change, want 1", n)
		}
	})
}

func TestBusyRowsAreNotPolledWhileReadersListThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion(thing{Name: "a", State: "pending", Tags: mine})
		m := watching(r, Options{})
		run(t, m)
		for range 100 {
			time.Sleep(1500 * time.Millisecond)
			refresh(t, m, r)
		}
		if n := r.count("byID"); n != 0 {
			t.Errorf("%d reads by id beside the readers' listings, want none", n)
		}
	})
}

func TestRowsThatNobodyOwnsAreNotPolled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion(thing{Name: "a", State: "pending"})
		m := watching(r, Options{Rest: time.Hour})
		run(t, m)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if n := r.count("byID"); n != 0 {
			t.Errorf("%d reads of somebody else's row, want none", n)
		}
	})
}

func TestSteadyStateCostsTheSameForOneAndForTwentyClusters(t *testing.T) {
	calls := func(clusters int) (perHour int) {
		synctest.Test(t, func(t *testing.T) {
			r := newRegion().withDetails()
			for i := range clusters {
				r.set(thing{Name: fmt.Sprintf("t%02d", i), Tags: map[string]string{OwnedTagPrefix + fmt.Sprint(i): "owned"}})
			}
			run(t, watching(r, Options{}))
			time.Sleep(5*time.Minute + time.Second)
			synctest.Wait()
			before := r.count("list") + r.count("details") + r.count("byID")
			time.Sleep(time.Hour)
			synctest.Wait()
			perHour = r.count("list") + r.count("details") + r.count("byID") - before
			for i := range clusters {
				if n := r.count(fmt.Sprintf("details/t%02d", i)); n < 60/clusters {
					t.Errorf("details of row %d were read %d times in an hour: it had no turn", i, n)
				}
			}
		})
		return perHour
	}
	one, twenty := calls(1), calls(20)
	if one != 120 || twenty != one {
		t.Errorf("%d calls an hour with one cluster and %d with twenty, want 120 and 120", one, twenty)
	}
}

func TestDetailsOfANewOwnedRowAreReadWithItsListing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion(thing{Name: "mine", Tags: mine}, thing{Name: "other"}).withDetails()
		m := watching(r, Options{})
		refresh(t, m, r)
		row, _ := Get(m.Snapshot(home), r.table, "mine")
		if row.Detail == nil || r.count("details") != 1 {
			t.Errorf("row %+v after %d reads of details, want the owned row's", row, r.count("details"))
		}
		time.Sleep(10 * time.Second)
		refresh(t, m, r)
		if again, _ := Get(m.Snapshot(home), r.table, "mine"); again.Detail == nil || r.count("details") != 1 {
			t.Errorf("a further listing lost or read again the details: %+v", again)
		}
	})
}

func TestDetailsOfARowWePutWaitForItsMaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion().withDetails()
		m := watching(r, Options{Rest: time.Hour})
		run(t, m)
		synctest.Wait()
		told := "by its maker"
		for _, name := range []string{"told", "untold"} {
			r.set(thing{Name: name, Tags: mine})
			Put(m, home, r.table, thing{Name: name, Tags: mine})
		}
		refresh(t, m, r)
		Modify(m, home, r.table, "told", func(row *thing) { row.Detail = &told })
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if n := r.count("details"); n != 1 || r.count("details/untold") != 1 {
			t.Errorf("%d reads of details, want one, of the row whose maker said nothing", n)
		}
		if row, _ := Get(m.Snapshot(home), r.table, "told"); row.Detail == nil || *row.Detail != told {
			t.Errorf("row %+v, want the details that its maker told", row)
		}
	})
}

func TestRefusedDetailsCostOneCallAPeriodAndSayWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion().withDetails()
		for i := range 20 {
			r.set(thing{Name: fmt.Sprint(i), Tags: mine})
		}
		r.fail = &smithy.GenericAPIError{Code: "UnauthorizedOperation"}
		m := watching(r, Options{})
		run(t, m)
		for range 100 { // a reader every six seconds, for ten minutes
			time.Sleep(6 * time.Second)
			refresh(t, m, r)
		}
		if n := r.count("details"); n < 9 || n > 11 {
			t.Errorf("%d reads of details that are refused, want one a minute", n)
		}
		if err := m.Snapshot(home).Err(r.table.Kind); err == nil {
			t.Error("the snapshot doesn't say that details can't be read")
		}
		r.breakAt(-1, nil)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if err := m.Snapshot(home).Err(r.table.Kind); err != nil {
			t.Errorf("the error stays: %v", err)
		}
	})
}
