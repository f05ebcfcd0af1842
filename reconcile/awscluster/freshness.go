package awscluster

import (
	"context"
	"slices"
	"time"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/observing"
)

// Freshness says how old the facts about an object are, without projecting it.
func (o *Observer) Freshness(ctx context.Context, cluster *infrav1.AWSCluster) observing.Freshness {
	scope, err := o.memory.Of(cluster.UID)
	if scope == nil {
		return observing.Freshness{Err: err}
	}
	in, snap := o.intent(ctx, cluster), o.Mirror.Snapshot(*scope)
	if kinds := in.Kinds(); snap.Seen(kinds...) {
		return observing.FreshnessOf(snap, err, kinds...) // nearly always, and cheaper
	}
	return observe(in, snap).freshness(err)
}

// freshness says how old the facts of a view are. err is why the latest refresh
// failed, or nil.
func (v *view) freshness(err error) observing.Freshness {
	fresh := observing.FreshnessOf(v.snap, err, v.kinds()...)
	fresh.ObservedTime = v.observed()
	return fresh
}

// observed returns the moment up to which all that the object is projected from is
// known to be true, zero when something was never seen. What lies in a VPC that was
// just made is known since its creation, which is later than the listings before it.
func (v *view) observed() time.Time {
	if len(v.unseen()) > 0 {
		return time.Time{}
	}
	return v.snap.Observed(slices.DeleteFunc(v.kinds(), func(kind mirror.Kind) bool { return !v.snap.Seen(kind) })...)
}
