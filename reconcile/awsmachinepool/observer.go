package awsmachinepool

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/observing"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
)

// Observer projects AWSMachinePools for reads. It never changes anything in AWS,
// and so may run in any process.
type Observer struct {
	Sessions Sessions
	Mirror   *mirror.Mirror
	// Living knows which other objects there are; nil means none.
	Living ownership.Living
	// Client reads AWSClusters and Host MachinePools and Clusters, both from caches.
	Client, Host client.Reader
	// Clock is the real one if nil.
	Clock clock.PassiveClock

	memory observing.Memory
}

// Refresh sees to it that what the object is projected from is no older than
// maxAge, as far as the context lets it. Its error is also in the Freshness of the
// next projection. An object without infrastructure has nothing to refresh.
func (o *Observer) Refresh(ctx context.Context, pool *infrav1.AWSMachinePool, maxAge time.Duration) error {
	rel, err := relativesOf(ctx, o.Client, o.Host, pool)
	if err != nil || rel.infra == nil {
		return err
	}
	session, err := o.Sessions.For(ctx, cloud.SiteOf(rel.infra))
	if err != nil {
		o.memory.Note(pool.UID, nil, err, o.clock().Now())
		return err
	}
	o.Mirror.Watch(session)
	in := newIntent(pool, rel, o.Living)
	err = o.Mirror.Refresh(cloud.WithPriority(ctx, cloud.Interactive), session.Scope, maxAge, in.Kinds()...)
	o.memory.Note(pool.UID, &session.Scope, err, o.clock().Now())
	return err
}

// Project returns the status as it follows from what is known now, and how old
// that is. Before anything is known it is the status that the object has.
func (o *Observer) Project(ctx context.Context, pool *infrav1.AWSMachinePool) (*infrav1.AWSMachinePoolStatus, observing.Freshness) {
	stored := pool.Status.DeepCopy()
	stored.Observation = nil
	in, snap, fresh := o.look(ctx, pool)
	if snap == nil || !snap.Seen(in.Kinds()...) || in.Infra == nil || !observing.Reconciled(pool, infrav1.MachinePoolFinalizer) {
		return stored, fresh
	}
	_, status := Project(in, snap)
	Stamp(&status, metav1.NewTime(o.clock().Now()))
	return &status, fresh
}

// Freshness says how old the facts about an object are, without projecting it.
func (o *Observer) Freshness(ctx context.Context, pool *infrav1.AWSMachinePool) observing.Freshness {
	_, _, fresh := o.look(ctx, pool)
	return fresh
}

// look returns what an object is projected from; no snapshot before AWS was seen
// for it.
func (o *Observer) look(ctx context.Context, pool *infrav1.AWSMachinePool) (Intent, *mirror.Snapshot, observing.Freshness) {
	scope, err := o.memory.Of(pool.UID)
	if scope == nil {
		return Intent{}, nil, observing.Freshness{Err: err}
	}
	rel, relErr := relativesOf(ctx, o.Client, o.Host, pool)
	if relErr != nil {
		return Intent{}, nil, observing.Freshness{Err: relErr}
	}
	in, snap := newIntent(pool, rel, o.Living), o.Mirror.Snapshot(*scope)
	return in, snap, observing.FreshnessOf(snap, err, in.Kinds()...)
}

func (o *Observer) clock() clock.PassiveClock {
	if o.Clock == nil {
		return clock.RealClock{}
	}
	return o.Clock
}
