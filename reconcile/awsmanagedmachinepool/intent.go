package awsmanagedmachinepool

import (
	"cmp"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bootstrap"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eks"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ekschild"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eksupdate"
	"github.com/capa-apiserver/capa-apiserver/reconcile/iamrole"
	"github.com/capa-apiserver/capa-apiserver/reconcile/infrastructure"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
	"github.com/capa-apiserver/capa-apiserver/reconcile/machinepool"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/nodegroup"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
)

// rolePolicies are what the role of nodes has.
var rolePolicies = []string{"AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryReadOnly"}

// Intent is what is wanted: the object, and what belongs to it elsewhere.
type Intent struct {
	// Pool is the AWSManagedMachinePool, Owner its MachinePool. They are never changed.
	Pool  *infrav1.AWSManagedMachinePool
	Owner *clusterv1.MachinePool
	// Cluster and ControlPlane are what it is for, each nil while there is none; Infra is the
	// latter's infrastructure.
	Cluster      *clusterv1.Cluster
	ControlPlane *controlplanev1.AWSManagedControlPlane
	Infra        *infrastructure.Cluster
	// MakeRoles lets IAM roles be made, with RolePolicies.
	MakeRoles    bool
	RolePolicies cloud.RolePolicies
	Living       ownership.Living
	// Failures are the errors of the latest attempts, by area.
	Failures map[string][]string
	// Acting tells whether the intent is of who acts, and not of who only looks.
	Acting bool

	// What follows is only known to who acts.

	// Settled is the update of which the node group was read after its end; RetryFailed tells
	// that what failed may be tried again.
	Settled     string
	RetryFailed bool
	// Bootstrap is the bootstrap data, and ImageID what the instances run, where the launch
	// template says it.
	Bootstrap *bootstrap.Data
	ImageID   string
	Image     *ec2types.Image
	// Unsettled says what is still changing that has nodes replaced, "" for nothing.
	Unsettled string
}

func (in *Intent) deleting() bool { return !in.Pool.DeletionTimestamp.IsZero() }

// started tells that the control plane was there once.
func (in *Intent) started() bool {
	return in.ControlPlane != nil && in.ControlPlane.Status.Initialization != nil && aws.ToBool(in.ControlPlane.Status.Initialization.ControlPlaneInitialized)
}

// owner is on whose behalf resources are judged.
func (in *Intent) owner() ownership.Owner {
	p, c := in.Pool, in.ControlPlane
	return ownership.Owner{
		Owner: names.Owner{Cluster: in.Cluster.Name, UID: string(p.UID), Namespace: p.Namespace, Additional: in.userTags()},
		Kind:  ownership.KindManagedPool, Former: p.Status.FormerUIDs, Name: p.Name, Created: p.CreationTimestamp.Time,
		Account: c.Status.AccountID, Region: c.Spec.Region, Living: in.Living,
	}
}

// userTags are the tags that users chose, for the cluster or the pool.
func (in *Intent) userTags() map[string]string {
	tags := map[string]string{}
	maps.Copy(tags, in.ControlPlane.Spec.AdditionalTags)
	maps.Copy(tags, in.Pool.Spec.AdditionalTags)
	return tags
}

// roleName is the name of the role of the nodes: what spec says, or the one that existing
// installations have, or one of the pool's own.
func (in *Intent) roleName() string {
	switch {
	case in.Pool.Spec.RoleName != "":
		return in.Pool.Spec.RoleName
	case in.MakeRoles:
		return in.Pool.GeneratedRoleName(in.ControlPlane.ClusterName())
	}
	return infrav1.DefaultNodegroupRole
}

func (in *Intent) role() iamrole.Intent {
	spec := &in.Pool.Spec
	r := iamrole.Intent{Owner: in.owner(), Area: areaRole, Failed: infrav1.IAMNodegroupRolesReconciliationFailedReason, Name: in.roleName(), Field: "spec.roleName", Generated: in.Pool.GeneratedRoleName(in.ControlPlane.ClusterName()),
		Make: in.MakeRoles, Path: spec.RolePath, Boundary: spec.RolePermissionsBoundary, Service: "ec2.amazonaws.com"}
	for _, policy := range rolePolicies {
		r.Policies = append(r.Policies, "arn:"+cmp.Or(in.ControlPlane.Spec.Partition, "aws")+":iam::aws:policy/"+policy)
	}
	r.Further, r.Allowed = spec.RoleAdditionalPolicies, in.RolePolicies
	return r
}

// version is the minor version that the nodes are to have, "" where nobody says.
func (in *Intent) version() string {
	if in.Owner == nil {
		return ""
	}
	return eks.Release(in.Owner.Spec.Template.Spec.Version)
}

// nodegroup is the node group, of a cluster, with a role and a launch template.
func (in *Intent) nodegroup(snap *mirror.Snapshot, role *iamrole.State, template *nodegroup.Template) nodegroup.Intent {
	spec := &in.Pool.Spec
	cluster := in.cluster(snap)
	g := nodegroup.Intent{
		Parent: ekschild.Parent{Cluster: in.ControlPlane.ClusterName(), Named: in.ControlPlane.ClusterName(), Owner: in.owner(), Foreign: cluster.Foreign(), Removed: in.removedTags()},
		Name:   in.Pool.NodegroupName(), RoleARN: role.ARN(), Chosen: len(spec.SubnetIDs) == 0, Version: in.version(), Release: aws.ToString(spec.AMIVersion),
		InstanceTypes: spec.InstanceTypes, DiskSize: spec.DiskSize, Labels: spec.Labels, Scaling: in.scaling(), Template: template, Force: spec.ForceUpdate,
		RemoteAccess: in.remoteAccess(), UpdateConfig: updateConfig(spec.UpdateConfig), Repair: repair(spec.NodeRepairConfig),
		Updates: eksupdate.Intent{Last: lastUpdate(in.Pool.Status.Update), Settled: in.Settled, RetryFailed: in.RetryFailed, Generation: in.generation()},
	}
	if t := aws.ToString(spec.InstanceType); t != "" {
		g.InstanceTypes = []string{t}
	}
	if t := spec.AMIType; t != nil && *t != infrav1.AMITypeCustom {
		g.AMIType = ekstypes.AMITypes(*t)
	} else if template == nil || !template.Given {
		g.AMIType = nodegroup.DefaultAMIType(spec.AllInstanceTypes())
	}
	if t := spec.CapacityType; t != nil {
		g.CapacityType = capacityTypes[*t]
	}
	for _, t := range spec.Taints {
		g.Taints = append(g.Taints, ekstypes.Taint{Key: aws.String(t.Key), Value: aws.String(t.Value), Effect: taintEffects[t.Effect]})
	}
	own := cluster.Own()
	active := own != nil && own.Status == ekstypes.ClusterStatusActive
	if own != nil {
		g.ClusterVersion = aws.ToString(own.Version)
	}
	follows := in.Infra.NodesWait(in.version(), true)
	switch g.RotationWaitsFor = cmp.Or(in.Unsettled, follows); {
	case !active:
		g.WaitsFor = "EKS cluster " + g.Cluster + " to be ACTIVE"
		g.RotationWaitsFor = cmp.Or(follows, g.WaitsFor)
	case g.RoleARN == "":
		g.WaitsFor = "role " + role.Name
	}
	return g
}

// generation tells apart for what updates were begun: another one may go through.
func (in *Intent) generation() string {
	var owner int64
	if in.Owner != nil {
		owner = in.Owner.Generation
	}
	return fmt.Sprintf("%d.%d", in.Pool.Generation, owner)
}

var (
	capacityTypes = map[infrav1.ManagedMachinePoolCapacityType]ekstypes.CapacityTypes{
		infrav1.ManagedMachinePoolCapacityTypeOnDemand:      ekstypes.CapacityTypesOnDemand,
		infrav1.ManagedMachinePoolCapacityTypeSpot:          ekstypes.CapacityTypesSpot,
		infrav1.ManagedMachinePoolCapacityTypeCapacityBlock: ekstypes.CapacityTypesCapacityBlock,
	}
	taintEffects = map[infrav1.TaintEffect]ekstypes.TaintEffect{
		infrav1.TaintEffectNoSchedule:       ekstypes.TaintEffectNoSchedule,
		infrav1.TaintEffectNoExecute:        ekstypes.TaintEffectNoExecute,
		infrav1.TaintEffectPreferNoSchedule: ekstypes.TaintEffectPreferNoSchedule,
	}
	strategies = map[infrav1.NodegroupUpdateStrategy]ekstypes.NodegroupUpdateStrategies{
		infrav1.NodegroupUpdateStrategyDefault: ekstypes.NodegroupUpdateStrategiesDefault,
		infrav1.NodegroupUpdateStrategyMinimal: ekstypes.NodegroupUpdateStrategiesMinimal,
	}
)

// replicas is how many nodes the MachinePool wants.
func (in *Intent) replicas() int32 {
	if in.Owner == nil || in.Owner.Spec.Replicas == nil {
		return 1
	}
	return *in.Owner.Spec.Replicas
}

// scaling is how many nodes there are to be. A bound that the spec doesn't say goes with the
// number, unless somebody else decides on that.
func (in *Intent) scaling() nodegroup.Scaling {
	n := in.replicas()
	s := nodegroup.Scaling{Initial: n}
	if given := in.Pool.Spec.Scaling; given != nil {
		s.Min, s.Max = given.MinSize, given.MaxSize
	}
	if machinepool.ScaledElsewhere(in.Owner) {
		return s
	}
	if s.Min == nil {
		lower := n
		if s.Max != nil {
			lower = min(n, *s.Max)
		}
		s.Min = &lower
	}
	if s.Max == nil {
		upper := max(n, *s.Min, 1)
		s.Max = &upper
	}
	s.Desired = &n
	if in.outOfBounds() != "" {
		s.Desired = nil
	}
	return s
}

// outOfBounds says that the MachinePool wants what can't be, "" where it can.
func (in *Intent) outOfBounds() string {
	n, given := in.replicas(), in.Pool.Spec.Scaling
	if given == nil || machinepool.ScaledElsewhere(in.Owner) || (given.MinSize == nil || n >= *given.MinSize) && (given.MaxSize == nil || n <= *given.MaxSize) {
		return ""
	}
	return fmt.Sprintf("the MachinePool wants %d replicas, which spec.scaling of the AWSManagedMachinePool doesn't allow (%s); change spec.replicas of the one, or spec.scaling of the other",
		n, bounds(given))
}

func bounds(s *infrav1.ManagedMachinePoolScaling) string {
	var parts []string
	if s.MinSize != nil {
		parts = append(parts, "at least "+strconv.Itoa(int(*s.MinSize)))
	}
	if s.MaxSize != nil {
		parts = append(parts, "at most "+strconv.Itoa(int(*s.MaxSize)))
	}
	return strings.Join(parts, ", ")
}

// remoteAccess lets SSH in, where the spec says so: from anywhere, or from what it names, or
// from the cluster and its bastion host.
func (in *Intent) remoteAccess() *ekstypes.RemoteAccessConfig {
	given := in.Pool.Spec.RemoteAccess
	if given == nil {
		return nil
	}
	r := &ekstypes.RemoteAccessConfig{Ec2SshKey: in.sshKey(), SourceSecurityGroups: given.SourceSecurityGroups}
	if given.Public || len(given.SourceSecurityGroups) > 0 {
		return r
	}
	for _, role := range []infrav1.SecurityGroupRole{infrav1.SecurityGroupCluster, infrav1.SecurityGroupBastion} {
		if id := in.Infra.Groups[role]; id != "" {
			r.SourceSecurityGroups = append(r.SourceSecurityGroups, id)
		}
	}
	return r
}

// sshKey is the key pair of the nodes: what the pool says, or the control plane.
func (in *Intent) sshKey() *string {
	if r := in.Pool.Spec.RemoteAccess; r != nil && aws.ToString(r.SSHKeyName) != "" {
		return r.SSHKeyName
	}
	if key := in.ControlPlane.Spec.SSHKeyName; aws.ToString(key) != "" {
		return key
	}
	return nil
}

func updateConfig(c *infrav1.UpdateConfig) *ekstypes.NodegroupUpdateConfig {
	if c == nil {
		return nil
	}
	number := func(n *int) *int32 {
		if n == nil {
			return nil
		}
		return aws.Int32(int32(*n))
	}
	return &ekstypes.NodegroupUpdateConfig{MaxUnavailable: number(c.MaxUnavailable), MaxUnavailablePercentage: number(c.MaxUnavailablePercentage), UpdateStrategy: strategies[c.UpdateStrategy]}
}

func repair(c *infrav1.NodeRepairConfig) *ekstypes.NodeRepairConfig {
	if c == nil {
		return nil
	}
	r := &ekstypes.NodeRepairConfig{Enabled: aws.Bool(aws.ToBool(c.Enabled)), MaxUnhealthyNodeThresholdCount: c.MaxUnhealthyNodeThresholdCount,
		MaxUnhealthyNodeThresholdPercentage: c.MaxUnhealthyNodeThresholdPercentage, MaxParallelNodesRepairedCount: c.MaxParallelNodesRepairedCount,
		MaxParallelNodesRepairedPercentage: c.MaxParallelNodesRepairedPercentage}
	for i := range c.Overrides {
		o := &c.Overrides[i]
		r.NodeRepairConfigOverrides = append(r.NodeRepairConfigOverrides, ekstypes.NodeRepairConfigOverrides{NodeMonitoringCondition: &o.NodeMonitoringCondition,
			NodeUnhealthyReason: &o.NodeUnhealthyReason, MinRepairWaitTimeMins: &o.MinRepairWaitTimeMins, RepairAction: ekstypes.RepairAction(o.RepairAction)})
	}
	return r
}

// subnets are where the nodes run. The error says what of the wishes can't be.
func (in *Intent) subnets(snap *mirror.Snapshot) ([]string, error) {
	spec := infrav1.AWSMachinePoolSpec{AvailabilityZones: in.Pool.Spec.AvailabilityZones, AvailabilityZoneSubnetType: in.Pool.Spec.AvailabilityZoneSubnetType}
	for _, id := range in.Pool.Spec.SubnetIDs {
		spec.Subnets = append(spec.Subnets, infrav1.AWSResourceReference{ID: aws.String(id)})
	}
	if private := infrav1.AZSubnetTypePrivate; spec.AvailabilityZoneSubnetType == nil {
		spec.AvailabilityZoneSubnetType = &private
	}
	var domains []string
	if in.Owner != nil {
		domains = in.Owner.Spec.FailureDomains
	}
	ids, err := instance.PoolSubnets(&spec, in.Infra, domains, in.Living, snap)
	if err != nil {
		return nil, fmt.Errorf("%s", strings.ReplaceAll(err.Error(), "spec.subnets", "spec.subnetIDs"))
	}
	return ids, nil
}

// namesSubnets tells that the spec names subnets that only AWS may know.
func (in *Intent) namesSubnets() bool { return len(in.Pool.Spec.SubnetIDs) > 0 }

// cluster is the EKS cluster, which may turn out to be somebody else's.
func (in *Intent) cluster(snap *mirror.Snapshot) *eks.State {
	return eks.Of(in.ControlPlane, in.Living, snap)
}

func (in *Intent) clusterRow() mirror.Interest {
	return mirror.Interest{Kind: mirror.EKSClusters.Kind, IDs: []string{in.ControlPlane.ClusterName()}}
}

// removedTags are the keys of users' tags that were put on once and that nobody wants any more.
func (in *Intent) removedTags() []string { return names.Unwanted(in.Pool, in.owner().UserTags()) }

// lastUpdate is the latest update that a status keeps, nil for none.
func lastUpdate(u *infrav1.NodegroupUpdate) *eksupdate.Update {
	if u == nil {
		return nil
	}
	return eksupdate.Of(eksupdate.Stored{ID: u.ID, Type: u.Type, State: u.State, Message: u.Message, ParamsHash: u.ParamsHash, Since: u.Since})
}

func showUpdate(u *eksupdate.Update) *infrav1.NodegroupUpdate {
	if u == nil {
		return nil
	}
	s := u.Stored()
	return &infrav1.NodegroupUpdate{ID: s.ID, Type: s.Type, State: s.State, Message: s.Message, ParamsHash: s.ParamsHash, Since: s.Since}
}

// configured tells that the MachinePool has bootstrap data, or is to get some.
func (in *Intent) configured() bool {
	return in.Owner != nil && (in.secretName() != "" || in.Owner.Spec.Template.Spec.Bootstrap.ConfigRef.IsDefined())
}

// secretName is the name of the Secret with the bootstrap data, or "".
func (in *Intent) secretName() string {
	if in.Owner == nil {
		return ""
	}
	return aws.ToString(in.Owner.Spec.Template.Spec.Bootstrap.DataSecretName)
}
