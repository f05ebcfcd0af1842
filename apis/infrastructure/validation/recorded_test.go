package validation

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

const (
	anyUUID      = "0b8a2b54-6f0c-5d1e-9d0f-3f1f0c9d7a10"
	movedSecrets = "aws.cluster.x-k8s.io/" + anyUUID
)

// recordCases set one recorded field each. The values are such that a create takes them.
var recordCases = []struct {
	field string
	obj   func() runtime.Object
	set   func(runtime.Object)
}{
	{"spec.providerID", aMachine, onMachine(func(s *infrav1.AWSMachineSpec) { s.ProviderID = ptr("aws:///us-east-1a/i-0123456789abcdef0") })},
	{"spec.instanceID", aMachine, onMachine(func(s *infrav1.AWSMachineSpec) { s.InstanceID = ptr("i-0123456789abcdef0") })},
	{"spec.cloudInit.secretPrefix", aMachine, onMachine(func(s *infrav1.AWSMachineSpec) {
		s.CloudInit.SecretPrefix, s.CloudInit.SecretCount = movedSecrets, 1
	})},
	{"spec.cloudInit.secretCount", aMachine, onMachine(func(s *infrav1.AWSMachineSpec) {
		s.CloudInit.SecretPrefix, s.CloudInit.SecretCount = movedSecrets, 1
	})},
	{"spec.providerID", aPool, onPool(func(s *infrav1.AWSMachinePoolSpec) { s.ProviderID = "aws:///arn" })},
	{"spec.providerIDList", aPool, onPool(func(s *infrav1.AWSMachinePoolSpec) { s.ProviderIDList = []string{"aws:///us-east-1a/i-1"} })},
	{"spec.providerIDList", aManagedPool, onManagedPool(func(s *infrav1.AWSManagedMachinePoolSpec) { s.ProviderIDList = []string{"aws:///us-east-1a/i-1"} })},
	{"spec.roleName", aManagedPool, onManagedPool(func(s *infrav1.AWSManagedMachinePoolSpec) { s.RoleName = "nodes" })},
	{"spec.partition", aCluster, onCluster(func(s *infrav1.AWSClusterSpec) { s.Partition = "aws" })},
	{"spec.controlPlaneEndpoint", aCluster, onCluster(func(s *infrav1.AWSClusterSpec) {
		s.ControlPlaneEndpoint = infrav1.APIEndpoint{Host: "a.example.com", Port: 6443}
	})},
	{"spec.network.vpc.id", aCluster, onCluster(func(s *infrav1.AWSClusterSpec) { s.Network.VPC.ID = "vpc-0123456789abcdef0" })},
	{"spec.network.vpc.internetGatewayId", aCluster, onCluster(func(s *infrav1.AWSClusterSpec) { s.Network.VPC.InternetGatewayID = ptr("igw-1") })},
	{"spec.network.vpc.carrierGatewayId", aCluster, onCluster(func(s *infrav1.AWSClusterSpec) { s.Network.VPC.CarrierGatewayID = ptr("cagw-1") })},
	{"spec.network.vpc.ipv6.egressOnlyInternetGatewayId", aCluster, onCluster(func(s *infrav1.AWSClusterSpec) {
		s.Network.VPC.IPv6 = &infrav1.IPv6{EgressOnlyInternetGatewayID: ptr("eigw-1")}
	})},
	{"spec.network.vpc.cidrBlock", anOldCluster, onCluster(func(s *infrav1.AWSClusterSpec) { s.Network.VPC.CidrBlock = "10.0.0.0/16" })},
	{"spec.network.vpc.ipv6.cidrBlock", anOldCluster, onCluster(func(s *infrav1.AWSClusterSpec) {
		s.Network.VPC.IPv6 = &infrav1.IPv6{CidrBlock: "2001:db8::/56"}
	})},
	{"spec.network.vpc.ipv6.poolId", anOldCluster, onCluster(func(s *infrav1.AWSClusterSpec) { s.Network.VPC.IPv6 = &infrav1.IPv6{PoolID: "ipv6pool-1"} })},
	{"spec.network.subnets[0].resourceID", aCluster, onSubnet(func(s *infrav1.SubnetSpec) { s.ResourceID = "subnet-0123456789abcdef0" })},
	{"spec.network.subnets[0].routeTableId", aCluster, onSubnet(func(s *infrav1.SubnetSpec) { s.RouteTableID = ptr("rtb-1") })},
	{"spec.network.subnets[0].natGatewayId", aCluster, onSubnet(func(s *infrav1.SubnetSpec) { s.NatGatewayID = ptr("nat-1") })},
}

func TestWhatTheServerRecordsIsGivenAtCreationOnlyAndChangedByTheServerOnly(t *testing.T) {
	for _, c := range recordCases {
		t.Run(c.field, func(t *testing.T) {
			empty, full := c.obj(), c.obj()
			c.set(full)
			if errs := create(full); len(errs) > 0 {
				t.Errorf("it can't be given at creation: %v", errs)
			}
			if errs := update(full, empty); len(errs) > 0 {
				t.Errorf("the server can't record it: %v", errs)
			}
			for what, errs := range map[string][]error{"fill": toErrors(full, empty), "empty": toErrors(empty, full)} {
				if what == "empty" && (c.field == "spec.network.vpc.id" || c.field == "spec.roleName" || c.field == "spec.controlPlaneEndpoint") {
					continue // refused by the rules for everybody
				}
				if !names(errs, c.field, "is recorded by the server") {
					t.Errorf("a user may %s it: %v", what, errs)
				}
			}
			managed := c.obj()
			managed.(interface{ SetAnnotations(map[string]string) }).SetAnnotations(map[string]string{clusterv1.ManagedByAnnotation: "other"})
			if errs := recorded(full, managed); len(errs) > 0 {
				t.Errorf("who manages the object instead can't set it: %v", errs)
			}
			if errs := recorded(full, full.DeepCopyObject()); len(errs) > 0 {
				t.Errorf("an update that leaves it alone is refused: %v", errs)
			}
		})
	}
}

func TestARecordCanNotBeTakenOverByASubnetThatIsAdded(t *testing.T) {
	old, updated := aCluster().(*infrav1.AWSCluster), aCluster().(*infrav1.AWSCluster)
	updated.Spec.Network.Subnets = append(updated.Spec.Network.Subnets, infrav1.SubnetSpec{ID: "b", ResourceID: "subnet-0123456789abcdef1"})
	if errs := toErrors(updated, old); !names(errs, "spec.network.subnets[1].resourceID", "leave it out") {
		t.Errorf("got %v", errs)
	}
	updated.Spec.Network.Subnets = nil
	if errs := recorded(updated, old); len(errs) > 0 {
		t.Errorf("a subnet can't be removed: %v", errs)
	}
}

func TestWhoeverProvidesAnEndpointSetsItWhereNoLoadBalancerOfOursDoes(t *testing.T) {
	old, updated := aCluster().(*infrav1.AWSCluster), aCluster().(*infrav1.AWSCluster)
	old.Spec.ControlPlaneLoadBalancer = &infrav1.AWSLoadBalancerSpec{LoadBalancerType: infrav1.LoadBalancerTypeDisabled}
	updated.Spec.ControlPlaneLoadBalancer = old.Spec.ControlPlaneLoadBalancer
	updated.Spec.ControlPlaneEndpoint = infrav1.APIEndpoint{Host: "a.example.com", Port: 6443}
	if errs := recorded(updated, old); len(errs) > 0 {
		t.Errorf("got %v", errs)
	}
}

func TestTheServiceThatKeepsSecretsStaysWhileThereAreSome(t *testing.T) {
	old, updated := aMachine().(*infrav1.AWSMachine), aMachine().(*infrav1.AWSMachine)
	updated.Spec.CloudInit.SecureSecretsBackend = infrav1.SecretBackendSSMParameterStore
	if errs := recorded(updated, old); len(errs) > 0 {
		t.Errorf("without secrets: %v", errs)
	}
	for _, m := range []*infrav1.AWSMachine{old, updated} {
		m.Spec.CloudInit.SecretPrefix, m.Spec.CloudInit.SecretCount = movedSecrets, 1
	}
	if errs := toErrors(updated, old); !names(errs, "spec.cloudInit.secureSecretsBackend", "write secrets-manager") {
		t.Errorf("with secrets: %v", errs)
	}
}

func toErrors(updated, old runtime.Object) []error {
	var out []error
	for _, err := range recorded(updated, old) {
		out = append(out, err)
	}
	return out
}

func names(errs []error, field, text string) bool {
	for _, err := range errs {
		if strings.HasPrefix(err.Error(), field+": ") && strings.Contains(err.Error(), text) {
			return true
		}
	}
	return false
}

func aMachine() runtime.Object { return machineWith(func(*infrav1.AWSMachineSpec) {}) }

func aPool() runtime.Object {
	pool := &infrav1.AWSMachinePool{}
	pool.Name, pool.Spec.AWSLaunchTemplate.InstanceType = "pool", "m5.large"
	infrav1.SetObjectDefaults_AWSMachinePool(pool)
	return pool
}

func aManagedPool() runtime.Object {
	pool := &infrav1.AWSManagedMachinePool{}
	pool.Name = "pool"
	infrav1.SetObjectDefaults_AWSManagedMachinePool(pool)
	return pool
}

func aCluster() runtime.Object {
	cluster := &infrav1.AWSCluster{Spec: infrav1.AWSClusterSpec{Region: "us-east-1", ControlPlaneLoadBalancer: nlb()}}
	cluster.Spec.Network.Subnets = infrav1.Subnets{{ID: "a"}}
	infrav1.SetObjectDefaults_AWSCluster(cluster)
	return cluster
}

// anOldCluster has its VPC, with which the ranges are recorded.
func anOldCluster() runtime.Object {
	cluster := aCluster().(*infrav1.AWSCluster)
	cluster.Spec.Network.VPC.ID = "vpc-0123456789abcdef0"
	return cluster
}

func onMachine(set func(*infrav1.AWSMachineSpec)) func(runtime.Object) {
	return func(obj runtime.Object) { set(&obj.(*infrav1.AWSMachine).Spec) }
}

func onPool(set func(*infrav1.AWSMachinePoolSpec)) func(runtime.Object) {
	return func(obj runtime.Object) { set(&obj.(*infrav1.AWSMachinePool).Spec) }
}

func onManagedPool(set func(*infrav1.AWSManagedMachinePoolSpec)) func(runtime.Object) {
	return func(obj runtime.Object) { set(&obj.(*infrav1.AWSManagedMachinePool).Spec) }
}

func onCluster(set func(*infrav1.AWSClusterSpec)) func(runtime.Object) {
	return func(obj runtime.Object) { set(&obj.(*infrav1.AWSCluster).Spec) }
}

func onSubnet(set func(*infrav1.SubnetSpec)) func(runtime.Object) {
	return onCluster(func(s *infrav1.AWSClusterSpec) { set(&s.Network.Subnets[0]) })
}
