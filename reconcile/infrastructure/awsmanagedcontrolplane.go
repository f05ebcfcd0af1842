package infrastructure

import (
	"slices"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/reconcile/related"
)

var awsManagedControlPlane = adapter{
	kind: "AWSManagedControlPlane", group: controlplanev1.GroupName,
	empty: func() client.Object { return &controlplanev1.AWSManagedControlPlane{} },
	adapt: func(obj client.Object, name string) *Cluster {
		return OfAWSManagedControlPlane(obj.(*controlplanev1.AWSManagedControlPlane), name)
	},
}

// refOf leads to the object that has a Cluster's infrastructure: with EKS that is the control
// plane, whether or not an AWSManagedCluster stands before it.
func refOf(c *clusterv1.Cluster) clusterv1.ContractVersionedObjectReference {
	if ref := c.Spec.InfrastructureRef; ref.Kind != "AWSManagedCluster" || ref.APIGroup != infrav1.GroupName {
		return ref
	}
	return c.Spec.ControlPlaneRef
}

// OfAWSManagedControlPlane adapts an AWSManagedControlPlane. name is that of the owning Cluster.
func OfAWSManagedControlPlane(c *controlplanev1.AWSManagedControlPlane, name string) *Cluster {
	in := &Cluster{
		Site: cloud.SiteOf(c), IdentityTrouble: related.IdentityTrouble(c), EKS: c.ClusterName(),
		Cluster: name, Account: c.Status.AccountID, Region: c.Spec.Region, Provisioned: c.Provisioned(),
		VPCID: c.Spec.Network.VPC.ID, IPv6: c.Spec.Network.VPC.IPv6 != nil, Subnets: c.Spec.Network.Subnets, Groups: map[infrav1.SecurityGroupRole]string{},
		Tags: c.Spec.AdditionalTags, LookupFormat: c.Spec.ImageLookupFormat, LookupOrg: c.Spec.ImageLookupOrg,
		LookupBaseOS: c.Spec.ImageLookupBaseOS, SSHKeyName: c.Spec.SSHKeyName,
		UID: string(c.UID), Namespace: c.Namespace, Name: c.Name, Created: c.CreationTimestamp.Time, Former: c.Status.FormerUIDs,
	}
	in.Kubernetes, in.UpgradeFailed, in.AddonsWait = upgradeOf(c)
	for role, group := range c.Status.NetworkStatus.SecurityGroups {
		in.Groups[role] = group.ID
		in.Recorded = append(in.Recorded, group.ID)
	}
	slices.Sort(in.Recorded)
	in.Recorded = slices.Compact(in.Recorded)
	for role, id := range c.Spec.Network.SecurityGroupOverrides {
		in.Groups[role] = id
	}
	return in
}
