package mirror

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/aws/smithy-go"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

// ErrNotWatched says that the mirror has no session to read a scope with.
var ErrNotWatched = errors.New("no identity is known that reads this account and region")

// maxProofs bounds how many missing rows are asked for by id after a listing, so
// that the end of a large network doesn't cost a call for each of its parts.
// What isn't asked for is gone after the next listing.
const maxProofs = 20

// detailsPerListing bounds the rows whose missing details a listing also reads,
// so that readers of a just adopted account don't wait for all of them. Run
// reads the others right after.
const detailsPerListing = 20

// flight is one listing of one table, for everybody who waits for it.
type flight struct {
	began time.Time
	done  chan struct{}
	err   error // readable once done is closed
}

// Refresh sees to it that the tables were completely listed not longer than
// maxAge ago. Where they weren't, it waits for one listing of each, which it
// shares with whoever else wants one, and which goes on when ctx ends. It
// returns why tables are older, if some are: a failed listing (not repeated for
// a few seconds), or ctx's end. Snapshots can be read in any case.
func (m *Mirror) Refresh(ctx context.Context, scope cloud.Scope, maxAge time.Duration, kinds ...Kind) error {
	return m.RefreshOf(ctx, scope, maxAge, Whole(kinds...)...)
}

// RefreshOf is Refresh for what some interests are about: of a table that is read by
// name the rows that are wanted, all of them or those of the parent and ids; of a table
// that is listed the rows of the ids, which are looked at by id where no listing is young
// enough. So it is proven whether there is what somebody just named.
func (m *Mirror) RefreshOf(ctx context.Context, scope cloud.Scope, maxAge time.Duration, interests ...Interest) error {
	notBefore := m.clock.Now().Add(-maxAge)
	results := make(chan error, len(interests))
	for _, i := range interests {
		home := m.homeOf(scope, i.Kind)
		ss := m.scope(home)
		if ss == nil { // the others are read all the same
			results <- fmt.Errorf("%s: %w", home, ErrNotWatched)
			continue
		}
		go func() { results <- m.refreshOne(ctx, ss, i, notBefore) }()
	}
	var errs []error
	for range interests {
		errs = append(errs, <-results)
	}
	return errors.Join(errs...)
}

func (m *Mirror) refreshOne(ctx context.Context, ss *scopeState, i Interest, notBefore time.Time) error {
	t := ss.byKind[i.Kind]
	switch {
	case t == nil:
		return fmt.Errorf("%s is not mirrored", i.Kind)
	case t.table.byName():
		return m.refreshNamed(ctx, ss, t, i, notBefore)
	case len(i.IDs) > 0 && t.table.canByID():
		return m.refreshRows(ctx, ss, t, i.IDs, notBefore)
	}
	return m.refresh(ctx, ss, i.Kind, notBefore)
}

// refreshRows looks at the rows of a listed table that weren't read since the moment.
func (m *Mirror) refreshRows(ctx context.Context, ss *scopeState, t *tableState, ids []string, notBefore time.Time) error {
	ss.mu.Lock()
	var older []string
	for _, id := range ids {
		at := t.view.looks[id]
		if meta := t.meta[id]; meta != nil {
			at = later(at, meta.read)
		}
		if (at.IsZero() || at.Before(notBefore)) && !t.view.listedAfter(notBefore) {
			older = append(older, id)
		}
	}
	ss.mu.Unlock()
	if len(older) == 0 {
		return nil
	}
	return m.lookup(ctx, ss, t, older)
}

func (m *Mirror) refresh(ctx context.Context, ss *scopeState, kind Kind, notBefore time.Time) error {
	for {
		f, err := m.join(ctx, ss, kind, notBefore)
		if f == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s %s: its listing is still under way: %w", ss.scope, kind, ctx.Err())
		case <-f.done:
		}
		if f.err != nil && !f.began.Before(notBefore) {
			return f.err
		}
	}
}

// join returns the listing to wait for, or none when none is needed or possible.
func (m *Mirror) join(ctx context.Context, ss *scopeState, kind Kind, notBefore time.Time) (*flight, error) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	t := ss.byKind[kind]
	switch {
	case len(t.view.listings) > 0 && !t.view.listings[0].Before(notBefore):
		return nil, nil
	case t.flight != nil:
		// One that began too early is waited for too: AWS is asked once at a time.
		return t.flight, nil
	case t.failures > 0 && m.clock.Now().Before(t.retryAt):
		return nil, t.view.err
	}
	return m.launch(context.WithoutCancel(ctx), ss, t), nil
}

// launch begins a listing. The caller holds the lock.
func (m *Mirror) launch(ctx context.Context, ss *scopeState, t *tableState) *flight {
	f := &flight{began: m.clock.Now(), done: make(chan struct{})}
	t.flight = f
	go m.list(ctx, ss, t, f)
	return f
}

func (m *Mirror) list(ctx context.Context, ss *scopeState, t *tableState, f *flight) {
	ctx, cancel := context.WithTimeout(ctx, m.options.ListTimeout)
	defer cancel()
	var rows []any
	err := m.read(ctx, ss, t, func(s *cloud.Session) (err error) {
		rows = nil
		err = t.table.list(ctx, s, func(page []any) { rows = append(rows, page...) })
		if t.table.canComplete() {
			rows, err = m.complete(ctx, ss, t, s, rows, err)
		}
		return err
	})
	observeListing(t.table.kind(), m.clock.Since(f.began), err)
	if err != nil {
		err = fmt.Errorf("list %s of %s: %w", t.table.kind(), ss.scope, err)
	}

	recognised := ss.recognise(t, rows)

	ss.mu.Lock()
	e := m.begin(ss, t)
	e.recognised = recognised
	suspects := e.listed(f.began, rows, err)
	if err != nil {
		t.failures++
		t.retryAt = e.now.Add(m.options.RetryAfter)
	} else {
		t.failures = 0
	}
	t.scheduleSweep(m, f.began)
	e.commit()
	ss.mu.Unlock()
	m.changes.deliver()

	if err == nil {
		if len(suspects) > 0 && len(suspects) <= maxProofs && t.table.canByID() {
			// Whether a row is gone is worth a call: otherwise it stays until the
			// next listing has missed it too. A failure leaves it to that.
			_ = m.lookup(ctx, ss, t, suspects)
		}
		m.readMissingDetails(ctx, ss, t, detailsPerListing)
	}
	ss.mu.Lock()
	t.flight = nil
	ss.mu.Unlock()
	f.err = err
	close(f.done)
	m.poke()
}

// recognise returns the known rows, by id, of which the read ones say the same. That takes
// time where there are many, in which nobody has to wait for the scope; it is done on all
// processors, because readers wait for the listing.
func (ss *scopeState) recognise(t *tableState, rows []any) map[string]any {
	ss.mu.Lock()
	known := t.view.rows
	ss.mu.Unlock()
	says := make([]any, len(rows))
	part := 1 + len(rows)/runtime.GOMAXPROCS(0)
	var parts sync.WaitGroup
	for from := 0; from < len(rows); from += part {
		parts.Go(func() {
			for i := from; i < min(from+part, len(rows)); i++ {
				says[i] = t.knownAs(known, rows[i])
			}
		})
	}
	parts.Wait()
	recognised := map[string]any{}
	for _, old := range says {
		if old != nil {
			recognised[t.table.id(old)] = old
		}
	}
	return recognised
}

// knownAs returns the known row of which the read one says the same, or nil.
func (t *tableState) knownAs(known rowSet, row any) any {
	old, ok := known.get(t.table.id(row))
	if !ok {
		return nil
	}
	read := t.table.shallow(row)
	if t.table.carry(old, read); !same(old, read) {
		return nil
	}
	return old
}

// lookup reads rows by their ids and takes in the answer, absences included.
func (m *Mirror) lookup(ctx context.Context, ss *scopeState, t *tableState, ids []string) error {
	began := m.clock.Now()
	var rows []any
	err := m.read(ctx, ss, t, func(s *cloud.Session) (err error) {
		rows, err = t.table.byID(ctx, s, ids)
		return err
	})
	if err != nil {
		return err
	}
	ss.mu.Lock()
	e := m.begin(ss, t)
	seen := map[string]bool{}
	for _, row := range rows {
		seen[t.table.id(row)] = true
		e.present(began, row)
	}
	for _, id := range ids {
		if !seen[id] {
			e.gone(began, id)
		}
	}
	e.commit()
	ss.mu.Unlock()
	m.changes.deliver()
	return nil
}

// read makes a call with the session that could read the table last, and with
// the scope's other sessions when it isn't allowed to any more.
func (m *Mirror) read(ctx context.Context, ss *scopeState, t *tableState, call func(*cloud.Session) error) error {
	ss.mu.Lock()
	sessions, reader := ss.sessions, t.reader
	ss.mu.Unlock()
	start := 0
	for i, s := range sessions {
		if s.Identity == reader {
			start = i
		}
	}
	err := fmt.Errorf("%s: %w", ss.scope, ErrNotWatched)
	for i := range sessions {
		s := sessions[(start+i)%len(sessions)]
		if err = call(s); err == nil {
			ss.mu.Lock()
			t.reader = s.Identity
			ss.mu.Unlock()
			return nil
		}
		if !cloud.IsUnauthorized(err) || ctx.Err() != nil {
			return err
		}
	}
	if len(sessions) > 1 {
		return nobodyMay(err, len(sessions))
	}
	return err
}

// nobodyMay is the error of a call that none of several identities may make. What AWS said
// to one of them is nothing for the objects of another.
func nobodyMay(err error, identities int) error {
	e := cloud.Classify(err)
	said := &smithy.GenericAPIError{Code: e.Code, Message: fmt.Sprintf(
		"none of the %d identities that objects in this account and region name may do it", identities)}
	if !cloud.Is(said, e.Class) {
		said.Code = "AccessDenied"
	}
	var op *smithy.OperationError
	if !errors.As(err, &op) {
		return said
	}
	return &smithy.OperationError{ServiceID: op.ServiceID, OperationName: op.OperationName, Err: said}
}
