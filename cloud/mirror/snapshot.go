package mirror

import (
	"maps"
	"slices"
	"time"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

// Snapshot is what was known of one account and region at one moment. It is
// immutable, its rows too: a reader that wants another value copies first.
type Snapshot struct {
	Scope cloud.Scope
	// Grace is how long AWS may take to show what it made, or to hide what it
	// deleted: what is younger proves nothing.
	Grace  time.Duration
	tables map[Kind]*tableView
	// trace notes what is asked; nil where nobody wants that.
	trace *Trace
}

// tableView is one table in a snapshot. Rows are pointers to the table's T.
type tableView struct {
	rows rowSet
	// looks are when it was looked by id for what wasn't there, since the latest listing.
	looks map[string]time.Time
	// listings are the start times of the latest complete listings, newest first
	// (at most two are kept).
	listings []time.Time
	// observed is when every row was last known to be true.
	observed time.Time
	// parts are those of a table that is read by name, by parent.
	parts map[string]*partView
	// err is why the latest attempt to list failed; nil when it succeeded.
	err error
}

// DefaultGrace is the usual creation grace: AWS's documentation speaks of
// seconds to minutes, and its clients wait up to a minute.
const DefaultGrace = time.Minute

// NewSnapshot gives a snapshot in which no table has ever been seen, with the
// usual grace.
func NewSnapshot(scope cloud.Scope) *Snapshot {
	return &Snapshot{Scope: scope, Grace: DefaultGrace, tables: map[Kind]*tableView{}}
}

// with returns a snapshot with another view of one table, or with none.
func (s *Snapshot) with(kind Kind, view *tableView) *Snapshot {
	next := &Snapshot{Scope: s.Scope, Grace: s.Grace, tables: maps.Clone(s.tables)}
	if next.tables[kind] = view; view == nil {
		delete(next.tables, kind)
	}
	return next
}

// Get returns the row with this id.
func Get[T any](s *Snapshot, t *Table[T], id string) (*T, bool) {
	row, ok := get(s, t, id)
	if s.trace != nil {
		s.trace.note(func(s *Snapshot) bool { again, _ := get(s, t, id); return again == row })
	}
	return row, ok
}

func get[T any](s *Snapshot, t *Table[T], id string) (*T, bool) {
	view := s.tables[t.Kind]
	if view == nil || id == "" {
		return nil, false
	}
	row, ok := view.rows.get(id)
	if !ok {
		return nil, false
	}
	return row.(*T), true
}

// Select returns the rows that keep accepts, in the order of their ids; all of
// them when keep is nil.
func Select[T any](s *Snapshot, t *Table[T], keep func(*T) bool) []*T {
	view := s.tables[t.Kind]
	if s.trace != nil {
		s.trace.noteAll(s, t.Kind)
	}
	if view == nil {
		return nil
	}
	var ids []string
	for id, row := range view.rows.all() {
		if keep == nil || keep(row.(*T)) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return rowsOf[T](view, ids)
}

func rowsOf[T any](view *tableView, ids []string) []*T {
	rows := make([]*T, len(ids))
	for i, id := range ids {
		row, _ := view.rows.get(id)
		rows[i] = row.(*T)
	}
	return rows
}

// InVPC returns the rows that the VPC holds, in the order of their ids.
func InVPC[T any](s *Snapshot, t *Table[T], vpcID string) []*T {
	return rowsBy(s, func(s *Snapshot) []*T { return inVPC(s, t, vpcID) })
}

func inVPC[T any](s *Snapshot, t *Table[T], vpcID string) []*T {
	view := s.tables[t.Kind]
	if view == nil || vpcID == "" {
		return nil
	}
	return rowsOf[T](view, view.rows.inVPC(t, vpcID))
}

// Below returns the rows that a parent has, of a table that is read by name, in the order
// of their ids.
func Below[T any](s *Snapshot, t *Table[T], parent string) []*T {
	return rowsBy(s, func(s *Snapshot) []*T { return below(s, t, parent) })
}

func below[T any](s *Snapshot, t *Table[T], parent string) []*T {
	view := s.tables[t.Kind]
	if view == nil {
		return nil
	}
	var ids []string
	if view.parts == nil { // of a model, in which all is known
		for id, row := range view.rows.all() {
			if t.Parent(row.(*T)) == parent {
				ids = append(ids, id)
			}
		}
	} else if p := view.parts[parent]; p != nil {
		for name := range p.reads {
			if id := NameIn(parent, name); hasRow(view, id) {
				ids = append(ids, id)
			}
		}
	}
	slices.Sort(ids)
	return rowsOf[T](view, ids)
}

func hasRow(view *tableView, id string) bool {
	_, ok := view.rows.get(id)
	return ok
}

// Tagged returns the rows with this tag, in the order of their ids. It costs as much as
// there are such rows for the tags by which resources are told to be a cluster's or an
// object's, and for others as much as there are rows.
func Tagged[T any](s *Snapshot, t *Table[T], key, value string) []*T {
	if indexed(key) {
		return rowsBy(s, func(s *Snapshot) []*T { return tagged(s, t, key, value) })
	}
	return Select(s, t, func(row *T) bool {
		v, ok := t.Tags(row)[key]
		return ok && v == value
	})
}

func tagged[T any](s *Snapshot, t *Table[T], key, value string) []*T {
	view := s.tables[t.Kind]
	if view == nil {
		return nil
	}
	return rowsOf[T](view, view.rows.tagged(t, key, value))
}

// Seen tells whether each of the tables has been listed completely since the
// process started. What a table that was never seen doesn't show may well exist. One
// that is read by name was seen when all was read that somebody wants of it.
func (s *Snapshot) Seen(kinds ...Kind) bool { return s.SeenOf(Whole(kinds...)...) }

// SeenOf is Seen for what the interests are about.
func (s *Snapshot) SeenOf(interests ...Interest) bool {
	return said(s, func(s *Snapshot) bool { return s.seenOf(interests) })
}

func (s *Snapshot) seenOf(interests []Interest) bool {
	for _, i := range interests {
		if view := s.tables[i.Kind]; view == nil || !view.seen(i) {
			return false
		}
	}
	return true
}

// Unseen returns those of the interests that were never read completely.
func (s *Snapshot) Unseen(interests []Interest) []Interest {
	return slices.DeleteFunc(slices.Clone(interests), func(i Interest) bool { return s.SeenOf(i) })
}

func (v *tableView) seen(i Interest) bool {
	if v.parts == nil {
		return len(v.listings) > 0
	}
	parts := v.about(i)
	for _, p := range parts {
		if !p.seen() {
			return false
		}
	}
	return len(parts) > 0
}

// about returns the parts that an interest is about, with its ids only, if it has some.
func (v *tableView) about(i Interest) []*partView {
	if i.Parent == "" && len(i.IDs) == 0 {
		return slices.Collect(maps.Values(v.parts))
	}
	p := v.parts[i.Parent]
	switch {
	case p == nil:
		return nil
	case len(i.IDs) == 0:
		return []*partView{p}
	}
	some := &partView{reads: map[string]time.Time{}, errs: map[string]error{}}
	for _, name := range i.IDs {
		some.reads[name] = p.reads[name]
		if err := p.errs[name]; err != nil {
			some.errs[name] = err
		}
	}
	return []*partView{some}
}

// AbsentSince tells whether two complete listings of the table began after the
// moment: what they don't show doesn't exist, however late AWS shows what was
// made before the moment. Of a table that is read by name one read of all is as good.
func (s *Snapshot) AbsentSince(kind Kind, moment time.Time) bool {
	return said(s, func(s *Snapshot) bool { return s.absentSince(kind, moment) })
}

func (s *Snapshot) absentSince(kind Kind, moment time.Time) bool {
	view := s.tables[kind]
	if view != nil && view.parts != nil {
		return s.observedOf(Whole(kind)).After(moment)
	}
	return view != nil && len(view.listings) == 2 && view.listings[1].After(moment)
}

// Absent tells whether AWS didn't show the row when it was last asked, for the table
// after the moment, or for the row from then on. Give the moment from which on somebody
// says that there is such a row: he may have made it just before.
func (s *Snapshot) Absent(kind Kind, id string, since time.Time) bool {
	return said(s, func(s *Snapshot) bool { return s.absent(kind, id, since) })
}

func (s *Snapshot) absent(kind Kind, id string, since time.Time) bool {
	view := s.tables[kind]
	if view == nil {
		return false
	}
	if _, there := view.rows.get(id); there {
		return false
	}
	asked := view.looks[id]
	return !asked.IsZero() && !asked.Before(since) || view.listedAfter(since)
}

func (v *tableView) listedAfter(moment time.Time) bool {
	return len(v.listings) > 0 && v.listings[0].After(moment)
}

// Observed returns the moment up to which all the tables are known to be true:
// the start of the oldest of their latest complete observations. Zero when one
// was never seen.
func (s *Snapshot) Observed(kinds ...Kind) time.Time { return s.ObservedOf(Whole(kinds...)...) }

// ObservedOf is Observed for what the interests are about.
func (s *Snapshot) ObservedOf(interests ...Interest) time.Time {
	return said(s, func(s *Snapshot) time.Time { return s.observedOf(interests) })
}

func (s *Snapshot) observedOf(interests []Interest) (oldest time.Time) {
	for n, i := range interests {
		view := s.tables[i.Kind]
		if view == nil || view.parts != nil && !view.seen(i) {
			return time.Time{}
		}
		at := view.observed
		for _, p := range view.about(i) {
			at = earlier(at, p.observed())
		}
		if n == 0 || at.Before(oldest) {
			oldest = at
		}
	}
	return oldest
}

// Err returns why the latest listing of one of the tables failed, or nil.
func (s *Snapshot) Err(kinds ...Kind) error { return s.ErrOf(Whole(kinds...)...) }

// ErrOf is Err for what the interests are about.
func (s *Snapshot) ErrOf(interests ...Interest) error {
	err := s.errOf(interests)
	if s.trace != nil {
		s.trace.note(func(s *Snapshot) bool { return sameError(s.errOf(interests), err) })
	}
	return err
}

func (s *Snapshot) errOf(interests []Interest) error {
	for _, i := range interests {
		view := s.tables[i.Kind]
		switch {
		case view == nil:
		case view.parts == nil || i.Parent == "" && len(i.IDs) == 0:
			if view.err != nil {
				return view.err
			}
		default:
			for _, p := range view.about(i) {
				if err := p.err(); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// With returns a copy of the snapshot that also holds the rows, in a table that
// counts as listed completely, twice, at the moment. It makes models of an
// account for tests and dry runs.
func With[T any](s *Snapshot, t *Table[T], moment time.Time, rows ...T) *Snapshot {
	view := &tableView{listings: []time.Time{moment, moment.Add(-1)}, observed: moment}
	all := map[string]any{}
	if old := s.tables[t.Kind]; old != nil {
		all = maps.Collect(old.rows.all())
	}
	for i := range rows {
		row := rows[i]
		all[t.ID(&row)] = &row
	}
	view.rows = newRowSet(all)
	return s.with(t.Kind, view)
}
