package emulator_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// dual is a VPC with an IPv6 block, a dual-stack subnet and an IPv6-only one.
func (c *cloud) dual() (vpc, both, only string) {
	c.t.Helper()
	made := must[*ec2.CreateVpcOutput](c.t)(c.ec2().CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16"), AmazonProvidedIpv6CidrBlock: aws.Bool(true)}))
	vpc = *made.Vpc.VpcId
	block := *c.describeVPC(vpc).Ipv6CidrBlockAssociationSet[0].Ipv6CidrBlock
	block = block[:len(block)-len("00::/56")]
	subnet := func(in *ec2.CreateSubnetInput) string {
		in.VpcId, in.AvailabilityZone = &vpc, aws.String("us-east-1a")
		return *must[*ec2.CreateSubnetOutput](c.t)(c.ec2().CreateSubnet(ctx, in)).Subnet.SubnetId
	}
	both = subnet(&ec2.CreateSubnetInput{CidrBlock: aws.String("10.0.0.0/24"), Ipv6CidrBlock: aws.String(block + "01::/64")})
	only = subnet(&ec2.CreateSubnetInput{Ipv6Native: aws.Bool(true), Ipv6CidrBlock: aws.String(block + "02::/64")})
	return vpc, both, only
}

func withIPv6(primary bool) func(*ec2.RunInstancesInput) {
	return func(in *ec2.RunInstancesInput) {
		in.NetworkInterfaces = []types.InstanceNetworkInterfaceSpecification{{DeviceIndex: aws.Int32(0), SubnetId: in.SubnetId,
			Ipv6AddressCount: aws.Int32(1), PrimaryIpv6: &primary}}
		in.SubnetId = nil
	}
}

func TestTargetsOfIPv6GroupsNeedAPrimaryAddress(t *testing.T) {
	c := newCloud(t)
	vpc, subnet, _ := c.dual()
	group := must[*elbv2.CreateTargetGroupOutput](t)(c.elbv2().CreateTargetGroup(ctx, &elbv2.CreateTargetGroupInput{Name: aws.String("six"),
		Protocol: elbv2types.ProtocolEnumTcp, Port: aws.Int32(6443), VpcId: &vpc, IpAddressType: elbv2types.TargetGroupIpAddressTypeEnumIpv6})).TargetGroups[0].TargetGroupArn
	register := func(id *string) error {
		return second(c.elbv2().RegisterTargets(ctx, &elbv2.RegisterTargetsInput{TargetGroupArn: group, Targets: []elbv2types.TargetDescription{{Id: id}}}))
	}
	primary, plain, none := c.run(c.launch(subnet, withIPv6(true))), c.run(c.launch(subnet, withIPv6(false))), c.run(c.launch(subnet))
	c.clock.Advance(c.Config().InstanceDelay)
	shown := c.instance(*primary.InstanceId).NetworkInterfaces[0].Ipv6Addresses
	if len(shown) != 1 || !*shown[0].IsPrimaryIpv6 {
		t.Errorf("addresses %+v, want a primary one", shown)
	}
	wantCode(t, register(primary.InstanceId), "")
	wantCode(t, register(plain.InstanceId), "InvalidTarget")
	wantCode(t, register(none.InstanceId), "InvalidTarget")

	enable := func(i types.Instance, on bool) error {
		return second(c.ec2().ModifyNetworkInterfaceAttribute(ctx, &ec2.ModifyNetworkInterfaceAttributeInput{
			NetworkInterfaceId: c.instance(*i.InstanceId).NetworkInterfaces[0].NetworkInterfaceId, EnablePrimaryIpv6: &on}))
	}
	wantCode(t, enable(none, true), "InvalidParameterCombination")
	wantCode(t, enable(plain, true), "")
	wantCode(t, enable(plain, false), "InvalidParameterValue")
	wantCode(t, register(plain.InstanceId), "")
}

func TestLaunchTemplatesGivePrimaryAddresses(t *testing.T) {
	c := newCloud(t)
	_, subnet, _ := c.dual()
	id := c.template("six", func(data *types.RequestLaunchTemplateData) {
		data.NetworkInterfaces = []types.LaunchTemplateInstanceNetworkInterfaceSpecificationRequest{{DeviceIndex: aws.Int32(0), SubnetId: &subnet,
			Ipv6AddressCount: aws.Int32(1), PrimaryIpv6: aws.Bool(true)}}
	})
	i := c.run(&ec2.RunInstancesInput{MinCount: aws.Int32(1), MaxCount: aws.Int32(1), LaunchTemplate: &types.LaunchTemplateSpecification{LaunchTemplateId: &id}})
	if shown := i.NetworkInterfaces[0].Ipv6Addresses; len(shown) != 1 || !*shown[0].IsPrimaryIpv6 {
		t.Errorf("addresses %+v", shown)
	}
	eni := must[*ec2.CreateNetworkInterfaceOutput](t)(c.ec2().CreateNetworkInterface(ctx, &ec2.CreateNetworkInterfaceInput{SubnetId: &subnet,
		Ipv6AddressCount: aws.Int32(1), EnablePrimaryIpv6: aws.Bool(true)})).NetworkInterface
	if len(eni.Ipv6Addresses) != 1 || !*eni.Ipv6Addresses[0].IsPrimaryIpv6 {
		t.Errorf("addresses of an interface %+v", eni.Ipv6Addresses)
	}
}

func TestIPv6OnlySubnetsHaveInstancesWithoutIPv4(t *testing.T) {
	c := newCloud(t)
	vpc, _, only := c.dual()
	first, other := c.run(c.launch(only)), c.run(c.launch(only))
	if first.PrivateIpAddress != nil || first.Ipv6Address == nil || other.Ipv6Address == nil || *first.Ipv6Address == *other.Ipv6Address ||
		*first.PrivateDnsName != *first.InstanceId+".us-east-1.compute.internal" {
		t.Errorf("instances %+v and %+v", first, other)
	}
	wantCode(t, second(c.ec2().RunInstances(ctx, c.launch(only, func(in *ec2.RunInstancesInput) { in.InstanceType = types.InstanceTypeI3Large }))), "Unsupported")
	wantCode(t, second(c.ec2().CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: &vpc, CidrBlock: aws.String("10.0.9.0/24"), Ipv6Native: aws.Bool(true)})), "InvalidParameterCombination")
	wantCode(t, second(c.ec2().CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: &vpc, Ipv6Native: aws.Bool(true)})), "MissingParameter")
	modify := func(in *ec2.ModifySubnetAttributeInput) error {
		in.SubnetId = &only
		return second(c.ec2().ModifySubnetAttribute(ctx, in))
	}
	yes, no := &types.AttributeBooleanValue{Value: aws.Bool(true)}, &types.AttributeBooleanValue{Value: aws.Bool(false)}
	wantCode(t, modify(&ec2.ModifySubnetAttributeInput{MapPublicIpOnLaunch: yes}), "InvalidParameterValue")
	wantCode(t, modify(&ec2.ModifySubnetAttributeInput{AssignIpv6AddressOnCreation: no}), "InvalidParameterValue")
	wantCode(t, modify(&ec2.ModifySubnetAttributeInput{EnableDns64: yes}), "")
	s := must[*ec2.DescribeSubnetsOutput](t)(c.ec2().DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: []string{only}})).Subnets[0]
	if !*s.EnableDns64 || !*s.Ipv6Native || s.CidrBlock != nil {
		t.Errorf("subnet %+v", s)
	}
}

func TestNAT64LeadsToANATGateway(t *testing.T) {
	c := newCloud(t)
	vpc, public, _ := c.dual()
	c.attachedGateway(vpc)
	nat, table := c.nat(public, c.address()), c.routeTable(vpc)
	wantCode(t, second(c.ec2().CreateRoute(ctx, &ec2.CreateRouteInput{RouteTableId: &table, DestinationIpv6CidrBlock: aws.String("64:ff9b::/96"), NatGatewayId: &nat})), "")
	tables := must[*ec2.DescribeRouteTablesOutput](t)(c.ec2().DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{RouteTableIds: []string{table}})).RouteTables
	found := false
	for _, route := range tables[0].Routes {
		found = found || aws.ToString(route.DestinationIpv6CidrBlock) == "64:ff9b::/96" && aws.ToString(route.NatGatewayId) == nat
	}
	if !found {
		t.Errorf("routes %+v", tables[0].Routes)
	}
}

func TestIPv6NeedsASubnetAndATypeThatHaveIt(t *testing.T) {
	c := newCloud(t)
	_, both, _ := c.dual()
	plain := c.zoneSubnet()
	wantCode(t, second(c.ec2().RunInstances(ctx, c.launch(plain, withIPv6(false)))), "InvalidParameterValue")
	wantCode(t, second(c.ec2().RunInstances(ctx, c.launch(both, withIPv6(false), func(in *ec2.RunInstancesInput) { in.InstanceType = "m3.large" }))), "InvalidParameterCombination")
	wantCode(t, second(c.ec2().RunInstances(ctx, c.launch(both, func(in *ec2.RunInstancesInput) { in.InstanceType = "m3.large" }))), "")
}
