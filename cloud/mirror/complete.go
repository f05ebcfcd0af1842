package mirror

import (
	"context"
	"slices"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

// complete reads what a listing left out: of the rows that aren't known, and of some
// others in turn. Where that or the listing fails, it returns the listed rows without new
// ones that are incomplete, which would be shown as what they aren't.
func (m *Mirror) complete(ctx context.Context, ss *scopeState, t *tableState, s *cloud.Session, listed []any, err error) ([]any, error) {
	ss.mu.Lock()
	incomplete, due := t.dueToComplete(listed)
	ss.mu.Unlock()
	for rows := range slices.Chunk(append(slices.Clone(incomplete), due...), t.table.batch()) {
		if err == nil {
			err = t.table.complete(ctx, s, rows)
		}
	}
	if err == nil {
		return listed, nil
	}
	isNew := map[any]bool{}
	for _, row := range incomplete {
		isNew[row] = true
	}
	return slices.DeleteFunc(listed, func(row any) bool { return isNew[row] && !t.table.completed(row) }), err
}

// dueToComplete returns the listed rows that were never completed, and those whose turn
// it is: some that concern somebody, and some of the rest in the room that these leave.
func (t *tableState) dueToComplete(listed []any) (incomplete, due []any) {
	byID := map[string]any{}
	var ours, others []string
	for _, row := range listed {
		id := t.table.id(row)
		known, ok := t.view.rows.get(id)
		switch {
		case !ok || !t.table.completed(known):
			incomplete = append(incomplete, row)
			continue
		case t.concerns(id, known):
			ours = append(ours, id)
		default:
			others = append(others, id)
		}
		byID[id] = row
	}
	most := t.table.batch()
	for _, id := range slices.Concat(
		inTurn(ours, &t.completeTurn.ours, most), inTurn(others, &t.completeTurn.others, most-min(len(ours), most)%most),
	) {
		due = append(due, byID[id])
	}
	return incomplete, due
}

// inTurn returns the next ids after the one that had its turn last, and notes the new last.
func inTurn(ids []string, last *string, most int) []string {
	slices.Sort(ids)
	at, found := slices.BinarySearch(ids, *last)
	if found {
		at++
	}
	most = min(most, len(ids))
	turn := slices.Concat(ids[at:], ids[:at])[:most]
	if most > 0 {
		*last = turn[most-1]
	}
	return turn
}
