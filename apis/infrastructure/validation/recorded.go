package validation

import (
	"k8s.io/apimachinery/pkg/util/validation/field"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/apis/validation"
)

// What the server records in each kind; see validation.Recorded.
var specPath = field.NewPath("spec")

var machineRecords = []validation.Recorded[infrav1.AWSMachineSpec]{
	{Path: []string{"providerID"}, Value: func(s *infrav1.AWSMachineSpec) any { return validation.Deref(s.ProviderID) }},
	{Path: []string{"instanceID"}, Value: func(s *infrav1.AWSMachineSpec) any { return validation.Deref(s.InstanceID) }},
	{Path: []string{"cloudInit", "secretPrefix"}, Value: func(s *infrav1.AWSMachineSpec) any { return validation.Given(cloudInit(s).SecretPrefix) }},
	{Path: []string{"cloudInit", "secureSecretsBackend"}, Value: func(s *infrav1.AWSMachineSpec) any { return validation.Given(cloudInit(s).SecureSecretsBackend) }, Free: hasNoSecrets},
	{Path: []string{"cloudInit", "secretCount"}, Value: func(s *infrav1.AWSMachineSpec) any { return validation.Given(cloudInit(s).SecretCount) }},
}

var poolRecords = []validation.Recorded[infrav1.AWSMachinePoolSpec]{
	{Path: []string{"providerID"}, Value: func(s *infrav1.AWSMachinePoolSpec) any { return validation.Given(s.ProviderID) }},
	{Path: []string{"providerIDList"}, Value: func(s *infrav1.AWSMachinePoolSpec) any {
		if len(s.ProviderIDList) == 0 {
			return nil
		}
		return s.ProviderIDList
	}},
}

var clusterRecords = []validation.Recorded[infrav1.AWSClusterSpec]{
	{Path: []string{"partition"}, Value: func(s *infrav1.AWSClusterSpec) any { return validation.Given(s.Partition) }},
	{Path: []string{"controlPlaneEndpoint"}, Value: func(s *infrav1.AWSClusterSpec) any { return validation.Given(s.ControlPlaneEndpoint) }, Free: endpointIsFree},
	{Path: []string{"network", "vpc", "id"}, Value: func(s *infrav1.AWSClusterSpec) any { return validation.Given(s.Network.VPC.ID) }, Free: hasVPC},
	{Path: []string{"network", "vpc", "cidrBlock"}, Value: func(s *infrav1.AWSClusterSpec) any { return validation.Given(s.Network.VPC.CidrBlock) }, Free: hasNoVPC},
	{Path: []string{"network", "vpc", "internetGatewayId"}, Value: func(s *infrav1.AWSClusterSpec) any { return validation.Deref(s.Network.VPC.InternetGatewayID) }},
	{Path: []string{"network", "vpc", "carrierGatewayId"}, Value: func(s *infrav1.AWSClusterSpec) any { return validation.Deref(s.Network.VPC.CarrierGatewayID) }},
	{Path: []string{"network", "vpc", "ipv6", "cidrBlock"}, Value: func(s *infrav1.AWSClusterSpec) any { return validation.Given(vpcIPv6(s).CidrBlock) }, Free: hasNoVPC},
	{Path: []string{"network", "vpc", "ipv6", "poolId"}, Value: func(s *infrav1.AWSClusterSpec) any { return validation.Given(vpcIPv6(s).PoolID) }, Free: hasNoVPC},
	{Path: []string{"network", "vpc", "ipv6", "egressOnlyInternetGatewayId"}, Value: func(s *infrav1.AWSClusterSpec) any {
		return validation.Deref(vpcIPv6(s).EgressOnlyInternetGatewayID)
	}},
}

var managedClusterRecords = []validation.Recorded[infrav1.AWSManagedClusterSpec]{
	{Path: []string{"controlPlaneEndpoint"}, Value: func(s *infrav1.AWSManagedClusterSpec) any { return validation.Given(s.ControlPlaneEndpoint) },
		Free: func(old *infrav1.AWSManagedClusterSpec) bool { return !old.ControlPlaneEndpoint.IsZero() }},
}

// The name of a role that is set has a rule of its own, for the server too.
var managedPoolRecords = []validation.Recorded[infrav1.AWSManagedMachinePoolSpec]{
	{Path: []string{"providerIDList"}, Value: func(s *infrav1.AWSManagedMachinePoolSpec) any {
		if len(s.ProviderIDList) == 0 {
			return nil
		}
		return s.ProviderIDList
	}},
	{Path: []string{"roleName"}, Value: func(s *infrav1.AWSManagedMachinePoolSpec) any { return validation.Given(s.RoleName) },
		Free: func(old *infrav1.AWSManagedMachinePoolSpec) bool { return old.RoleName != "" }},
}

// The name of a role that is set has a rule of its own, for the server too.
var profileRecords = []validation.Recorded[infrav1.AWSFargateProfileSpec]{
	{Path: []string{"roleName"}, Value: func(s *infrav1.AWSFargateProfileSpec) any { return validation.Given(s.RoleName) },
		Free: func(old *infrav1.AWSFargateProfileSpec) bool { return old.RoleName != "" }},
}

var subnetRecords = []validation.Recorded[infrav1.SubnetSpec]{
	{Path: []string{"resourceID"}, Value: func(s *infrav1.SubnetSpec) any { return validation.Given(s.ResourceID) }},
	{Path: []string{"routeTableId"}, Value: func(s *infrav1.SubnetSpec) any { return validation.Deref(s.RouteTableID) }},
	{Path: []string{"natGatewayId"}, Value: func(s *infrav1.SubnetSpec) any { return validation.Deref(s.NatGatewayID) }},
}

// FoundationRecords are the paths of what is recorded of all that every kind of cluster stands on.
var FoundationRecords = append(validation.Paths(clusterRecords), validation.Paths(subnetRecords, "network", "subnets")...)

func recordedByCluster(cluster, old *infrav1.AWSCluster) field.ErrorList {
	return ChangedFoundation(&cluster.Spec, &old.Spec, specPath)
}

// ChangedFoundation reports what is recorded of all that every kind of cluster stands on and
// differs from the old spec.
func ChangedFoundation(updated, old *infrav1.AWSClusterSpec, path *field.Path) field.ErrorList {
	errs := validation.ChangedRecords(clusterRecords, updated, old, path)
	return append(errs, changedSubnets(updated, old, path)...)
}

func recordedByManagedCluster(cluster, old *infrav1.AWSManagedCluster) field.ErrorList {
	return validation.ChangedRecords(managedClusterRecords, &cluster.Spec, &old.Spec, specPath)
}

func recordedByProfile(profile, old *infrav1.AWSFargateProfile) field.ErrorList {
	return validation.ChangedRecords(profileRecords, &profile.Spec, &old.Spec, specPath)
}

func recordedByMachine(machine, old *infrav1.AWSMachine) field.ErrorList {
	return validation.ChangedRecords(machineRecords, &machine.Spec, &old.Spec, specPath)
}

func recordedByPool(pool, old *infrav1.AWSMachinePool) field.ErrorList {
	return validation.ChangedRecords(poolRecords, &pool.Spec, &old.Spec, specPath)
}

func recordedByManagedPool(pool, old *infrav1.AWSManagedMachinePool) field.ErrorList {
	return validation.ChangedRecords(managedPoolRecords, &pool.Spec, &old.Spec, specPath)
}

// changedSubnets judges subnets by their ids: a list can be reordered, and subnets may go.
// A subnet that is added has nothing recorded yet.
func changedSubnets(updated, old *infrav1.AWSClusterSpec, path *field.Path) field.ErrorList {
	before := map[string]*infrav1.SubnetSpec{}
	for i := range old.Network.Subnets {
		before[old.Network.Subnets[i].ID] = &old.Network.Subnets[i]
	}
	var errs field.ErrorList
	for i := range updated.Network.Subnets {
		subnet := &updated.Network.Subnets[i]
		was := before[subnet.ID]
		if was == nil {
			was = &infrav1.SubnetSpec{}
		}
		errs = append(errs, validation.ChangedRecords(subnetRecords, subnet, was, path.Child("network", "subnets").Index(i))...)
	}
	return errs
}

// endpointIsFree: an endpoint that is set has a rule of its own, for the server too; and one
// without a load balancer of ours is set by whoever provides it.
func endpointIsFree(old *infrav1.AWSClusterSpec) bool {
	lb := old.ControlPlaneLoadBalancer
	return !old.ControlPlaneEndpoint.IsZero() || lb != nil && lb.LoadBalancerType == infrav1.LoadBalancerTypeDisabled
}

// hasVPC: the id of a VPC that is set has a rule of its own, for the server too.
func hasVPC(old *infrav1.AWSClusterSpec) bool   { return old.Network.VPC.ID != "" }
func hasNoVPC(old *infrav1.AWSClusterSpec) bool { return old.Network.VPC.ID == "" }

// hasNoSecrets: where the secrets are that a prefix and a count name is recorded with them.
func hasNoSecrets(old *infrav1.AWSMachineSpec) bool { return cloudInit(old).SecretCount == 0 }

func cloudInit(s *infrav1.AWSMachineSpec) infrav1.CloudInit {
	if s.CloudInit == nil {
		return infrav1.CloudInit{}
	}
	return *s.CloudInit
}

func vpcIPv6(s *infrav1.AWSClusterSpec) infrav1.IPv6 {
	if s.Network.VPC.IPv6 == nil {
		return infrav1.IPv6{}
	}
	return *s.Network.VPC.IPv6
}
