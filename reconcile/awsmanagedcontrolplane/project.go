package awsmanagedcontrolplane

import (
	"cmp"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"k8s.io/apimachinery/pkg/api/equality"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	controlplanev1 "github.com/capa-apiserver/capa-apiserver/apis/controlplane/v2beta1"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/conditions"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eks"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eksparts"
	"github.com/capa-apiserver/capa-apiserver/reconcile/eksupdate"
	"github.com/capa-apiserver/capa-apiserver/reconcile/plan"
)

// Project returns the object with what has to be recorded in the spec (decisions and ids),
// and with its status. Conditions that changed carry no time.
func Project(in Intent, snap *mirror.Snapshot) *controlplanev1.AWSManagedControlPlane {
	into := in.ControlPlane.DeepCopy()
	v := observe(in, snap)
	v.Record(into)
	v.Status(into)
	return into
}

// Record writes decisions and ids into the spec, if there are new ones.
func (v *view) Record(into *controlplanev1.AWSManagedControlPlane) bool {
	if v.Blind() || v.Contested() || v.Deleting() {
		return false
	}
	spec := *v.ControlPlane.Spec.DeepCopy()
	spec.Network = *v.Network.Record.DeepCopy()
	spec.EKSClusterName = v.ControlPlane.ClusterName()
	if spec.Partition == "" {
		spec.Partition = v.Intent.Partition
	}
	if spec.RoleName == nil {
		spec.RoleName = &v.role.Name
	}
	if v.cluster.Active() && spec.ControlPlaneEndpoint.IsZero() {
		spec.ControlPlaneEndpoint = infrav1.APIEndpoint{Host: aws.ToString(v.cluster.Row.Endpoint), Port: apiPort}
	}
	changed := v.recordParts(into)
	if equality.Semantic.DeepEqual(spec, v.ControlPlane.Spec) {
		return changed
	}
	into.Spec = spec
	return true
}

// Status writes the status.
func (v *view) Status(into *controlplanev1.AWSManagedControlPlane) {
	if v.Silent(into, v.todo) {
		return
	}
	status := &into.Status
	status.PendingCreations = v.Unsettled()
	if status.AccountID == "" && v.Network.VPCID() != "" {
		status.AccountID = v.snap.Scope.Account // that of an object without status is where its network is
	}
	status.ExternalManagedControlPlane, status.ObservedGeneration = aws.Bool(true), into.Generation
	v.networkStatus(status)
	status.Bastion = v.Bastion.Status(v.ControlPlane.Status.Bastion)
	if v.cluster.Seen() {
		v.clusterStatus(status)
		v.partsStatus(status)
	}
	v.conditions(into)
	v.setFailureMessage(into)
}

func (v *view) networkStatus(status *controlplanev1.AWSManagedControlPlaneStatus) {
	n := infrav1.NetworkStatus{SecurityGroups: v.Network.GroupStatus()}
	n.NatGatewaysIPs, _ = v.Network.NATAddresses()
	if c := v.cluster.Own(); c != nil && c.ResourcesVpcConfig != nil && aws.ToString(c.ResourcesVpcConfig.ClusterSecurityGroupId) != "" {
		group := infrav1.SecurityGroup{ID: *c.ResourcesVpcConfig.ClusterSecurityGroupId}
		if row, ok := mirror.Get(v.snap, mirror.SecurityGroups, group.ID); ok {
			group.Name, group.Tags = aws.ToString(row.GroupName), mirror.SecurityGroups.Tags(row)
		}
		if n.SecurityGroups == nil {
			n.SecurityGroups = map[infrav1.SecurityGroupRole]infrav1.SecurityGroup{}
		}
		// The group is for control plane and nodes alike.
		n.SecurityGroups[infrav1.SecurityGroupCluster], n.SecurityGroups[infrav1.SecurityGroupNode] = group, group
	}
	status.NetworkStatus = n
	status.FailureDomains = v.Network.FailureDomains(nil, true)
}

// clusterStatus shows the EKS cluster.
func (v *view) clusterStatus(status *controlplanev1.AWSManagedControlPlaneStatus) {
	c, active := v.cluster.Own(), v.cluster.Active()
	status.Ready = active
	status.Version, status.Versions, status.PlatformVersion = nil, nil, ""
	if version := v.cluster.Version(); version != "" {
		status.Version, status.Versions = &version, []controlplanev1.ControlPlaneVersion{{Version: version}}
		status.PlatformVersion = aws.ToString(c.PlatformVersion)
	}
	if c != nil && c.KubernetesNetworkConfig != nil {
		status.ServiceCIDR = cmp.Or(aws.ToString(c.KubernetesNetworkConfig.ServiceIpv4Cidr), aws.ToString(c.KubernetesNetworkConfig.ServiceIpv6Cidr))
	}
	status.Update = showUpdate(v.cluster.Updates.Current)
	if v.Deleting() || !active {
		return
	}
	if status.Initialization == nil {
		status.Initialization = &controlplanev1.Initialization{}
	}
	if v.ControlPlane.Initialized() || v.facts != nil && v.facts.Initialized(&v.endpoint) {
		status.Initialization.ControlPlaneInitialized = aws.Bool(true)
	}
	if v.ControlPlane.Provisioned() || v.Ready(v.settled(), v.areas()...) {
		status.Initialization.Provisioned = aws.Bool(true)
	}
}

// updateOf is the latest update that a status keeps, nil for none.
func updateOf(u *controlplanev1.ClusterUpdate) *eksupdate.Update {
	if u == nil {
		return nil
	}
	return eksupdate.Of(eksupdate.Stored{ID: u.ID, Type: u.Type, State: u.State, Message: u.Message, ParamsHash: u.ParamsHash, Since: u.Since})
}

func showUpdate(u *eksupdate.Update) *controlplanev1.ClusterUpdate {
	if u == nil {
		return nil
	}
	s := u.Stored()
	return &controlplanev1.ClusterUpdate{ID: s.ID, Type: s.Type, State: s.State, Message: s.Message, ParamsHash: s.ParamsHash, Since: s.Since}
}

// areas are what the control plane has conditions of besides its foundation.
func (v *view) areas() []conditions.Area {
	return []conditions.Area{
		{Type: areaRole, Failed: controlplanev1.IAMControlPlaneRolesReconciliationFailedReason},
		{Type: eks.AreaReady, Failed: eks.Failed, Pending: "Creating", Also: []string{eks.AreaUpdating}},
	}
}

// settled is the plan without the updates that are going their way: a control plane that is
// being updated serves its API all the same.
func (v *view) settled() plan.Plan {
	if len(v.Failures[eks.AreaUpdating]) > 0 {
		return v.todo
	}
	return v.todo.Without(eks.AreaUpdating)
}

func (v *view) conditions(into *controlplanev1.AWSManagedControlPlane) {
	v.SetConditions(into, v.settled(), v.areas()...)
	list := []conditions.Condition{v.available()}
	if v.cluster.Own() != nil {
		list = append(list, v.updating(), v.creating())
		if v.cluster.Active() {
			list = append(append(list, v.healthy()), v.upgradeAllowed()...)
		}
	}
	list = append(list, v.partConditions()...)
	list = append(list, v.endpointConditions()...)
	types := slices.Concat([]string{controlplanev1.AvailableCondition, eks.AreaUpdating, eks.AreaCreating, controlplanev1.EKSControlPlaneHealthyCondition, controlplanev1.UpgradeAllowedCondition}, eksparts.AllAreas, endpointAreas)
	conditions.Replace(into, list, types, into.Generation)
}

// available tells Cluster API whether the API server can be used, and its tools, which show
// this condition of a control plane and no other, that it is to go.
func (v *view) available() conditions.Condition {
	c := conditions.Condition{Type: controlplanev1.AvailableCondition, Severity: clusterv1.ConditionSeverityInfo}
	switch {
	case v.Deleting():
		c.Reason, c.Message = infrav1.DeletingReason, "it is being deleted; the condition Ready says what that waits for"
	case v.cluster.Active():
		c.OK = true
	default:
		c.Reason, c.Message = infrav1.InProgressReason, "waiting for EKS cluster "+v.cluster.Name+" to be ACTIVE"
	}
	return c
}

// updating is true while EKS changes the cluster, and has AWS's words where it couldn't.
// (Existing tools know it so.)
func (v *view) updating() conditions.Condition {
	area := conditions.Area{Type: eks.AreaUpdating, Failed: eks.Failed, Failures: v.Failures, Acting: v.Acting}.Condition(v.todo)
	c := conditions.Condition{Type: eks.AreaUpdating, Reason: controlplanev1.UpdatedReason, Severity: clusterv1.ConditionSeverityInfo}
	switch {
	case area.OK && v.cluster.Ahead():
		c.Message = v.ahead()
	case area.OK:
	case area.Severity == clusterv1.ConditionSeverityInfo:
		c.OK, c.Message = true, area.Message
	default:
		c = area
	}
	return c
}

// creating is true while EKS makes the cluster.
func (v *view) creating() conditions.Condition {
	if v.cluster.Own().Status == ekstypes.ClusterStatusCreating {
		return conditions.Condition{Type: eks.AreaCreating, OK: true}
	}
	return conditions.Condition{Type: eks.AreaCreating, Reason: controlplanev1.CreatedReason, Severity: clusterv1.ConditionSeverityInfo}
}

// setFailureMessage tells tools of the older contract of a cluster that EKS couldn't make.
func (v *view) setFailureMessage(into *controlplanev1.AWSManagedControlPlane) {
	var message *string
	if c := v.cluster.Own(); c != nil && c.Status == ekstypes.ClusterStatusFailed {
		message = aws.String("EKS cluster " + v.cluster.Name + " is FAILED")
	}
	if d := into.Status.Deprecated; d != nil && d.V1Beta1 != nil {
		d.V1Beta1.FailureMessage = message
	}
}
