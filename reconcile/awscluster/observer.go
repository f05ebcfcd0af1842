package awscluster

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/observing"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
)

// Owners finds the Cluster that an AWSCluster belongs to, without asking far:
// from a cache. Nil means that it isn't known.
type Owners interface {
	Owner(ctx context.Context, cluster *infrav1.AWSCluster) *clusterv1.Cluster
}

// Observer projects AWSClusters for reads. It never changes anything in AWS, and
// so may run in any process.
type Observer struct {
	Sessions Sessions
	Mirror   *mirror.Mirror
	// Living knows which other objects there are; nil means none.
	Living ownership.Living
	// Owners may be nil: then the object's own labels have to do.
	Owners Owners
	// Reader has the machines of clusters, in a cache; nil if nobody wants to know.
	Reader client.Reader
	// Clock is the real one if nil.
	Clock clock.PassiveClock

	memory observing.Memory
}

// Refresh sees to it that what the object is projected from is no older than
// maxAge, as far as the context lets it. Its error is also in the Freshness of
// the next projection.
func (o *Observer) Refresh(ctx context.Context, cluster *infrav1.AWSCluster, maxAge time.Duration) error {
	session, err := o.Sessions.For(ctx, cloud.SiteOf(cluster))
	if err != nil {
		o.memory.Note(cluster.UID, nil, err, o.clock().Now())
		return err
	}
	o.Mirror.Watch(session)
	ctx = cloud.WithPriority(ctx, cloud.Interactive)
	in := o.intent(ctx, cluster)
	kinds := func() []mirror.Kind { return observe(in, o.Mirror.Snapshot(session.Scope)).kinds() }
	asked := kinds()
	err = o.Mirror.Refresh(ctx, session.Scope, maxAge, asked...)
	if needed := kinds(); err != nil && len(needed) < len(asked) {
		// What was refused turned out not to be needed.
		err = o.Mirror.Refresh(ctx, session.Scope, maxAge, needed...)
	}
	o.memory.Note(cluster.UID, &session.Scope, err, o.clock().Now())
	return err
}

// Project returns the status as it follows from what is known now, and how old
// that is. Before anything is known it is the status that the object has.
func (o *Observer) Project(ctx context.Context, cluster *infrav1.AWSCluster) (*infrav1.AWSClusterStatus, observing.Freshness) {
	stored := cluster.Status.DeepCopy()
	stored.Observation = nil
	scope, err := o.memory.Of(cluster.UID)
	if scope == nil {
		return stored, observing.Freshness{Err: err}
	}
	v := observe(o.intent(ctx, cluster), o.Mirror.Snapshot(*scope))
	fresh := v.freshness(err)
	// A projection from half of the tables would be a lie, and one of an object
	// that nobody reconciles an unasked-for opinion.
	if len(v.unseen()) > 0 || !observing.Reconciled(cluster, infrav1.ClusterFinalizer) {
		return stored, fresh
	}
	_, status := v.project()
	Stamp(&status, metav1.NewTime(o.clock().Now()))
	return &status, fresh
}

func (o *Observer) intent(ctx context.Context, cluster *infrav1.AWSCluster) Intent {
	var owner *clusterv1.Cluster
	if o.Owners != nil {
		owner = o.Owners.Owner(ctx, cluster)
	}
	in := NewIntent(cluster, owner)
	in.Living = o.Living
	in.Dependents, _ = dependents(ctx, o.Reader, cluster) // a cache doesn't fail once it is there
	return in
}

func (o *Observer) clock() clock.PassiveClock {
	if o.Clock == nil {
		return clock.RealClock{}
	}
	return o.Clock
}
