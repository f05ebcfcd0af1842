package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"k8s.io/utils/ptr"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
)

// Refresh sees to it that what the object is projected from is no older than maxAge, as
// far as the context lets it. Its error is also in the Freshness of the next projection.
// An object whose AWS nobody knows has nothing to refresh.
func (o *Observer[T]) Refresh(ctx context.Context, obj T, maxAge time.Duration) error {
	return o.RefreshAll(ctx, maxAge, obj)
}

// RefreshAll is Refresh for many. Those are refreshed together that are judged by the same
// of the same account and region.
func (o *Observer[T]) RefreshAll(ctx context.Context, maxAge time.Duration, objs ...T) error {
	ctx = cloud.WithPriority(ctx, cloud.Interactive)
	r := &refresh[T]{Observer: o, now: o.glance(), notBefore: o.clock().Now().Add(-maxAge), sessions: map[siteKey]func() (*cloud.Session, error){}, groups: map[groupKey]*group[T]{}}
	inParts(len(objs), func(i int) { r.add(ctx, objs[i]) })
	var waiting sync.WaitGroup
	for _, g := range r.groups {
		waiting.Go(func() { r.run(ctx, g) })
	}
	waiting.Wait()
	return errors.Join(r.errs...)
}

// refresh is one refresh of many objects.
type refresh[T Object] struct {
	*Observer[T]
	now *glance
	// notBefore is when facts may have been read at the earliest.
	notBefore time.Time

	mu sync.Mutex
	// sessions are those of the objects' sites, each asked for once.
	sessions map[siteKey]func() (*cloud.Session, error)
	groups   map[groupKey]*group[T]
	errs     []error
}

// siteKey is a cloud.Site by its values.
type siteKey struct {
	named    bool
	identity infrav1.AWSIdentityReference
	site     cloud.Site
}

// groupKey is what objects have in common that are refreshed together.
type groupKey struct {
	session *cloud.Session
	wants   string
}

type group[T Object] struct {
	session *cloud.Session
	wants   []mirror.Interest
	objects []T
}

func (r *refresh[T]) session(ctx context.Context, site cloud.Site) (*cloud.Session, error) {
	key := siteKey{site.Identity != nil, ptr.Deref(site.Identity, infrav1.AWSIdentityReference{}), site}
	key.site.Identity = nil
	r.mu.Lock()
	once := r.sessions[key]
	if once == nil {
		once = sync.OnceValues(func() (*cloud.Session, error) { return r.Sessions.For(ctx, site) })
		r.sessions[key] = once
	}
	r.mu.Unlock()
	return once()
}

// see returns what is to be seen of an object now, and with which session.
func (r *refresh[T]) see(ctx context.Context, obj T) (s *sight[T], session *cloud.Session, err error) {
	s, err = r.Observer.see(ctx, r.now, obj, r.look(obj.GetUID()), func(site cloud.Site) (cloud.Scope, error) {
		var err error
		if session, err = r.session(ctx, site); err != nil {
			r.note(obj.GetUID(), nil, err)
			return cloud.Scope{}, err
		}
		return session.Scope, nil
	})
	return s, session, err
}

// add finds out what is to be refreshed for an object.
func (r *refresh[T]) add(ctx context.Context, obj T) {
	s, session, err := r.see(ctx, obj)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errs = append(r.errs, err)
	if err == nil && s != nil {
		key := groupKey{session, fmt.Sprint(s.wants)}
		if r.groups[key] == nil {
			r.groups[key] = &group[T]{session: session, wants: s.wants}
		}
		r.groups[key].objects = append(r.groups[key].objects, obj)
	}
}

// run refreshes what a group is judged by.
func (r *refresh[T]) run(ctx context.Context, g *group[T]) {
	err := r.read(ctx, g, g.wants, g.objects...)
	for _, obj := range g.objects {
		why := err
		if err != nil || slices.ContainsFunc(g.wants, mirror.Interest.Narrow) {
			why = r.follow(ctx, g, obj, err)
		}
		r.note(obj.GetUID(), &g.session.Scope, why)
		r.failed(why)
	}
}

// read refreshes what some objects of a group are judged by, and keeps it for the next read.
func (r *refresh[T]) read(ctx context.Context, g *group[T], wants []mirror.Interest, of ...T) error {
	kept := mirror.Later(firstSweep, wants...)
	for _, obj := range of {
		r.Mirror.WantFor(string(obj.GetUID()), g.session, holdReads, kept...)
	}
	return r.Mirror.RefreshOf(ctx, g.session.Scope, r.clock().Since(r.notBefore), wants...)
}

func (r *refresh[T]) failed(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errs = append(r.errs, err)
}

// followed is how often rows may follow from rows in one refresh.
const followed = 4

// follow refreshes what an object turns out to be judged by once the facts are known: which
// rows have to be known may follow from others, as an add-on's versions from that of the
// cluster. What was refused may have turned out not to be needed. It returns why what the
// object is judged by now couldn't be refreshed; cause is that of what it was judged by before.
func (r *refresh[T]) follow(ctx context.Context, g *group[T], obj T, cause error) error {
	before := g.wants
	for range followed {
		s, _, err := r.see(ctx, obj)
		if err != nil || s == nil || slices.EqualFunc(s.wants, before, mirror.Interest.Equal) {
			break
		}
		cause, before = r.read(ctx, g, s.wants, obj), s.wants
	}
	return cause
}
