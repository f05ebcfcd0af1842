package engine

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/cluster-api/util/annotations"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
)

// Freshness says how old a projection is.
type Freshness struct {
	// ObservedTime is when AWS was last seen completely for the object; zero when it
	// never was.
	ObservedTime time.Time
	// Err is why AWS can't be seen at the moment, or nil.
	Err error
}

// Observer projects the objects of one kind for reads. It never changes anything in AWS,
// and so may run in any process.
type Observer[T Object] struct {
	Kind     Kind[T]
	Sessions Sessions
	Mirror   *mirror.Mirror
	// Living knows which other objects there are; nil means none.
	Living ownership.Living
	// Ours reads the infrastructure kinds and Host those of Cluster API, both from
	// caches. What they give is never changed, and need not be a copy.
	Ours, Host client.Reader
	// Clock is the real one if nil.
	Clock clock.PassiveClock

	mu      sync.Mutex
	started time.Time
	known   map[types.UID]*known
	tidied  time.Time
}

// forgetAfter is after what time an object that nobody reads is forgotten.
const forgetAfter = time.Hour

// holdReads is how long what was read is kept for the next read.
const holdReads = 30 * time.Second

// known is what the observer remembers of an object.
type known struct {
	// scope is where its facts are, nil before it was refreshed; err is why they
	// couldn't be.
	scope *cloud.Scope
	err   error
	// records is what the object records, since when that is known. Another process may
	// have made it just before, so that AWS doesn't show it yet.
	records string
	since   time.Time
	// used is when the object was last looked at.
	used time.Time
}

// Refresh sees to it that what the object is projected from is no older than maxAge, as
// far as the context lets it. Its error is also in the Freshness of the next projection.
// An object whose AWS nobody knows has nothing to refresh.
func (o *Observer[T]) Refresh(ctx context.Context, obj T, maxAge time.Duration) error {
	worker, bond, err := o.look(ctx, obj)
	if err != nil || bond.Site == nil {
		return err
	}
	session, err := o.Sessions.For(ctx, *bond.Site)
	if err != nil {
		o.note(obj.GetUID(), nil, err)
		return err
	}
	o.Mirror.WantFor(string(obj.GetUID()), session, holdReads, interests(worker.View(o.Mirror.Snapshot(session.Scope)).Tables())...)
	ctx = cloud.WithPriority(ctx, cloud.Interactive)
	tables := func() []mirror.Kind { return worker.View(o.Mirror.Snapshot(session.Scope)).Tables() }
	asked := tables()
	err = o.Mirror.Refresh(ctx, session.Scope, maxAge, asked...)
	if needed := tables(); err != nil && len(needed) < len(asked) {
		// What was refused turned out not to be needed.
		err = o.Mirror.Refresh(ctx, session.Scope, maxAge, needed...)
	}
	o.note(obj.GetUID(), &session.Scope, err)
	return err
}

// Project returns the object with the status that follows from what is known now, or the
// object itself, where that is the status that it has, or nothing is known yet.
func (o *Observer[T]) Project(ctx context.Context, obj T) (T, Freshness) {
	view, snap, fresh := o.view(ctx, obj)
	if view == nil || annotations.IsExternallyManaged(obj) || !complete(view, snap) {
		return obj, fresh
	}
	projected := obj.DeepCopyObject().(T)
	view.Status(projected)
	stamp(projected, metav1.NewTime(o.clock().Now()))
	if equality.Semantic.DeepEqual(statusOf(projected), statusOf(obj)) {
		return obj, fresh
	}
	return projected, fresh
}

// complete tells that all tables were seen, or can't be: a projection from half of them
// would be a lie.
func complete[T Object](view View[T], snap *mirror.Snapshot) bool {
	needed, wished := view.Unseen()
	return len(needed) == 0 && !slices.ContainsFunc(wished, func(kind mirror.Kind) bool { return snap.Err(kind) == nil })
}

// Freshness says how old the facts about an object are, without projecting it.
func (o *Observer[T]) Freshness(ctx context.Context, obj T) Freshness {
	_, _, fresh := o.view(ctx, obj)
	return fresh
}

// view returns what is known of an object; nil before AWS was seen for it.
func (o *Observer[T]) view(ctx context.Context, obj T) (View[T], *mirror.Snapshot, Freshness) {
	o.mu.Lock()
	k := *o.of(obj.GetUID())
	o.mu.Unlock()
	if k.scope == nil {
		return nil, nil, Freshness{Err: k.err}
	}
	worker, bond, err := o.look(ctx, obj)
	if err != nil || bond.Site == nil {
		return nil, nil, Freshness{Err: err}
	}
	snap := o.Mirror.Snapshot(*k.scope)
	view := worker.View(snap)
	if unbound(obj, bond) {
		return nil, nil, freshness(view, snap, k.err) // it says itself what it waits for
	}
	return view, snap, freshness(view, snap, k.err)
}

// freshness says how old what a view shows is. err is why the latest refresh failed, or
// nil.
func freshness[T Object](view View[T], snap *mirror.Snapshot, err error) Freshness {
	tables := view.Tables()
	if err == nil {
		err = snap.Err(tables...)
	}
	if needed, _ := view.Unseen(); len(needed) > 0 {
		return Freshness{Err: err}
	}
	seen := slices.DeleteFunc(tables, func(kind mirror.Kind) bool { return !snap.Seen(kind) })
	return Freshness{ObservedTime: snap.Observed(seen...), Err: err}
}

// look reads what the object belongs to.
func (o *Observer[T]) look(ctx context.Context, obj T) (Worker[T], Bond, error) {
	since := func(recorded string) time.Time { return o.since(obj.GetUID(), recorded) }
	worker, err := o.Kind.Begin(ctx, Scene[T]{Object: obj, Ours: uncopied{o.Ours}, Host: uncopied{o.Host}, Living: o.Living, Since: since})
	if err != nil {
		return nil, Bond{}, err
	}
	return worker, worker.Bond(), nil
}

// uncopied reads objects from a cache without making copies of them.
type uncopied struct{ client.Reader }

// Get gives the cache's own object.
func (u uncopied) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	return u.Reader.Get(ctx, key, obj, append(opts, &client.GetOptions{UnsafeDisableDeepCopy: ptr.To(true)})...)
}

// List gives the cache's own objects.
func (u uncopied) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	return u.Reader.List(ctx, list, append(opts, client.UnsafeDisableDeepCopy)...)
}

// since returns since when what the object records is known here, or when the observer
// started if it records nothing.
func (o *Observer[T]) since(uid types.UID, records string) time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.started.IsZero() {
		o.started = o.clock().Now()
	}
	if records == "" {
		return o.started
	}
	k := o.of(uid)
	if k.records != records {
		k.records, k.since = records, o.clock().Now()
	}
	return k.since
}

// of returns what is known of an object, which may be nothing yet. The caller holds the
// lock.
func (o *Observer[T]) of(uid types.UID) *known {
	now := o.clock().Now()
	if now.Sub(o.tidied) > forgetAfter {
		o.tidied = now
		maps.DeleteFunc(o.known, func(_ types.UID, k *known) bool { return now.Sub(k.used) > forgetAfter })
	}
	if o.known == nil {
		o.known = map[types.UID]*known{}
	}
	if o.known[uid] == nil {
		o.known[uid] = &known{}
	}
	o.known[uid].used = now
	return o.known[uid]
}

// note keeps how a look ended. Without a scope the known one stays.
func (o *Observer[T]) note(uid types.UID, scope *cloud.Scope, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	k := o.of(uid)
	if scope != nil {
		k.scope = scope
	}
	k.err = err
}

func (o *Observer[T]) clock() clock.PassiveClock {
	if o.Clock == nil {
		return clock.RealClock{}
	}
	return o.Clock
}
