package mirror

import (
	"slices"
	"time"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

// Interest is what somebody wants to be kept of a scope: a whole table, or, of a
// table that is read by name, some ids in it.
type Interest struct {
	Kind Kind
	// IDs are the rows wanted, by their names below the parent; none means all. Of a table that is listed all are kept
	// in any case, and these are looked at like rows that a cluster owns.
	IDs []string
	// Parent holds the rows, in a table that has parents.
	Parent string
	// First is how long the first listing of a table may wait that isn't kept yet. Who
	// needs it sooner asks for it with Refresh.
	First time.Duration
}

// Equal tells whether both are about the same, and no more urgent than each other.
func (i Interest) Equal(j Interest) bool {
	return i.Kind == j.Kind && i.Parent == j.Parent && i.First == j.First && slices.Equal(i.IDs, j.IDs)
}

// Narrow tells that it isn't about a whole table.
func (i Interest) Narrow() bool { return i.Parent != "" || len(i.IDs) > 0 }

// Whole is the interest in whole tables.
func Whole(kinds ...Kind) []Interest {
	interests := make([]Interest, len(kinds))
	for i, kind := range kinds {
		interests[i].Kind = kind
	}
	return interests
}

// Later is the interests with a first listing that may wait so long.
func Later(first time.Duration, interests ...Interest) []Interest {
	interests = slices.Clone(interests)
	for i := range interests {
		interests[i].First = first
	}
	return interests
}

// wantKey tells apart what an owner wants for good and what its readers want for a
// while.
type wantKey struct {
	owner   string
	passing bool
}

// want is what an owner wants.
type want struct {
	session   *cloud.Session
	interests []Interest
	// until is when a passing one ends.
	until time.Time
}

// Want says what owner wants to be kept in the session's scope and with which session
// it is read, in place of all that it wanted before. The owner is an object's UID or a
// name of the process's own. What nobody wants any more is read no more: tables, and
// with them scopes, and sessions. Several sessions of one scope are tried in turn where
// one isn't allowed to read; of one identity the latest that somebody came to want is used.
func (m *Mirror) Want(owner string, session *cloud.Session, interests ...Interest) {
	m.want(wantKey{owner: owner}, &want{session: session, interests: interests})
}

// WantFor is Want for a while: for reads, which hold on to nothing. What the same owner
// wants with Want is left alone.
func (m *Mirror) WantFor(owner string, session *cloud.Session, d time.Duration, interests ...Interest) {
	m.want(wantKey{owner, true}, &want{session: session, interests: interests, until: m.clock.Now().Add(d)})
}

// LetGo ends what owner wants.
func (m *Mirror) LetGo(owner string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, passing := range []bool{false, true} {
		key := wantKey{owner, passing}
		if w := m.wants[key]; w != nil {
			delete(m.wants, key)
			m.release(w)
		}
	}
	m.poke()
}

func (m *Mirror) want(key wantKey, w *want) {
	m.mu.Lock()
	m.wantLocked(key, w)
	m.mu.Unlock()
	m.changes.deliver()
}

func (m *Mirror) wantLocked(key wantKey, w *want) {
	old := m.wants[key]
	if old != nil {
		w.until = later(old.until, w.until)
		if old.session == w.session && slices.EqualFunc(old.interests, w.interests, Interest.Equal) {
			old.until = w.until
			return
		}
	}
	m.wants[key] = w
	if key.passing {
		m.passingEnd = earlier(m.passingEnd, w.until)
	}
	m.adopt(w, old == nil || old.session != w.session)
	if old != nil {
		m.release(old)
	}
	m.poke()
}

// adopt counts what is wanted. The caller holds the mirror's lock.
func (m *Mirror) adopt(w *want, otherSession bool) {
	for scope, interests := range m.byScope(w) {
		ss := m.scopeLocked(scope)
		ss.mu.Lock()
		ss.wants++
		ss.adoptSession(m, w.session, otherSession)
		for _, i := range interests {
			if t := ss.byKind[i.Kind]; t != nil {
				t.adopt(m, ss, i)
			}
		}
		ss.mu.Unlock()
	}
}

// release counts what isn't wanted any more. The caller holds the mirror's lock.
func (m *Mirror) release(w *want) {
	for scope, interests := range m.byScope(w) {
		ss := m.scopes[scope]
		ss.mu.Lock()
		ss.wants--
		ss.used = m.clock.Now()
		ss.releaseSession(w.session)
		for _, i := range interests {
			if t := ss.byKind[i.Kind]; t != nil {
				t.release(m, ss, i)
			}
		}
		ss.mu.Unlock()
	}
}

// byScope divides interests: the session's own scope is always among the scopes.
func (m *Mirror) byScope(w *want) map[cloud.Scope][]Interest {
	by := map[cloud.Scope][]Interest{w.session.Scope: nil}
	for _, i := range w.interests {
		home := m.homeOf(w.session.Scope, i.Kind)
		by[home] = append(by[home], i)
	}
	return by
}

// endPassing ends what was wanted for a while that is over, and returns when more is
// to end. That is looked at once a second at most, however many readers there are.
func (m *Mirror) endPassing() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.clock.Now()
	if m.passingEnd.IsZero() || now.Before(m.passingEnd) {
		return m.passingEnd
	}
	m.passingEnd = time.Time{}
	for key, w := range m.wants {
		switch {
		case !key.passing:
		case now.Before(w.until):
			m.passingEnd = earlier(m.passingEnd, w.until)
		default:
			delete(m.wants, key)
			m.release(w)
		}
	}
	if !m.passingEnd.IsZero() {
		m.passingEnd = later(m.passingEnd, now.Add(time.Second))
	}
	return m.passingEnd
}

// sessionUse is a session and how many want to be read with it.
type sessionUse struct {
	session *cloud.Session
	wants   int
	// since orders the sessions of one identity: the one that somebody came to want
	// last has the newest credentials.
	since int
}

func (ss *scopeState) adoptSession(m *Mirror, s *cloud.Session, other bool) {
	i := slices.IndexFunc(ss.uses, func(u *sessionUse) bool { return u.session == s })
	isNew := i < 0
	if isNew {
		i = len(ss.uses)
		ss.uses = append(ss.uses, &sessionUse{session: s})
	}
	ss.uses[i].wants++
	if other || isNew {
		ss.serial++
		ss.uses[i].since = ss.serial
		ss.chooseSessions()
	}
	if !isNew {
		return
	}
	now := m.clock.Now()
	for _, t := range ss.tables {
		// Other credentials are also worth a try where the others failed.
		if t.view.err != nil {
			t.sweepAt, t.retryAt, t.detailRetryAt = now, time.Time{}, time.Time{}
		}
	}
}

func (ss *scopeState) releaseSession(s *cloud.Session) {
	i := slices.IndexFunc(ss.uses, func(u *sessionUse) bool { return u.session == s })
	if ss.uses[i].wants--; ss.uses[i].wants == 0 {
		ss.uses = slices.Delete(ss.uses, i, i+1)
		ss.chooseSessions()
	}
}

// chooseSessions sets the sessions to read with: one of each identity.
func (ss *scopeState) chooseSessions() {
	var chosen []*sessionUse
	for _, u := range ss.uses {
		i := slices.IndexFunc(chosen, func(c *sessionUse) bool { return c.session.Identity == u.session.Identity })
		switch {
		case i < 0:
			chosen = append(chosen, u)
		case chosen[i].since < u.since:
			chosen[i] = u
		}
	}
	ss.sessions = make([]*cloud.Session, len(chosen)) // calls under way have the old slice
	for i, u := range chosen {
		ss.sessions[i] = u.session
	}
}

// wantedRows is who wants what of a table.
type wantedRows struct {
	// all counts those who want the table; ids those who want a row.
	all int
	ids map[string]int
}

func (t *tableState) adopt(m *Mirror, ss *scopeState, i Interest) {
	t.wanted.all++
	if t.table.byName() {
		e := m.begin(ss, t)
		e.countNamed(i, 1)
		e.commit()
		return
	}
	for _, id := range i.IDs {
		if t.wanted.ids == nil {
			t.wanted.ids = map[string]int{}
		}
		t.wanted.ids[id]++
		t.attendID(id)
	}
	if len(i.IDs) > 0 {
		t.plan(m.begin(ss, t))
	}
	if len(t.view.listings) == 0 && t.flight == nil {
		t.sweepAt = earlier(t.sweepAt, m.clock.Now().Add(min(i.First, m.period(t))))
	}
}

func (t *tableState) release(m *Mirror, ss *scopeState, i Interest) {
	t.used = m.clock.Now()
	if t.wanted.all--; t.wanted.all == 0 && len(t.view.listings) == 0 {
		t.sweepAt = time.Time{}
	}
	if t.table.byName() {
		e := m.begin(ss, t)
		e.countNamed(i, -1)
		e.commit()
		return
	}
	for _, id := range i.IDs {
		if t.wanted.ids[id]--; t.wanted.ids[id] == 0 {
			delete(t.wanted.ids, id)
			t.attendID(id)
		}
	}
}

// attendID notes what there is to do for a row, whose concern it is being changed.
func (t *tableState) attendID(id string) {
	if row, known := t.view.rows.get(id); known {
		t.attend(id, row)
	}
}

// forgetAt is when a table that nobody wants is forgotten: until then it is no older
// than one that is kept, and what was written is held.
func (t *tableState) forgetAt(m *Mirror) time.Time {
	if t.busyReading() || t.used.IsZero() {
		return time.Time{}
	}
	return t.used.Add(max(m.options.CreationGrace, m.period(t)))
}

// busyReading tells that a read of the table is under way.
func (t *tableState) busyReading() bool {
	for _, p := range t.parts {
		if p.list.flight != nil {
			return true
		}
		for _, r := range p.rows {
			if r.flight != nil {
				return true
			}
		}
	}
	return t.flight != nil || t.polling || t.detailing || t.looking
}

// forget makes the table one that was never seen.
func (ss *scopeState) forget(t *tableState) {
	t.tableRecord = newTableRecord()
	old := ss.snapshot.Load()
	ss.snapshot.Store(old.with(t.table.kind(), nil))
}

// forgetScopes drops the scopes that nobody wants, and returns when more are due.
func (m *Mirror) forgetScopes() (next time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.clock.Now()
	for scope, ss := range m.scopes {
		ss.mu.Lock()
		if ss.wants == 0 && !slices.ContainsFunc(ss.tables, (*tableState).busyReading) {
			if at := ss.used.Add(m.options.CreationGrace); now.Before(at) {
				next = earlier(next, at)
			} else {
				ss.forgotten = true
				m.scopesMu.Lock()
				delete(m.scopes, scope)
				m.scopesMu.Unlock()
			}
		}
		ss.mu.Unlock()
	}
	return next
}
