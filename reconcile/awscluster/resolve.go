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
func (p *pass) resolve(ctx context.Context, left plan.Plan) time.Duration {
	waiting := false
	for _, w := range left.Waits {
		waiting = waiting || w.Reason == infrav1.WaitForDNSNameResolveReason
	}
	v := p.view()
	if !waiting || p.deleting() || v.primary() == nil || v.primary().DNSName() == "" || v.resolved() {
		return 0
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	p.mu.Lock()
	tries := p.dns[p.key()]
	p.dns[p.key()] = tries + 1
	p.mu.Unlock()
	if _, err := p.Resolver.LookupHost(ctx, v.primary().DNSName()); err != nil {
		return min(time.Second<<min(tries, 4), maxResolveWait)
	}
	p.resolved = true
	p.mu.Lock()
	delete(p.dns, p.key())
	p.mu.Unlock()
	return 0
}
