package awscluster

import (
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/foundation"
	"github.com/capa-apiserver/capa-apiserver/reconcile/loadbalancer"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// view is a cluster as a snapshot shows it.
type view struct {
	Intent
	*foundation.State
	// balancers are the load balancers in the order of the spec; the first is
	// the primary one unless the user brings the endpoint.
	balancers []*loadbalancer.State
	snap      *mirror.Snapshot
	todo      plan.Plan
}

func observe(in Intent, snap *mirror.Snapshot) *view {
	v := &view{Intent: in, snap: snap, State: foundation.Observe(in.foundation(), snap)}
	for _, spec := range in.loadBalancers() {
		v.balancers = append(v.balancers, loadbalancer.Observe(v.loadBalancer(spec), snap))
	}
	v.todo = v.State.Plan(v.planBalancers)
	return v
}

func (v *view) loadBalancer(spec *infrav1.AWSLoadBalancerSpec) loadbalancer.Intent {
	n, key := v.Network, loadbalancer.PrimaryKey
	if spec == v.Cluster.Spec.SecondaryControlPlaneLoadBalancer {
		key = loadbalancer.SecondaryKey
	}
	lb := loadbalancer.Intent{
		Owner: v.Owner, Namespace: v.Cluster.Namespace, Region: v.Cluster.Spec.Region, Spec: spec, Key: key,
		APIPort: int64(v.APIServerPort), Started: v.Started, Endpoint: v.Cluster.Spec.ControlPlaneEndpoint.Host, VPCID: n.VPCID(), IPv6: n.IPv6(),
		TargetsIPv6: n.TargetsIPv6(), Claim: n.Claim,
		GroupID: n.GroupID(infrav1.SecurityGroupAPIServerLB), Internet: n.Internet(),
	}
	lb.Withheld = n.Lent(spec.Subnets, spec.AdditionalSecurityGroups)
	for _, s := range n.Subnets {
		if s.Edge() {
			continue
		}
		lb.Subnets = append(lb.Subnets, loadbalancer.Subnet{Name: s.Spec.ID, ID: s.ID(), Zone: s.Spec.AvailabilityZone, Public: s.Spec.IsPublic, CNI: s.Pods()})
	}
	return lb
}

// Plan returns what is left to do so that AWS matches the intent. For an object
// that is being deleted, that is what is left to be deleted.
func Plan(in Intent, snap *mirror.Snapshot) plan.Plan { return observe(in, snap).todo }

// Plan is what is left to do.
func (v *view) Plan() plan.Plan { return v.todo }

// planBalancers plans the load balancers and the endpoint, or deletes them.
func (v *view) planBalancers() (p plan.Plan, inside string) {
	if v.Deleting() {
		return v.PlanDeleteBalancers()
	}
	for _, b := range v.balancers {
		p.Join(b.Plan())
	}
	if v.disabled() && v.Cluster.Spec.ControlPlaneEndpoint.IsZero() {
		p.Wait(loadbalancer.Area, infrav1.WaitForExternalControlPlaneEndpointReason,
			"spec.controlPlaneEndpoint, which has to be set by somebody else where loadBalancerType is disabled")
	}
	if primary := v.primary(); primary != nil && !v.resolved() && !p.Open(loadbalancer.Area) {
		p.Wait(loadbalancer.Area, infrav1.WaitForDNSNameResolveReason, "the DNS name "+primary.DNSName()+" to resolve")
	}
	return p, ""
}

// area is what tells of the load balancers.
func (v *view) area() conditions.Area {
	a := conditions.Area{Type: loadbalancer.Area, Failed: infrav1.LoadBalancerFailedReason}
	if v.todo.Creates(loadbalancer.Area) && v.primary() != nil && v.primary().DNSName() == "" {
		a.Pending = infrav1.WaitForDNSNameReason
	}
	return a
}

// primary returns the load balancer of the endpoint, nil where the user brings it.
func (v *view) primary() *loadbalancer.State {
	if v.disabled() || len(v.balancers) == 0 {
		return nil
	}
	return v.balancers[0]
}

// resolved tells whether the endpoint's name is known in DNS, or nobody wants
// to know. What resolved once isn't asked again.
func (v *view) resolved() bool {
	check := v.Cluster.Spec.ControlPlaneLoadBalancer.DNSResolutionCheck
	return v.Resolved || v.Cluster.Provisioned() || !v.Cluster.Spec.ControlPlaneEndpoint.IsZero() ||
		check != nil && *check == infrav1.DNSResolutionCheckNone
}
