package core

import (
	"sort"
	"time"
)

// Table keeps the resources of one kind in one region, by id, in the order of their creation.
type Table[T any] struct {
	rows    map[string]*Row[T]
	ordered []*Row[T] // oldest first
	next    int
}

// Row is one resource with what every kind has.
type Row[T any] struct {
	ID      string
	Created time.Time
	Value   *T
	order   int
}

// Put adds or replaces the resource; a replaced one keeps its place and time of creation.
func (t *Table[T]) Put(id string, value *T, now time.Time) {
	if row, ok := t.rows[id]; ok {
		row.Value = value
		return
	}
	if t.rows == nil {
		t.rows = map[string]*Row[T]{}
	}
	t.next++
	t.rows[id] = &Row[T]{ID: id, Created: now, Value: value, order: t.next}
	t.ordered = append(t.ordered, t.rows[id])
}

// Get returns the resource, or nil.
func (t *Table[T]) Get(id string) *T {
	if row, ok := t.rows[id]; ok {
		return row.Value
	}
	return nil
}

// Row returns the resource's row, or nil.
func (t *Table[T]) Row(id string) *Row[T] { return t.rows[id] }

// Delete removes the resource if it is there.
func (t *Table[T]) Delete(id string) {
	row, ok := t.rows[id]
	if !ok {
		return
	}
	i := sort.Search(len(t.ordered), func(i int) bool { return t.ordered[i].order >= row.order })
	t.ordered = append(t.ordered[:i], t.ordered[i+1:]...)
	delete(t.rows, id)
}

// Len is the number of resources.
func (t *Table[T]) Len() int { return len(t.rows) }

// Rows lists all, oldest first. The list stays as it is when resources come or go.
func (t *Table[T]) Rows() []*Row[T] { return append([]*Row[T](nil), t.ordered...) }

// All lists the values of all, oldest first.
func (t *Table[T]) All() []*T {
	out := make([]*T, len(t.ordered))
	for i, row := range t.ordered {
		out[i] = row.Value
	}
	return out
}

// Where lists the values that match, oldest first.
func (t *Table[T]) Where(match func(*T) bool) []*T {
	var out []*T
	for _, row := range t.ordered {
		if match(row.Value) {
			out = append(out, row.Value)
		}
	}
	return out
}

// Any says whether a value matches.
func (t *Table[T]) Any(match func(*T) bool) bool {
	for _, row := range t.rows {
		if match(row.Value) {
			return true
		}
	}
	return false
}

// Count is the number of values that match.
func (t *Table[T]) Count(match func(*T) bool) int {
	n := 0
	for _, row := range t.rows {
		if match(row.Value) {
			n++
		}
	}
	return n
}
