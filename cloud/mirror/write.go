package mirror

import (
	"time"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

// detailDelay is how long the details of a row that we put are not read: whoever
// made the resource is about to set them, and to tell the mirror.
const detailDelay = 5 * time.Second

// Put writes the answer of a creation through: the row is there from now on,
// whether or not AWS's lists show it yet. After the creation grace they decide.
// Give the row its tags where AWS's answer leaves them out: only rows that a
// cluster owns are looked at again while they are busy.
func Put[T any](m *Mirror, scope cloud.Scope, t *Table[T], row T) {
	next := &row
	m.write(scope, t.Kind, func(e *edit) {
		id := t.ID(next)
		delete(e.t.dropped, id)
		meta := &rowMeta{since: e.now, written: e.now, detailAt: e.now.Add(detailDelay)}
		if known, ok := e.rows.get(id); ok {
			e.t.table.carry(known, next)
			meta.heldUntil = e.now.Add(e.t.table.hold(m))
		}
		e.t.meta[id] = meta
		e.set(id, next)
	})
}

// Modify writes the effect of a mutation through: change gets a copy of the row.
// A read doesn't undo it until the write hold is over, or a read has shown it.
// Without such a row nothing happens, and it returns false.
func Modify[T any](m *Mirror, scope cloud.Scope, t *Table[T], id string, change func(*T)) bool {
	found := false
	m.write(scope, t.Kind, func(e *edit) {
		row, ok := e.rows.get(id)
		if !ok {
			return
		}
		found = true
		next := deepCopy(row.(*T))
		change(next)
		meta := e.t.meta[id]
		meta.written, meta.heldUntil, meta.missed = e.now, e.now.Add(e.t.table.hold(m)), time.Time{}
		e.set(id, next)
	})
	return found
}

// Drop writes a deletion through: the row is gone, and reads that still show it
// are not believed until the creation grace is over.
func Drop[T any](m *Mirror, scope cloud.Scope, t *Table[T], id string) {
	m.write(scope, t.Kind, func(e *edit) {
		e.t.dropped[id] = e.now.Add(m.options.CreationGrace)
		e.remove(id)
	})
}

// write makes an edit of a table; of a table that isn't mirrored, none.
func (m *Mirror) write(scope cloud.Scope, kind Kind, f func(*edit)) {
	ss := m.lockedScope(m.homeOf(scope, kind))
	if t := ss.byKind[kind]; t != nil {
		e := m.begin(ss, t)
		f(e)
		if t.table.byName() {
			e.wrote()
		}
		e.commit()
		ss.used = e.now
	}
	ss.mu.Unlock()
	m.changes.deliver()
}

// lockedScope returns a scope's state, made if there is none, with its lock held.
func (m *Mirror) lockedScope(scope cloud.Scope) *scopeState {
	for {
		ss := m.scope(scope)
		if ss == nil {
			m.mu.Lock()
			ss = m.scopeLocked(scope)
			m.mu.Unlock()
		}
		ss.mu.Lock()
		if !ss.forgotten {
			return ss
		}
		ss.mu.Unlock() // somebody forgot it meanwhile
	}
}
