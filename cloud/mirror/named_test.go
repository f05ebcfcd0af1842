package mirror

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/smithy-go"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

// group is a made-up resource below a cluster, which AWS lists by name only.
type group struct {
	Cluster, Name, State string
}

// fleet is a made-up service that is read by name: clusters with groups below them, and
// roles, which are in no region. It counts its calls.
type fleet struct {
	mu     sync.Mutex
	groups map[string]group
	calls  map[string]int
	fail   map[string]error // by call
	slow   time.Duration
	groupT *Table[group]
	roleT  *Table[group]
}

func newFleet(groups ...group) *fleet {
	f := &fleet{groups: map[string]group{}, calls: map[string]int{}, fail: map[string]error{}}
	f.set(groups...)
	f.groupT = &Table[group]{
		Kind:     "test/group",
		ID:       func(g *group) string { return NameIn(g.Cluster, g.Name) },
		Tags:     noTags[group],
		VPC:      noVPC[group],
		Parent:   func(g *group) string { return g.Cluster },
		Busy:     func(g *group) bool { return strings.HasSuffix(g.State, "ING") },
		Describe: f.describe,
		Names:    f.names,
		Budget:   2,
	}
	f.roleT = &Table[group]{
		Kind:     "test/role",
		ID:       func(g *group) string { return g.Name },
		Tags:     noTags[group],
		VPC:      noVPC[group],
		Global:   true,
		Describe: f.describe,
	}
	return f
}

func (f *fleet) count(calls ...string) error {
	for _, call := range calls {
		f.calls[call]++
	}
	for _, call := range calls {
		if err := f.fail[call]; err != nil {
			return err
		}
	}
	return nil
}

func (f *fleet) describe(_ context.Context, s *cloud.Session, cluster, name string) (*group, error) {
	f.mu.Lock()
	g, ok := f.groups[NameIn(cluster, name)]
	err, slow := f.count("describe", "describe "+NameIn(cluster, name), "as "+s.Identity), f.slow
	f.mu.Unlock()
	time.Sleep(slow)
	if err == nil && !ok {
		err = &smithy.GenericAPIError{Code: "ResourceNotFoundException"}
	}
	return &g, err
}

func (f *fleet) names(_ context.Context, s *cloud.Session, cluster string, page func([]string) error) error {
	f.mu.Lock()
	err := f.count("names", "names "+cluster, "as "+s.Identity)
	var names []string
	for _, id := range slices.Sorted(maps.Keys(f.groups)) {
		if g := f.groups[id]; g.Cluster == cluster {
			names = append(names, g.Name)
		}
	}
	f.mu.Unlock()
	for _, name := range names {
		if err == nil {
			err = page([]string{name})
		}
	}
	return err
}

func (f *fleet) set(groups ...group) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, g := range groups {
		f.groups[NameIn(g.Cluster, g.Name)] = g
	}
}

func (f *fleet) remove(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.groups, id)
}

func (f *fleet) breaks(call string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail[call] = err
}

func (f *fleet) callsIn(d time.Duration) map[string]int {
	synctest.Wait()
	f.mu.Lock()
	clear(f.calls)
	f.mu.Unlock()
	time.Sleep(d)
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.calls)
}

// mirrored gives a mirror of the fleet that is running.
func (f *fleet) mirrored(t *testing.T, o Options) *Mirror {
	o.Tables = []Resource{f.groupT, f.roleT}
	o.Jitter = func(d time.Duration) time.Duration { return d }
	m := New(o)
	run(t, m)
	return m
}

func (f *fleet) below(m *Mirror, cluster string) string {
	var found []string
	for _, g := range Below(m.Snapshot(home), f.groupT, cluster) {
		found = append(found, g.Name+" "+g.State)
	}
	return strings.Join(found, ", ")
}

// named is the interest in rows of the fleet's groups.
func (f *fleet) named(cluster string, names ...string) Interest {
	return Interest{Kind: f.groupT.Kind, Parent: cluster, IDs: names}
}

func many(cluster string, n int) (groups []group, names []string) {
	for i := range n {
		name := fmt.Sprintf("g%02d", i)
		groups, names = append(groups, group{cluster, name, "ACTIVE"}), append(names, name)
	}
	return groups, names
}

func TestOnlyWhatIsNamedIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(group{"c1", "a", "ACTIVE"}, group{"c1", "b", "ACTIVE"}, group{"c2", "a", "ACTIVE"})
		m := f.mirrored(t, Options{})
		if m.Snapshot(home).SeenOf(f.named("c1", "a")) || m.Snapshot(home).Seen(f.groupT.Kind) {
			t.Error("seen before it was read")
		}
		m.Want("o1", session, f.named("c1", "a", "gone"))
		synctest.Wait()
		snap := m.Snapshot(home)
		if got := f.below(m, "c1"); got != "a ACTIVE" {
			t.Errorf("below c1: %q", got)
		}
		if !snap.SeenOf(f.named("c1", "a", "gone")) || !snap.Seen(f.groupT.Kind) || snap.SeenOf(f.named("c1", "b")) || snap.SeenOf(f.named("c2", "a")) {
			t.Error("seen is not what was named")
		}
		if !snap.Absent(f.groupT.Kind, "c1/gone", time.Now()) || snap.Absent(f.groupT.Kind, "c1/a", time.Time{}) ||
			snap.Absent(f.groupT.Kind, "c1/b", time.Time{}) || snap.Absent(f.groupT.Kind, "c1/gone", time.Now().Add(1)) {
			t.Error("absent is not what AWS said isn't there")
		}
		if calls := f.calls; calls["describe"] != 2 || calls["names"] != 0 {
			t.Errorf("calls %v, want the two describes", calls)
		}
	})
}

func TestAllBelowAParentIsReadWhereSomebodyWantsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(group{"c1", "a", "ACTIVE"}, group{"c1", "b", "ACTIVE"}, group{"c2", "z", "ACTIVE"})
		m := f.mirrored(t, Options{})
		m.Want("o1", session, f.named("c1"))
		synctest.Wait()
		if got := f.below(m, "c1"); got != "a ACTIVE, b ACTIVE" || !m.Snapshot(home).SeenOf(f.named("c1")) {
			t.Errorf("below c1: %q", got)
		}
		f.set(group{"c1", "c", "ACTIVE"})
		f.remove("c1/a")
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		if got := f.below(m, "c1"); got != "b ACTIVE, c ACTIVE" {
			t.Errorf("below c1 after two periods: %q", got)
		}
		if calls := f.callsIn(time.Hour); calls["describe c1/a"] > 0 || calls["names"] != 60 || calls["describe c2/z"] > 0 {
			t.Errorf("calls %v", calls)
		}
	})
}

func TestAListThatMissesANameProvesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(group{"c1", "a", "ACTIVE"})
		var hidden atomic.Bool
		names := f.groupT.Names
		f.groupT.Names = func(ctx context.Context, s *cloud.Session, parent string, page func([]string) error) error {
			if hidden.Load() {
				return nil
			}
			return names(ctx, s, parent, page)
		}
		m := f.mirrored(t, Options{})
		m.Want("o1", session, f.named("c1"))
		synctest.Wait()
		hidden.Store(true)
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := f.below(m, "c1"); got != "a ACTIVE" {
			t.Errorf("below c1: %q, want what a describe shows", got)
		}
	})
}

func TestDescribesAtRestKeepTheirBudgetAndTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		groups, names := many("c1", 30)
		f := newFleet(groups...)
		m := f.mirrored(t, Options{})
		m.Want("o1", session, f.named("c1", names...))
		f.callsIn(5 * time.Minute)
		calls := f.callsIn(15 * time.Minute)
		if calls["describe"] != 30 {
			t.Errorf("%d describes in 15 minutes, want 2 a minute", calls["describe"])
		}
		for _, name := range names {
			if n := calls["describe c1/"+name]; n != 1 {
				t.Errorf("%d describes of %s, want one turn each", n, name)
			}
		}
	})
}

func TestWhatIsChangingIsReadOftenAndTheOthersKeepTheirTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		groups, names := many("c1", 30)
		others, _ := many("c2", 1)
		f := newFleet(append(groups, others...)...)
		m := f.mirrored(t, Options{})
		m.Want("o1", session, f.named("c1", names...), f.named("c2", "g00"))
		synctest.Wait()
		Modify(m, home, f.groupT, "c1/g07", func(g *group) { g.State = "UPDATING" })
		f.set(group{"c1", "g07", "UPDATING"})
		calls := f.callsIn(5 * time.Minute)
		if n := calls["describe c1/g07"]; n < 29 || n > 31 {
			t.Errorf("%d describes in 5 minutes of what is changing, want one in 10 s", n)
		}
		if n := calls["describe"] - calls["describe c1/g07"]; n > 16 {
			t.Errorf("%d describes in 5 minutes of what isn't changing, want 3 a minute", n)
		}
		if n := calls["describe c2/g00"]; n < 4 || n > 5 {
			t.Errorf("%d describes in 5 minutes below another parent, want one a minute", n)
		}
		f.set(group{"c1", "g07", "ACTIVE"})
		time.Sleep(11 * time.Second)
		synctest.Wait()
		if !strings.Contains(f.below(m, "c1"), "g07 ACTIVE") {
			t.Errorf("below c1: %q", f.below(m, "c1"))
		}
		f.callsIn(time.Minute)
		if calls := f.callsIn(10 * time.Minute); calls["describe"] < 29 || calls["describe"] > 31 {
			t.Errorf("%d describes in 10 minutes at rest, want 2 and 1 a minute", calls["describe"])
		}
	})
}

func TestWhatWasMadeIsThereThoughAWSDoesNotShowItYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet()
		m := f.mirrored(t, Options{})
		m.Want("o1", session, f.named("c1", "a"))
		synctest.Wait()
		Put(m, home, f.groupT, group{"c1", "a", "CREATING"})
		time.Sleep(30 * time.Second) // DescribeX doesn't find it
		synctest.Wait()
		if got := f.below(m, "c1"); got != "a CREATING" || f.calls["describe"] < 3 {
			t.Errorf("below c1: %q after %d describes", got, f.calls["describe"])
		}
		f.set(group{"c1", "a", "ACTIVE"})
		time.Sleep(11 * time.Second)
		synctest.Wait()
		if got := f.below(m, "c1"); got != "a ACTIVE" {
			t.Errorf("below c1: %q", got)
		}
		Drop(m, home, f.groupT, "c1/a")
		time.Sleep(30 * time.Second) // it is still shown
		synctest.Wait()
		if got := f.below(m, "c1"); got != "" {
			t.Errorf("below c1: %q after it was deleted", got)
		}
	})
}

func TestAWriteIsHeldAsLongAsItsTableSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(group{"c1", "a", "ACTIVE"})
		f.groupT.WriteHold = 30 * time.Second
		m := f.mirrored(t, Options{})
		m.Want("o1", session, f.named("c1", "a"))
		time.Sleep(time.Minute)
		Modify(m, home, f.groupT, "c1/a", func(g *group) { g.State = "UPDATING" })
		time.Sleep(29 * time.Second) // AWS shows ACTIVE all the time
		if got := f.below(m, "c1"); got != "a UPDATING" {
			t.Errorf("below c1: %q within the hold", got)
		}
		time.Sleep(12 * time.Second)
		synctest.Wait()
		if got := f.below(m, "c1"); got != "a ACTIVE" {
			t.Errorf("below c1: %q after the hold", got)
		}
	})
}

func TestWhatWasMadeByNobodyWhoWantsItGoesAfterTheGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet()
		m := f.mirrored(t, Options{})
		m.Want("o1", session, f.named("c1", "b"))
		Put(m, home, f.groupT, group{"c1", "a", "CREATING"})
		time.Sleep(59 * time.Second)
		if _, ok := Get(m.Snapshot(home), f.groupT, "c1/a"); !ok {
			t.Error("gone within the grace")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if _, ok := Get(m.Snapshot(home), f.groupT, "c1/a"); ok || f.calls["describe c1/a"] > 0 {
			t.Error("it stays though nobody wants it")
		}
	})
}

func TestWhatIsLetGoIsReadNoMoreAndForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(group{"c1", "a", "UPDATING"}, group{"c1", "b", "ACTIVE"})
		m := f.mirrored(t, Options{})
		m.Want("o1", session, f.named("c1", "a", "b"))
		m.Want("o2", session, f.named("c1", "b"))
		synctest.Wait()
		m.Want("o1", session, f.named("c1", "b"))
		if calls := f.callsIn(2 * time.Minute); calls["describe c1/a"] > 0 || calls["describe c1/b"] == 0 {
			t.Errorf("calls %v", calls)
		}
		if got := f.below(m, "c1"); got != "b ACTIVE" {
			t.Errorf("below c1: %q", got)
		}
		m.LetGo("o1")
		m.LetGo("o2")
		if calls := f.callsIn(time.Hour); len(calls) > 0 || len(m.Scopes()) > 0 {
			t.Errorf("calls %v and scopes %v for nobody", calls, m.Scopes())
		}
	})
}

func TestAFailureBelowOneParentIsNoneOfAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(group{"c1", "a", "ACTIVE"}, group{"c2", "a", "ACTIVE"})
		denied := &smithy.GenericAPIError{Code: "AccessDeniedException"}
		f.breaks("describe c1/a", errDown)
		f.breaks("names c2", denied)
		m := f.mirrored(t, Options{})
		m.Want("o1", session, f.named("c1", "a"))
		m.Want("o2", session, f.named("c2", "a"), f.named("c2"))
		synctest.Wait()
		snap := m.Snapshot(home)
		if err := snap.ErrOf(f.named("c1", "a")); !errors.Is(err, errDown) || snap.Err(f.groupT.Kind) == nil {
			t.Errorf("c1: %v", err)
		}
		if err := snap.ErrOf(f.named("c2", "a")); err != nil || !snap.SeenOf(f.named("c2", "a")) {
			t.Errorf("what is named below c2: %v, although only the list is refused", err)
		}
		if err := snap.ErrOf(f.named("c2")); !cloud.IsUnauthorized(err) || snap.SeenOf(f.named("c2")) {
			t.Errorf("all below c2: %v, want the list's refusal", err)
		}
		if calls := f.callsIn(10 * time.Minute); calls["describe c1/a"] < 9 || calls["describe c1/a"] > 15 || calls["names c2"] > 15 {
			t.Errorf("calls %v in 10 minutes of failures, want no more than one a minute after the first", calls)
		}
		f.breaks("describe c1/a", nil)
		f.callsIn(time.Minute)
		if err := m.Snapshot(home).ErrOf(f.named("c1", "a")); err != nil || f.below(m, "c1") != "a ACTIVE" {
			t.Errorf("c1 afterwards: %v, %q", err, f.below(m, "c1"))
		}
	})
}

func TestReadersOfNamesShareOneReadAndGetOnlyTheirs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(group{"c1", "a", "ACTIVE"}, group{"c2", "a", "ACTIVE"})
		m := f.mirrored(t, Options{})
		m.Want("o1", session, f.named("c1", "a"), f.named("c2"))
		f.callsIn(30 * time.Second)
		f.slow = time.Second
		f.set(group{"c1", "a", "UPDATING"}, group{"c2", "b", "ACTIVE"})
		var group sync.WaitGroup
		for range 50 {
			group.Go(func() {
				if err := m.RefreshOf(t.Context(), home, 2*time.Second, f.named("c1", "a")); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if got := f.below(m, "c1"); got != "a UPDATING" || f.calls["describe"] != 1 {
			t.Errorf("below c1: %q, calls %v", got, f.calls)
		}
		if err := m.RefreshOf(t.Context(), home, 0, f.named("c2")); err != nil {
			t.Fatal(err)
		}
		if got := f.below(m, "c2"); got != "a ACTIVE, b ACTIVE" {
			t.Errorf("below c2: %q", got)
		}
		f.breaks("describe", errDown)
		for range 100 {
			if err := m.Refresh(t.Context(), home, 0, f.groupT.Kind); !errors.Is(err, errDown) {
				t.Fatalf("Refresh gives %v", err)
			}
		}
		if n := f.calls["describe"]; n > 10 {
			t.Errorf("%d describes for readers while AWS is down", n)
		}
	})
}

func TestWhatIsInNoRegionIsReadOnceForAllRegions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(group{"", "role", "ACTIVE"})
		m := f.mirrored(t, Options{})
		ireland := &cloud.Session{Scope: cloud.Scope{Account: home.Account, Region: "eu-west-1"}, Identity: "controller"}
		want := Interest{Kind: f.roleT.Kind, IDs: []string{"role"}}
		m.Want("o1", session, want)
		m.Want("o2", ireland, want)
		if calls := f.callsIn(time.Hour); calls["describe"] != 60 {
			t.Errorf("%d describes in an hour, want one a minute", calls["describe"])
		}
		for _, scope := range []cloud.Scope{home, ireland.Scope} {
			snap := m.Snapshot(scope)
			if _, ok := Get(snap, f.roleT, "role"); !ok || snap.Scope != scope || snap != m.Snapshot(scope) {
				t.Errorf("the snapshot of %s lacks the role, or isn't the same twice", scope)
			}
		}
		before := m.Snapshot(home)
		Put(m, ireland.Scope, f.roleT, group{"", "role", "CHANGED"})
		if row, _ := Get(m.Snapshot(home), f.roleT, "role"); row.State != "CHANGED" || before == m.Snapshot(home) {
			t.Errorf("a write in another region isn't shown: %+v", row)
		}
		m.LetGo("o1")
		f.callsIn(2 * time.Minute)
		if calls := f.callsIn(time.Hour); calls["describe"] < 59 {
			t.Errorf("calls %v with one region left", calls)
		}
		m.LetGo("o2")
		if calls := f.callsIn(time.Hour); len(calls) > 0 || len(m.Scopes()) > 0 {
			t.Errorf("calls %v and scopes %v for nobody", calls, m.Scopes())
		}
	})
}

func TestChangesOfNamedRowsSayWhatTheyAreAbout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(group{"c1", "a", "ACTIVE"})
		m := f.mirrored(t, Options{})
		var mu sync.Mutex
		var got []string
		m.Subscribe(func(changes []Change) {
			mu.Lock()
			defer mu.Unlock()
			for _, c := range changes {
				got = append(got, c.Parent+":"+c.ID)
			}
		})
		m.Want("o1", session, f.named("c1", "a", "none"))
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		for _, want := range []string{"c1:c1/a", "c1:c1/none", "c1:"} {
			if !slices.Contains(got, want) {
				t.Errorf("changes %q, want %s among them", got, want)
			}
		}
		if len(got) > 4 {
			t.Errorf("changes %q in ten minutes at rest", got)
		}
	})
}

func TestWhatNobodyWatchesKeepsNothingElseFromBeingReadAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(group{"", "role", "ACTIVE"}, group{"c1", "a", "ACTIVE"})
		m := f.mirrored(t, Options{})
		m.Want("o1", session, f.named("c1", "a"))
		synctest.Wait()
		f.set(group{"c1", "a", "DEGRADED"})
		time.Sleep(time.Minute)
		err := m.Refresh(t.Context(), home, time.Second, f.roleT.Kind, f.groupT.Kind)
		if row, _ := Get(m.Snapshot(home), f.groupT, NameIn("c1", "a")); !errors.Is(err, ErrNotWatched) || row == nil || row.State != "DEGRADED" {
			t.Errorf("%+v, %v", row, err)
		}
	})
}

// TestWhatIsInNoRegionIsReadForWhoComesToWantItLater wants rows of a region first.
func TestWhatIsInNoRegionIsReadForWhoComesToWantItLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(group{"", "role", "ACTIVE"}, group{"c1", "a", "ACTIVE"})
		m := f.mirrored(t, Options{})
		role := Interest{Kind: f.roleT.Kind, IDs: []string{"role"}}
		for _, wants := range [][]Interest{{f.named("c1", "a")}, {f.named("c1", "a"), role}} {
			m.Want("o1", session, wants...)
			synctest.Wait()
		}
		if snap := m.Snapshot(home); !snap.SeenOf(role) || snap.ErrOf(role) != nil {
			t.Errorf("the role isn't read: %v", snap.ErrOf(role))
		}
	})
}
