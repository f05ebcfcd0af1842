package awsmachine

import (
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
)

// planBalancing keeps a running control plane instance behind the load balancers,
// until its Machine is to go: from then on its node is drained and leaves etcd, which
// may take long, and an API server that is going shall get no more clients.
func (v *view) planBalancing(id string) {
	const area = infrav1.ELBAttachedCondition
	switch {
	case !v.controlPlane():
	case v.leaving():
		if v.leaveBalancers(id) {
			v.plan.Wait(area, infrav1.ELBDetachedReason, "Machine "+v.Owner.Name+", which is being deleted, to be gone: its instance is out of the load balancers")
		}
	case v.sees(area, v.balancerKinds()):
		actions, waits := instance.Register(id, v.Infra, v.Living, v.snap)
		v.plan.Add(actions...)
		if waits != "" {
			v.plan.Wait(area, infrav1.ELBAttachFailedReason, waits)
		}
	}
}

// leaveBalancers takes an instance out of the load balancers, and tells whether that is
// done. Whoever may not see load balancers may still end machines.
func (v *view) leaveBalancers(id string) bool {
	if !v.controlPlane() || v.Infra == nil {
		return true
	}
	if kind := v.unseen(v.balancerKinds()); kind != "" {
		return cloud.Is(v.snap.Err(kind), cloud.Unauthorized) || v.sees(infrav1.ELBAttachedCondition, v.balancerKinds())
	}
	done := true
	for _, a := range instance.Deregister(id, v.Infra, v.Living, v.snap) {
		if !v.Tolerated[a.Key] {
			v.plan.Add(a)
			done = false
		}
	}
	return done
}
