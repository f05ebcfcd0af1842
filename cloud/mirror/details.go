package mirror

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

// detailReaders is how many rows' details are read at once.
const detailReaders = 4

// readMissingDetails reads the details of owned rows that have none, at most so
// many. Where the first row fails, the others wait for the next period too: what
// isn't allowed costs one call then, however many rows there are.
func (m *Mirror) readMissingDetails(ctx context.Context, ss *scopeState, t *tableState, most int) {
	if !t.table.canDetail() {
		return
	}
	ss.mu.Lock()
	now := m.clock.Now()
	if t.detailing || now.Before(t.detailRetryAt) {
		ss.mu.Unlock()
		return
	}
	t.detailing = true
	ids := t.attended(func(id string, do toDo) bool { return do.undetailed && !now.Before(t.meta[id].detailAt) })
	ss.mu.Unlock()
	ids = ids[:min(len(ids), most)]
	var err error
	if len(ids) > 0 {
		err = m.readDetails(ctx, ss, t, ids[0])
	}
	if err == nil && len(ids) > 1 {
		readers, ctx := errgroup.WithContext(ctx)
		readers.SetLimit(detailReaders)
		for _, id := range ids[1:] {
			readers.Go(func() error { return m.readDetails(ctx, ss, t, id) })
		}
		err = readers.Wait()
	}
	m.endDetails(ss, t, err, len(ids) > 0)
}

// readDetailsInTurn reads the details of the owned row whose turn it is.
func (m *Mirror) readDetailsInTurn(ctx context.Context, ss *scopeState, t *tableState) {
	ss.mu.Lock()
	ids := t.attended(func(_ string, do toDo) bool { return do.detailed })
	id := ""
	if len(ids) > 0 {
		next, found := slices.BinarySearch(ids, t.turn)
		if found {
			next++
		}
		id = ids[next%len(ids)]
		t.turn = id
	}
	ss.mu.Unlock()
	var err error
	if id != "" {
		err = m.readDetails(ctx, ss, t, id)
	}
	m.endDetails(ss, t, err, id != "")
}

// readDetails reads the details of one row and takes them in.
func (m *Mirror) readDetails(ctx context.Context, ss *scopeState, t *tableState, id string) error {
	ss.mu.Lock()
	row, known := t.view.rows.get(id)
	ss.mu.Unlock()
	if !known {
		return nil
	}
	began := m.clock.Now()
	var detailed any
	err := m.read(ctx, ss, t, func(s *cloud.Session) (err error) {
		detailed, err = t.table.details(ctx, s, row)
		return err
	})
	if cloud.IsNotFound(err) {
		// The listings will find out; until the next one it isn't asked for again.
		m.postponeDetails(ss, t, id)
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the details of %s %s: %w", t.table.kind(), id, err)
	}
	ss.mu.Lock()
	defer m.changes.deliver()
	defer ss.mu.Unlock()
	e := m.begin(ss, t)
	e.detailed(began, id, row, detailed)
	e.commit()
	return nil
}

// detailed takes in a row's details, read from the moment on, unless the row was
// written or read again meanwhile: then they are read another time.
func (e *edit) detailed(began time.Time, id string, before, after any) {
	meta := e.t.meta[id]
	if meta == nil {
		return
	}
	current, _ := e.rows.get(id)
	switch {
	case !began.After(meta.written):
		return
	case began.Before(meta.heldUntil) && e.t.table.detailed(current):
		if same(current, after) {
			meta.heldUntil = time.Time{}
		}
		return
	case current != before && !same(current, before):
		return
	}
	e.set(id, after)
}

// endDetails notes how reading details ended.
func (m *Mirror) endDetails(ss *scopeState, t *tableState, err error, tried bool) {
	ss.mu.Lock()
	t.detailing = false
	if tried {
		e := m.begin(ss, t)
		if t.detailErr = err; err != nil {
			t.detailRetryAt = e.now.Add(m.period(t))
			e.view.err = err
		} else if t.failures == 0 {
			e.view.err = nil
		}
		e.commit()
	}
	ss.mu.Unlock()
	m.changes.deliver()
}

// postponeDetails has a row's details not read before the next listing.
func (m *Mirror) postponeDetails(ss *scopeState, t *tableState, id string) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if meta := t.meta[id]; meta != nil {
		meta.detailAt = m.clock.Now().Add(m.period(t))
	}
}

// toDo is what there is to do for a row beside the listings.
type toDo struct {
	// busy: it is worth another look soon.
	busy bool
	// undetailed: its details haven't been read; detailed: they are read again in turn.
	undetailed, detailed bool
}

// concerns tells that a row is a cluster's or is shared with one, or that somebody wants it
// by its id.
func (t *tableState) concerns(id string, row any) bool {
	return t.wanted.ids[id] > 0 || ofCluster(t.table.tags(row), "owned", "shared")
}

// attend notes what there is to do for a row.
func (t *tableState) attend(id string, row any) {
	do := toDo{busy: t.table.canByID() && t.table.busy(row)}
	if t.table.canDetail() {
		do.detailed = t.table.detailed(row)
		do.undetailed = !do.detailed
	}
	if do == (toDo{}) || !t.concerns(id, row) {
		delete(t.attention, id)
		return
	}
	t.attention[id] = do
}

// attended returns the ids, sorted, of the rows with something to do that keep accepts.
func (t *tableState) attended(keep func(id string, do toDo) bool) []string {
	var ids []string
	for id, do := range t.attention {
		if keep(id, do) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}
