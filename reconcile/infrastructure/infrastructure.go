// Package infrastructure is what machines, pools and templates need of their cluster:
// one type, to which every kind that describes a cluster's infrastructure is adapted.
package infrastructure

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"time"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
)

// Cluster is what machines, pools and templates have to know of the infrastructure of
// their cluster, whichever kind describes it.
type Cluster struct {
	// Site is where its AWS is, and as whom it is reached.
	Site cloud.Site
	// IdentityTrouble is what the object says of its identity's trouble, "" without any.
	IdentityTrouble string
	// Cluster is the name that stands in names and tags.
	Cluster string
	// EKS is the name of the cluster in EKS, "" of one whose control plane is machines.
	EKS string
	// Kubernetes is the version that an EKS cluster runs; UpgradeFailed is why it couldn't be
	// upgraded, and AddonsWait what of its add-ons isn't yet: see NodesWait.
	Kubernetes, UpgradeFailed, AddonsWait string
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
	// Recorded are the ids of the groups that the status records, none where somebody else
	// writes that.
	Recorded []string
	Tags     map[string]string
	// LookupFormat, LookupOrg and LookupBaseOS find images for machines that don't say.
	LookupFormat, LookupOrg, LookupBaseOS string
	SSHKeyName                            *string
	// UID, Namespace, Name and Created are those of the object that describes it.
	UID, Namespace, Name string
	Created              time.Time
	// Former are the UIDs that the object had before it was moved.
	Former []string
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

// KubernetesName is the name that what runs in the cluster knows it by.
func (in *Cluster) KubernetesName() string { return cmp.Or(in.EKS, in.Cluster) }

// GroupRoles are the roles of the cluster's security groups that a machine has. EKS gives its
// own group to nodes, too.
func (in *Cluster) GroupRoles(controlPlane bool) []infrav1.SecurityGroupRole {
	switch {
	case in.EKS != "":
		return []infrav1.SecurityGroupRole{infrav1.SecurityGroupNode, infrav1.SecurityGroupEKSNodeAdditional}
	case controlPlane:
		return []infrav1.SecurityGroupRole{infrav1.SecurityGroupNode, infrav1.SecurityGroupLB, infrav1.SecurityGroupControlPlane}
	}
	return []infrav1.SecurityGroupRole{infrav1.SecurityGroupNode, infrav1.SecurityGroupLB}
}

// Owner is as whom the cluster's own resources are judged.
func (in *Cluster) Owner(living ownership.Living) ownership.Owner {
	kind := ownership.KindCluster
	if in.EKS != "" {
		kind = ownership.KindControlPlane
	}
	return ownership.Owner{Owner: names.Owner{Cluster: in.Cluster, UID: in.UID, Namespace: in.Namespace}, Kind: kind, Name: in.Name,
		Former: in.Former, Created: in.Created, Account: in.Account, Region: in.Region, Living: living}
}

// Lender judges what users name for the cluster's machines to use.
func (in *Cluster) Lender(living ownership.Living, snap *mirror.Snapshot) ownership.Lender {
	l := ownership.Lender{Owner: in.Owner(living), VPC: in.VPCID, Records: []string{in.VPCID}, Groups: in.Recorded, Snap: snap}
	for _, id := range in.Groups {
		l.Records = append(l.Records, id)
	}
	for _, s := range in.Subnets {
		l.Records = append(l.Records, s.ID, s.ResourceID)
	}
	return l
}

// Same tells whether machines would be treated the same by both.
func (in *Cluster) Same(other *Cluster) bool {
	if in == nil || other == nil {
		return in == other
	}
	return reflect.DeepEqual(in.Site, other.Site) && in.IdentityTrouble == other.IdentityTrouble && in.Account == other.Account && in.Provisioned == other.Provisioned && in.External == other.External && in.VPCID == other.VPCID && in.IPv6 == other.IPv6 &&
		slices.EqualFunc(in.Subnets, other.Subnets, sameSubnet) && maps.Equal(in.Groups, other.Groups) && slices.Equal(in.Recorded, other.Recorded) && maps.Equal(in.Tags, other.Tags) &&
		slices.Equal(in.LoadBalancers, other.LoadBalancers) && slices.Equal(in.Former, other.Former) && in.LookupFormat == other.LookupFormat &&
		in.LookupOrg == other.LookupOrg && in.LookupBaseOS == other.LookupBaseOS && in.BucketReady == other.BucketReady &&
		in.Kubernetes == other.Kubernetes && in.UpgradeFailed == other.UpgradeFailed && in.AddonsWait == other.AddonsWait
}

func sameSubnet(a, b infrav1.SubnetSpec) bool {
	return a.ID == b.ID && a.ResourceID == b.ResourceID && a.AvailabilityZone == b.AvailabilityZone && a.IsPublic == b.IsPublic
}

// PresignTime is how long links into the bucket are good, or zero when machines
// read it with their instance profiles.
func (in *Cluster) PresignTime() time.Duration {
	if in.Bucket == nil {
		return 0
	}
	return in.Bucket.PresignDuration()
}

// BestEffort tells that what can't be removed from the bucket may stay there.
func (in *Cluster) BestEffort() bool {
	return in.Bucket != nil && in.Bucket.BestEffortDeleteObjects != nil && *in.Bucket.BestEffortDeleteObjects
}
