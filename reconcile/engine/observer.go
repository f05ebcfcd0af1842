package engine

import (
	"context"
	"maps"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
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

const (
	// forgetAfter is after what time an object that nobody reads is forgotten, and
	// unseenAfter after what time what was seen of it is, which is the most of it.
	forgetAfter = time.Hour
	unseenAfter = 30 * time.Second
	// tidyEach is how often that is looked for.
	tidyEach = 10 * time.Second
)

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
	// sight is what was seen last of it, a *sight[T]; nil for nothing.
	sight any
}

// Project returns the object with the status that follows from what is known now, or the
// object itself, where that is the status that it has, or nothing is known yet.
func (o *Observer[T]) Project(ctx context.Context, obj T) (T, Freshness) {
	shown := o.ProjectAll(ctx, obj)[0]
	return shown.Object, shown.Freshness
}

// Shown is an object as it is to be shown.
type Shown[T Object] struct {
	Object T
	Freshness
}

// ProjectAll is Project for many, which are shown with one state of what they have in
// common.
func (o *Observer[T]) ProjectAll(ctx context.Context, objs ...T) []Shown[T] {
	shown, now := make([]Shown[T], len(objs)), o.glance()
	inParts(len(objs), func(i int) { shown[i] = o.show(ctx, now, objs[i]) })
	return shown
}

func (o *Observer[T]) show(ctx context.Context, now *glance, obj T) Shown[T] {
	k := o.look(obj.GetUID())
	if k.scope == nil {
		return Shown[T]{obj, Freshness{Err: k.err}}
	}
	s, err := o.see(ctx, now, obj, k, func(cloud.Site) (cloud.Scope, error) { return *k.scope, nil })
	if s == nil {
		return Shown[T]{obj, Freshness{Err: err}}
	}
	shown := Shown[T]{obj, s.freshness(k.err)}
	if s.differs {
		shown.Object = s.projected
	}
	return shown
}

func (o *Observer[T]) glance() *glance {
	return &glance{ours: o.Ours, host: o.Host, found: map[ref]*found{}}
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

// look returns what is known of an object at the moment.
func (o *Observer[T]) look(uid types.UID) known {
	o.mu.Lock()
	defer o.mu.Unlock()
	return *o.of(uid)
}

// of returns what is known of an object, which may be nothing yet. The caller holds the
// lock.
func (o *Observer[T]) of(uid types.UID) *known {
	now := o.clock().Now()
	if o.known == nil {
		o.known = map[types.UID]*known{}
	}
	if o.known[uid] == nil {
		o.known[uid] = &known{}
	}
	k := o.known[uid]
	k.used = now
	if now.Sub(o.tidied) > tidyEach {
		o.tidied = now
		o.tidy(now)
	}
	return k
}

// tidy forgets what nobody reads. The caller holds the lock.
func (o *Observer[T]) tidy(now time.Time) {
	maps.DeleteFunc(o.known, func(_ types.UID, k *known) bool {
		unused := now.Sub(k.used)
		if unused > unseenAfter {
			k.sight = nil
		}
		return unused > forgetAfter
	})
}

// keep keeps what was seen of an object.
func (o *Observer[T]) keep(uid types.UID, s *sight[T]) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.of(uid).sight = s
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
