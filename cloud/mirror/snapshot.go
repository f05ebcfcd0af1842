package mirror

import (
	"maps"
	"sort"
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
}

// tableView is one table in a snapshot. Rows are pointers to the table's T.
type tableView struct {
	rows map[string]any
	// listings are the start times of the latest complete listings, newest first
	// (at most two are kept).
	listings []time.Time
	// observed is when every row was last known to be true.
	observed time.Time
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
	view := s.tables[t.Kind]
	if view == nil || id == "" {
		return nil, false
	}
	row, ok := view.rows[id].(*T)
	return row, ok
}

// Select returns the rows that keep accepts, in the order of their ids; all of
// them when keep is nil.
func Select[T any](s *Snapshot, t *Table[T], keep func(*T) bool) []*T {
	view := s.tables[t.Kind]
	if view == nil {
		return nil
	}
	ids := make([]string, 0, len(view.rows))
	for id, row := range view.rows {
		if keep == nil || keep(row.(*T)) {
			ids = append(ids, id)
		}
	}
	sort.Strings(ids)
	rows := make([]*T, len(ids))
	for i, id := range ids {
		rows[i] = view.rows[id].(*T)
	}
	return rows
}

// InVPC returns the rows that the VPC holds, in the order of their ids.
func InVPC[T any](s *Snapshot, t *Table[T], vpcID string) []*T {
	if vpcID == "" {
		return nil
	}
	return Select(s, t, func(row *T) bool { return t.VPC(row) == vpcID })
}

// Tagged returns the rows with this tag, in the order of their ids.
func Tagged[T any](s *Snapshot, t *Table[T], key, value string) []*T {
	return Select(s, t, func(row *T) bool {
		v, ok := t.Tags(row)[key]
		return ok && v == value
	})
}

// Seen tells whether each of the tables has been listed completely since the
// process started. What a table that was never seen doesn't show may well exist.
func (s *Snapshot) Seen(kinds ...Kind) bool {
	for _, kind := range kinds {
		if view := s.tables[kind]; view == nil || len(view.listings) == 0 {
			return false
		}
	}
	return true
}

// AbsentSince tells whether two complete listings of the table began after the
// moment: what they don't show doesn't exist, however late AWS shows what was
// made before the moment.
func (s *Snapshot) AbsentSince(kind Kind, moment time.Time) bool {
	view := s.tables[kind]
	return view != nil && len(view.listings) == 2 && view.listings[1].After(moment)
}

// Observed returns the moment up to which all the tables are known to be true:
// the start of the oldest of their latest complete observations. Zero when one
// was never seen.
func (s *Snapshot) Observed(kinds ...Kind) time.Time {
	var oldest time.Time
	for i, kind := range kinds {
		view := s.tables[kind]
		if view == nil {
			return time.Time{}
		}
		if i == 0 || view.observed.Before(oldest) {
			oldest = view.observed
		}
	}
	return oldest
}

// Err returns why the latest listing of one of the tables failed, or nil.
func (s *Snapshot) Err(kinds ...Kind) error {
	for _, kind := range kinds {
		if view := s.tables[kind]; view != nil && view.err != nil {
			return view.err
		}
	}
	return nil
}

// With returns a copy of the snapshot that also holds the rows, in a table that
// counts as listed completely, twice, at the moment. It makes models of an
// account for tests and dry runs.
func With[T any](s *Snapshot, t *Table[T], moment time.Time, rows ...T) *Snapshot {
	view := &tableView{rows: map[string]any{}, listings: []time.Time{moment, moment.Add(-1)}, observed: moment}
	if old := s.tables[t.Kind]; old != nil {
		for id, row := range old.rows {
			view.rows[id] = row
		}
	}
	for i := range rows {
		row := rows[i]
		view.rows[t.ID(&row)] = &row
	}
	return s.with(t.Kind, view)
}
