package emulator_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// network is a VPC with two zones, as a cluster has one, and the ids of what stands in it.
type network struct {
	*cloud
	vpc, gateway         string
	public, private      [2]string
	tables               [2]string
	addresses, nats      [2]string
	group                string
	classic              string
	balancer, targetsARN string
	listener             string
}

func (c *cloud) vpc(cidr string) string {
	c.t.Helper()
	return *must[*ec2.CreateVpcOutput](c.t)(c.ec2().CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: &cidr})).Vpc.VpcId
}

func (c *cloud) subnet(vpc, cidr, zone string) string {
	c.t.Helper()
	return *must[*ec2.CreateSubnetOutput](c.t)(c.ec2().CreateSubnet(ctx, &ec2.CreateSubnetInput{
		VpcId: &vpc, CidrBlock: &cidr, AvailabilityZone: &zone})).Subnet.SubnetId
}

func (c *cloud) securityGroup(vpc, name string) string {
	c.t.Helper()
	return *must[*ec2.CreateSecurityGroupOutput](c.t)(c.ec2().CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{
		VpcId: &vpc, GroupName: &name, Description: &name})).GroupId
}

func (c *cloud) address() string {
	c.t.Helper()
	return *must[*ec2.AllocateAddressOutput](c.t)(c.ec2().AllocateAddress(ctx, &ec2.AllocateAddressInput{Domain: types.DomainTypeVpc})).AllocationId
}

func (c *cloud) attachedGateway(vpc string) string {
	c.t.Helper()
	id := must[*ec2.CreateInternetGatewayOutput](c.t)(c.ec2().CreateInternetGateway(ctx, &ec2.CreateInternetGatewayInput{})).InternetGateway.InternetGatewayId
	must[*ec2.AttachInternetGatewayOutput](c.t)(c.ec2().AttachInternetGateway(ctx, &ec2.AttachInternetGatewayInput{InternetGatewayId: id, VpcId: &vpc}))
	return *id
}

func (c *cloud) nat(subnet, allocation string) string {
	c.t.Helper()
	return *must[*ec2.CreateNatGatewayOutput](c.t)(c.ec2().CreateNatGateway(ctx, &ec2.CreateNatGatewayInput{
		SubnetId: &subnet, AllocationId: &allocation})).NatGateway.NatGatewayId
}

func (c *cloud) routeTable(vpc string) string {
	c.t.Helper()
	return *must[*ec2.CreateRouteTableOutput](c.t)(c.ec2().CreateRouteTable(ctx, &ec2.CreateRouteTableInput{VpcId: &vpc})).RouteTable.RouteTableId
}

// newNetwork builds what a cluster of the quick start needs; NAT gateways and load balancers have come up.
func newNetwork(c *cloud) *network {
	t := c.t
	t.Helper()
	n := &network{cloud: c, vpc: c.vpc("10.0.0.0/16")}
	n.gateway = c.attachedGateway(n.vpc)
	for i, zone := range []string{"us-east-1a", "us-east-1b"} {
		n.public[i] = c.subnet(n.vpc, []string{"10.0.0.0/20", "10.0.16.0/20"}[i], zone)
		n.private[i] = c.subnet(n.vpc, []string{"10.0.64.0/18", "10.0.128.0/18"}[i], zone)
		n.addresses[i] = c.address()
		n.nats[i] = c.nat(n.public[i], n.addresses[i])
		n.tables[i] = c.routeTable(n.vpc)
		must[*ec2.CreateRouteOutput](t)(c.ec2().CreateRoute(ctx, &ec2.CreateRouteInput{RouteTableId: &n.tables[i],
			DestinationCidrBlock: aws.String("0.0.0.0/0"), NatGatewayId: &n.nats[i]}))
		must[*ec2.AssociateRouteTableOutput](t)(c.ec2().AssociateRouteTable(ctx, &ec2.AssociateRouteTableInput{
			RouteTableId: &n.tables[i], SubnetId: &n.private[i]}))
	}
	n.group = c.securityGroup(n.vpc, "apiserver")
	must[*ec2.AuthorizeSecurityGroupIngressOutput](t)(c.ec2().AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{
		GroupId: &n.group, IpPermissions: []types.IpPermission{tcp(6443, "0.0.0.0/0")}}))
	n.addBalancers()
	c.clock.Advance(c.Config().NATGatewayDelay)
	return n
}

func tcp(port int32, cidrs ...string) types.IpPermission {
	out := types.IpPermission{IpProtocol: aws.String("tcp"), FromPort: &port, ToPort: &port}
	for _, cidr := range cidrs {
		out.IpRanges = append(out.IpRanges, types.IpRange{CidrIp: aws.String(cidr)})
	}
	return out
}

func (n *network) addBalancers() {
	t := n.t
	t.Helper()
	n.classic = "classic"
	must[*elb.CreateLoadBalancerOutput](t)(n.elb().CreateLoadBalancer(ctx, &elb.CreateLoadBalancerInput{LoadBalancerName: &n.classic,
		Subnets: n.public[:], SecurityGroups: []string{n.group}, Listeners: []elbtypes.Listener{classicListener(6443, 6443)}}))
	n.balancer = *must[*elbv2.CreateLoadBalancerOutput](t)(n.elbv2().CreateLoadBalancer(ctx, &elbv2.CreateLoadBalancerInput{Name: aws.String("network"),
		Type: elbv2types.LoadBalancerTypeEnumNetwork, Subnets: n.public[:], SecurityGroups: []string{n.group}})).LoadBalancers[0].LoadBalancerArn
	n.targetsARN = *must[*elbv2.CreateTargetGroupOutput](t)(n.elbv2().CreateTargetGroup(ctx, &elbv2.CreateTargetGroupInput{Name: aws.String("targets"),
		Protocol: elbv2types.ProtocolEnumTcp, Port: aws.Int32(6443), VpcId: &n.vpc})).TargetGroups[0].TargetGroupArn
	n.listener = *must[*elbv2.CreateListenerOutput](t)(n.elbv2().CreateListener(ctx, &elbv2.CreateListenerInput{LoadBalancerArn: &n.balancer,
		Port: aws.Int32(6443), Protocol: elbv2types.ProtocolEnumTcp, DefaultActions: forwardTo(n.targetsARN)})).Listeners[0].ListenerArn
}

func classicListener(port, instancePort int32) elbtypes.Listener {
	return elbtypes.Listener{Protocol: aws.String("TCP"), LoadBalancerPort: port, InstancePort: &instancePort}
}

func forwardTo(group string) []elbv2types.Action {
	return []elbv2types.Action{{Type: elbv2types.ActionTypeEnumForward, TargetGroupArn: &group}}
}

func TestClusterNetworkComesUpAndLeavesNothingBehind(t *testing.T) {
	c := newCloud(t)
	n := newNetwork(c)
	nats := must[*ec2.DescribeNatGatewaysOutput](t)(c.ec2().DescribeNatGateways(ctx, &ec2.DescribeNatGatewaysInput{
		Filter: []types.Filter{{Name: aws.String("vpc-id"), Values: []string{n.vpc}}}}))
	for _, nat := range nats.NatGateways {
		if nat.State != types.NatGatewayStateAvailable || nat.NatGatewayAddresses[0].PublicIp == nil {
			t.Errorf("NAT gateway %+v, want available with an address", nat)
		}
	}
	balancers := must[*elbv2.DescribeLoadBalancersOutput](t)(c.elbv2().DescribeLoadBalancers(ctx, &elbv2.DescribeLoadBalancersInput{}))
	if state := balancers.LoadBalancers[0].State.Code; state != elbv2types.LoadBalancerStateEnumActive {
		t.Errorf("load balancer is %s, want active", state)
	}
	n.deleteAll()
	if left := c.Resources("", ""); len(left) != 0 {
		t.Errorf("left behind: %+v", left)
	}
}

// deleteAll takes the network down in an order that AWS allows.
func (n *network) deleteAll() {
	t, e := n.t, n.ec2()
	t.Helper()
	must[*elb.DeleteLoadBalancerOutput](t)(n.elb().DeleteLoadBalancer(ctx, &elb.DeleteLoadBalancerInput{LoadBalancerName: &n.classic}))
	must[*elbv2.DeleteLoadBalancerOutput](t)(n.elbv2().DeleteLoadBalancer(ctx, &elbv2.DeleteLoadBalancerInput{LoadBalancerArn: &n.balancer}))
	must[*elbv2.DeleteTargetGroupOutput](t)(n.elbv2().DeleteTargetGroup(ctx, &elbv2.DeleteTargetGroupInput{TargetGroupArn: &n.targetsARN}))
	for i := range n.nats {
		must[*ec2.DeleteNatGatewayOutput](t)(e.DeleteNatGateway(ctx, &ec2.DeleteNatGatewayInput{NatGatewayId: &n.nats[i]}))
	}
	n.clock.Advance(n.Config().DeletionDelay)
	for i := range n.nats {
		must[*ec2.ReleaseAddressOutput](t)(e.ReleaseAddress(ctx, &ec2.ReleaseAddressInput{AllocationId: &n.addresses[i]}))
		must[*ec2.DeleteSubnetOutput](t)(e.DeleteSubnet(ctx, &ec2.DeleteSubnetInput{SubnetId: &n.public[i]}))
		must[*ec2.DeleteSubnetOutput](t)(e.DeleteSubnet(ctx, &ec2.DeleteSubnetInput{SubnetId: &n.private[i]}))
		must[*ec2.DeleteRouteTableOutput](t)(e.DeleteRouteTable(ctx, &ec2.DeleteRouteTableInput{RouteTableId: &n.tables[i]}))
	}
	must[*ec2.DeleteSecurityGroupOutput](t)(e.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: &n.group}))
	must[*ec2.DetachInternetGatewayOutput](t)(e.DetachInternetGateway(ctx, &ec2.DetachInternetGatewayInput{InternetGatewayId: &n.gateway, VpcId: &n.vpc}))
	must[*ec2.DeleteInternetGatewayOutput](t)(e.DeleteInternetGateway(ctx, &ec2.DeleteInternetGatewayInput{InternetGatewayId: &n.gateway}))
	must[*ec2.DeleteVpcOutput](t)(e.DeleteVpc(ctx, &ec2.DeleteVpcInput{VpcId: &n.vpc}))
}
