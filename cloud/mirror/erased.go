package mirror

import (
	"cmp"
	"context"
	"time"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

// Resource is a *Table of any row type. Rows are passed as *T in an any.
type Resource interface {
	kind() Kind
	rest() time.Duration
	id(row any) string
	tags(row any) map[string]string
	vpc(row any) string
	list(ctx context.Context, s *cloud.Session, page func(rows []any)) error
	canByID() bool
	byID(ctx context.Context, s *cloud.Session, ids []string) ([]any, error)
	canComplete() bool
	completed(row any) bool
	batch() int
	// complete completes the rows in place.
	complete(ctx context.Context, s *cloud.Session, rows []any) error
	busy(row any) bool
	// detailed is true also where a table has no details.
	detailed(row any) bool
	canDetail() bool
	// details returns a copy of the row with its details.
	details(ctx context.Context, s *cloud.Session, row any) (any, error)
	// shallow returns a copy of the row that shares what its fields point to.
	shallow(row any) any
	// carry completes the read row in place.
	carry(known, read any)
	hold(m *Mirror) time.Duration
	global() bool
	// byName tells that rows are read by name.
	byName() bool
	// parent is "" in a table without parents.
	parent(row any) string
	describe(ctx context.Context, s *cloud.Session, parent, name string) (any, error)
	canName() bool
	names(ctx context.Context, s *cloud.Session, parent string) ([]string, error)
	budget() int
	changing() time.Duration
}

var _ Resource = (*Table[struct{}])(nil)

func (t *Table[T]) kind() Kind                     { return t.Kind }
func (t *Table[T]) rest() time.Duration            { return t.Rest }
func (t *Table[T]) id(row any) string              { return t.ID(row.(*T)) }
func (t *Table[T]) tags(row any) map[string]string { return t.Tags(row.(*T)) }
func (t *Table[T]) vpc(row any) string             { return t.VPC(row.(*T)) }
func (t *Table[T]) canByID() bool                  { return t.ByID != nil }
func (t *Table[T]) canDetail() bool                { return t.Details != nil }
func (t *Table[T]) busy(row any) bool              { return t.Busy != nil && t.Busy(row.(*T)) }
func (t *Table[T]) canComplete() bool              { return t.Complete != nil }
func (t *Table[T]) completed(row any) bool         { return t.Completed(row.(*T)) }
func (t *Table[T]) batch() int                     { return t.Batch }

func (t *Table[T]) complete(ctx context.Context, s *cloud.Session, rows []any) error {
	typed := make([]*T, len(rows))
	for i, row := range rows {
		typed[i] = row.(*T)
	}
	return t.Complete(ctx, s, typed)
}

func (t *Table[T]) detailed(row any) bool {
	return t.Details == nil || t.Detailed == nil || t.Detailed(row.(*T))
}

func (t *Table[T]) hold(m *Mirror) time.Duration { return cmp.Or(t.WriteHold, m.options.WriteHold) }
func (t *Table[T]) global() bool                 { return t.Global }
func (t *Table[T]) byName() bool                 { return t.Describe != nil }
func (t *Table[T]) parent(row any) string {
	if t.Parent == nil {
		return ""
	}
	return t.Parent(row.(*T))
}

func (t *Table[T]) canName() bool           { return t.Names != nil }
func (t *Table[T]) budget() int             { return max(t.Budget, 1) }
func (t *Table[T]) changing() time.Duration { return cmp.Or(t.Changing, changingRest) }

func (t *Table[T]) describe(ctx context.Context, s *cloud.Session, parent, name string) (any, error) {
	row, err := t.Describe(ctx, s, parent, name)
	if err != nil {
		return nil, err
	}
	return row, nil
}

func (t *Table[T]) names(ctx context.Context, s *cloud.Session, parent string) (names []string, err error) {
	err = t.Names(ctx, s, parent, func(page []string) error {
		names = append(names, page...)
		return nil
	})
	return names, err
}

func (t *Table[T]) list(ctx context.Context, s *cloud.Session, page func([]any)) error {
	return t.List(ctx, s, func(rows []T) error {
		page(pointers(rows))
		return nil
	})
}

func (t *Table[T]) byID(ctx context.Context, s *cloud.Session, ids []string) ([]any, error) {
	rows, err := t.ByID(ctx, s, ids)
	return pointers(rows), err
}

func (t *Table[T]) details(ctx context.Context, s *cloud.Session, row any) (any, error) {
	next := deepCopy(row.(*T))
	err := t.Details(ctx, s, next)
	return next, err
}

func (t *Table[T]) shallow(row any) any {
	next := *row.(*T)
	return &next
}

func (t *Table[T]) carry(known, read any) {
	if t.Carry != nil {
		t.Carry(known.(*T), read.(*T))
	}
}

func pointers[T any](rows []T) []any {
	out := make([]any, len(rows))
	for i := range rows {
		row := rows[i] // of its own: a row that stays would keep all of its listing in memory
		out[i] = &row
	}
	return out
}
