package awscluster

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// usersVPC is a VPC that the user made, with what lies in it.
type usersVPC struct{ id, public, private, natAddress string }

// routedNetwork makes a VPC with a public subnet, whose route leads to an internet
// gateway, and a private one, whose route leads to a NAT gateway.
func (w *world) routedNetwork() usersVPC {
	w.T.Helper()
	ctx, api := context.Background(), w.ec2()
	vpc, subnets := w.userNetwork()
	n := usersVPC{id: vpc, private: subnets[0], public: subnets[1]}
	gateways, err := api.DescribeInternetGateways(ctx, &ec2.DescribeInternetGatewaysInput{})
	w.Must(err)
	address, err := api.AllocateAddress(ctx, &ec2.AllocateAddressInput{})
	w.Must(err)
	n.natAddress = aws.ToString(address.PublicIp)
	nat, err := api.CreateNatGateway(ctx, &ec2.CreateNatGatewayInput{SubnetId: &n.public, AllocationId: address.AllocationId})
	w.Must(err)
	w.AWSNow.Advance(time.Minute)
	for subnet, route := range map[string]*ec2.CreateRouteInput{
		n.public:  {GatewayId: gateways.InternetGateways[0].InternetGatewayId},
		n.private: {NatGatewayId: nat.NatGateway.NatGatewayId},
	} {
		table, err := api.CreateRouteTable(ctx, &ec2.CreateRouteTableInput{VpcId: &n.id})
		w.Must(err)
		_, err = api.AssociateRouteTable(ctx, &ec2.AssociateRouteTableInput{RouteTableId: table.RouteTable.RouteTableId, SubnetId: aws.String(subnet)})
		w.Must(err)
		route.RouteTableId, route.DestinationCidrBlock = table.RouteTable.RouteTableId, aws.String("0.0.0.0/0")
		_, err = api.CreateRoute(ctx, route)
		w.Must(err)
	}
	return n
}

// newUsersWorld is a world whose cluster is to live in the user's VPC.
func newUsersWorld(t testing.TB, change ...func(*infrav1.AWSCluster)) (*world, usersVPC) {
	t.Helper()
	w := newWorld(t, newCluster(change...))
	n := w.routedNetwork()
	w.change(func(c *infrav1.AWSCluster) {
		c.Spec.Network.VPC.ID = n.id
		c.Spec.Network.Subnets = infrav1.Subnets{{ID: n.public}, {ID: n.private}}
	})
	w.restart() // whose first listings show the network
	return w, n
}

// sources returns where the rules of a role's group let in from.
func (w *world) sources(role infrav1.SecurityGroupRole) []string {
	var found []string
	for _, r := range w.get().Status.NetworkStatus.SecurityGroups[role].IngressRules {
		found = append(found, r.CidrBlocks...)
	}
	slices.Sort(found)
	return found
}

func TestWhoMayReachTheAPIInAUsersVPC(t *testing.T) {
	office := []infrav1.IngressRule{{Description: "office", Protocol: "tcp", FromPort: aws.Int64(6443), ToPort: aws.Int64(6443), CidrBlocks: []string{"203.0.113.0/24"}}}
	w, n := newUsersWorld(t, func(c *infrav1.AWSCluster) { c.Spec.ControlPlaneLoadBalancer.IngressRules = office })
	w.create()
	if got, want := w.sources(infrav1.SecurityGroupAPIServerLB), []string{"203.0.113.0/24", n.natAddress + "/32"}; !slices.Equal(got, sorted(want)) {
		t.Errorf("the API is open to %v, want %v", got, want)
	}
	if got := w.get().Status.NetworkStatus.NatGatewaysIPs; !slices.Equal(got, []string{n.natAddress}) {
		t.Errorf("natGatewaysIPs are %v, want %s", got, n.natAddress)
	}
}

func sorted(list []string) []string { slices.Sort(list); return list }

func TestEveryBlockOfAVPCReachesAnInternalAPI(t *testing.T) {
	internal := infrav1.ELBSchemeInternal
	w, n := newUsersWorld(t, func(c *infrav1.AWSCluster) { c.Spec.ControlPlaneLoadBalancer.Scheme = &internal })
	out, err := w.ec2().AssociateVpcCidrBlock(context.Background(), &ec2.AssociateVpcCidrBlockInput{VpcId: &n.id, CidrBlock: aws.String("10.59.0.0/16")})
	w.Must(err)
	w.create()
	want := []string{"10.59.0.0/16", "10.9.0.0/16"}
	for _, role := range []infrav1.SecurityGroupRole{infrav1.SecurityGroupLB, infrav1.SecurityGroupAPIServerLB} {
		if got := w.sources(role); !slices.Contains(got, want[0]) || !slices.Contains(got, want[1]) {
			t.Errorf("%s lets in from %v, want %v", role, got, want)
		}
	}
	_, err = w.ec2().DisassociateVpcCidrBlock(context.Background(), &ec2.DisassociateVpcCidrBlockInput{AssociationId: out.CidrBlockAssociation.AssociationId})
	w.Must(err)
	w.settle(func() bool { return !slices.Contains(w.sources(infrav1.SecurityGroupAPIServerLB), want[0]) })
}

func TestNoLoadBalancerGoesIntoASubnetForPods(t *testing.T) {
	internal := infrav1.ELBSchemeInternal
	w, n := newUsersWorld(t, func(c *infrav1.AWSCluster) { c.Spec.ControlPlaneLoadBalancer.Scheme = &internal })
	pods, err := w.ec2().CreateSubnet(context.Background(), &ec2.CreateSubnetInput{VpcId: &n.id, CidrBlock: aws.String("10.9.8.0/24"), AvailabilityZone: aws.String("us-east-1a"),
		TagSpecifications: []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeSubnet, Tags: []ec2types.Tag{
			{Key: aws.String("sigs.k8s.io/cluster-api-provider-aws/association"), Value: aws.String("secondary")}}}}})
	w.Must(err)
	w.change(func(c *infrav1.AWSCluster) {
		c.Spec.Network.Subnets = append(infrav1.Subnets{{ID: *pods.Subnet.SubnetId}}, c.Spec.Network.Subnets...)
	})
	w.create()
	if got := w.get().Status.NetworkStatus.APIServerELB.SubnetIDs; !slices.Equal(got, []string{n.private}) {
		t.Errorf("the load balancer lies in %v, want %s", got, n.private)
	}
	if tags := w.get().Spec.Network.Subnets[0].Tags; tags["sigs.k8s.io/cluster-api-provider-aws/association"] != "secondary" {
		t.Errorf("the subnet for pods is recorded with the tags %v, by which machines stay out of it", tags)
	}
}

func TestAUsersVPCNeedsNoRightsToWhatTheClusterNeverHasThere(t *testing.T) {
	for _, op := range []string{"DescribeAddresses", "DescribeVpcEndpoints", "DescribeCarrierGateways", "DescribeEgressOnlyInternetGateways",
		"DescribeNatGateways", "DescribeInternetGateways"} {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			w, _ := newUsersWorld(t)
			w.refuse(op)
			w.create()
			o := observer(w)
			w.Must(o.Refresh(context.Background(), w.get(), 0))
			w.restart()
			w.delete()
		})
	}
}

// refuse lets AWS refuse an operation of EC2 from now on.
func (w *world) refuse(op string) {
	w.AWS.Faults().Set(emulator.Fault{Service: "ec2", Operation: op, Mode: emulator.ErrorBefore, Code: "UnauthorizedOperation",
		Message: "You are not authorized to perform this operation.", Status: 403})
}

func TestADeletionThatCannotSeeAWSSaysSo(t *testing.T) {
	w, _ := newUsersWorld(t)
	w.create()
	w.refuse("DescribeSecurityGroups")
	w.restart()
	w.Must(w.Kube.Delete(context.Background(), w.get()))
	result, err := w.reconcile()
	if err != nil || result.RequeueAfter == 0 || result.RequeueAfter > 30*time.Second {
		t.Errorf("it is looked at again after %v, %v; want within half a minute, and no error", result.RequeueAfter, err)
	}
	for _, kind := range []string{infrav1.ReadyCondition, infrav1.VpcReadyCondition} {
		if c, old := w.condition(kind); c.Status != "False" || old.Status != "False" || !strings.HasPrefix(c.Reason, "Deleting") || !strings.Contains(c.Message, "UnauthorizedOperation") {
			t.Errorf("%s is %+v", kind, c)
		}
	}
	w.AWS.Faults().Clear()
	w.settle(w.gone)
}

// service is what the cloud controller manager made for a Service.
func (w *world) service(n usersVPC, cluster string) {
	w.T.Helper()
	ctx, s := context.Background(), w.Session()
	key := "kubernetes.io/cluster/" + cluster
	v2 := []elbv2types.Tag{{Key: &key, Value: aws.String("owned")}, {Key: aws.String("kubernetes.io/service-name"), Value: aws.String("default/web")}}
	_, err := s.EC2.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{GroupName: aws.String("k8s-elb-web"), Description: aws.String("web"), VpcId: &n.id,
		TagSpecifications: []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeSecurityGroup, Tags: []ec2types.Tag{{Key: &key, Value: aws.String("owned")}}}}})
	w.Must(err)
	_, err = s.ELB.CreateLoadBalancer(ctx, &elb.CreateLoadBalancerInput{LoadBalancerName: aws.String("web"), Subnets: []string{n.public},
		Listeners: []elbtypes.Listener{{Protocol: aws.String("TCP"), LoadBalancerPort: 80, InstancePort: aws.Int32(30080)}},
		Tags:      []elbtypes.Tag{{Key: &key, Value: aws.String("owned")}}})
	w.Must(err)
	_, err = s.ELBv2.CreateLoadBalancer(ctx, &elbv2.CreateLoadBalancerInput{Name: aws.String("web2"), Subnets: []string{n.public}, Type: elbv2types.LoadBalancerTypeEnumNetwork, Tags: v2})
	w.Must(err)
	_, err = s.ELBv2.CreateTargetGroup(ctx, &elbv2.CreateTargetGroupInput{Name: aws.String("web2"), VpcId: &n.id, Port: aws.Int32(30080), Protocol: elbv2types.ProtocolEnumTcp, Tags: v2})
	w.Must(err)
}

// share tags a user's VPC as shared with the cluster.
func (w *world) share(n usersVPC) {
	w.T.Helper()
	_, err := w.ec2().CreateTags(context.Background(), &ec2.CreateTagsInput{Resources: []string{n.id}, Tags: []ec2types.Tag{
		{Key: aws.String("sigs.k8s.io/cluster-api-provider-aws/cluster/" + testName), Value: aws.String("shared")}}})
	w.Must(err)
}

func TestWhatServicesHaveIsCleanedUpAsFarAsTheUserWants(t *testing.T) {
	all := []string{"classic-load-balancer", "load-balancer", "security-group", "target-group"}
	for _, c := range []struct {
		name, annotation, value string
		left                    []string
		unshared                bool
	}{
		{"all by default", "", "", nil, false},
		{"none where it is switched off", "aws.cluster.x-k8s.io/external-resource-gc", "false", all, false},
		{"all where it is switched on", "aws.cluster.x-k8s.io/external-resource-gc", "true", nil, false},
		{"only load balancers", "aws.cluster.x-k8s.io/external-resource-tasks-gc", "load-balancer", []string{"security-group", "target-group"}, false},
		{"only groups", "aws.cluster.x-k8s.io/external-resource-tasks-gc", "target-group, security-group", []string{"classic-load-balancer", "load-balancer"}, false},
		{"all for an empty list", "aws.cluster.x-k8s.io/external-resource-tasks-gc", "", nil, false},
		{"none where nobody shares the VPC with the cluster", "", "", all, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, n := newUsersWorld(t, func(cluster *infrav1.AWSCluster) {
				if c.annotation != "" {
					cluster.Annotations = map[string]string{c.annotation: c.value}
				}
			})
			if !c.unshared {
				w.share(n)
			}
			before := w.Resources()
			w.create()
			// Nothing lists between this and the deletion: it is all younger than what is known.
			w.service(n, testName)
			w.Elapse(5 * time.Second)
			w.Must(w.Kube.Delete(context.Background(), w.get()))
			for range 100 {
				if _, err := w.reconcile(); w.gone() {
					break
				} else if err != nil {
					t.Fatal(err)
				}
				w.Elapse(3 * time.Second)
			}
			if !w.gone() {
				t.Fatal(w.describe())
			}
			after := w.Resources()
			var left []string
			for _, kind := range all {
				if after[kind] > before[kind] {
					left = append(left, kind)
				}
			}
			if !slices.Equal(left, c.left) {
				t.Errorf("left are %v, want %v", left, c.left)
			}
			if told := w.Events.With("ServicesLeft"); c.unshared != (len(told) == 1) {
				t.Errorf("told was %q", told)
			}
		})
	}
}

func TestGroupsThatTheUserNamesAreNeverEmptiedOrDeleted(t *testing.T) {
	w, n := newUsersWorld(t)
	mine, err := w.ec2().CreateSecurityGroup(context.Background(), &ec2.CreateSecurityGroupInput{GroupName: aws.String("lb-mine"), Description: aws.String("mine"), VpcId: &n.id,
		TagSpecifications: []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeSecurityGroup, Tags: []ec2types.Tag{
			{Key: aws.String("kubernetes.io/cluster/" + testName), Value: aws.String("owned")}, {Key: aws.String("sigs.k8s.io/cluster-api-provider-aws/cluster/" + testName), Value: aws.String("owned")}}}}})
	w.Must(err)
	_, err = w.ec2().AuthorizeSecurityGroupIngress(context.Background(), &ec2.AuthorizeSecurityGroupIngressInput{GroupId: mine.GroupId, IpPermissions: []ec2types.IpPermission{
		{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(80), ToPort: aws.Int32(80), IpRanges: []ec2types.IpRange{{CidrIp: aws.String("192.0.2.0/24")}}}}})
	w.Must(err)
	w.change(func(c *infrav1.AWSCluster) {
		c.Spec.Network.SecurityGroupOverrides = map[infrav1.SecurityGroupRole]string{}
		for _, role := range []infrav1.SecurityGroupRole{infrav1.SecurityGroupLB, infrav1.SecurityGroupNode, infrav1.SecurityGroupControlPlane, infrav1.SecurityGroupAPIServerLB} {
			c.Spec.Network.SecurityGroupOverrides[role] = *mine.GroupId
		}
	})
	w.create()
	w.delete()
	for op := range w.AWS.Counts() {
		if strings.HasPrefix(op, "ec2.Revoke") || op == "ec2.DeleteSecurityGroup" || op == "ec2.CreateTags" {
			t.Errorf("%s was called", op)
		}
	}
	out, err := w.ec2().DescribeSecurityGroups(context.Background(), &ec2.DescribeSecurityGroupsInput{GroupIds: []string{*mine.GroupId}})
	w.Must(err)
	if len(out.SecurityGroups[0].IpPermissions) != 1 {
		t.Errorf("the group has the rules %v", out.SecurityGroups[0].IpPermissions)
	}
}

func TestNothingPaidIsMadeForALoadBalancerThatCannotServe(t *testing.T) {
	for _, kind := range []infrav1.LoadBalancerType{infrav1.LoadBalancerTypeALB, infrav1.LoadBalancerTypeELB} {
		w, _ := newUsersWorld(t, func(c *infrav1.AWSCluster) { c.Spec.ControlPlaneLoadBalancer.LoadBalancerType = kind })
		for range 5 {
			_, _ = w.reconcile()
			w.Pass(3 * time.Second)
		}
		if c, _ := w.condition(infrav1.LoadBalancerReadyCondition); c.Status != "False" || !strings.Contains(c.Message, "use nlb") {
			t.Errorf("LoadBalancerReady is %+v", c)
		}
		if have := w.Resources(); have["load-balancer"]+have["target-group"] > 0 {
			t.Errorf("there is %v", have)
		}
	}
}

// TestAVPCThatWasMadeAMomentAgoIsSeen has listings from before somebody made the
// network that the spec names.
func TestAVPCThatWasMadeAMomentAgoIsSeen(t *testing.T) {
	w := newWorld(t, newCluster())
	session, err := w.Sessions.For(t.Context(), cloud.Site{Region: testRegion})
	w.Must(err)
	w.Mirror.Want("test", session)
	w.Must(w.Mirror.Refresh(t.Context(), session.Scope, 0, kindsOf(w.get())...))
	n := w.routedNetwork()
	w.change(func(c *infrav1.AWSCluster) {
		c.Spec.Network.VPC.ID = n.id
		c.Spec.Network.Subnets = infrav1.Subnets{{ID: n.public}, {ID: n.private}}
	})
	_, err = w.reconcile()
	w.Must(err)
	for _, area := range []string{infrav1.VpcReadyCondition, infrav1.SubnetsReadyCondition} {
		if c, _ := w.condition(area); strings.Contains(c.Message, "doesn't exist") {
			t.Errorf("%s says %q", area, c.Message)
		}
	}
	if row, ok := mirror.Get(w.Mirror.Snapshot(session.Scope), mirror.VPCs, n.id); !ok || aws.ToString(row.VpcId) != n.id {
		t.Error("the VPC isn't known")
	}
}
