// Package instance plans EC2 instances: the choice of image, subnet and security
// groups, the launch, what is put right later, and what is told of an instance.
// All of it but the handlers is pure.
package instance

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
)

// Infra is what machines have to know of their cluster's infrastructure.
type Infra struct {
	// Cluster is the name that stands in names and tags.
	Cluster string
	// Account is where the cluster's resources are, "" while it has none.
	Account, Region string
	// Provisioned tells that machines may be launched.
	Provisioned bool
	// External tells that somebody else keeps the infrastructure, so that its
	// security groups aren't known.
	External bool
	VPCID    string
	// IPv6 tells that the cluster uses IPv6 addresses.
	IPv6    bool
	Subnets infrav1.Subnets
	// Groups are the ids of the cluster's security groups by role.
	Groups map[infrav1.SecurityGroupRole]string
	Tags   map[string]string
	// LookupFormat, LookupOrg and LookupBaseOS find images for machines that don't say.
	LookupFormat, LookupOrg, LookupBaseOS string
	SSHKeyName                            *string
	IdentityRef                           *infrav1.AWSIdentityReference
	// UID, Namespace, Name and Created are the AWSCluster's.
	UID, Namespace, Name string
	Created              time.Time
	// LoadBalancers are the API server's.
	LoadBalancers []LoadBalancer
	Bucket        *infrav1.S3Bucket
	// BucketReady tells that the bucket is there and the cluster's own: its name is
	// for users to choose, and may be that of anybody's.
	BucketReady bool
}

// LoadBalancer is a load balancer that control plane machines are put behind.
type LoadBalancer struct {
	// ARN of a load balancer of the newer API; Name of a classic one.
	ARN, Name string
	Classic   bool
}

// InfraOf returns what machines have to know of an AWSCluster. name is that of
// the owning Cluster.
func InfraOf(c *infrav1.AWSCluster, name string, external bool) *Infra {
	in := &Infra{
		Cluster: name, Account: c.Status.AccountID, Region: c.Spec.Region, Provisioned: c.Provisioned(), External: external,
		VPCID: c.Spec.Network.VPC.ID, IPv6: c.Spec.Network.VPC.IPv6 != nil, Subnets: c.Spec.Network.Subnets, Groups: map[infrav1.SecurityGroupRole]string{},
		Tags: c.Spec.AdditionalTags, LookupFormat: c.Spec.ImageLookupFormat, LookupOrg: c.Spec.ImageLookupOrg,
		LookupBaseOS: c.Spec.ImageLookupBaseOS, SSHKeyName: c.Spec.SSHKeyName, IdentityRef: c.Spec.IdentityRef, Bucket: c.Spec.S3Bucket,
	}
	in.BucketReady = in.Bucket != nil && !external && meta.IsStatusConditionTrue(c.Status.Conditions, infrav1.S3BucketReadyCondition)
	in.UID, in.Namespace, in.Name, in.Created = string(c.UID), c.Namespace, c.Name, c.CreationTimestamp.Time
	for role, group := range c.Status.NetworkStatus.SecurityGroups {
		in.Groups[role] = group.ID
	}
	for role, id := range c.Spec.Network.SecurityGroupOverrides {
		in.Groups[role] = id
	}
	for _, lb := range []infrav1.LoadBalancer{c.Status.NetworkStatus.APIServerELB, c.Status.NetworkStatus.SecondaryAPIServerELB} {
		switch {
		case lb.ARN != "":
			in.LoadBalancers = append(in.LoadBalancers, LoadBalancer{ARN: lb.ARN, Name: lb.Name})
		case lb.Name != "":
			in.LoadBalancers = append(in.LoadBalancers, LoadBalancer{Name: lb.Name, Classic: true})
		}
	}
	return in
}

// Owner is as whom the cluster's own resources are judged.
func (in *Infra) Owner(living ownership.Living) ownership.Owner {
	return ownership.Owner{Owner: names.Owner{Cluster: in.Cluster, UID: in.UID}, Kind: ownership.KindCluster, Namespace: in.Namespace, Name: in.Name,
		Created: in.Created, Account: in.Account, Region: in.Region, Living: living}
}

// Same tells whether machines would be treated the same by both.
func (in *Infra) Same(other *Infra) bool {
	if in == nil || other == nil {
		return in == other
	}
	return in.Account == other.Account && in.Provisioned == other.Provisioned && in.External == other.External && in.VPCID == other.VPCID && in.IPv6 == other.IPv6 &&
		slices.EqualFunc(in.Subnets, other.Subnets, sameSubnet) && equalMaps(in.Groups, other.Groups) && equalMaps(in.Tags, other.Tags) &&
		slices.Equal(in.LoadBalancers, other.LoadBalancers) && in.LookupFormat == other.LookupFormat &&
		in.LookupOrg == other.LookupOrg && in.LookupBaseOS == other.LookupBaseOS && in.BucketReady == other.BucketReady
}

func sameSubnet(a, b infrav1.SubnetSpec) bool {
	return a.ID == b.ID && a.ResourceID == b.ResourceID && a.AvailabilityZone == b.AvailabilityZone && a.IsPublic == b.IsPublic
}

func equalMaps[K, V comparable](a, b map[K]V) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if other, ok := b[k]; !ok || other != v {
			return false
		}
	}
	return true
}

// PresignTime is how long links into the bucket are good, or zero when machines
// read it with their instance profiles.
func (in *Infra) PresignTime() time.Duration {
	if in.Bucket == nil {
		return 0
	}
	return in.Bucket.PresignDuration()
}
