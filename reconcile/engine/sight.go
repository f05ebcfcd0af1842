package engine

import (
	"context"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/cluster-api/util/annotations"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
)

// sight is an object as a view showed it. It is kept for the next read, and stands for a
// view as long as all that the view was made of is the same:
//   - the object, by its UID and resourceVersion;
//   - the account and region, which follow anew from the identity at each live read;
//   - what the snapshot answered, which its trace has;
//   - what else the view was made of, which its grounds have.
//
// Views are pure, and have no other way to anything, so that this is all. How old the facts
// are, and whether they could be refreshed, isn't kept but asked at each read.
type sight[T Object] struct {
	version string
	// site is where the object's AWS was said to be, scope where it was looked at.
	site  cloud.Site
	scope cloud.Scope
	// wants are what the object is judged by; unseen tells that some weren't read yet, so
	// that it is shown with the status that it has.
	wants  []mirror.Interest
	unseen bool
	// projected is the object with the status that follows, if that differs from the
	// status that it has. A time in it is when it was seen first.
	projected T
	differs   bool

	grounds *grounds
	trace   *mirror.Trace
	// holds is the latest snapshot of which it is known that the trace holds.
	holds atomic.Pointer[mirror.Snapshot]
}

// see returns what is to be seen of an object now, nil where nobody knows where its AWS is.
// scopeOf tells which account and region a site is.
func (o *Observer[T]) see(ctx context.Context, now *glance, obj T, k known, scopeOf func(cloud.Site) (cloud.Scope, error)) (*sight[T], error) {
	since := func(recorded string) time.Time { return o.since(obj.GetUID(), recorded) }
	if s, ok := k.sight.(*sight[T]); ok && s.version == obj.GetResourceVersion() && s.grounds.hold(ctx, now, since) {
		scope, err := scopeOf(s.site)
		if err != nil {
			return nil, err
		}
		if snap := o.Mirror.Snapshot(scope); s.stands(scope, snap) {
			return s, nil
		}
	}
	grounds := newGrounds(o.Living)
	worker, err := o.Kind.Begin(ctx, sceneOf(obj, grounds, now, since))
	if err != nil {
		return nil, err
	}
	bond := worker.Bond()
	if bond.Site == nil {
		return nil, nil
	}
	scope, err := scopeOf(*bond.Site)
	if err != nil {
		return nil, err
	}
	snap := o.Mirror.Snapshot(scope)
	traced, trace := snap.Traced()
	s := &sight[T]{version: obj.GetResourceVersion(), site: *bond.Site, scope: scope, grounds: grounds, trace: trace}
	s.holds.Store(snap)
	s.take(obj, worker.View(traced), traced, unbound(obj, bond), metav1.NewTime(o.clock().Now()))
	if s.version != "" && !grounds.unsure {
		o.keep(obj.GetUID(), s)
	}
	return s, nil
}

// sceneOf is a scene all of whose answers are noted.
func sceneOf[T Object](obj T, g *grounds, now *glance, since func(string) time.Time) Scene[T] {
	host := noting{grounds: g, now: now, host: true}
	scene := Scene[T]{Object: obj, Ours: noting{grounds: g, now: now}, Host: host, Since: func(recorded string) time.Time {
		g.since[recorded] = since(recorded)
		return g.since[recorded]
	}}
	if g.living != nil {
		scene.Living = notingLiving{g, host}
	}
	return scene
}

// take takes from a view what is to be shown. An object that is unbound says itself what
// it waits for.
func (s *sight[T]) take(obj T, view View[T], snap *mirror.Snapshot, unbound bool, now metav1.Time) {
	needed, wished := view.Unseen()
	// A projection from half of the tables would be a lie, unless the others can't be seen.
	unread := slices.ContainsFunc(wished, func(i mirror.Interest) bool { return snap.ErrOf(i) == nil })
	s.wants, s.unseen = view.Wants(), len(needed) > 0 || unread
	if unbound || annotations.IsExternallyManaged(obj) || s.unseen {
		return
	}
	projected := obj.DeepCopyObject().(T)
	view.Status(projected)
	stamp(projected, now)
	if !equality.Semantic.DeepEqual(statusOf(projected), statusOf(obj)) {
		s.projected, s.differs = projected, true
	}
}

// stands tells that a snapshot of an account and region shows the same.
func (s *sight[T]) stands(scope cloud.Scope, snap *mirror.Snapshot) bool {
	if s.scope != scope || s.holds.Load() != snap && !s.trace.Holds(snap) {
		return false
	}
	s.holds.Store(snap)
	return true
}

// freshness says how old what is shown is, and no snapshot after those that are known to
// show it. err is why the latest refresh failed, or nil.
func (s *sight[T]) freshness(err error) Freshness {
	snap := s.holds.Load()
	if err == nil {
		err = snap.ErrOf(s.wants...)
	}
	if s.unseen {
		return Freshness{Err: err}
	}
	seen := slices.DeleteFunc(slices.Clone(s.wants), func(i mirror.Interest) bool { return !snap.SeenOf(i) })
	return Freshness{ObservedTime: snap.ObservedOf(seen...), Err: err}
}

// inParts does something for each of n, on all processors.
func inParts(n int, do func(i int)) {
	if n == 1 {
		do(0)
		return
	}
	var group errgroup.Group
	var next atomic.Int64
	for range min(n, runtime.GOMAXPROCS(0)) {
		group.Go(func() error {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				do(int(i))
			}
			return nil
		})
	}
	_ = group.Wait()
}
