package validation

import (
	"fmt"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// recorded is one field in which the server keeps what it made or chose in AWS. Whoever
// creates an object may give it, to move, restore or adopt; afterwards it is the server's,
// because what it names is changed and deleted.
type recorded[Spec any] struct {
	// path below spec.
	path []string
	// value of the field, nil where it is empty.
	value func(*Spec) any
	// free tells that users may change it, seen from the old spec. It may be nil.
	free func(*Spec) bool
}

var recordedByMachine = []recorded[infrav1.AWSMachineSpec]{
	{path: []string{"providerID"}, value: func(s *infrav1.AWSMachineSpec) any { return deref(s.ProviderID) }},
	{path: []string{"instanceID"}, value: func(s *infrav1.AWSMachineSpec) any { return deref(s.InstanceID) }},
	{path: []string{"cloudInit", "secretPrefix"}, value: func(s *infrav1.AWSMachineSpec) any { return given(cloudInit(s).SecretPrefix) }},
	{path: []string{"cloudInit", "secureSecretsBackend"}, value: func(s *infrav1.AWSMachineSpec) any { return given(cloudInit(s).SecureSecretsBackend) }, free: hasNoSecrets},
	{path: []string{"cloudInit", "secretCount"}, value: func(s *infrav1.AWSMachineSpec) any { return given(cloudInit(s).SecretCount) }},
}

var recordedByPool = []recorded[infrav1.AWSMachinePoolSpec]{
	{path: []string{"providerID"}, value: func(s *infrav1.AWSMachinePoolSpec) any { return given(s.ProviderID) }},
	{path: []string{"providerIDList"}, value: func(s *infrav1.AWSMachinePoolSpec) any {
		if len(s.ProviderIDList) == 0 {
			return nil
		}
		return s.ProviderIDList
	}},
}

var recordedByCluster = []recorded[infrav1.AWSClusterSpec]{
	{path: []string{"partition"}, value: func(s *infrav1.AWSClusterSpec) any { return given(s.Partition) }},
	{path: []string{"controlPlaneEndpoint"}, value: func(s *infrav1.AWSClusterSpec) any { return given(s.ControlPlaneEndpoint) }, free: endpointIsFree},
	{path: []string{"network", "vpc", "id"}, value: func(s *infrav1.AWSClusterSpec) any { return given(s.Network.VPC.ID) }, free: hasVPC},
	{path: []string{"network", "vpc", "cidrBlock"}, value: func(s *infrav1.AWSClusterSpec) any { return given(s.Network.VPC.CidrBlock) }, free: hasNoVPC},
	{path: []string{"network", "vpc", "internetGatewayId"}, value: func(s *infrav1.AWSClusterSpec) any { return deref(s.Network.VPC.InternetGatewayID) }},
	{path: []string{"network", "vpc", "carrierGatewayId"}, value: func(s *infrav1.AWSClusterSpec) any { return deref(s.Network.VPC.CarrierGatewayID) }},
	{path: []string{"network", "vpc", "ipv6", "cidrBlock"}, value: func(s *infrav1.AWSClusterSpec) any { return given(vpcIPv6(s).CidrBlock) }, free: hasNoVPC},
	{path: []string{"network", "vpc", "ipv6", "poolId"}, value: func(s *infrav1.AWSClusterSpec) any { return given(vpcIPv6(s).PoolID) }, free: hasNoVPC},
	{path: []string{"network", "vpc", "ipv6", "egressOnlyInternetGatewayId"}, value: func(s *infrav1.AWSClusterSpec) any {
		return deref(vpcIPv6(s).EgressOnlyInternetGatewayID)
	}},
}

var recordedBySubnet = []recorded[infrav1.SubnetSpec]{
	{path: []string{"resourceID"}, value: func(s *infrav1.SubnetSpec) any { return given(s.ResourceID) }},
	{path: []string{"routeTableId"}, value: func(s *infrav1.SubnetSpec) any { return deref(s.RouteTableID) }},
	{path: []string{"natGatewayId"}, value: func(s *infrav1.SubnetSpec) any { return deref(s.NatGatewayID) }},
}

// Recorded judges an update by anybody but the server: what the server records stays as it
// is. Objects that something else manages are excepted.
func Recorded(newObj, oldObj runtime.Object) field.ErrorList {
	path := field.NewPath("spec")
	switch updated := newObj.(type) {
	case *infrav1.AWSCluster:
		old := oldObj.(*infrav1.AWSCluster)
		if isManagedElsewhere(old.Annotations) {
			return nil
		}
		return append(changedRecords(recordedByCluster, &updated.Spec, &old.Spec, path), changedSubnets(&updated.Spec, &old.Spec, path)...)
	case *infrav1.AWSMachine:
		old := oldObj.(*infrav1.AWSMachine)
		if isManagedElsewhere(old.Annotations) {
			return nil
		}
		return changedRecords(recordedByMachine, &updated.Spec, &old.Spec, path)
	case *infrav1.AWSMachinePool:
		old := oldObj.(*infrav1.AWSMachinePool)
		if isManagedElsewhere(old.Annotations) {
			return nil
		}
		return changedRecords(recordedByPool, &updated.Spec, &old.Spec, path)
	}
	return nil
}

func changedRecords[Spec any](table []recorded[Spec], updated, old *Spec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, f := range table {
		before, after := f.value(old), f.value(updated)
		if apiequality.Semantic.DeepEqual(before, after) || f.free != nil && f.free(old) {
			continue
		}
		advice := "leave it out"
		if before != nil {
			advice = fmt.Sprintf("write %v", before)
		}
		at := path
		for _, name := range f.path {
			at = at.Child(name)
		}
		errs = append(errs, field.Invalid(at, after, "is recorded by the server, which deletes in AWS what it names, and can only be given when the object is created: "+advice))
	}
	return errs
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
		errs = append(errs, changedRecords(recordedBySubnet, subnet, was, path.Child("network", "subnets").Index(i))...)
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

func isManagedElsewhere(annotations map[string]string) bool {
	_, found := annotations[clusterv1.ManagedByAnnotation]
	return found
}

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

// deref is the value of an optional field, nil where it is empty.
func deref(text *string) any {
	if text == nil {
		return nil
	}
	return given(*text)
}

// given is a value, nil where it is zero.
func given[T comparable](value T) any {
	var zero T
	if value == zero {
		return nil
	}
	return value
}
