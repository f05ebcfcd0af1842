package mirror

import (
	"testing"
	"testing/synctest"
	"time"
)

func hintAt(r *region, name, state string) Hint {
	return Hint{Kind: r.table.Kind, ID: name, Shown: func(row any) bool { return row.(*thing).State == state }}
}

// TestWatchersLearnOfAChangeByTheNextSweepOrTheHint states the bounds exactly: a
// sweep period without hints, the window with them.
func TestWatchersLearnOfAChangeByTheNextSweepOrTheHint(t *testing.T) {
	for name, hinted := range map[string]bool{"without events": false, "with events": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRegion(thing{Name: "a", State: "running", Tags: mine})
				r.table.Rest = InstancesRest
				m := watching(r, Options{})
				run(t, m)
				synctest.Wait()
				var learned time.Time
				m.Subscribe(func([]Change) { learned = time.Now() })
				changed, want := time.Now(), InstancesRest
				r.set(thing{Name: "a", State: "ended", Tags: mine})
				if hinted {
					m.Hint(home, hintAt(r, "a", "ended"))
					want = hintWindow
				}
				time.Sleep(InstancesRest + time.Second)
				synctest.Wait()
				if took := learned.Sub(changed); took != want {
					t.Errorf("learned of it after %s, want %s", took, want)
				}
			})
		})
	}
}

func TestSweepPeriodOfInstancesIsAtMost15Seconds(t *testing.T) {
	if longest := InstancesRest + InstancesRest/10; longest > 15*time.Second || Instances.Rest != InstancesRest {
		t.Errorf("instances are swept every %s, with jitter every %s at last", Instances.Rest, longest)
	}
	synctest.Test(t, func(t *testing.T) {
		r := newRegion()
		r.table.Rest = InstancesRest
		run(t, watching(r, Options{Periods: map[Kind]time.Duration{r.table.Kind: time.Hour}}))
		time.Sleep(time.Hour + time.Second)
		synctest.Wait()
		if n := r.count("list"); n != 2 {
			t.Errorf("%d listings in an hour, want 2: the period that was asked for", n)
		}
	})
}

func TestManyHintsMakeOneCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion()
		for _, name := range []string{"a", "b", "c"} {
			r.set(thing{Name: name, State: "running", Tags: mine})
		}
		r.set(thing{Name: "foreign", State: "running"})
		m := watching(r, Options{Rest: time.Hour})
		run(t, m)
		synctest.Wait()
		for _, name := range []string{"a", "b", "c", "foreign", "a", "b", "c"} {
			r.set(thing{Name: name, State: "ended", Tags: mine})
			m.Hint(home, hintAt(r, name, "ended"))
			time.Sleep(20 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := r.count("byID"); n != 1 || state(m, r, "c") != "ended" {
			t.Errorf("%d calls, want one for all; state %s", n, state(m, r, "c"))
		}
	})
}

func TestHintIsNoFact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion(thing{Name: "a", State: "running", Tags: mine})
		m := watching(r, Options{Rest: time.Hour})
		run(t, m)
		synctest.Wait()
		m.Hint(home, hintAt(r, "a", "ended"), hintAt(r, "none", "ended"), Hint{Kind: "test/other", ID: "a"})
		time.Sleep(time.Minute)
		synctest.Wait()
		wantNames(t, m, r, "a")
		if n := r.count("byID"); n != hintLooks || state(m, r, "a") != "running" {
			t.Errorf("%d looks, want %d; state %s, want what AWS says", n, hintLooks, state(m, r, "a"))
		}
	})
}

func TestLateAnswersAreLookedAtAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion(thing{Name: "a", State: "running", Tags: mine})
		m := watching(r, Options{Rest: time.Hour})
		run(t, m)
		synctest.Wait()
		m.Hint(home, hintAt(r, "a", "ended"))
		time.Sleep(time.Second)
		r.set(thing{Name: "a", State: "ended", Tags: mine})
		time.Sleep(hintWindow + hintAgain)
		synctest.Wait()
		if n := r.count("byID"); n != 2 || state(m, r, "a") != "ended" {
			t.Errorf("%d looks, want 2; state %s", n, state(m, r, "a"))
		}
	})
}

func TestWhatIsShownAlreadyCostsNoLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion(thing{Name: "a", State: "ended", Tags: mine})
		m := watching(r, Options{Rest: time.Hour})
		run(t, m)
		synctest.Wait()
		m.Hint(home, hintAt(r, "a", "ended"))
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := r.count("byID"); n != 0 {
			t.Errorf("%d looks, want none", n)
		}
	})
}
