package awscluster

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bucket"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/network"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// Project returns what has to be recorded in the spec (decisions and ids), and
// the status. Conditions that changed carry no time: Stamp gives them one. What
// others keep in the status (the Paused condition, say) is taken over.
func Project(in Intent, snap *mirror.Snapshot) (infrav1.AWSClusterSpec, infrav1.AWSClusterStatus) {
	return observe(in, snap).project()
}

func (v *view) project() (infrav1.AWSClusterSpec, infrav1.AWSClusterStatus) {
	p := v.plan()
	if len(v.unseen()) > 0 {
		return *v.Cluster.Spec.DeepCopy(), v.blind(p)
	}
	return v.record(p), v.status(p)
}

// blind returns the status while AWS was not seen yet: that which the object
// has, or for a new object that nothing is known.
func (v *view) blind(p plan.Plan) infrav1.AWSClusterStatus {
	status := *v.Cluster.Status.DeepCopy()
	status.Observation = nil
	vpc, deleting := meta.FindStatusCondition(status.Conditions, infrav1.VpcReadyCondition), !v.Cluster.DeletionTimestamp.IsZero()
	if vpc != nil && !deleting && vpc.Reason != network.ReasonWaitingForObservation {
		return status
	}
	c := v.area(infrav1.VpcReadyCondition, p)
	if deleting && v.failure(c.Type) == "" {
		return status // it is about to be seen
	}
	ready := c
	ready.Type, ready.Message = infrav1.ReadyCondition, "* "+c.Type+": "+c.Message
	replaceConditions(&status, []conditions.Condition{c, ready}, []string{c.Type, ready.Type}, v.Cluster.Generation)
	return status
}

// record returns the spec with decisions and ids. Nothing is recorded while the
// object is being deleted.
func (v *view) record(p plan.Plan) infrav1.AWSClusterSpec {
	spec := *v.Cluster.Spec.DeepCopy()
	if !v.Cluster.DeletionTimestamp.IsZero() {
		return spec
	}
	spec.Network = *v.network.Record.DeepCopy()
	if spec.Partition == "" {
		spec.Partition = v.Partition
	}
	primary := v.primary()
	if spec.ControlPlaneEndpoint.IsZero() && primary != nil && primary.DNSName() != "" && !areaOpen(p, infrav1.LoadBalancerReadyCondition) {
		spec.ControlPlaneEndpoint = infrav1.APIEndpoint{Host: primary.DNSName(), Port: v.APIServerPort}
	}
	return spec
}

func (v *view) status(p plan.Plan) infrav1.AWSClusterStatus {
	old := v.Cluster.Status
	status := *old.DeepCopy()
	status.Observation = nil
	status.PendingCreations = v.unsettled()
	if status.AccountID == "" && v.network.VPCID() != "" {
		status.AccountID = v.snap.Scope.Account // that of an object without status is where its network is
	}
	v.networkStatus(&status)
	status.Bastion = v.bastion.Status(old.Bastion)
	conditions := v.conditions(p)
	setConditions(&status, conditions, v.Cluster.Generation)
	if v.Cluster.DeletionTimestamp.IsZero() {
		v.provisioned(&status, p)
	}
	return status
}

// unsettled keeps the journal's entries that nothing is known about yet.
func (v *view) unsettled() []infrav1.PendingCreation {
	var rest []infrav1.PendingCreation
	entries := v.network.Unsettled()
	if e, ok := plan.Find(v.journal(), bucket.CreateKey); ok && v.bucketPending() {
		entries = append(entries, e)
	}
	for _, e := range entries {
		rest = append(rest, infrav1.PendingCreation{Key: e.Key, Operation: e.Operation, Since: metav1.MicroTime{Time: e.Since}})
	}
	return rest
}

func (v *view) networkStatus(status *infrav1.AWSClusterStatus) {
	n := infrav1.NetworkStatus{SecurityGroups: v.network.GroupStatus()}
	n.NatGatewaysIPs, _ = v.network.NATAddresses()
	var zones []string
	for _, b := range v.balancers {
		lb := b.Status()
		if b.Spec == v.Cluster.Spec.SecondaryControlPlaneLoadBalancer {
			n.SecondaryAPIServerELB = lb
			continue
		}
		n.APIServerELB = lb
		zones = lb.AvailabilityZones
	}
	if len(zones) == 0 {
		zones = v.zonesOf(n.APIServerELB.SubnetIDs)
	}
	status.NetworkStatus = n
	status.FailureDomains = v.network.FailureDomains(zones, v.disabled())
}

// zonesOf returns the zones of subnets, for load balancers that don't tell.
func (v *view) zonesOf(ids []string) []string {
	var zones []string
	for _, id := range ids {
		if row, ok := mirror.Get(v.snap, mirror.Subnets, id); ok {
			zones = append(zones, aws.ToString(row.AvailabilityZone))
		}
	}
	return zones
}

// provisioned is set when all is there for the first time, and stays.
func (v *view) provisioned(status *infrav1.AWSClusterStatus, p plan.Plan) {
	endpoint := v.record(p).ControlPlaneEndpoint
	if v.Cluster.Provisioned() || v.ready(p) && !endpoint.IsZero() {
		status.Initialization, status.Ready = &infrav1.Initialization{Provisioned: aws.Bool(true)}, true
	}
}
