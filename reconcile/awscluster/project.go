package awscluster

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"k8s.io/apimachinery/pkg/api/equality"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
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
	if v.Blind() || v.Contested() {
		return false
	}
	spec := v.record(v.todo)
	if equality.Semantic.DeepEqual(spec, v.Cluster.Spec) {
		return false
	}
	into.Spec = spec
	return true
}

// record returns the spec with decisions and ids. Nothing is recorded while the
// object is being deleted.
func (v *view) record(p plan.Plan) infrav1.AWSClusterSpec {
	spec := *v.Cluster.Spec.DeepCopy()
	if v.Deleting() {
		return spec
	}
	spec.Network = *v.Network.Record.DeepCopy()
	if spec.Partition == "" {
		spec.Partition = v.Intent.Partition
	}
	primary := v.primary()
	if spec.ControlPlaneEndpoint.IsZero() && primary != nil && primary.DNSName() != "" && !p.Open(infrav1.LoadBalancerReadyCondition) {
		spec.ControlPlaneEndpoint = infrav1.APIEndpoint{Host: primary.DNSName(), Port: v.APIServerPort}
	}
	return spec
}

// Status writes the status.
func (v *view) Status(into *infrav1.AWSCluster) {
	if v.Silent(into, v.todo) {
		return
	}
	status := &into.Status
	status.PendingCreations = v.Unsettled()
	if status.AccountID == "" && v.Network.VPCID() != "" {
		status.AccountID = v.snap.Scope.Account // that of an object without status is where its network is
	}
	v.networkStatus(status)
	status.Bastion = v.Bastion.Status(v.Cluster.Status.Bastion)
	v.SetConditions(into, v.todo, v.area())
	if !v.Deleting() {
		v.provisioned(status, v.todo)
	}
}

func (v *view) networkStatus(status *infrav1.AWSClusterStatus) {
	n := infrav1.NetworkStatus{SecurityGroups: v.Network.GroupStatus()}
	n.NatGatewaysIPs, _ = v.Network.NATAddresses()
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
	status.FailureDomains = v.Network.FailureDomains(zones, v.disabled())
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
	if v.Cluster.Provisioned() || v.Ready(p, v.area()) && !endpoint.IsZero() {
		status.Initialization, status.Ready = &infrav1.Initialization{Provisioned: aws.Bool(true)}, true
	}
}
