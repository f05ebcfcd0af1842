package mirror

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

// sessionOf is a session whose calls the region counts by its identity.
func sessionOf(identity string) *cloud.Session {
	return &cloud.Session{Scope: home, Identity: identity}
}

// unwanted gives a mirror of the region that nobody wants anything of.
func unwanted(r *region, o Options) *Mirror {
	m := watching(r, o)
	m.LetGo("test")
	return m
}

// callsIn counts the calls of a time.
func (r *region) callsIn(d time.Duration) map[string]int {
	synctest.Wait()
	r.mu.Lock()
	clear(r.calls)
	r.mu.Unlock()
	time.Sleep(d)
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	calls := map[string]int{}
	for call, n := range r.calls {
		calls[call] = n
	}
	return calls
}

func TestNothingIsReadOnceTheLastOwnerLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion(thing{Name: "busy", State: "pending", Tags: mine}, thing{Name: "a", Tags: mine}).withDetails()
		m := unwanted(r, Options{})
		run(t, m)
		other := &cloud.Session{Scope: cloud.Scope{Account: "444455556666", Region: "eu-west-1"}, Identity: "controller"}
		for _, s := range []*cloud.Session{session, other} {
			for i := range 3 {
				m.Want(fmt.Sprint(s.Scope, i), s, Whole(r.table.Kind)...)
			}
		}
		if calls := r.callsIn(time.Hour + time.Second); calls["list"] != 120 || calls["byID"] == 0 || calls["details"] == 0 {
			t.Fatalf("calls of an hour with two scopes: %v", calls)
		}
		for _, s := range []*cloud.Session{session, other} {
			for i := range 2 {
				m.LetGo(fmt.Sprint(s.Scope, i))
			}
		}
		if calls := r.callsIn(time.Hour); calls["list"] < 119 {
			t.Errorf("calls of an hour with one owner left for each scope: %v", calls)
		}
		for _, s := range []*cloud.Session{session, other} {
			m.LetGo(fmt.Sprint(s.Scope, 2))
		}
		if calls := r.callsIn(time.Hour); len(calls) > 0 {
			t.Errorf("calls of an hour for nobody: %v", calls)
		}
		if scopes := m.Scopes(); len(scopes) > 0 {
			t.Errorf("still known: %v", scopes)
		}
	})
}

func TestAScopeIsForgottenAfterTheGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion(thing{Name: "a"})
		m := watching(r, Options{})
		run(t, m)
		synctest.Wait()
		Put(m, home, r.table, thing{Name: "made"})
		r.hidden["made"] = true
		time.Sleep(20 * time.Second)
		m.LetGo("test")
		time.Sleep(30 * time.Second)
		m.Want("back", session, Whole(r.table.Kind)...)
		synctest.Wait()
		wantNames(t, m, r, "a", "made")
		m.LetGo("back")
		time.Sleep(time.Minute + time.Millisecond)
		synctest.Wait()
		if m.Snapshot(home).Seen(r.table.Kind) || len(m.Scopes()) > 0 {
			t.Error("the scope is still known a minute after the last interest")
		}
		if err := m.Refresh(t.Context(), home, time.Hour, r.table.Kind); !errors.Is(err, ErrNotWatched) {
			t.Errorf("Refresh gives %v, want ErrNotWatched", err)
		}
	})
}

func TestAWriteIsHeldWhoeverWantsTheScope(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion()
		m := unwanted(r, Options{})
		run(t, m)
		time.Sleep(50 * time.Second)
		Put(m, home, r.table, thing{Name: "made"})
		time.Sleep(50 * time.Second)
		synctest.Wait()
		wantNames(t, m, r, "made")
		time.Sleep(11 * time.Second)
		synctest.Wait()
		wantNames(t, m, r)
	})
}

func TestATableThatNobodyWantsIsReadForItsReaderAndForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion(thing{Name: "a"})
		m := unwanted(r, Options{})
		run(t, m)
		m.Want("other", session)
		refresh(t, m, r)
		wantNames(t, m, r, "a")
		if calls := r.callsIn(50 * time.Second); len(calls) > 0 || !m.Snapshot(home).Seen(r.table.Kind) {
			t.Errorf("calls after a single reader: %v, seen %v", calls, m.Snapshot(home).Seen(r.table.Kind))
		}
		// What is older than a swept table would be isn't taken for known.
		if calls := r.callsIn(11 * time.Second); len(calls) > 0 || m.Snapshot(home).Seen(r.table.Kind) {
			t.Errorf("calls of a minute: %v, seen %v", calls, m.Snapshot(home).Seen(r.table.Kind))
		}
		m.Want("other", session, Whole(r.table.Kind)...)
		synctest.Wait()
		wantNames(t, m, r, "a")
	})
}

// The race detector is what judges it.
func TestATableMayBeAskedForWhileItIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion(thing{Name: "a"})
		m := unwanted(r, Options{})
		run(t, m)
		m.Want("other", session)
		for range 20 {
			refresh(t, m, r)
			ended := make(chan error)
			for i := range 8 {
				go func() {
					time.Sleep(time.Minute + time.Duration(i-4)*time.Nanosecond)
					ended <- m.Refresh(t.Context(), home, time.Hour, r.table.Kind)
				}()
			}
			for range 8 {
				if err := <-ended; err != nil {
					t.Error(err)
				}
			}
		}
	})
}

func TestAnIdentityIsUsedForThoseOnlyWhoWantIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion(thing{Name: "a"})
		m := unwanted(r, Options{})
		run(t, m)
		dev := sessionOf("AWSClusterRoleIdentity/dev")
		m.Want("c1", dev, Whole(r.table.Kind)...)
		m.Want("c2", dev, Whole(r.table.Kind)...)
		m.WantFor("c2", dev, 10*time.Second, Whole(r.table.Kind)...)
		m.Want("c3", session, Whole(r.table.Kind)...)
		if calls := r.callsIn(time.Hour); calls["list/"+dev.Identity] == 0 {
			t.Fatalf("calls %v, want some of %s", calls, dev.Identity)
		}
		m.Want("c1", session, Whole(r.table.Kind)...) // it names another one now
		m.WantFor("c2", dev, 50*time.Second, Whole(r.table.Kind)...)
		m.LetGo("c2") // it may not use it any more
		if calls := r.callsIn(time.Hour); calls["list/"+dev.Identity] != 0 || calls["list/controller"] < 59 {
			t.Errorf("calls %v, want none of %s", calls, dev.Identity)
		}
		if got := m.Sessions(home); !slices.Equal(got, []*cloud.Session{session}) {
			t.Errorf("sessions %v", got)
		}
	})
}

func TestReadersHoldOnForAWhileOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion(thing{Name: "a"})
		m := unwanted(r, Options{Rest: 10 * time.Second})
		run(t, m)
		for range 100 { // one that reads again and again
			m.WantFor("c1", session, 30*time.Second, Whole(r.table.Kind)...)
			m.WantFor("c1", session, time.Second, Whole(r.table.Kind)...) // takes nothing away
			time.Sleep(20 * time.Second)
		}
		synctest.Wait()
		if n := r.count("list"); n < 199 {
			t.Errorf("%d listings in 2,000 s, want one each 10 s", n)
		}
		time.Sleep(11 * time.Second)
		if calls := r.callsIn(time.Hour); len(calls) > 0 || len(m.Scopes()) > 0 {
			t.Errorf("calls %v and scopes %v after the reader went", calls, m.Scopes())
		}
		m.Want("c1", session, Whole(r.table.Kind)...)
		m.WantFor("c1", session, time.Second)
		if calls := r.callsIn(time.Minute); calls["list"] < 6 {
			t.Errorf("a reader's end ended what its object wants: %v", calls)
		}
	})
}

func TestTheNewestSessionOfAnIdentityIsUsed(t *testing.T) {
	m := watching(newRegion(), Options{})
	before, after, third := sessionOf("dev"), sessionOf("dev"), sessionOf("dev")
	m.LetGo("test")
	for _, step := range []struct {
		owner string
		s     *cloud.Session
		want  *cloud.Session
	}{
		{"c1", before, before}, {"c2", before, before}, {"c1", after, after}, {"c2", before, after},
		{"c3", third, third}, {"c2", after, after}, // the credentials went back
		{"c3", after, after}, {"c1", before, before},
	} {
		m.Want(step.owner, step.s)
		if got := m.Sessions(home); !slices.Equal(got, []*cloud.Session{step.want}) {
			t.Fatalf("after %+v: %v", step, got)
		}
	}
}

func TestTheFirstListingMayWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion(thing{Name: "a"})
		m := unwanted(r, Options{})
		run(t, m)
		m.Want("c1", session, Later(20*time.Second, Whole(r.table.Kind)...)...)
		if calls := r.callsIn(19 * time.Second); len(calls) > 0 {
			t.Errorf("calls %v before the time", calls)
		}
		m.Want("c1", session, Later(20*time.Second, Whole(r.table.Kind)...)...) // the next pass
		if calls := r.callsIn(2 * time.Second); calls["list"] != 1 {
			t.Errorf("calls %v, want a listing", calls)
		}
	})
}

func TestAHintAboutWhatNobodyWantsCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRegion(thing{Name: "a", Tags: mine})
		m := unwanted(r, Options{})
		run(t, m)
		m.Want("c1", session)
		m.Hint(home, Hint{Kind: r.table.Kind, ID: "a"})
		if calls := r.callsIn(time.Minute); len(calls) > 0 {
			t.Errorf("calls %v", calls)
		}
	})
}
