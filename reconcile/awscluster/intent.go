// Package awscluster makes AWS match AWSCluster objects, and tells in their
// status how far it does: observe, plan, act, project.
package awscluster

import (
	"cmp"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/foundation"
	"github.com/capa-apiserver/capa-apiserver/reconcile/loadbalancer"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/reconcile/related"
)

// defaultAPIServerPort is the port of API servers whose Cluster names none.
const defaultAPIServerPort = 6443

// Intent is what is wanted: the object, and what belongs to it elsewhere.
type Intent struct {
	// Cluster is the AWSCluster. It is never changed.
	Cluster *infrav1.AWSCluster
	// Name is the name of the owning Cluster, which stands in names and tags.
	Name string
	// APIServerPort is the port of the API server's endpoint.
	APIServerPort int32
	// Resolved tells that the load balancer's DNS name was seen to resolve.
	Resolved bool
	foundation.Known
}

// NewIntent puts an intent together. owner is the owning Cluster; nil where it
// can't be read, then its name is taken from the object's labels.
func NewIntent(cluster *infrav1.AWSCluster, owner *clusterv1.Cluster) Intent {
	in := Intent{Cluster: cluster.DeepCopy(), Name: related.ClusterName(cluster), APIServerPort: defaultAPIServerPort}
	infrav1.SetObjectDefaults_AWSCluster(in.Cluster)
	switch {
	case owner != nil && owner.Spec.ClusterNetwork.APIServerPort != 0:
		in.APIServerPort = owner.Spec.ClusterNetwork.APIServerPort
	case owner == nil && cluster.Spec.ControlPlaneEndpoint.Port != 0:
		in.APIServerPort = cluster.Spec.ControlPlaneEndpoint.Port
	}
	return in
}

// owner is on whose behalf resources are judged.
func (in *Intent) owner() ownership.Owner {
	return ownership.Owner{
		Owner: names.Owner{Cluster: in.Name, UID: string(in.Cluster.UID), Namespace: in.Cluster.Namespace, Additional: in.Cluster.Spec.AdditionalTags},
		Kind:  ownership.KindCluster, Former: in.Cluster.Status.FormerUIDs, Name: in.Cluster.Name, Created: in.Cluster.CreationTimestamp.Time,
		Account: in.Cluster.Status.AccountID, Region: in.Cluster.Spec.Region, Living: in.Living,
	}
}

// loadBalancers returns the wanted load balancers by their keys, in order.
func (in *Intent) loadBalancers() []*infrav1.AWSLoadBalancerSpec {
	var specs []*infrav1.AWSLoadBalancerSpec
	if !in.disabled() {
		specs = append(specs, in.Cluster.Spec.ControlPlaneLoadBalancer)
	}
	if s := in.Cluster.Spec.SecondaryControlPlaneLoadBalancer; s != nil {
		specs = append(specs, s)
	}
	return specs
}

// disabled tells that the user brings the endpoint.
func (in *Intent) disabled() bool {
	lb := in.Cluster.Spec.ControlPlaneLoadBalancer
	return lb == nil || lb.LoadBalancerType == infrav1.LoadBalancerTypeDisabled
}

// foundation is what the cluster stands on.
func (in *Intent) foundation() foundation.Intent {
	spec, status := &in.Cluster.Spec, &in.Cluster.Status
	f := foundation.Intent{Known: in.Known, Object: in.Cluster, Owner: in.owner(), NetworkSpec: spec.Network, LoadBalancers: in.loadBalancers(), APIPort: int64(in.APIServerPort),
		Endpoint: spec.ControlPlaneEndpoint.Host, BastionSpec: spec.Bastion, SSHKeyName: spec.SSHKeyName, BastionStatus: status.Bastion, S3Bucket: spec.S3Bucket,
		Recorded: ownership.RecordsOfCluster(in.Cluster), Pending: status.PendingCreations}
	f.Partition = cmp.Or(in.Partition, spec.Partition)
	if f.Deleting() {
		f.Further = loadbalancer.DeleteKinds()
		return f
	}
	for _, spec := range in.loadBalancers() {
		lb := loadbalancer.Intent{Spec: spec}
		f.Further = append(f.Further, lb.Kinds()...)
	}
	return f
}
