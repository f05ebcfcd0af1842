package awscluster

import (
	"context"
	"slices"
	"time"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
)

// Freshness says how old the facts about an object are, without projecting it.
func (o *Observer) Freshness(ctx context.Context, cluster *infrav1.AWSCluster) Freshness {
	o.mu.Lock()
	scope, known := o.scopes[cluster.UID]
	err := o.errs[cluster.UID]
	o.mu.Unlock()
	if !known {
		return Freshness{Err: err}
	}
	v := observe(o.intent(ctx, cluster), o.Mirror.Snapshot(scope))
	if err == nil {
		err = v.snap.Err(v.Kinds()...)
	}
	return Freshness{ObservedTime: v.observed(), Err: err}
}

// observed returns the moment up to which all that the object is projected from is
// known to be true, zero when something was never seen. What lies in a VPC that was
// just made is known since its creation, which is later than the listings before it.
func (v *view) observed() time.Time {
	if len(v.unseen()) > 0 {
		return time.Time{}
	}
	return v.snap.Observed(slices.DeleteFunc(v.Kinds(), func(kind mirror.Kind) bool { return !v.snap.Seen(kind) })...)
}
