package awscluster

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bastion"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
	"github.com/capa-apiserver/capa-apiserver/reconcile/loadbalancer"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/network"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// view is a cluster as a snapshot shows it.
type view struct {
	Intent
	network *network.State
	// balancers are the load balancers in the order of the spec; the first is
	// the primary one unless the user brings the endpoint.
	balancers []*loadbalancer.State
	bastion   *bastion.State
	snap      *mirror.Snapshot
	todo      plan.Plan
}

func observe(in Intent, snap *mirror.Snapshot) *view {
	in.former = in.learn(snap)
	v := &view{Intent: in, snap: snap, network: network.Observe(in.network(), snap)}
	for _, spec := range in.loadBalancers() {
		key := loadbalancer.PrimaryKey
		if spec == in.Cluster.Spec.SecondaryControlPlaneLoadBalancer {
			key = loadbalancer.SecondaryKey
		}
		v.balancers = append(v.balancers, loadbalancer.Observe(in.loadBalancer(spec, key, v.network), snap))
	}
	v.bastion = bastion.Observe(in.bastion(v.network), snap)
	v.todo = v.make()
	return v
}

// Plan returns what is left to do so that AWS matches the intent. For an object
// that is being deleted, that is what is left to be deleted.
func Plan(in Intent, snap *mirror.Snapshot) plan.Plan { return observe(in, snap).todo }

// contested tells that others claim the VPC of a cluster that was there, or that nobody
// knows yet who does: what was known of it last holds, Ready too.
func (v *view) contested() bool {
	return v.network.Contested && v.Cluster.Provisioned() && v.Cluster.DeletionTimestamp.IsZero()
}

// Tables are what the cluster is judged by.
func (v *view) Tables() []mirror.Kind { return v.kinds() }

// Unseen are those of them that were never listed completely and have to be. The VPCs
// come first: of what lies in one that isn't there, nothing has to be known.
func (v *view) Unseen() (needed, wished []mirror.Kind) {
	unseen := v.unseen()
	if outside := slices.DeleteFunc(slices.Clone(unseen), func(kind mirror.Kind) bool { return slices.Contains(mirror.VPCContents, kind) }); len(outside) > 0 {
		return outside, nil
	}
	return unseen, nil
}

// Plan is what is left to do.
func (v *view) Plan() plan.Plan { return v.todo }

func (v *view) make() plan.Plan {
	if unseen := v.unseen(); len(unseen) > 0 {
		return plan.Plan{Waits: []plan.Wait{{Area: infrav1.VpcReadyCondition, Reason: conditions.WaitingForObservation,
			Summary: "the first complete listing of " + string(unseen[0])}}}
	}
	p := v.planAll()
	p.ClaimsFirst()
	return p
}

func (v *view) planAll() plan.Plan {
	if p, unknown := v.planUnknownAccount(); unknown {
		return p
	}
	if !v.Cluster.DeletionTimestamp.IsZero() {
		return v.planDelete()
	}
	p := v.network.Plan()
	if v.contested() {
		return p
	}
	for _, b := range v.balancers {
		p.Join(b.Plan())
	}
	p.Join(v.planBucket())
	if v.hasBastion() {
		p.Join(v.bastion.Plan())
	}
	if v.disabled() && v.Cluster.Spec.ControlPlaneEndpoint.IsZero() {
		p.Waits = append(p.Waits, plan.Wait{Area: loadbalancer.Area, Reason: infrav1.WaitForExternalControlPlaneEndpointReason,
			Summary: "spec.controlPlaneEndpoint, which has to be set by somebody else where loadBalancerType is disabled"})
	}
	if primary := v.primary(); primary != nil && !v.resolved() && !p.Open(loadbalancer.Area) {
		p.Waits = append(p.Waits, plan.Wait{Area: loadbalancer.Area, Reason: infrav1.WaitForDNSNameResolveReason,
			Summary: "the DNS name " + primary.DNSName() + " to resolve"})
	}
	return p
}

// unseen returns the tables that were never listed completely and have to be. What
// such a table doesn't show may well exist, so nothing is planned by it.
func (v *view) unseen() []mirror.Kind {
	known := v.network.Known
	if !v.Cluster.DeletionTimestamp.IsZero() {
		known = func(kind mirror.Kind) bool { return v.snap.Seen(kind) }
	}
	return slices.DeleteFunc(v.kinds(), known)
}

// kinds returns the tables that the cluster is projected from, as far as they can
// tell anything of it and may be seen.
func (v *view) kinds() []mirror.Kind {
	if !v.Cluster.DeletionTimestamp.IsZero() {
		return slices.Concat(v.network.DeleteKinds(), loadbalancer.DeleteKinds(), v.bastionKinds())
	}
	return slices.DeleteFunc(v.Kinds(), func(kind mirror.Kind) bool {
		return !v.network.Concerns(kind) || v.network.Withheld(kind)
	})
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

// planDelete deletes the load balancers first, and with them what they use. While
// there are machines, everything stays: they couldn't be drained without it.
func (v *view) planDelete() plan.Plan {
	p := v.planTeardown()
	stray := v.strayInstances()
	if len(v.Dependents) == 0 && len(stray) == 0 {
		return p
	}
	for i := range p.Actions {
		p.Actions[i].WaitsFor = "the end of the cluster's machines"
	}
	p.Waits = []plan.Wait{{Area: network.AreaVPC, Reason: infrav1.DeletingReason,
		Summary: describeDependents(v.Dependents) + " to be deleted first; delete the Cluster, or its Machines, if nobody has"}}
	if len(v.Dependents) == 0 {
		p.Waits[0].Summary = "the end of " + v.describeStray(stray)
	}
	return p
}

// strayInstances names the instances in the cluster's VPC that carry its tag: whoever
// made them, they would lose the network that they run in.
func (v *view) strayInstances() []*ec2types.Instance {
	if v.network.VPCID() == "" || v.network.Unmanaged && v.owner().Shares(v.network.VPCID()) {
		return nil
	}
	var found []*ec2types.Instance
	for _, i := range mirror.InVPC(v.snap, mirror.Instances, v.network.VPCID()) {
		tags, owner := mirror.Instances.Tags(i), v.owner()
		elsewhere := v.network.Unmanaged && owner.Elsewhere(tags)
		if owner.HasOwnedTag(tags) && tags[names.TagRole] != bastion.Role && !instance.Ended(i) && !elsewhere {
			found = append(found, i)
		}
	}
	return found
}

// describeStray says what stray instances are, and what to do about them: those whose
// UID nobody here has may well be of somebody.
func (v *view) describeStray(stray []*ec2types.Instance) string {
	var list, others []string
	for _, i := range stray {
		id := "instance " + aws.ToString(i.InstanceId)
		list = append(list, id)
		if uid := mirror.Instances.Tags(i)[names.TagUID]; uid != "" {
			others = append(others, fmt.Sprintf("%s is of %s", id, v.owner().Holder(uid)))
		}
	}
	text := describeDependents(list) + ", which carries the cluster's tag and is of no machine here; "
	advice := "terminate it, or take the tag off if it is something else"
	if len(stray) > 1 {
		text = describeDependents(list) + ", which carry the cluster's tag and are of no machine here; "
		advice = "terminate them, or take the tag off those that are something else"
	}
	if len(others) > 0 {
		return text + strings.Join(others[:min(len(others), 3)], ", ") + ": ask there before you touch anything; otherwise " + advice
	}
	return text + advice
}

func (v *view) planTeardown() plan.Plan {
	p := loadbalancer.PlanDelete(v.Name, v.network.VPCID(), v.network.Claim, v.keep(v.network), v.snap)
	blocked := ""
	for _, a := range p.Actions {
		// Target groups hold nothing else up.
		if strings.HasPrefix(a.Key, loadbalancer.PrimaryKey) {
			blocked = "the end of " + strings.TrimPrefix(a.Summary, "delete ")
		}
	}
	p.Join(v.planBucket())
	host, left := v.bastion.PlanDelete()
	p.Join(host)
	if blocked == "" && left != "" {
		blocked = "the end of " + left
	}
	p.Join(v.network.PlanDelete(blocked))
	return p
}
