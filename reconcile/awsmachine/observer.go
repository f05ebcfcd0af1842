package awsmachine

import (
	"context"
	"maps"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
	"github.com/capa-apiserver/capa-apiserver/reconcile/observing"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
)

// Observer projects AWSMachines for reads. It never changes anything in AWS, and
// so may run in any process.
type Observer struct {
	Sessions Sessions
	Mirror   *mirror.Mirror
	// Living knows which other objects there are; nil means none.
	Living ownership.Living
	// Client reads AWSClusters and Host Machines and Clusters, both from caches.
	Client, Host client.Reader
	// Clock is the real one if nil.
	Clock clock.PassiveClock

	once    sync.Once
	started time.Time

	mu     sync.Mutex
	known  map[types.UID]*known
	tidied time.Time
}

// forgetAfter is after what time an object that nobody reads is forgotten.
const forgetAfter = time.Hour

// known is what the observer remembers of an object.
type known struct {
	// scope is where its facts are, nil before it was refreshed; err is why they
	// couldn't be.
	scope *cloud.Scope
	err   error
	// id is the instance's that the object records, since when that is known. Another
	// process may have launched it just before, so that AWS doesn't show it yet.
	id    string
	since time.Time
	// used is when the object was last looked at.
	used time.Time
}

// Refresh sees to it that what the object is projected from is no older than
// maxAge, as far as the context lets it. Its error is also in the Freshness of the
// next projection. An object without infrastructure has nothing to refresh.
func (o *Observer) Refresh(ctx context.Context, machine *infrav1.AWSMachine, maxAge time.Duration) error {
	rel, err := o.relatives().of(ctx, machine)
	if err != nil || rel.infra == nil {
		return err
	}
	session, err := o.Sessions.For(ctx, cloud.SiteOf(rel.infra))
	if err != nil {
		o.note(machine.UID, nil, err)
		return err
	}
	o.Mirror.Watch(session)
	in := o.intent(machine, rel)
	err = o.Mirror.Refresh(cloud.WithPriority(ctx, cloud.Interactive), session.Scope, maxAge, in.Kinds()...)
	o.note(machine.UID, &session.Scope, err)
	return err
}

// Project returns the status as it follows from what is known now, and how old
// that is. Before anything is known it is the status that the object has.
func (o *Observer) Project(ctx context.Context, machine *infrav1.AWSMachine) (*infrav1.AWSMachineStatus, observing.Freshness) {
	stored := machine.Status.DeepCopy()
	stored.Observation = nil
	in, snap, fresh := o.look(ctx, machine)
	if snap == nil || !snap.Seen(in.Kinds()...) || in.Infra == nil || !observing.Reconciled(machine, infrav1.MachineFinalizer) {
		return stored, fresh
	}
	_, status := Project(in, snap)
	Stamp(&status, metav1.NewTime(o.clock().Now()))
	return &status, fresh
}

// Freshness says how old the facts about an object are, without projecting it.
func (o *Observer) Freshness(ctx context.Context, machine *infrav1.AWSMachine) observing.Freshness {
	_, _, fresh := o.look(ctx, machine)
	return fresh
}

// look returns what an object is projected from; no snapshot before AWS was seen
// for it.
func (o *Observer) look(ctx context.Context, machine *infrav1.AWSMachine) (Intent, *mirror.Snapshot, observing.Freshness) {
	o.mu.Lock()
	k := *o.of(machine.UID)
	o.mu.Unlock()
	err := k.err
	if k.scope == nil {
		return Intent{}, nil, observing.Freshness{Err: err}
	}
	rel, relErr := o.relatives().of(ctx, machine)
	if relErr != nil {
		return Intent{}, nil, observing.Freshness{Err: relErr}
	}
	in, snap := o.intent(machine, rel), o.Mirror.Snapshot(*k.scope)
	if err == nil {
		err = snap.Err(in.Kinds()...)
	}
	return in, snap, observing.Freshness{ObservedTime: snap.Observed(in.Kinds()...), Err: err}
}

// of returns what is known of an object, which may be nothing yet. The caller
// holds the lock.
func (o *Observer) of(uid types.UID) *known {
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

func (o *Observer) relatives() relatives {
	o.once.Do(func() { o.started = o.clock().Now() })
	return relatives{ours: o.Client, host: o.Host}
}

func (o *Observer) intent(machine *infrav1.AWSMachine, rel related) Intent {
	in := newIntent(machine, rel, o.Living)
	in.Started = o.since(machine)
	return in
}

// since returns since when the object's id is known here, or when the observer
// started if it records none.
func (o *Observer) since(machine *infrav1.AWSMachine) time.Time {
	id := instance.RecordedID(&machine.Spec)
	if id == "" {
		return o.started
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	k := o.of(machine.UID)
	if k.id != id {
		k.id, k.since = id, o.clock().Now()
	}
	return k.since
}

func (o *Observer) clock() clock.PassiveClock {
	if o.Clock == nil {
		return clock.RealClock{}
	}
	return o.Clock
}

func (o *Observer) note(uid types.UID, scope *cloud.Scope, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	k := o.of(uid)
	if scope != nil {
		k.scope = scope
	}
	k.err = err
}
