package network

import (
	"cmp"
	"slices"
	"time"

	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// Intent is what a network has to be.
type Intent struct {
	Owner  ownership.Owner
	Region string
	// Spec is the user's wish together with what was recorded in it before. It is
	// never changed.
	Spec infrav1.NetworkSpec
	// Recorded are the ids that the object records.
	Recorded []string
	// Journal holds the creations whose answers were not seen.
	Journal []plan.Entry
	// Started is since when the observer has looked at AWS without a break; what
	// was made before that may not be visible for the creation grace.
	Started time.Time
	// Groups says which security groups there are.
	Groups Groups
	// PoolExhausted tells that the user's address pool has none left, so that
	// Amazon's is to be used where the user allows it.
	PoolExhausted bool
	// PodBlock is a further block of the VPC in which each zone has a subnet for pods; "" for
	// none.
	PodBlock string
	// S3Endpoint asks for a gateway endpoint that leads to S3.
	S3Endpoint bool
	// KeepServiceGroups leaves security groups alone that the cloud controller
	// manager made for Services.
	KeepServiceGroups bool
	// Interfaces are network interfaces that are in the way of a deletion.
	Interfaces []ec2types.NetworkInterface
}

// Groups is what the rules of the security groups depend on, apart from the
// network itself.
type Groups struct {
	// Bastion is nil when there is none.
	Bastion *infrav1.Bastion
	// LoadBalancers are the wanted load balancers of the API server.
	LoadBalancers []*infrav1.AWSLoadBalancerSpec
	// APIPort is the port on which the load balancers listen.
	APIPort int64
	// EKS is the name of the EKS cluster that the network is for: it brings its groups
	// along. "" where control planes are machines. EKSForeign tells that the one of the name is somebody else's.
	EKS        string
	EKSForeign bool
}

// KubernetesName is the name that what runs in the cluster knows it by.
func (in *Intent) KubernetesName() string { return cmp.Or(in.Groups.EKS, in.Owner.Cluster) }

// IPv6 tells whether the network has IPv6 addresses too.
func (in *Intent) IPv6() bool { return in.Spec.VPC.IPv6 != nil }

// AddressPool returns the pool that public addresses are taken from, "" for
// Amazon's.
func (in *Intent) AddressPool() string {
	pool := in.Spec.VPC.ElasticIPPool
	if pool == nil || pool.PublicIpv4Pool == nil || in.PoolExhausted && in.MayFallBack() {
		return ""
	}
	return *pool.PublicIpv4Pool
}

// MayFallBack tells whether the user allows Amazon's addresses when the pool has
// none left.
func (in *Intent) MayFallBack() bool {
	pool := in.Spec.VPC.ElasticIPPool
	return pool != nil && pool.PublicIpv4PoolFallBackOrder != nil &&
		*pool.PublicIpv4PoolFallBackOrder == infrav1.PublicIpv4PoolFallbackOrderAmazonPool
}

// Kinds returns the tables that the network is judged by.
func (in *Intent) Kinds() []mirror.Kind {
	kinds := []mirror.Kind{
		mirror.AvailabilityZones.Kind, mirror.VPCs.Kind, mirror.Subnets.Kind, mirror.InternetGateways.Kind,
		mirror.NATGateways.Kind, mirror.Addresses.Kind, mirror.RouteTables.Kind, mirror.SecurityGroups.Kind,
	}
	if in.S3Endpoint {
		kinds = append(kinds, mirror.VPCEndpoints.Kind)
	}
	if slices.ContainsFunc(in.Spec.Subnets, wantsCarrier) {
		kinds = append(kinds, mirror.CarrierGateways.Kind)
	}
	if in.IPv6() {
		kinds = append(kinds, mirror.EgressOnlyInternetGateways.Kind)
	}
	return kinds
}
