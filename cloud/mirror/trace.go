package mirror

import (
	"reflect"
	"slices"
)

// Trace is what was asked of a snapshot, with what it answered. What was made of these
// answers, and of nothing else in the snapshot, would be made the same of another one that
// answers the same. All that a snapshot tells is told by functions that note it, so that a
// trace is complete.
type Trace struct{ answers []func(*Snapshot) bool }

// Traced returns the snapshot with a trace of what is asked of it from then on, by one
// goroutine at a time.
func (s *Snapshot) Traced() (*Snapshot, *Trace) {
	scope, grace, trace := s.Scope, s.Grace, &Trace{}
	trace.note(func(s *Snapshot) bool { return s.Scope == scope && s.Grace == grace })
	return &Snapshot{Scope: scope, Grace: grace, tables: s.tables, trace: trace}, trace
}

// Holds tells whether a snapshot gives all the same answers.
func (t *Trace) Holds(s *Snapshot) bool {
	return !slices.ContainsFunc(t.answers, func(same func(*Snapshot) bool) bool { return !same(s) })
}

func (t *Trace) note(same func(*Snapshot) bool) { t.answers = append(t.answers, same) }

// noteAll notes all rows of a table.
func (t *Trace) noteAll(s *Snapshot, kind Kind) {
	rows := s.rows(kind)
	t.note(func(s *Snapshot) bool { return s.rows(kind).same(rows) })
}

func (s *Snapshot) rows(kind Kind) rowSet {
	if view := s.tables[kind]; view != nil {
		return view.rows
	}
	return rowSet{}
}

// same tells, at no cost, that two sets have the same rows; it may overlook that they do.
func (r rowSet) same(other rowSet) bool {
	return r.base == other.base && reflect.ValueOf(r.changed).Pointer() == reflect.ValueOf(other.changed).Pointer()
}

// said returns what a snapshot answers, and notes it.
func said[A comparable](s *Snapshot, ask func(*Snapshot) A) A {
	answer := ask(s)
	if s.trace != nil {
		s.trace.note(func(s *Snapshot) bool { return ask(s) == answer })
	}
	return answer
}

// rowsBy returns the rows that a snapshot answers with, and notes them.
func rowsBy[T any](s *Snapshot, ask func(*Snapshot) []*T) []*T {
	rows := ask(s)
	if s.trace != nil {
		noted := slices.Clone(rows)
		s.trace.note(func(s *Snapshot) bool { return slices.Equal(ask(s), noted) })
	}
	return rows
}

func sameError(a, b error) bool {
	return a == nil && b == nil || a != nil && b != nil && reflect.TypeOf(a).Comparable() && any(a) == any(b)
}
