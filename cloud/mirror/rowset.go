package mirror

import (
	"iter"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
)

// foundBy begin the keys of the tags that rows are found by. Only these are indexed:
// what others tag in the account costs nothing then.
var foundBy = []string{"sigs.k8s.io/cluster-api-provider-aws/", "capa-apiserver.cluster.x-k8s.io/"}

func indexed(key string) bool {
	return slices.ContainsFunc(foundBy, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
}

// rowSet is the rows of a table by id: many that versions of the table share, with
// their indexes, and the few that changed since. So neither a change nor a look costs
// more where the account has much that is of no concern.
type rowSet struct {
	base *rowBase
	// changed has the rows that aren't as in base; nil stands for one that is gone.
	changed map[string]any
}

// rowBase is rows with their indexes, made when they are first needed.
type rowBase struct {
	rows  map[string]any
	once  sync.Once
	byVPC map[string][]string
	byTag map[tag][]string
}

type tag struct{ key, value string }

func newRowSet(rows map[string]any) rowSet { return rowSet{base: &rowBase{rows: rows}} }

func (r rowSet) get(id string) (any, bool) {
	if row, changed := r.changed[id]; changed {
		return row, row != nil
	}
	if r.base == nil {
		return nil, false
	}
	row, ok := r.base.rows[id]
	return row, ok
}

// all returns the rows in no order.
func (r rowSet) all() iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		for id, row := range r.changed {
			if row != nil && !yield(id, row) {
				return
			}
		}
		if r.base == nil {
			return
		}
		for id, row := range r.base.rows {
			if _, changed := r.changed[id]; !changed && !yield(id, row) {
				return
			}
		}
	}
}

// inVPC returns the ids of a VPC's rows, in order.
func (r rowSet) inVPC(t Resource, vpc string) []string {
	return r.find(t, func(b *rowBase) []string { return b.byVPC[vpc] }, func(row any) bool { return t.vpc(row) == vpc })
}

// tagged returns the ids of the rows with an indexed tag, in order.
func (r rowSet) tagged(t Resource, key, value string) []string {
	return r.find(t, func(b *rowBase) []string { return b.byTag[tag{key, value}] }, func(row any) bool {
		v, ok := t.tags(row)[key]
		return ok && v == value
	})
}

func (r rowSet) find(t Resource, index func(*rowBase) []string, match func(any) bool) []string {
	var ids []string
	if r.base != nil {
		r.base.once.Do(func() { r.base.build(t) })
		ids = index(r.base)
	}
	if len(r.changed) == 0 {
		return ids
	}
	found := make([]string, 0, len(ids))
	for _, id := range ids {
		if _, changed := r.changed[id]; !changed {
			found = append(found, id)
		}
	}
	for id, row := range r.changed {
		if row != nil && match(row) {
			found = append(found, id)
		}
	}
	slices.Sort(found)
	return found
}

func (b *rowBase) build(t Resource) {
	b.byVPC, b.byTag = map[string][]string{}, map[tag][]string{}
	for _, id := range slices.Sorted(maps.Keys(b.rows)) {
		row := b.rows[id]
		if vpc := t.vpc(row); vpc != "" {
			b.byVPC[vpc] = append(b.byVPC[vpc], id)
		}
		for key, value := range t.tags(row) {
			if indexed(key) {
				b.byTag[tag{key, value}] = append(b.byTag[tag{key, value}], id)
			}
		}
	}
}

// rowEdit is a change of a rowSet, which leaves the set itself as it is.
type rowEdit struct {
	rowSet
	// own says that changed is the edit's own already, ownBase that base is.
	own, ownBase bool
}

func (e *rowEdit) set(id string, row any) {
	if e.ownBase {
		e.base.rows[id] = row
		return
	}
	if !e.own {
		e.own = true
		if e.changed = maps.Clone(e.changed); e.changed == nil {
			e.changed = map[string]any{}
		}
	}
	e.changed[id] = row
	if len(e.changed) > e.most() {
		e.rebase()
	}
}

func (e *rowEdit) remove(id string) {
	if e.ownBase {
		delete(e.base.rows, id)
		return
	}
	e.set(id, nil)
}

// most is how many changes are kept beside the base: each of them costs a little at
// each look and edit, and a new base costs as much as there are rows.
func (e *rowEdit) most() int {
	if e.base == nil {
		return 16
	}
	return 16 + int(math.Sqrt(float64(len(e.base.rows))))
}

func (e *rowEdit) rebase() {
	e.rowSet = newRowSet(maps.Collect(e.all()))
	e.ownBase = true
}
