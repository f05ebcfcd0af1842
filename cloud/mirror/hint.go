package mirror

import (
	"context"
	"slices"
	"time"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

const (
	// hintWindow collects hints: one happening is told of several times, and what
	// happens to a group of machines one by one.
	hintWindow = 250 * time.Millisecond
	// hintAgain is the pause before a row is looked at again that doesn't show yet
	// what was told of it; it grows with each look.
	hintAgain = 2 * time.Second
	// hintLooks is how often a row is looked at for one hint; after that the
	// sweeps are soon enough.
	hintLooks = 3
)

// Hint says that somebody told of a change: the row is worth a look. It is never
// taken for the fact itself.
type Hint struct {
	Kind Kind
	ID   string
	// Shown tells whether a row (*T of the table) shows what was told of. One that
	// does isn't looked at; one that doesn't is looked at again, because AWS's
	// reads may be behind its events. Nil means one look.
	Shown func(row any) bool
}

// hinted is a hint that waits for its look.
type hinted struct {
	Hint
	looks int
}

// Hint has rows looked at soon, all of one table in one call. Hints about rows that
// no cluster owns, and about tables that nobody needs, cost nothing.
func (m *Mirror) Hint(scope cloud.Scope, hints ...Hint) {
	ss := m.scope(scope)
	if ss == nil {
		return
	}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	for _, h := range hints {
		t := ss.byKind[h.Kind]
		if t == nil || !t.table.canByID() || t.wanted.all == 0 || !t.worthALook(h) {
			continue
		}
		if t.hints == nil {
			t.hints = map[string]*hinted{}
		}
		t.hints[h.ID] = &hinted{Hint: h}
		t.hintAt = earlier(t.hintAt, m.clock.Now().Add(hintWindow))
	}
	m.poke()
}

// worthALook tells that a row isn't known, or may be a cluster's and not be as told.
func (t *tableState) worthALook(h Hint) bool {
	row, known := t.view.rows.get(h.ID)
	return !known || t.concerns(h.ID, row) && (h.Shown == nil || !h.Shown(row))
}

// look reads the rows that were hinted at. A failure counts as a look.
func (m *Mirror) look(ctx context.Context, ss *scopeState, t *tableState) {
	ss.mu.Lock()
	ids := make([]string, 0, len(t.hints))
	for id, h := range t.hints {
		// A sweep may have shown it meanwhile.
		if t.worthALook(h.Hint) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	asked := t.hints
	t.hints = nil
	ss.mu.Unlock()
	var err error
	if len(ids) > 0 {
		ctx, cancel := context.WithTimeout(ctx, m.options.ListTimeout)
		err = m.lookup(ctx, ss, t, ids)
		cancel()
	}
	ss.mu.Lock()
	for _, id := range ids {
		h := asked[id]
		h.looks++
		_, newer := t.hints[id]
		if newer || h.looks == hintLooks || err == nil && t.settled(h.Hint) {
			continue
		}
		if t.hints == nil {
			t.hints = map[string]*hinted{}
		}
		t.hints[id] = h
		t.hintAt = earlier(t.hintAt, m.clock.Now().Add(hintAgain<<(h.looks-1)))
	}
	t.looking = false
	ss.mu.Unlock()
	m.poke()
}

// settled tells, after a look, that another wouldn't tell more. A row that isn't
// there may be too new to be seen.
func (t *tableState) settled(h Hint) bool {
	row, known := t.view.rows.get(h.ID)
	return h.Shown == nil || known && (h.Shown(row) || !t.concerns(h.ID, row))
}
