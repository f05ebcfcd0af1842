package plan

import (
	"context"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
)

// Writer puts the answer of one call into the mirror.
type Writer struct {
	mirror *mirror.Mirror
	scope  cloud.Scope
}

// Put notes a resource that was made, or given back whole.
func Put[T any](w *Writer, t *mirror.Table[T], row T) { mirror.Put(w.mirror, w.scope, t, row) }

// Modify notes the effect of a mutation on the row with the id. change gets a
// copy of it. A row that isn't known is left to the next sweep.
func Modify[T any](w *Writer, t *mirror.Table[T], id string, change func(*T)) {
	mirror.Modify(w.mirror, w.scope, t, id, change)
}

// ModifyAll notes the effect of a mutation on the rows that match.
func ModifyAll[T any](w *Writer, t *mirror.Table[T], match func(*T) bool, change func(*T)) {
	for _, row := range mirror.Select(w.mirror.Snapshot(w.scope), t, match) {
		Modify(w, t, t.ID(row), func(r *T) {
			if match(r) {
				change(r)
			}
		})
	}
}

// Drop notes that a resource was deleted.
func Drop[T any](w *Writer, t *mirror.Table[T], id string) { mirror.Drop(w.mirror, w.scope, t, id) }

// refresh reads tables and rows anew. That it fails shows in the tables themselves.
func (a *Actor) refresh(ctx context.Context, s *cloud.Session, stale []mirror.Interest) {
	_ = a.Mirror.RefreshOf(ctx, s.Scope, 0, stale...)
}

// Snapshot returns what is known now.
func (w *Writer) Snapshot() *mirror.Snapshot { return w.mirror.Snapshot(w.scope) }
