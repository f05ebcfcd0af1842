// Package awscluster makes AWS match AWSCluster objects, and tells in their
// status how far it does: observe, plan, act, project.
package awscluster

import (
	"slices"
	"time"

	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bucket"
	"github.com/capa-apiserver/capa-apiserver/reconcile/loadbalancer"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/network"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
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
	// Partition is AWS's partition of the region, where it is known.
	Partition string
	// Started is since when the observer has looked at AWS without a break; zero
	// where that makes no difference, because nothing is done by the plan.
	Started time.Time
	// Resolved tells that the load balancer's DNS name was seen to resolve.
	Resolved bool
	// Failures are the errors of the latest attempts, by area.
	Failures map[string][]string
	// Acting tells whether the intent is of who acts, and not of who only looks.
	Acting bool
	// Ended are the keys of journal entries that stand for nothing any more.
	Ended map[string]bool
	// PoolExhausted tells that the user's address pool had none left.
	PoolExhausted bool
	// Bucket is what is known of spec.s3Bucket; nil where nobody has looked at it.
	Bucket *bucket.State
	// BastionImage is the image to launch a bastion from, "" where nobody looked it up.
	BastionImage string
	// Interfaces are the VPC's network interfaces, where they had to be read
	// because they are in the way of a deletion.
	Interfaces []ec2types.NetworkInterface
	// Living knows which other objects there are; nil means none.
	Living ownership.Living
	// former are the UIDs that the object had before, as far as the snapshot tells.
	former []string
	// Dependents are the objects, as "AWSMachine m1", that a cluster which is being
	// deleted waits for.
	Dependents []string
}

// NewIntent puts an intent together. owner is the owning Cluster; nil where it
// can't be read, then its name is taken from the object's labels.
func NewIntent(cluster *infrav1.AWSCluster, owner *clusterv1.Cluster) Intent {
	in := Intent{Cluster: cluster.DeepCopy(), Name: related.ClusterName(cluster), APIServerPort: defaultAPIServerPort}
	infrav1.SetObjectDefaults_AWSCluster(in.Cluster)
	in.former = cluster.Status.FormerUIDs
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
		Kind:  ownership.KindCluster, Former: in.former, Name: in.Cluster.Name, Created: in.Cluster.CreationTimestamp.Time,
		Account: in.Cluster.Status.AccountID, Region: in.Cluster.Spec.Region, Living: in.Living,
	}
}

// journal returns the creations whose answers were not seen.
func (in *Intent) journal() []plan.Entry {
	var entries []plan.Entry
	for _, p := range in.Cluster.Status.PendingCreations {
		if !in.Ended[p.Key] {
			entries = append(entries, plan.Entry{Key: p.Key, Operation: p.Operation, Since: p.Since.Time})
		}
	}
	return entries
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

func (in *Intent) network() network.Intent {
	n := network.Intent{Owner: in.owner(), Region: in.Cluster.Spec.Region, Spec: in.Cluster.Spec.Network, Recorded: ownership.RecordsOfCluster(in.Cluster), Journal: in.journal(), PoolExhausted: in.PoolExhausted, Interfaces: in.Interfaces, Started: in.Started,
		KeepServiceGroups: keeps(in.Cluster, cleanUpSecurityGroups),
		S3Endpoint:        in.Cluster.Spec.S3Bucket != nil,
		Groups:            network.Groups{LoadBalancers: in.loadBalancers(), APIPort: int64(in.APIServerPort)}}
	if in.Cluster.Spec.Bastion.Enabled {
		n.Groups.Bastion = &in.Cluster.Spec.Bastion
	}
	return n
}

func (in *Intent) loadBalancer(spec *infrav1.AWSLoadBalancerSpec, key string, n *network.State) loadbalancer.Intent {
	lb := loadbalancer.Intent{
		Owner: in.owner(), Namespace: in.Cluster.Namespace, Region: in.Cluster.Spec.Region, Spec: spec, Key: key,
		APIPort: int64(in.APIServerPort), Started: in.Started, Endpoint: in.Cluster.Spec.ControlPlaneEndpoint.Host, VPCID: n.VPCID(), IPv6: n.IPv6(),
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

// Kinds returns the tables that the cluster is projected from.
func (in *Intent) Kinds() []mirror.Kind {
	n := in.network()
	kinds := n.Kinds()
	if !in.Cluster.DeletionTimestamp.IsZero() {
		return slices.Concat(network.DeleteKinds(), loadbalancer.DeleteKinds(), in.bastionKinds())
	}
	kinds = append(kinds, in.bastionKinds()...)
	for _, spec := range in.loadBalancers() {
		lb := loadbalancer.Intent{Spec: spec}
		for _, kind := range lb.Kinds() {
			kinds = appendNew(kinds, kind)
		}
	}
	return kinds
}

func appendNew(kinds []mirror.Kind, kind mirror.Kind) []mirror.Kind {
	for _, k := range kinds {
		if k == kind {
			return kinds
		}
	}
	return append(kinds, kind)
}
