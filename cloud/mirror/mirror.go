package mirror

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/utils/clock"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

// Options are what a mirror is made of. Every zero value means the default.
type Options struct {
	// Clock is the real one if nil.
	Clock clock.WithDelayedExecution
	// Tables are what is mirrored; NetworkTables if nil.
	Tables []Resource
	// Rest is the sweep period of tables that don't name their own: 60 s.
	Rest time.Duration
	// Periods are the sweep periods of single tables, in place of their own.
	Periods map[Kind]time.Duration
	// Jitter gives the actual period for a nominal one: up to a tenth more or less.
	Jitter func(time.Duration) time.Duration
	// CreationGrace is how long AWS may not show what was just made, or still show
	// what was just deleted: DefaultGrace. Every snapshot carries it.
	CreationGrace time.Duration
	// WriteHold is how long a read may show a row as it was before our write: 5 s,
	// or until a read showed the row as written.
	WriteHold time.Duration
	// ListTimeout bounds one listing of a table, all its pages and their waits for
	// the request budget: 60 s. Readers wait as long as their own contexts last.
	ListTimeout time.Duration
	// RetryAfter is how long readers don't ask again after a listing failed: 5 s.
	RetryAfter time.Duration
}

func (o Options) withDefaults() Options {
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.Tables == nil {
		o.Tables = NetworkTables
	}
	if o.Jitter == nil {
		o.Jitter = func(d time.Duration) time.Duration { return d*9/10 + rand.N(d/5+1) }
	}
	o.Rest = cmp.Or(o.Rest, time.Minute)
	o.CreationGrace = cmp.Or(o.CreationGrace, DefaultGrace)
	o.WriteHold = cmp.Or(o.WriteHold, 5*time.Second)
	o.ListTimeout = cmp.Or(o.ListTimeout, time.Minute)
	o.RetryAfter = cmp.Or(o.RetryAfter, 5*time.Second)
	return o
}

// Mirror keeps what AWS has, per account and region. All its methods may be
// called at the same time.
type Mirror struct {
	options Options
	clock   clock.WithDelayedExecution
	changes notifier
	// wake makes Run look again at what is due.
	wake chan struct{}
	// global are the tables that are in no region.
	global map[Kind]bool

	mu    sync.Mutex // taken before a scope's, if both are
	wants map[wantKey]*want
	// scopes is changed with both locks held, mu first.
	scopes   map[cloud.Scope]*scopeState
	scopesMu sync.RWMutex // never held for long
	// passingEnd is when the first of what is wanted for a while may end.
	passingEnd time.Time
}

// scopeState is one account and region.
type scopeState struct {
	scope cloud.Scope
	// snapshot is the current one; replaced, never changed.
	snapshot atomic.Pointer[Snapshot]
	// latest is the snapshot with the account's that was asked for last.
	latest atomic.Pointer[joined]

	mu sync.Mutex // guards all below, and is never held during a call
	// wants counts what is wanted of the scope.
	wants int
	uses  []*sessionUse
	// serial counts the sessions that came to be wanted.
	serial int
	// sessions are what the scope is read with; replaced, never changed.
	sessions []*cloud.Session
	tables   []*tableState
	byKind   map[Kind]*tableState
	// used is when an interest ended last, or something was written.
	used time.Time
	// forgotten says that the mirror doesn't have the scope any more.
	forgotten bool
}

// New gives a mirror that has seen nothing.
func New(o Options) *Mirror {
	registerMetrics()
	o = o.withDefaults()
	global := map[Kind]bool{}
	for _, t := range o.Tables {
		global[t.kind()] = t.global()
	}
	return &Mirror{global: global, options: o, clock: o.Clock, wake: make(chan struct{}, 1), scopes: map[cloud.Scope]*scopeState{}, wants: map[wantKey]*want{}}
}

// Scopes returns the scopes of which something is known.
func (m *Mirror) Scopes() []cloud.Scope {
	m.scopesMu.RLock()
	defer m.scopesMu.RUnlock()
	scopes := make([]cloud.Scope, 0, len(m.scopes))
	for scope := range m.scopes {
		scopes = append(scopes, scope)
	}
	return scopes
}

// Sessions returns the sessions that the scope is read with.
func (m *Mirror) Sessions(scope cloud.Scope) []*cloud.Session {
	ss := m.scope(scope)
	if ss == nil {
		return nil
	}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	return slices.Clone(ss.sessions)
}

// Snapshot returns what is known of a scope now, with what the account has in no region.
// It costs nothing, and is the same one as long as nothing else is known.
func (m *Mirror) Snapshot(scope cloud.Scope) *Snapshot {
	m.scopesMu.RLock()
	ss, account := m.scopes[scope], m.scopes[scope.Global()]
	m.scopesMu.RUnlock()
	switch {
	case ss == nil && account == nil:
		return m.newSnapshot(scope)
	case ss == nil:
		return account.snapshot.Load().of(scope)
	case account == nil || account == ss:
		return ss.snapshot.Load()
	}
	return ss.joined(account.snapshot.Load())
}

// joined is a snapshot of a region and what its account has in none.
type joined struct{ region, account, both *Snapshot }

func (ss *scopeState) joined(account *Snapshot) *Snapshot {
	region := ss.snapshot.Load()
	if j := ss.latest.Load(); j != nil && j.region == region && j.account == account {
		return j.both
	}
	both := account.of(region.Scope)
	maps.Copy(both.tables, region.tables)
	ss.latest.Store(&joined{region, account, both})
	return both
}

// of returns a copy of the snapshot for another scope.
func (s *Snapshot) of(scope cloud.Scope) *Snapshot {
	return &Snapshot{Scope: scope, Grace: s.Grace, tables: maps.Clone(s.tables)}
}

// homeOf returns where a table is kept: in no region, if it is of all of them.
func (m *Mirror) homeOf(scope cloud.Scope, kind Kind) cloud.Scope {
	if m.global[kind] {
		return scope.Global()
	}
	return scope
}

// Subscribe has f called with all further changes, in order, soon after they
// happened. f must return quickly and may use the mirror.
func (m *Mirror) Subscribe(f func([]Change)) { m.changes.subscribe(f) }

// scope returns a scope's state; nil when there is none.
func (m *Mirror) scope(scope cloud.Scope) *scopeState {
	m.scopesMu.RLock()
	defer m.scopesMu.RUnlock()
	return m.scopes[scope]
}

// scopeLocked returns a scope's state, made if there is none. The caller holds the lock.
func (m *Mirror) scopeLocked(scope cloud.Scope) *scopeState {
	ss := m.scopes[scope]
	if ss == nil {
		ss = newScopeState(scope, m.options.Tables, m.newSnapshot(scope))
		ss.used = m.clock.Now()
		m.scopesMu.Lock()
		m.scopes[scope] = ss
		m.scopesMu.Unlock()
	}
	return ss
}

func (m *Mirror) newSnapshot(scope cloud.Scope) *Snapshot {
	snap := NewSnapshot(scope)
	snap.Grace = m.options.CreationGrace
	return snap
}

func newScopeState(scope cloud.Scope, tables []Resource, snap *Snapshot) *scopeState {
	ss := &scopeState{scope: scope, byKind: map[Kind]*tableState{}}
	for _, table := range tables {
		if table.global() != (scope.Region == "") {
			continue
		}
		t := newTableState(table)
		ss.tables = append(ss.tables, t)
		ss.byKind[table.kind()] = t
	}
	ss.snapshot.Store(snap)
	return ss
}

func newTableState(table Resource) *tableState {
	return &tableState{table: table, tableRecord: newTableRecord()}
}

func newTableRecord() tableRecord {
	return tableRecord{view: &tableView{}, attention: map[string]toDo{}, meta: map[string]*rowMeta{}, dropped: map[string]time.Time{}}
}

// poke makes Run look again at what is due.
func (m *Mirror) poke() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}
