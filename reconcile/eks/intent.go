// Package eks plans EKS clusters: a wish and a snapshot give what is to be created, updated
// or deleted, and what a cluster is in the meantime. All of it is pure.
package eks

import (
	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"

	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eksupdate"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
)

// The conditions of a control plane. Creating and Updating are for what takes AWS minutes.
const (
	AreaReady    = controlplanev1.EKSControlPlaneReadyCondition
	AreaUpdating = controlplanev1.EKSControlPlaneUpdatingCondition
	AreaCreating = controlplanev1.EKSControlPlaneCreatingCondition
)

// Failed is the reason of what isn't as wanted.
const Failed = "EKSControlPlaneReconciliationFailed"

// Intent is what an EKS cluster has to be. What is nil or empty is left as it is.
type Intent struct {
	// Owner is whose the cluster is: its Cluster is the name of the cluster in EKS.
	Owner ownership.Owner
	Name  string
	// Version is the wanted version as users write it: "v1.34", "1.34.2", "v1.34.1-eks-1".
	Version string
	// Force lets a version be updated that AWS's insights advise against.
	Force bool
	// Advised is what EKS has seen in the cluster that the next version would break; the
	// version stays as long as there is some.
	Advised []string
	// RoleARN is the role that EKS assumes, "" while there is none.
	RoleARN string
	// WaitsFor is what has to be there before the cluster is created; "" for nothing.
	WaitsFor string
	// Subnets are where it may stand; it takes the private ones alone with PrivateOnly.
	Subnets     []Subnet
	PrivateOnly bool
	// GroupIDs are the further security groups of its interfaces.
	GroupIDs []string

	Endpoint Endpoint
	// Logs are the types that are logged; nil leaves logging as it is.
	Logs       []ekstypes.LogType
	Encryption *ekstypes.EncryptionConfig
	// ServiceCIDR is the IPv4 range of Services; IPv6 gives the cluster IPv6 instead.
	ServiceCIDR string
	IPv6        bool
	// AuthenticationMode is how users are known; CreatorAdmin makes whoever creates the
	// cluster its administrator.
	AuthenticationMode ekstypes.AuthenticationMode
	CreatorAdmin       *bool
	SupportType        ekstypes.SupportType
	// SelfManagedAddons are the ones that EKS installs into a new cluster by itself.
	SelfManagedAddons  *bool
	DeletionProtection *bool
	ZonalShift         *bool
	ScalingTier        ekstypes.ProvisionedControlPlaneTier
	AutoMode           *AutoMode

	// Recorded is the endpoint that the object records, "" for none.
	Recorded string
	// Updates are the cluster's, whose name is Name.
	Updates eksupdate.Intent
}

// Subnet is one where a cluster may stand.
type Subnet struct {
	ID, Zone string
	Public   bool
}

// Endpoint is how the API server is reached. nil is EKS's default.
type Endpoint struct {
	Public, Private *bool
	CIDRs           []string
}

// AutoMode is what EKS runs by itself.
type AutoMode struct {
	Enabled     bool
	NodePools   []string
	NodeRoleARN string
}

// Wants are the rows that tell of the cluster.
func (in *Intent) Wants() []mirror.Interest { return []mirror.Interest{in.cluster()} }

func (in *Intent) cluster() mirror.Interest {
	return mirror.Interest{Kind: mirror.EKSClusters.Kind, IDs: []string{in.Name}}
}

// tags are the cluster's.
func (in *Intent) tags() map[string]string {
	return in.Owner.Tags(in.Name, names.RoleCommon, map[string]string{names.TagCloudProviderPrefix + in.Name: names.Owned})
}
