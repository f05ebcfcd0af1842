package mirror

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// world is a region that things come to and go from, an account of what the
// mirror was told by writes, and what went wrong.
type world struct {
	*region
	m       *Mirror
	made    map[string]time.Time
	dropped map[string]bool
	wrong   string
}

// hide leaves things that are younger than the grace out of listings, or not.
func (w *world) hide(name string, hidden bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hidden[name] = hidden && time.Since(w.made[name]) < w.m.options.CreationGrace
}

// step does one thing and checks that no row that AWS has got lost by it.
func (w *world) step(what string, do func()) {
	for name, made := range w.made {
		if time.Since(made) >= w.m.options.CreationGrace {
			w.hide(name, false)
		}
	}
	before := names(w.m, w.region)
	do()
	for _, name := range before {
		_, exists := w.things[name]
		if exists && !w.dropped[name] && state(w.m, w.region, name) == "absent" {
			w.wrong = fmt.Sprintf("%s: %s is there, was known, and is lost", what, name)
		}
	}
}

func TestWhatAWSHasIsNeverLostAndWhatIsGoneGoes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		withByID := rapid.Bool().Draw(rt, "byID")
		type event struct {
			kind, name, pause int
		}
		events := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) event {
			return event{rapid.IntRange(0, 9).Draw(rt, "kind"), rapid.IntRange(0, 4).Draw(rt, "thing"), rapid.IntRange(1, 40).Draw(rt, "pause")}
		}), 1, 60).Draw(rt, "events")
		wrong := ""
		synctest.Test(t, func(t *testing.T) {
			r := newRegion()
			r.hideIDs = true
			if !withByID {
				r.table.ByID = nil
			}
			w := &world{region: r, m: watching(r, Options{RetryAfter: time.Millisecond}),
				made: map[string]time.Time{}, dropped: map[string]bool{}}
			serial := 0
			for _, e := range events {
				time.Sleep(time.Duration(e.pause) * time.Second)
				name := fmt.Sprint(e.name)
				if len(w.made) > e.name { // one that was made once
					name = fmt.Sprint(len(w.made) - 1 - e.name)
				}
				w.step(fmt.Sprintf("%+v", e), func() {
					switch e.kind {
					case 0, 1: // somebody else makes a thing; AWS may not show it at once
						name = fmt.Sprint(serial)
						serial++
						w.made[name] = time.Now()
						r.set(thing{Name: name})
						w.hide(name, e.kind == 1)
					case 2: // we make one
						name = fmt.Sprint(serial)
						serial++
						w.made[name] = time.Now()
						r.set(thing{Name: name})
						w.hide(name, true)
						Put(w.m, home, r.table, thing{Name: name})
					case 3: // somebody else deletes one
						r.remove(name)
					case 4: // we delete one
						if _, ok := r.things[name]; ok {
							r.remove(name)
							w.dropped[name] = true
							Drop(w.m, home, r.table, name)
						}
					case 5: // AWS shows a young thing here and not there
						w.hide(name, e.pause%2 == 0)
					case 6: // a listing loses its later pages
						r.breakAt(e.name, errDown)
						_ = w.m.Refresh(t.Context(), home, 0, r.table.Kind)
						r.breakAt(-1, nil)
					default:
						_ = w.m.Refresh(t.Context(), home, 0, r.table.Kind)
					}
				})
				if w.wrong != "" {
					break
				}
			}
			if wrong = w.wrong; wrong != "" {
				return
			}
			time.Sleep(w.m.options.CreationGrace + time.Second)
			w.step("the end", func() {})
			for range 2 {
				time.Sleep(w.m.options.CreationGrace + time.Second) // what was just seen first has its grace too
				refresh(t, w.m, r)
			}
			for range 2 {
				time.Sleep(time.Second)
				refresh(t, w.m, r)
			}
			if got := names(w.m, r); len(got) != len(r.things) {
				wrong = fmt.Sprintf("in the end the snapshot holds %q, and AWS %v", got, r.things)
			}
		})
		if wrong != "" {
			rt.Fatal(wrong)
		}
	})
}
