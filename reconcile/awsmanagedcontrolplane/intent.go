// Package awsmanagedcontrolplane makes AWS match AWSManagedControlPlane objects, and tells in
// their status how far it does: observe, plan, act, project.
package awsmanagedcontrolplane

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eks"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eksupdate"
	"github.com/capa-apiserver/capa-apiserver/reconcile/endpoint"
	"github.com/capa-apiserver/capa-apiserver/reconcile/foundation"
	"github.com/capa-apiserver/capa-apiserver/reconcile/iamrole"
	"github.com/capa-apiserver/capa-apiserver/reconcile/loadbalancer"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/network"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
	"github.com/capa-apiserver/capa-apiserver/reconcile/related"
)

// apiPort is where EKS's API servers listen.
const apiPort = 443

// Intent is what is wanted: the object, and what belongs to it elsewhere.
type Intent struct {
	// ControlPlane is the AWSManagedControlPlane. It is never changed.
	ControlPlane *controlplanev1.AWSManagedControlPlane
	// Name is the name of the owning Cluster, which stands in names and tags.
	Name string
	// ServiceCIDR is the Cluster's IPv4 range of Services, "" where it names none.
	ServiceCIDR string
	// MakeRoles lets IAM roles be made, with RolePolicies.
	MakeRoles    bool
	RolePolicies cloud.RolePolicies
	// Settled is the update of which the cluster was read after its end.
	Settled string
	// RetryFailed tells that enough time went by for another try of an update that failed.
	RetryFailed bool
	// Advice is what EKS said of the next version; nil where it wasn't asked.
	Advice *advice
	// Nodes are whose instances join as nodes; profiles are their instance profiles, and roles
	// those of these.
	Nodes    Nodes
	profiles []string
	roles    []nodeRole
	// AtEndpoint tells what was seen at the cluster's endpoint; nil where nobody looks.
	AtEndpoint func(*endpoint.Intent) endpoint.Facts
	foundation.Known
}

// NewIntent puts an intent together. owner is the owning Cluster; nil where it can't be
// read.
func NewIntent(obj *controlplanev1.AWSManagedControlPlane, owner *clusterv1.Cluster) Intent {
	in := Intent{ControlPlane: obj.DeepCopy(), Name: related.ClusterName(obj)}
	controlplanev1.SetObjectDefaults_AWSManagedControlPlane(in.ControlPlane)
	if owner != nil {
		in.ServiceCIDR = firstIPv4(owner.Spec.ClusterNetwork.Services.CIDRBlocks)
	}
	return in
}

// firstIPv4 returns the first IPv4 range, "" for none.
func firstIPv4(blocks []string) string {
	for _, b := range blocks {
		if prefix, err := netip.ParsePrefix(b); err == nil && prefix.Addr().Is4() {
			return b
		}
	}
	return ""
}

// owner is on whose behalf resources are judged.
func (in *Intent) owner() ownership.Owner {
	c := in.ControlPlane
	return ownership.Owner{
		Owner: names.Owner{Cluster: in.Name, UID: string(c.UID), Namespace: c.Namespace, Additional: c.Spec.AdditionalTags},
		Kind:  ownership.KindControlPlane, Former: c.Status.FormerUIDs, Name: c.Name, Created: c.CreationTimestamp.Time,
		Account: c.Status.AccountID, Region: c.Spec.Region, Living: in.Living,
	}
}

// foundation is what the control plane stands on.
func (in *Intent) foundation() foundation.Intent {
	spec, status := &in.ControlPlane.Spec, &in.ControlPlane.Status
	f := foundation.Intent{Known: in.Known, Object: in.ControlPlane, Owner: in.owner(), NetworkSpec: spec.Network, EKS: in.ControlPlane.ClusterName(),
		BastionSpec: spec.Bastion, SSHKeyName: spec.SSHKeyName, BastionStatus: status.Bastion,
		Recorded: ownership.RecordsOfControlPlane(in.ControlPlane), Pending: status.PendingCreations}
	if spec.SecondaryCidrBlock != nil {
		f.PodBlock = *spec.SecondaryCidrBlock
	}
	f.Partition = cmp.Or(in.Partition, spec.Partition)
	if f.Deleting() {
		f.Further = loadbalancer.DeleteKinds()
	}
	return f
}

// roleName is the name of the role that EKS assumes: what spec says, or the one that
// existing installations have, or one of the cluster's own.
func (in *Intent) roleName() string {
	switch spec := &in.ControlPlane.Spec; {
	case spec.RoleName != nil:
		return *spec.RoleName
	case in.MakeRoles:
		return in.generatedRoleName()
	}
	return controlplanev1.DefaultControlPlaneRole
}

// generatedRoleName is CAPA's, where IAM takes it: names of roles have 64 characters at most, and those of Clusters 63.
func (in *Intent) generatedRoleName() string {
	const most = 64
	if name := in.Name + controlplanev1.ControlPlaneRoleSuffix; len(name) <= most {
		return name
	}
	return infrav1.EKSName(in.Name, "iam-service-role", most)
}

// clusterPolicy is what every role has that EKS assumes.
const clusterPolicy = "AmazonEKSClusterPolicy"

func (in *Intent) role() iamrole.Intent {
	spec := &in.ControlPlane.Spec
	return iamrole.Intent{Owner: in.owner(), Area: areaRole, Failed: controlplanev1.IAMControlPlaneRolesReconciliationFailedReason, Name: in.roleName(), Field: "spec.roleName", Generated: in.generatedRoleName(),
		Make: in.MakeRoles, Path: spec.RolePath, Boundary: spec.RolePermissionsBoundary, Service: "eks.amazonaws.com",
		Policies: []string{fmt.Sprintf("arn:%s:iam::aws:policy/%s", cmp.Or(in.Partition, spec.Partition, "aws"), clusterPolicy)},
		Further:  spec.RoleAdditionalPolicies, Allowed: in.RolePolicies}
}

// cluster is the EKS cluster, on a network and with a role.
func (in *Intent) cluster(n *network.State, role *iamrole.State) eks.Intent {
	c, spec := in.ControlPlane, &in.ControlPlane.Spec
	owner := in.owner()
	owner.Cluster = c.ClusterName()
	e := eks.Intent{Owner: owner, Name: c.ClusterName(), Force: spec.Force, RoleARN: role.ARN(), PrivateOnly: spec.RestrictPrivateSubnets,
		Endpoint: eks.Endpoint{Public: spec.EndpointAccess.Public, Private: spec.EndpointAccess.Private, CIDRs: masked(spec.EndpointAccess.PublicCIDRs)},
		IPv6:     spec.Network.VPC.IPv6 != nil, ServiceCIDR: in.ServiceCIDR, SelfManagedAddons: spec.BootstrapSelfManagedAddons, DeletionProtection: spec.DeletionProtection,
		ZonalShift: spec.ZonalShift, Recorded: spec.ControlPlaneEndpoint.Host,
		Updates: eksupdate.Intent{Last: updateOf(c.Status.Update), Settled: in.Settled, RetryFailed: in.RetryFailed, Generation: strconv.FormatInt(c.Generation, 10)}}
	if spec.Version != nil {
		e.Version = *spec.Version
	}
	if in.Advice != nil {
		e.Advised = in.Advice.against
	}
	if l := spec.Logging; l != nil {
		e.Logs = logTypes(l)
	}
	if x := spec.EncryptionConfig; x != nil && x.Provider != nil && len(x.Resources) > 0 {
		// EKS encrypts everything by now, and yet refuses a configuration that says of nothing.
		e.Encryption = &ekstypes.EncryptionConfig{Provider: &ekstypes.Provider{KeyArn: x.Provider}, Resources: x.Resources} //nolint:staticcheck // see above
	}
	if a := spec.AccessConfig; a != nil {
		e.AuthenticationMode, e.CreatorAdmin = ekstypes.AuthenticationMode(strings.ToUpper(string(a.AuthenticationMode))), a.BootstrapClusterCreatorAdminPermissions
	}
	if spec.UpgradePolicy != nil {
		e.SupportType = ekstypes.SupportType(strings.ToUpper(string(*spec.UpgradePolicy)))
	}
	if spec.ScalingTier != nil {
		e.ScalingTier = ekstypes.ProvisionedControlPlaneTier(*spec.ScalingTier)
	}
	if m := spec.AutoMode; m != nil {
		e.AutoMode = &eks.AutoMode{Enabled: m.Enabled, NodeRoleARN: m.NodeRoleARN}
		for _, pool := range m.NodePools {
			e.AutoMode.NodePools = append(e.AutoMode.NodePools, string(pool))
		}
	}
	in.place(&e, n, role)
	return e
}

// place says where the cluster stands, and what of that isn't there yet.
func (in *Intent) place(e *eks.Intent, n *network.State, role *iamrole.State) {
	if n.VPC == nil {
		e.WaitsFor = "the VPC"
	}
	for _, s := range n.Subnets {
		switch {
		case s.Edge(), s.Pods(), network.WithoutEKS(n.ZoneID(s.Spec.AvailabilityZone)):
		case s.Row == nil:
			e.WaitsFor = cmp.Or(e.WaitsFor, "the subnets")
		default:
			e.Subnets = append(e.Subnets, eks.Subnet{ID: s.ID(), Zone: s.Spec.AvailabilityZone, Public: s.Spec.IsPublic})
		}
	}
	if group := n.GroupID(infrav1.SecurityGroupEKSNodeAdditional); group != "" {
		e.GroupIDs = []string{group}
	} else {
		e.WaitsFor = cmp.Or(e.WaitsFor, "security group "+string(infrav1.SecurityGroupEKSNodeAdditional))
	}
	if role.ARN() == "" {
		e.WaitsFor = cmp.Or(e.WaitsFor, "role "+role.Name)
	}
}

// masked are ranges without what stands behind their masks, as EKS shows them.
func masked(blocks []string) []string {
	var all []string
	for _, b := range blocks {
		if prefix, err := netip.ParsePrefix(b); err == nil {
			b = prefix.Masked().String()
		}
		all = append(all, b)
	}
	return all
}

// logTypes are the types that are to be logged; not nil, though it may be none.
func logTypes(l *controlplanev1.ControlPlaneLoggingSpec) []ekstypes.LogType {
	on := []ekstypes.LogType{}
	for kind, wanted := range map[ekstypes.LogType]bool{ekstypes.LogTypeApi: l.APIServer, ekstypes.LogTypeAudit: l.Audit, ekstypes.LogTypeAuthenticator: l.Authenticator,
		ekstypes.LogTypeControllerManager: l.ControllerManager, ekstypes.LogTypeScheduler: l.Scheduler} {
		if wanted {
			on = append(on, kind)
		}
	}
	slices.Sort(on)
	return on
}
