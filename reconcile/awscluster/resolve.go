package awscluster

import (
	"context"
	"time"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

const (
	// maxResolveWait is the longest time between two looks at a DNS name.
	maxResolveWait = 15 * time.Second
	lookupTimeout  = 3 * time.Second
)

// resolve looks the load balancer's name up where the plan waits for just that,
// and returns when to try again; zero when it resolves or nothing waits for it.
func (w *worker) resolve(ctx context.Context, left plan.Plan) time.Duration {
	waiting := false
	for _, w := range left.Waits {
		waiting = waiting || w.Reason == infrav1.WaitForDNSNameResolveReason
	}
	v := w.pass.View().(*view)
	if !waiting || w.pass.Deleting() || v.primary() == nil || v.primary().DNSName() == "" || v.resolved() {
		return 0
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	tries := w.memory.tries
	w.memory.tries++
	if _, err := w.resolver.LookupHost(ctx, v.primary().DNSName()); err != nil {
		return min(time.Second<<min(tries, 4), maxResolveWait)
	}
	w.resolved = true
	w.memory.tries = 0
	return 0
}
