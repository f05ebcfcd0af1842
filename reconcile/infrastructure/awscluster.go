package infrastructure

import (
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/cluster-api/util/annotations"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/reconcile/related"
)

var awsCluster = adapter{
	kind: "AWSCluster", group: infrav1.GroupName,
	empty: func() client.Object { return &infrav1.AWSCluster{} },
	adapt: func(obj client.Object, name string) *Cluster { return OfAWSCluster(obj.(*infrav1.AWSCluster), name) },
}

// OfAWSCluster adapts an AWSCluster. name is that of the owning Cluster.
func OfAWSCluster(c *infrav1.AWSCluster, name string) *Cluster {
	external := annotations.IsExternallyManaged(c)
	in := &Cluster{
		Site: cloud.SiteOf(c), IdentityTrouble: related.IdentityTrouble(c),
		Cluster: name, Account: c.Status.AccountID, Region: c.Spec.Region, Provisioned: c.Provisioned(), External: external,
		VPCID: c.Spec.Network.VPC.ID, IPv6: c.Spec.Network.VPC.IPv6 != nil, Subnets: c.Spec.Network.Subnets, Groups: map[infrav1.SecurityGroupRole]string{},
		Tags: c.Spec.AdditionalTags, LookupFormat: c.Spec.ImageLookupFormat, LookupOrg: c.Spec.ImageLookupOrg,
		LookupBaseOS: c.Spec.ImageLookupBaseOS, SSHKeyName: c.Spec.SSHKeyName, Bucket: c.Spec.S3Bucket,
	}
	in.BucketReady = in.Bucket != nil && !external && meta.IsStatusConditionTrue(c.Status.Conditions, infrav1.S3BucketReadyCondition)
	in.UID, in.Namespace, in.Name, in.Created = string(c.UID), c.Namespace, c.Name, c.CreationTimestamp.Time
	in.Former = c.Status.FormerUIDs
	for role, group := range c.Status.NetworkStatus.SecurityGroups {
		in.Groups[role] = group.ID
		if !external {
			in.Recorded = append(in.Recorded, group.ID)
		}
	}
	slices.Sort(in.Recorded)
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
