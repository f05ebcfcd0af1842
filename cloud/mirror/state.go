package mirror

import (
	"maps"
	"time"
)

// tableState is one table of one account and region. What it describes never changes, and
// is read without a lock.
type tableState struct {
	table Resource
	tableRecord
}

// tableRecord is what is known of a table's contents.
type tableRecord struct {
	// view is what snapshots show; replaced by edits, never changed.
	view *tableView
	// meta has an entry for each row of the view.
	meta map[string]*rowMeta
	// attention are the rows that are somebody's concern and for which there is
	// something to do beside the listings.
	attention map[string]toDo
	// parts are what is wanted of a table that is read by name, by parent.
	parts map[string]*part
	// dropped are the rows we deleted, and until when reads that still show them
	// are not believed.
	dropped map[string]time.Time

	// flight is the listing under way, if there is one.
	flight *flight
	// failures counts the listings that failed since the last that didn't.
	failures int
	// retryAt is when readers may try again after a failure.
	retryAt time.Time
	// detailErr is why details couldn't be read; nil when they could.
	detailErr error
	// reader is the identity that could read the table last.
	reader string
	// completeTurn are the rows that were completed last in turn.
	completeTurn struct{ ours, others string }
	// wanted is who wants the table.
	wanted wantedRows
	// used is when the table was last read or written, or somebody let go of it.
	used time.Time

	schedule
}

// rowMeta is what the mirror remembers of a row beside its value.
type rowMeta struct {
	// since is when the row was put, or first seen.
	since time.Time
	// read is when the read began that gave the value: older reads are no news.
	read time.Time
	// written is when we last wrote the value.
	written time.Time
	// heldUntil is until when reads are not believed to be newer than our write.
	heldUntil time.Time
	// missed is when the first listing began that proves nothing but counts:
	// complete, outside the grace, and without the row.
	missed time.Time
	// detailAt is when missing details may be read.
	detailAt time.Time
}

// edit is a change of one table, made on a copy and then published. The caller
// holds the scope's lock from begin to commit.
type edit struct {
	m       *Mirror
	ss      *scopeState
	t       *tableState
	now     time.Time
	view    *tableView
	rows    rowEdit
	changes []Change
	// recognised are the rows, by id, of which it was found before the edit that a
	// listing shows them unchanged.
	recognised map[string]any
	// complete says that the edit takes in a complete listing.
	complete bool
	// doubt is when the hold ends of a row that a read showed otherwise: either
	// AWS was late, or somebody changed the row right after us.
	doubt time.Time
}

func (m *Mirror) begin(ss *scopeState, t *tableState) *edit {
	view := *t.view
	return &edit{m: m, ss: ss, t: t, now: m.clock.Now(), view: &view, rows: rowEdit{rowSet: view.rows}}
}

// set gives a row its value, if that is another one.
func (e *edit) set(id string, row any) {
	before, known := e.rows.get(id)
	if known && (before == row || same(before, row)) {
		return
	}
	e.rows.set(id, row)
	e.t.attend(id, row)
	e.changes = append(e.changes, changeOf(e.ss.scope, e.t.table, id, before, row))
}

// remove takes a row out.
func (e *edit) remove(id string) {
	before, known := e.rows.get(id)
	delete(e.t.meta, id)
	if !known {
		return
	}
	e.rows.remove(id)
	delete(e.t.attention, id)
	e.changes = append(e.changes, changeOf(e.ss.scope, e.t.table, id, before, nil))
}

// commit publishes the edit and plans the table's next reads.
func (e *edit) commit() {
	before := e.t.view
	seen := len(before.listings) == 0 && len(e.view.listings) > 0
	if !e.t.table.byName() && (seen || (before.err == nil) != (e.view.err == nil)) {
		e.changes = append(e.changes, Change{Scope: e.ss.scope, Kind: e.t.table.kind()})
	}
	e.view.rows = e.rows.rowSet
	e.t.view = e.view
	e.ss.snapshot.Store(e.ss.snapshot.Load().with(e.t.table.kind(), e.view))
	e.t.used = e.now
	e.t.plan(e)
	if !e.doubt.IsZero() {
		e.t.sweepAt = earlier(e.t.sweepAt, e.doubt)
	}
	e.m.changes.enqueue(e.changes)
	e.m.poke()
}

// present takes in a row that a read showed which began at the moment. It
// doesn't believe reads that may be older than what is known.
func (e *edit) present(began time.Time, row any) {
	id := e.t.table.id(row)
	if until, ok := e.t.dropped[id]; ok {
		if began.Before(until) {
			return
		}
		delete(e.t.dropped, id)
	}
	meta := e.t.meta[id]
	if meta == nil {
		e.t.meta[id] = &rowMeta{since: e.now, read: began}
		e.set(id, row)
		return
	}
	meta.missed = time.Time{}
	known, _ := e.rows.get(id)
	if e.recognised[id] == known {
		row = known
	} else {
		e.t.table.carry(known, row)
	}
	if began.Before(meta.read) || !began.After(meta.written) {
		return
	}
	if began.Before(meta.heldUntil) {
		if known == row || same(known, row) {
			meta.heldUntil = time.Time{}
		} else {
			e.doubt = later(e.doubt, meta.heldUntil)
		}
		return
	}
	meta.read = began
	e.set(id, row)
}

// absent takes in that a complete listing, begun at the moment, showed only the
// rows in seen. It removes what two such listings have missed, and returns the
// rows that one has.
func (e *edit) absent(began time.Time, seen map[string]bool) (suspects []string) {
	for id, meta := range e.t.meta {
		if seen[id] || !e.outsideGrace(meta, began) {
			continue
		}
		if !meta.missed.IsZero() {
			e.remove(id)
			continue
		}
		meta.missed = began
		suspects = append(suspects, id)
	}
	return suspects
}

// gone takes in that AWS said, asked for the id at the moment, that it doesn't
// exist: proof, unless the row is so new that AWS may not know it everywhere.
func (e *edit) gone(began time.Time, id string) {
	e.view.looks = maps.Clone(e.view.looks)
	if e.view.looks == nil {
		e.view.looks = map[string]time.Time{}
	}
	e.view.looks[id] = later(e.view.looks[id], began)
	if meta := e.t.meta[id]; meta != nil && e.outsideGrace(meta, began) {
		e.remove(id)
	}
}

func (e *edit) outsideGrace(meta *rowMeta, began time.Time) bool {
	return began.After(meta.since.Add(e.m.options.CreationGrace))
}

// listed takes in a listing: all that it showed, and, when it was complete, what
// it didn't. The rows it returns are missing, but not proven to be gone.
func (e *edit) listed(began time.Time, rows []any, err error) (suspects []string) {
	seen := make(map[string]bool, len(rows))
	for _, row := range rows {
		seen[e.t.table.id(row)] = true
		e.present(began, row)
	}
	if err != nil {
		e.view.err = err
		return nil
	}
	e.complete = true
	suspects = e.absent(began, seen)
	listings := []time.Time{began}
	if len(e.view.listings) > 0 {
		listings = append(listings, e.view.listings[0])
	}
	e.view.listings, e.view.observed, e.view.err = listings, began, e.t.detailErr
	e.view.looks = maps.Clone(e.view.looks)
	maps.DeleteFunc(e.view.looks, func(_ string, at time.Time) bool { return !at.After(began) })
	for id, until := range e.t.dropped {
		if !began.Before(until) {
			delete(e.t.dropped, id)
		}
	}
	return suspects
}
