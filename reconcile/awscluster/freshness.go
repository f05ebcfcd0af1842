package awscluster

import (
	"context"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
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
	in := o.intent(ctx, cluster)
	snap := o.Mirror.Snapshot(scope)
	if err == nil {
		err = snap.Err(in.Kinds()...)
	}
	return Freshness{ObservedTime: snap.Observed(in.Kinds()...), Err: err}
}
