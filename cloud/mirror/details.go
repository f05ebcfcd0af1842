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
	ids := t.ownedIDs(func(id string, row any) bool {
		return !t.table.detailed(row) && !now.Before(t.meta[id].detailAt)
	})
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
	ids := t.ownedIDs(func(_ string, row any) bool { return t.table.detailed(row) })
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
	row := t.view.rows[id]
	ss.mu.Unlock()
	if row == nil {
		return nil
	}
	began := m.clock.Now()
	var detailed any
	err := m.read(ctx, ss, t, func(s *cloud.Session) (err error) {
		detailed, err = t.table.details(ctx, s, row)
		return err
	})
	if cloud.IsNotFound(err) {
		return nil // the listings will find out
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
	current := e.view.rows[id]
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

// ownedIDs returns the ids, sorted, of the owned rows that keep accepts.
func (t *tableState) ownedIDs(keep func(id string, row any) bool) []string {
	var ids []string
	for id, row := range t.view.rows {
		if Owned(t.table.tags(row)) && keep(id, row) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}
