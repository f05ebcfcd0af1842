package awsfargateprofile

import (
	"cmp"
	"maps"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eks"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ekschild"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eksfargate"
	"github.com/capa-apiserver/capa-apiserver/reconcile/iamrole"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
)

// rolePolicy is what the role of pods' hosts has.
const rolePolicy = "AmazonEKSFargatePodExecutionRolePolicy"

// Intent is what is wanted: the object, and what belongs to it elsewhere.
type Intent struct {
	// Profile is the AWSFargateProfile. It is never changed.
	Profile *infrav1.AWSFargateProfile
	// Cluster and ControlPlane are what it is for, each nil while there is none.
	Cluster      *clusterv1.Cluster
	ControlPlane *controlplanev1.AWSManagedControlPlane
	// MakeRoles lets IAM roles be made.
	MakeRoles bool
	Living    ownership.Living
	// Failures are the errors of the latest attempts, by area.
	Failures map[string][]string
	// Acting tells whether the intent is of who acts, and not of who only looks.
	Acting bool
}

func (in *Intent) deleting() bool { return !in.Profile.DeletionTimestamp.IsZero() }

// owner is on whose behalf resources are judged.
func (in *Intent) owner() ownership.Owner {
	p, c := in.Profile, in.ControlPlane
	tags := map[string]string{}
	maps.Copy(tags, c.Spec.AdditionalTags)
	maps.Copy(tags, p.Spec.AdditionalTags)
	return ownership.Owner{
		Owner: names.Owner{Cluster: p.Spec.ClusterName, UID: string(p.UID), Namespace: p.Namespace, Additional: tags},
		Kind:  ownership.KindFargateProfile, Former: p.Status.FormerUIDs, Name: p.Name, Created: p.CreationTimestamp.Time,
		Account: c.Status.AccountID, Region: c.Spec.Region, Living: in.Living,
	}
}

// roleName is the name of the role of the pods' hosts: what spec says, or the one that
// existing installations have, or one of the profile's own.
func (in *Intent) roleName() string {
	switch {
	case in.Profile.Spec.RoleName != "":
		return in.Profile.Spec.RoleName
	case in.MakeRoles:
		return in.Profile.GeneratedRoleName()
	}
	return infrav1.DefaultFargateRole
}

func (in *Intent) role() iamrole.Intent {
	spec := &in.Profile.Spec
	return iamrole.Intent{Owner: in.owner(), Area: areaRole, Failed: infrav1.IAMFargateRolesReconciliationFailedReason, Name: in.roleName(), Field: "spec.roleName", Generated: in.Profile.GeneratedRoleName(),
		Make: in.MakeRoles, Path: spec.RolePath, Boundary: spec.RolePermissionsBoundary, Service: "eks-fargate-pods.amazonaws.com",
		Policies: []string{"arn:" + cmp.Or(in.ControlPlane.Spec.Partition, "aws") + ":iam::aws:policy/" + rolePolicy}}
}

// started tells that the control plane was there once.
func (in *Intent) started() bool {
	return in.ControlPlane != nil && in.ControlPlane.Status.Initialization != nil && aws.ToBool(in.ControlPlane.Status.Initialization.ControlPlaneInitialized)
}

// profile is the Fargate profile, of a cluster and with a role.
func (in *Intent) profile(snap *mirror.Snapshot, role *iamrole.State) eksfargate.Intent {
	spec := &in.Profile.Spec
	cluster := in.cluster(snap)
	f := eksfargate.Intent{
		Parent: ekschild.Parent{Cluster: in.ControlPlane.ClusterName(), Owner: in.owner(), Foreign: cluster.Foreign(), Removed: in.removedTags()},
		Name:   in.Profile.EKSProfileName(), RoleARN: role.ARN(), Subnets: spec.SubnetIDs, Chosen: len(spec.SubnetIDs) == 0,
	}
	if f.Chosen {
		f.Subnets = in.privateSubnets()
	}
	for _, s := range spec.Selectors {
		f.Selectors = append(f.Selectors, ekstypes.FargateProfileSelector{Namespace: aws.String(s.Namespace), Labels: s.Labels})
	}
	switch own := cluster.Own(); {
	case own == nil || own.Status != ekstypes.ClusterStatusActive:
		f.WaitsFor = "EKS cluster " + f.Cluster + " to be ACTIVE"
	case f.RoleARN == "":
		f.WaitsFor = "role " + role.Name
	case len(f.Subnets) == 0:
		f.WaitsFor = "private subnets of the cluster; name some in spec.subnetIDs, if it has none"
	}
	return f
}

// privateSubnets are the cluster's private subnets that are there.
func (in *Intent) privateSubnets() []string {
	var ids []string
	for _, s := range in.ControlPlane.Spec.Network.Subnets {
		id := cmp.Or(s.ResourceID, s.ID)
		if !s.IsPublic && !s.IsEdge() && s.Tags[names.TagAssociation] != names.AssociationSecondary && strings.HasPrefix(id, "subnet-") {
			ids = append(ids, id)
		}
	}
	return ids
}

// cluster is the EKS cluster, which may turn out to be somebody else's.
func (in *Intent) cluster(snap *mirror.Snapshot) *eks.State {
	return eks.Of(in.ControlPlane, in.Living, snap)
}

func (in *Intent) clusterRow() mirror.Interest {
	return mirror.Interest{Kind: mirror.EKSClusters.Kind, IDs: []string{in.ControlPlane.ClusterName()}}
}
