package mirror

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

// changingRest is the period of what AWS is changing: it tells nobody when it is done.
const changingRest = 10 * time.Second

// part is what is wanted below one parent of a table that is read by name.
type part struct {
	parent string
	// all counts those who want all rows that the parent has.
	all  int
	rows map[string]*namedRow // by name
	// list is the reading of the names.
	list reading
	// busyAt is when the rows that are changing are described next, turnAt when those are
	// whose turn it is of the others.
	busyAt, turnAt time.Time
}

// namedRow is one row that is wanted, or was until a moment ago.
type namedRow struct {
	wants int
	// listed says that the parent has it.
	listed bool
	// letGo is since when nobody wants it; what is wanted again shortly after is as it was.
	letGo time.Time
	reading
}

// reading is when something was read, and when it is to be tried again.
type reading struct {
	// at is when the latest read began that succeeded, nextAt when the next is due that
	// comes by itself.
	at, nextAt time.Time
	// stale says that it is known to be different by now.
	stale    bool
	flight   *flight
	failures int
	retryAt  time.Time
	err      error
}

// partView is a part in a snapshot.
type partView struct {
	// all says that all of the parent's rows are wanted; listed is when its names were read.
	all    bool
	listed time.Time
	// reads are when the wanted rows were read last, there or not; zero when never.
	reads map[string]time.Time
	// errs are why rows couldn't be read, by name; that of the list under "".
	errs map[string]error
}

// due is when to read what has never been read or couldn't be; ok is false for the others.
func (r *reading) due() (at time.Time, ok bool) {
	return r.retryAt, r.at.IsZero() || r.stale || r.failures > 0
}

// part returns what is wanted below a parent.
func (t *tableState) part(parent string) *part {
	p := t.parts[parent]
	if p == nil {
		p = &part{parent: parent, rows: map[string]*namedRow{}}
		if t.parts == nil {
			t.parts = map[string]*part{}
		}
		t.parts[parent] = p
	}
	return p
}

func (p *part) row(name string) *namedRow {
	r := p.rows[name]
	if r == nil {
		r = &namedRow{}
		p.rows[name] = r
	}
	return r
}

func (p *part) wanted(r *namedRow) bool { return r.wants > 0 || p.all > 0 && r.listed }

// countNamed counts an interest in rows by name, or one less, and shows it.
func (e *edit) countNamed(i Interest, by int) {
	p := e.t.part(i.Parent)
	if len(i.IDs) == 0 {
		p.all += by
	}
	for _, name := range i.IDs {
		p.row(name).wants += by
	}
	for _, r := range p.rows {
		if !p.wanted(r) && r.letGo.IsZero() {
			r.letGo = e.now
		} else if p.wanted(r) {
			r.letGo = time.Time{}
		}
	}
	e.show(p)
}

// wrote takes in that rows were written, wanted or not.
func (e *edit) wrote() {
	for _, c := range e.changes {
		row := c.New
		if row == nil {
			row = c.Old
		}
		p := e.t.part(e.t.table.parent(row))
		name := strings.TrimPrefix(c.ID, p.parent+"/")
		r := p.row(name)
		if c.New != nil && r.at.IsZero() {
			r.at = e.now
		}
		if !p.wanted(r) && r.letGo.IsZero() {
			r.letGo = e.now
		}
		e.show(p)
	}
}

// trim takes out of the snapshot what nobody wants any more.
func (e *edit) trim(p *part) {
	for name, r := range p.rows {
		if p.wanted(r) || r.flight != nil || e.now.Before(r.letGo.Add(e.m.options.CreationGrace)) {
			continue
		}
		delete(p.rows, name)
		id := NameIn(p.parent, name)
		e.view.looks = maps.Clone(e.view.looks)
		delete(e.view.looks, id)
		if _, known := e.rows.get(id); known { // nothing happened to it
			e.rows.remove(id)
			delete(e.t.meta, id)
		}
	}
	if len(p.rows) == 0 && p.all == 0 && p.list.flight == nil {
		delete(e.t.parts, p.parent)
	}
	e.show(p)
}

// show puts a part as it is now into the edit's view.
func (e *edit) show(p *part) {
	e.view.parts = maps.Clone(e.view.parts)
	if e.view.parts == nil {
		e.view.parts = map[string]*partView{}
	}
	if e.t.parts[p.parent] != p {
		delete(e.view.parts, p.parent)
		e.judge()
		return
	}
	before := e.view.parts[p.parent]
	v := &partView{all: p.all > 0 && e.t.table.canName(), listed: p.list.at, reads: map[string]time.Time{}, errs: map[string]error{}}
	if v.all && p.list.err != nil {
		v.errs[""] = p.list.err
	}
	for name, r := range p.rows {
		if !p.wanted(r) {
			continue
		}
		v.reads[name] = r.at
		if r.err != nil {
			v.errs[name] = r.err
		}
	}
	e.view.parts[p.parent] = v
	e.judge()
	if before == nil || before.seen() != v.seen() || (len(before.errs) == 0) != (len(v.errs) == 0) {
		e.changes = append(e.changes, Change{Scope: e.ss.scope, Kind: e.t.table.kind(), Parent: p.parent})
	}
}

// judge sets the table's error, which is one of its parts'.
func (e *edit) judge() {
	e.view.err = nil
	first := ""
	for parent, p := range e.view.parts {
		if err := p.err(); err != nil && (e.view.err == nil || parent < first) {
			e.view.err, first = err, parent
		}
	}
}

// err is why something of the part couldn't be read.
func (p *partView) err() error {
	if names := slices.Sorted(maps.Keys(p.errs)); len(names) > 0 {
		return p.errs[names[0]]
	}
	return nil
}

// seen tells whether everything that is wanted of the part was read.
func (p *partView) seen() bool {
	if p.all && p.listed.IsZero() {
		return false
	}
	for _, at := range p.reads {
		if at.IsZero() {
			return false
		}
	}
	return true
}

// observed is up to when everything that is wanted of a part that was seen is known to be
// true; zero where nothing is wanted.
func (p *partView) observed() (oldest time.Time) {
	if p.all {
		oldest = p.listed
	}
	for _, at := range p.reads {
		oldest = earlier(oldest, at)
	}
	return oldest
}

// startNamed starts the reads that are due of a table that is read by name, and returns
// when more are. The caller holds the lock.
func (m *Mirror) startNamed(ctx context.Context, ss *scopeState, t *tableState, started func(*flight)) (next time.Time) {
	now := m.clock.Now()
	due := func(at time.Time) bool {
		if at.After(now) {
			next = earlier(next, at)
			return false
		}
		return true
	}
	for _, p := range t.parts {
		if at, ok := p.trimAt(m); ok && due(at) {
			e := m.begin(ss, t)
			e.trim(p)
			e.commit()
		}
		if p.all > 0 && t.table.canName() && p.list.flight == nil && due(p.list.next()) {
			started(m.launchNames(ctx, ss, t, p))
		}
		start := func(name string) { started(m.launchRow(ctx, ss, t, p, name, p.rows[name])) }
		busy, others := p.startKnown(t, due, start)
		turn := func(at *time.Time, period time.Duration, names []string) {
			switch {
			case len(names) == 0:
				*at = time.Time{}
				return
			case at.IsZero():
			case !due(*at):
				return
			default:
				for _, name := range names {
					start(name)
				}
			}
			*at = now.Add(m.options.Jitter(period))
			next = earlier(next, *at)
		}
		turn(&p.busyAt, t.table.changing(), busy)
		turn(&p.turnAt, m.period(t), p.oldest(others, t.table.budget()))
	}
	return next
}

// trimAt is when something that nobody wants any more may go.
func (p *part) trimAt(m *Mirror) (at time.Time, ok bool) {
	for _, r := range p.rows {
		if !p.wanted(r) && r.flight == nil {
			at, ok = earlier(at, r.letGo.Add(m.options.CreationGrace)), true
		}
	}
	return at, ok || len(p.rows) == 0 && p.all == 0 && p.list.flight == nil
}

// startKnown starts the reads of rows that can't wait, and returns the names of those that
// AWS is changing, and of those that have their turns.
func (p *part) startKnown(t *tableState, due func(time.Time) bool, start func(string)) (busy, others []string) {
	for name, r := range p.rows {
		if r.flight != nil || !p.wanted(r) {
			continue
		}
		row, known := t.view.rows.get(NameIn(p.parent, name))
		switch at, ok := r.due(); {
		case ok && due(at):
			start(name)
		case ok:
		case known && t.table.busy(row):
			busy = append(busy, name)
		default:
			others = append(others, name)
		}
	}
	return busy, others
}

// oldest returns so many of the rows whose turn it is next.
func (p *part) oldest(names []string, most int) []string {
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(p.rows[a].at.Compare(p.rows[b].at), cmp.Compare(a, b))
	})
	return names[:min(len(names), most)]
}

// next is when to read again what is read once a period.
func (r *reading) next() time.Time {
	if at, ok := r.due(); ok {
		return at
	}
	return r.nextAt
}

// ended notes how a read ended that began at the moment.
func (r *reading) ended(m *Mirror, t *tableState, began time.Time, err error) {
	if r.err = err; err == nil {
		r.at, r.failures, r.stale, r.retryAt = later(r.at, began), 0, false, time.Time{}
		r.nextAt = began.Add(m.options.Jitter(m.period(t)))
		return
	}
	r.retryAt = m.clock.Now().Add(min(m.options.RetryAfter<<min(r.failures, 10), m.period(t)))
	r.failures++
}

// launchRow begins to describe a row. The caller holds the lock.
func (m *Mirror) launchRow(ctx context.Context, ss *scopeState, t *tableState, p *part, name string, r *namedRow) *flight {
	first := r.at.IsZero()
	return m.fly(ctx, ss, t, p, &r.reading, func(ctx context.Context, began time.Time) (func(*edit), error) {
		var row any
		err := m.read(ctx, ss, t, func(s *cloud.Session) (err error) {
			row, err = t.table.describe(ctx, s, p.parent, name)
			return err
		})
		id := NameIn(p.parent, name)
		switch {
		case err == nil:
			return func(e *edit) { e.present(began, row) }, nil
		case cloud.IsNotFound(err):
			return func(e *edit) {
				if e.gone(began, id); first {
					e.changes = append(e.changes, Change{Scope: ss.scope, Kind: t.table.kind(), ID: id, Parent: p.parent})
				}
			}, nil
		}
		return nil, fmt.Errorf("describe %s %s of %s: %w", t.table.kind(), id, ss.scope, err)
	})
}

// launchNames begins to list a parent's names. The caller holds the lock.
func (m *Mirror) launchNames(ctx context.Context, ss *scopeState, t *tableState, p *part) *flight {
	return m.fly(ctx, ss, t, p, &p.list, func(ctx context.Context, _ time.Time) (func(*edit), error) {
		var names []string
		err := m.read(ctx, ss, t, func(s *cloud.Session) (err error) {
			names, err = t.table.names(ctx, s, p.parent)
			return err
		})
		if cloud.IsNotFound(err) { // there is no parent
			names, err = nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list the names of %s below %s of %s: %w", t.table.kind(), p.parent, ss.scope, err)
		}
		return func(e *edit) { e.named(p, names) }, nil
	})
}

// named takes in the names that the parent has. What is known and isn't among them is
// asked for, and stays wanted until then: a list that doesn't show it proves nothing.
func (e *edit) named(p *part, names []string) {
	has := map[string]bool{}
	for _, name := range names {
		has[name] = true
		p.row(name)
	}
	for name, r := range p.rows {
		if _, known := e.rows.get(NameIn(p.parent, name)); known && !has[name] && r.listed {
			r.stale = true
			continue
		}
		if r.listed = has[name]; !p.wanted(r) && r.letGo.IsZero() {
			r.letGo = e.now
		}
	}
}

// fly reads something on its own, for all who wait for it.
func (m *Mirror) fly(ctx context.Context, ss *scopeState, t *tableState, p *part, r *reading,
	read func(ctx context.Context, began time.Time) (func(*edit), error),
) *flight {
	f := &flight{began: m.clock.Now(), done: make(chan struct{})}
	r.flight = f
	go func() {
		ctx, cancel := context.WithTimeout(ctx, m.options.ListTimeout)
		defer cancel()
		take, err := read(ctx, f.began)
		ss.mu.Lock()
		r.ended(m, t, f.began, err)
		r.flight = nil
		e := m.begin(ss, t)
		if take != nil {
			take(e)
		}
		e.trim(p)
		e.commit()
		ss.mu.Unlock()
		m.changes.deliver()
		f.err = err
		close(f.done)
		m.poke()
	}()
	return f
}

// joinNamed returns the reads to wait for so that what is wanted of the interest is no
// older than the moment: all of the table for no parent and no ids.
func (m *Mirror) joinNamed(ctx context.Context, ss *scopeState, t *tableState, i Interest, notBefore time.Time) (flights []*flight, errs error) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	ctx = context.WithoutCancel(ctx)
	join := func(r *reading, launch func() *flight) {
		switch {
		case !r.at.IsZero() && !r.at.Before(notBefore) && !r.stale:
		case r.flight != nil:
			flights = append(flights, r.flight)
		case r.failures > 0 && m.clock.Now().Before(r.retryAt):
			errs = errors.Join(errs, r.err)
		default:
			flights = append(flights, launch())
		}
	}
	for _, p := range t.parts {
		if i.Parent != p.parent && (i.Parent != "" || len(i.IDs) > 0) {
			continue
		}
		if len(i.IDs) == 0 && p.all > 0 && t.table.canName() {
			join(&p.list, func() *flight { return m.launchNames(ctx, ss, t, p) })
		}
		for name, r := range p.rows {
			if p.wanted(r) && (len(i.IDs) == 0 || slices.Contains(i.IDs, name)) {
				join(&r.reading, func() *flight { return m.launchRow(ctx, ss, t, p, name, r) })
			}
		}
	}
	return flights, errs
}

// refreshNamed waits for what joinNamed returns. Names that a list shows anew are read
// in a second round.
func (m *Mirror) refreshNamed(ctx context.Context, ss *scopeState, t *tableState, i Interest, notBefore time.Time) error {
	for {
		flights, errs := m.joinNamed(ctx, ss, t, i, notBefore)
		if len(flights) == 0 {
			return errs
		}
		for _, f := range flights {
			select {
			case <-ctx.Done():
				return fmt.Errorf("%s %s: it is still being read: %w", ss.scope, t.table.kind(), ctx.Err())
			case <-f.done:
			}
		}
	}
}
