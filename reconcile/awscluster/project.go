package awscluster

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bucket"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// Project returns the object with what has to be recorded in the spec (decisions and ids),
// and with its status. Conditions that changed carry no time. What others keep in the
// status (the Paused condition, say) is left alone.
func Project(in Intent, snap *mirror.Snapshot) *infrav1.AWSCluster {
	into := in.Cluster.DeepCopy()
	v := observe(in, snap)
	v.Record(into)
	v.Status(into)
	return into
}

// Record writes decisions and ids into the spec, if there are new ones.
func (v *view) Record(into *infrav1.AWSCluster) bool {
	if len(v.unseen()) > 0 || v.contested() {
		return false
	}
	spec := v.record(v.todo)
	if equality.Semantic.DeepEqual(spec, v.Cluster.Spec) {
		return false
	}
	into.Spec = spec
	return true
}

// blind writes the status while AWS was not seen yet: it stays as it is, or tells of a
// new object that nothing is known.
func (v *view) blind(into *infrav1.AWSCluster) {
	vpc, deleting := meta.FindStatusCondition(into.Status.Conditions, infrav1.VpcReadyCondition), !v.Cluster.DeletionTimestamp.IsZero()
	if vpc != nil && !deleting && vpc.Reason != conditions.WaitingForObservation {
		return
	}
	c := v.area(infrav1.VpcReadyCondition, v.todo)
	if deleting && len(v.Failures[c.Type]) == 0 {
		return // it is about to be seen
	}
	ready := c
	ready.Type, ready.Message = infrav1.ReadyCondition, "* "+c.Type+": "+c.Message
	conditions.Replace(into, []conditions.Condition{c, ready}, []string{c.Type, ready.Type}, v.Cluster.Generation)
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
	if spec.ControlPlaneEndpoint.IsZero() && primary != nil && primary.DNSName() != "" && !p.Open(infrav1.LoadBalancerReadyCondition) {
		spec.ControlPlaneEndpoint = infrav1.APIEndpoint{Host: primary.DNSName(), Port: v.APIServerPort}
	}
	return spec
}

// Status writes the status.
func (v *view) Status(into *infrav1.AWSCluster) {
	if len(v.unseen()) > 0 {
		v.blind(into)
		return
	}
	status := &into.Status
	if v.contested() {
		conditions.Replace(into, []conditions.Condition{v.area(infrav1.VpcReadyCondition, v.todo)}, []string{infrav1.VpcReadyCondition}, v.Cluster.Generation)
		return
	}
	status.PendingCreations = v.unsettled()
	if status.AccountID == "" && v.network.VPCID() != "" {
		status.AccountID = v.snap.Scope.Account // that of an object without status is where its network is
	}
	v.networkStatus(status)
	status.Bastion = v.bastion.Status(v.Cluster.Status.Bastion)
	conditions.Replace(into, v.conditions(v.todo), projected, v.Cluster.Generation)
	if v.Cluster.DeletionTimestamp.IsZero() {
		v.provisioned(status, v.todo)
	}
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
