package awscluster

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// lives are the clusters whose whole life is tested, with what there is of each
// kind while they live.
var lives = []struct {
	name   string
	change func(*infrav1.AWSCluster)
	want   map[string]int
}{
	{"network load balancer", func(*infrav1.AWSCluster) {},
		map[string]int{"vpc": 1, "subnet": 6, "natgateway": 3, "elastic-ip": 3, "route-table": 6, "internet-gateway": 1,
			"security-group": 4, "load-balancer": 1, "listener": 1, "target-group": 1}},
	{"classic load balancer", func(c *infrav1.AWSCluster) {
		c.Spec.ControlPlaneLoadBalancer = &infrav1.AWSLoadBalancerSpec{LoadBalancerType: infrav1.LoadBalancerTypeClassic}
	}, map[string]int{"vpc": 1, "subnet": 6, "natgateway": 3, "security-group": 4, "classic-load-balancer": 1, "load-balancer": 0, "target-group": 0}},
	{"IPv6", func(c *infrav1.AWSCluster) { c.Spec.Network.VPC.IPv6 = &infrav1.IPv6{} },
		map[string]int{"vpc": 1, "subnet": 6, "natgateway": 3, "egress-only-internet-gateway": 1}},
	{"public subnets preferred", func(c *infrav1.AWSCluster) {
		schema := infrav1.SubnetSchemaPreferPublic
		c.Spec.Network.VPC.SubnetSchema = &schema
	}, map[string]int{"subnet": 6, "natgateway": 3}},
	{"one zone", func(c *infrav1.AWSCluster) { c.Spec.Network.VPC.AvailabilityZoneUsageLimit = aws.Int(1) },
		map[string]int{"subnet": 2, "natgateway": 1, "elastic-ip": 1, "route-table": 2}},
	{"secondary load balancer", func(c *infrav1.AWSCluster) {
		internal := infrav1.ELBSchemeInternal
		c.Spec.SecondaryControlPlaneLoadBalancer = &infrav1.AWSLoadBalancerSpec{Name: aws.String("second"), Scheme: &internal,
			LoadBalancerType: infrav1.LoadBalancerTypeNLB}
	}, map[string]int{"load-balancer": 2, "target-group": 2, "listener": 2}},
	{"additional listeners", func(c *infrav1.AWSCluster) {
		c.Spec.ControlPlaneLoadBalancer.AdditionalListeners = []infrav1.AdditionalListenerSpec{{Port: 8443, Protocol: "TCP"}}
	}, map[string]int{"listener": 2, "target-group": 2}},
	{"secondary address blocks", func(c *infrav1.AWSCluster) {
		c.Spec.Network.VPC.SecondaryCidrBlocks = []infrav1.VpcCidrBlock{{IPv4CidrBlock: "100.64.0.0/16"}}
	}, map[string]int{"vpc": 1}},
	{"empty default security group", func(c *infrav1.AWSCluster) {
		c.Spec.Network.VPC.EmptyRoutesDefaultVPCSecurityGroup = true
	}, map[string]int{"vpc": 1}},
	{"public subnets only", func(c *infrav1.AWSCluster) {
		c.Spec.Network.Subnets = infrav1.Subnets{{ID: "a", CidrBlock: "10.0.1.0/24", AvailabilityZone: "us-east-1a", IsPublic: true}}
	}, map[string]int{"subnet": 1, "natgateway": 0, "elastic-ip": 0}},
	{"load balancer across zones", func(c *infrav1.AWSCluster) { c.Spec.ControlPlaneLoadBalancer.CrossZoneLoadBalancing = true },
		map[string]int{"load-balancer": 1}},
	{"internal load balancer", func(c *infrav1.AWSCluster) {
		internal := infrav1.ELBSchemeInternal
		c.Spec.ControlPlaneLoadBalancer.Scheme = &internal
	}, map[string]int{"load-balancer": 1}},
	{"own endpoint", func(c *infrav1.AWSCluster) {
		c.Spec.ControlPlaneLoadBalancer = &infrav1.AWSLoadBalancerSpec{LoadBalancerType: infrav1.LoadBalancerTypeDisabled}
		c.Spec.ControlPlaneEndpoint = infrav1.APIEndpoint{Host: "api.example.com", Port: 6443}
	}, map[string]int{"load-balancer": 0, "security-group": 4}},
}

func TestClustersComeUpCompletelyAndGoAwayCompletely(t *testing.T) {
	for _, life := range lives {
		t.Run(life.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, newCluster(life.change))
			w.create()
			have := w.Resources()
			for kind, n := range life.want {
				if have[kind] != n {
					t.Errorf("%d of %s, want %d", have[kind], kind, n)
				}
			}
			w.restart()
			w.settle(func() bool { return w.observed() && len(w.plan()) == 0 })
			w.AWS.ResetCounts()
			_, _ = w.reconcile()
			if mutations, _ := w.calls(); mutations > 0 {
				t.Errorf("a complete cluster is still changed: %v", w.AWS.Counts())
			}
			obj := w.get()
			if obj.Spec.ControlPlaneEndpoint.IsZero() || !obj.Provisioned() || len(obj.Status.FailureDomains) == 0 {
				t.Errorf("endpoint %v, provisioned %v, failure domains %v", obj.Spec.ControlPlaneEndpoint, obj.Provisioned(), obj.Status.FailureDomains)
			}
			if obj.Status.AccountID != emulator.DefaultAccount {
				t.Errorf("accountID is %q, want %s", obj.Status.AccountID, emulator.DefaultAccount)
			}
			w.delete()
			if left := w.Resources(); len(left) > 0 {
				t.Errorf("the account isn't empty: %v", left)
			}
		})
	}
}

func TestCreationTakesFewerThanSixtyCalls(t *testing.T) {
	w := newWorld(t, newCluster())
	session, err := w.Sessions.For(context.Background(), cloud.Site{Region: testRegion})
	w.Must(err)
	w.Mirror.Want("test", session)
	w.Must(w.Mirror.Refresh(context.Background(), session.Scope, 0, allKinds()...))
	w.AWS.ResetCounts()
	for i := 0; i < 100 && !w.isReady(); i++ {
		_, _ = w.reconcile()
		w.Elapse(time.Second)
	}
	if !w.isReady() {
		t.Fatal(w.describe())
	}
	mutations, reads := w.calls()
	if mutations > 49 || mutations+reads >= 60 {
		t.Errorf("%d mutations and %d reads, want at most 49, and fewer than 60 in all: %v", mutations, reads, w.AWS.Counts())
	}
}

func TestUnmanagedNetworkIsUsedAndNeverChanged(t *testing.T) {
	w := newWorld(t, newCluster())
	vpc, subnets := w.userNetwork()
	before := w.Resources()
	obj := w.get()
	obj.Spec.Network.VPC.ID = vpc
	obj.Spec.Network.Subnets = infrav1.Subnets{{ID: subnets[0]}, {ID: subnets[1], IsPublic: true}}
	if err := w.Kube.Update(context.Background(), obj); err != nil {
		t.Fatal(err)
	}
	w.create()
	obj = w.get()
	if s := obj.Spec.Network.Subnets[0]; s.CidrBlock != "10.9.0.0/24" || s.IsPublic {
		t.Errorf("the private subnet is recorded as %+v", s)
	}
	have := w.Resources()
	for _, kind := range []string{"vpc", "subnet", "natgateway", "elastic-ip", "route-table", "internet-gateway"} {
		if have[kind] != before[kind] {
			t.Errorf("%d of %s, want the user's %d", have[kind], kind, before[kind])
		}
	}
	if have["security-group"] != before["security-group"]+4 || have["load-balancer"] != 1 {
		t.Errorf("security groups and load balancer are missing: %v", have)
	}
	w.delete()
	if left := w.Resources(); len(left) != len(before) || left["subnet"] != before["subnet"] {
		t.Errorf("left %v, want the user's %v", left, before)
	}
}

// userNetwork makes a VPC with a private and a public subnet, as a user would.
func (w *world) userNetwork() (vpcID string, subnetIDs []string) {
	w.T.Helper()
	ctx, api := context.Background(), w.ec2()
	vpc, err := api.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.9.0.0/16")})
	w.Must(err)
	igw, err := api.CreateInternetGateway(ctx, &ec2.CreateInternetGatewayInput{})
	w.Must(err)
	_, err = api.AttachInternetGateway(ctx, &ec2.AttachInternetGatewayInput{VpcId: vpc.Vpc.VpcId, InternetGatewayId: igw.InternetGateway.InternetGatewayId})
	w.Must(err)
	for _, block := range []string{"10.9.0.0/24", "10.9.1.0/24"} {
		s, err := api.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: vpc.Vpc.VpcId, CidrBlock: aws.String(block), AvailabilityZone: aws.String("us-east-1a")})
		w.Must(err)
		subnetIDs = append(subnetIDs, aws.ToString(s.Subnet.SubnetId))
	}
	return aws.ToString(vpc.Vpc.VpcId), subnetIDs
}

// ec2 is the user's own way to AWS.
func (w *world) ec2() *ec2.Client {
	w.T.Helper()
	return w.Session().EC2
}

// deleteLoadBalancer deletes all load balancers of the newer API.
func (w *world) deleteLoadBalancer(s *cloud.Session) {
	w.T.Helper()
	out, err := s.ELBv2.DescribeLoadBalancers(context.Background(), &elbv2.DescribeLoadBalancersInput{})
	w.Must(err)
	for _, l := range out.LoadBalancers {
		_, err := s.ELBv2.DeleteLoadBalancer(context.Background(), &elbv2.DeleteLoadBalancerInput{LoadBalancerArn: l.LoadBalancerArn})
		w.Must(err)
	}
}

// occupy puts a network interface of the user's into a subnet.
func (w *world) occupy(subnetID string) (release func()) {
	w.T.Helper()
	out, err := w.ec2().CreateNetworkInterface(context.Background(), &ec2.CreateNetworkInterfaceInput{SubnetId: aws.String(subnetID)})
	w.Must(err)
	return func() {
		_, err := w.ec2().DeleteNetworkInterface(context.Background(), &ec2.DeleteNetworkInterfaceInput{NetworkInterfaceId: out.NetworkInterface.NetworkInterfaceId})
		w.Must(err)
	}
}
