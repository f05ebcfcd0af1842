package emulator_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func tagged(kind types.ResourceType, key, value string) []types.TagSpecification {
	return []types.TagSpecification{{ResourceType: kind, Tags: []types.Tag{{Key: aws.String(key), Value: aws.String(value)}}}}
}

func TestVpcIsReadBackAsItWasCreated(t *testing.T) {
	c := newCloud(t)
	made := must[*ec2.CreateVpcOutput](t)(c.ec2().CreateVpc(ctx, &ec2.CreateVpcInput{
		CidrBlock: aws.String("10.0.0.0/16"), AmazonProvidedIpv6CidrBlock: aws.Bool(true), TagSpecifications: tagged(types.ResourceTypeVpc, "Name", "a & <b>")}))
	if made.Vpc.State != types.VpcStatePending {
		t.Errorf("a new VPC is %s, want pending", made.Vpc.State)
	}
	read := must[*ec2.DescribeVpcsOutput](t)(c.ec2().DescribeVpcs(ctx, &ec2.DescribeVpcsInput{VpcIds: []string{*made.Vpc.VpcId}}))
	v := read.Vpcs[0]
	if *v.CidrBlock != "10.0.0.0/16" || *v.OwnerId != "123456789012" || v.State != types.VpcStateAvailable || *v.IsDefault {
		t.Errorf("read back %+v", v)
	}
	if len(v.Tags) != 1 || *v.Tags[0].Key != "Name" || *v.Tags[0].Value != "a & <b>" {
		t.Errorf("tags %+v", v.Tags)
	}
	if len(v.Ipv6CidrBlockAssociationSet) != 1 || v.Ipv6CidrBlockAssociationSet[0].Ipv6CidrBlockState.State != types.VpcCidrBlockStateCodeAssociated {
		t.Errorf("IPv6 associations %+v", v.Ipv6CidrBlockAssociationSet)
	}
}

func (c *cloud) describeVPC(id string) types.Vpc {
	c.t.Helper()
	return must[*ec2.DescribeVpcsOutput](c.t)(c.ec2().DescribeVpcs(ctx, &ec2.DescribeVpcsInput{VpcIds: []string{id}})).Vpcs[0]
}

func TestVpcIsBornWithMainRouteTableAndDefaultGroup(t *testing.T) {
	c := newCloud(t)
	vpc := c.vpc("10.0.0.0/16")
	table := must[*ec2.DescribeRouteTablesOutput](t)(c.ec2().DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{Filters: by("vpc-id", vpc)})).RouteTables[0]
	if !*table.Associations[0].Main || len(table.Routes) != 1 || *table.Routes[0].GatewayId != "local" || *table.Routes[0].DestinationCidrBlock != "10.0.0.0/16" {
		t.Errorf("main route table %+v", table)
	}
	group := must[*ec2.DescribeSecurityGroupsOutput](t)(c.ec2().DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{Filters: by("vpc-id", vpc)})).SecurityGroups[0]
	if *group.GroupName != "default" || *group.IpPermissions[0].UserIdGroupPairs[0].GroupId != *group.GroupId || *group.IpPermissionsEgress[0].IpProtocol != "-1" {
		t.Errorf("default group %+v", group)
	}
	if left := c.Resources("", ""); len(left) != 1 {
		t.Errorf("the inventory counts %+v, want the VPC only", left)
	}
}

func TestVpcAttributesReadBack(t *testing.T) {
	c := newCloud(t)
	vpc := c.vpc("10.0.0.0/16")
	read := func(name types.VpcAttributeName) *ec2.DescribeVpcAttributeOutput {
		return must[*ec2.DescribeVpcAttributeOutput](t)(c.ec2().DescribeVpcAttribute(ctx, &ec2.DescribeVpcAttributeInput{VpcId: &vpc, Attribute: name}))
	}
	if !*read(types.VpcAttributeNameEnableDnsSupport).EnableDnsSupport.Value || *read(types.VpcAttributeNameEnableDnsHostnames).EnableDnsHostnames.Value {
		t.Error("a new VPC has DNS support and no DNS host names; this one differs")
	}
	must[*ec2.ModifyVpcAttributeOutput](t)(c.ec2().ModifyVpcAttribute(ctx, &ec2.ModifyVpcAttributeInput{VpcId: &vpc, EnableDnsHostnames: &types.AttributeBooleanValue{Value: aws.Bool(true)}}))
	if !*read(types.VpcAttributeNameEnableDnsHostnames).EnableDnsHostnames.Value {
		t.Error("DNS host names stay off")
	}
}

func TestBlocksOfAVpcComeAndGoWithTheirLocalRoutes(t *testing.T) {
	c := newCloud(t)
	e, vpc := c.ec2(), c.vpc("10.0.0.0/16")
	table := c.routeTable(vpc)
	second := must[*ec2.AssociateVpcCidrBlockOutput](t)(e.AssociateVpcCidrBlock(ctx, &ec2.AssociateVpcCidrBlockInput{VpcId: &vpc, CidrBlock: aws.String("100.64.0.0/16")}))
	must[*ec2.AssociateVpcCidrBlockOutput](t)(e.AssociateVpcCidrBlock(ctx, &ec2.AssociateVpcCidrBlockInput{VpcId: &vpc, AmazonProvidedIpv6CidrBlock: aws.Bool(true)}))
	routes := func() int {
		return len(must[*ec2.DescribeRouteTablesOutput](t)(e.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{RouteTableIds: []string{table}})).RouteTables[0].Routes)
	}
	subnet := c.subnet(vpc, "100.64.0.0/24", "us-east-1a")
	leave := &ec2.DisassociateVpcCidrBlockInput{AssociationId: second.CidrBlockAssociation.AssociationId}
	_, err := e.DisassociateVpcCidrBlock(ctx, leave)
	wantCode(t, err, "InvalidCidrBlock.InUse")
	must[*ec2.DeleteSubnetOutput](t)(e.DeleteSubnet(ctx, &ec2.DeleteSubnetInput{SubnetId: &subnet}))
	must[*ec2.DisassociateVpcCidrBlockOutput](t)(e.DisassociateVpcCidrBlock(ctx, leave))
	v := c.describeVPC(vpc)
	if len(v.CidrBlockAssociationSet) != 1 || len(v.Ipv6CidrBlockAssociationSet) != 1 || routes() != 2 {
		t.Errorf("VPC %+v with %d routes, want its first block, an IPv6 block and a local route for each", v, routes())
	}
}

func TestSubnetReadsBackWithItsAttributes(t *testing.T) {
	c := newCloud(t)
	e := c.ec2()
	vpc := must[*ec2.CreateVpcOutput](t)(e.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16"), AmazonProvidedIpv6CidrBlock: aws.Bool(true)})).Vpc
	six := aws.ToString(c.describeVPC(*vpc.VpcId).Ipv6CidrBlockAssociationSet[0].Ipv6CidrBlock)
	subnet := must[*ec2.CreateSubnetOutput](t)(e.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: vpc.VpcId, CidrBlock: aws.String("10.0.0.7/24"),
		Ipv6CidrBlock: aws.String(six[:len(six)-2] + "64")})).Subnet
	yes := &types.AttributeBooleanValue{Value: aws.Bool(true)}
	for _, in := range []ec2.ModifySubnetAttributeInput{{MapPublicIpOnLaunch: yes}, {AssignIpv6AddressOnCreation: yes}, {EnableDns64: yes}} {
		in.SubnetId = subnet.SubnetId
		must[*ec2.ModifySubnetAttributeOutput](t)(e.ModifySubnetAttribute(ctx, &in))
	}
	read := must[*ec2.DescribeSubnetsOutput](t)(e.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: []string{*subnet.SubnetId}})).Subnets[0]
	if *read.CidrBlock != "10.0.0.0/24" || *read.AvailableIpAddressCount != 251 || *read.AvailabilityZoneId != "use1-az1" {
		t.Errorf("subnet %s with %d addresses in %s", *read.CidrBlock, *read.AvailableIpAddressCount, *read.AvailabilityZoneId)
	}
	if !*read.MapPublicIpOnLaunch || !*read.AssignIpv6AddressOnCreation || !*read.EnableDns64 || len(read.Ipv6CidrBlockAssociationSet) != 1 {
		t.Errorf("attributes %+v", read)
	}
	_, err := e.ModifySubnetAttribute(ctx, &ec2.ModifySubnetAttributeInput{SubnetId: subnet.SubnetId, MapPublicIpOnLaunch: yes, EnableDns64: yes})
	wantCode(t, err, "InvalidParameterCombination")
}

func TestRouteTableAssociationMovesUnderANewID(t *testing.T) {
	c := newCloud(t)
	e, vpc := c.ec2(), c.vpc("10.0.0.0/16")
	first, then, subnet := c.routeTable(vpc), c.routeTable(vpc), c.subnet(vpc, "10.0.0.0/24", "us-east-1a")
	made := must[*ec2.AssociateRouteTableOutput](t)(e.AssociateRouteTable(ctx, &ec2.AssociateRouteTableInput{RouteTableId: &first, SubnetId: &subnet}))
	moved := must[*ec2.ReplaceRouteTableAssociationOutput](t)(e.ReplaceRouteTableAssociation(ctx, &ec2.ReplaceRouteTableAssociationInput{AssociationId: made.AssociationId, RouteTableId: &then}))
	if *moved.NewAssociationId == *made.AssociationId {
		t.Error("the association kept its id")
	}
	of := must[*ec2.DescribeRouteTablesOutput](t)(e.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{Filters: by("association.subnet-id", subnet)})).RouteTables
	if len(of) != 1 || *of[0].RouteTableId != then {
		t.Errorf("the subnet's tables are %+v, want %s", of, then)
	}
}

func TestRouteIsReplacedAndDeleted(t *testing.T) {
	c := newCloud(t)
	n := newNetwork(c)
	e, everywhere := c.ec2(), aws.String("0.0.0.0/0")
	must[*ec2.ReplaceRouteOutput](t)(e.ReplaceRoute(ctx, &ec2.ReplaceRouteInput{RouteTableId: &n.tables[0], DestinationCidrBlock: everywhere, GatewayId: &n.gateway}))
	routes := func() []types.Route {
		return must[*ec2.DescribeRouteTablesOutput](t)(e.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{RouteTableIds: n.tables[:1]})).RouteTables[0].Routes
	}
	if r := routes()[1]; aws.ToString(r.GatewayId) != n.gateway || r.NatGatewayId != nil || r.State != types.RouteStateActive {
		t.Errorf("replaced route %+v", r)
	}
	must[*ec2.DeleteRouteOutput](t)(e.DeleteRoute(ctx, &ec2.DeleteRouteInput{RouteTableId: &n.tables[0], DestinationCidrBlock: everywhere}))
	if n := len(routes()); n != 1 {
		t.Errorf("%d routes left, want the local one", n)
	}
}

func TestRulesOfOnePortShareAPermission(t *testing.T) {
	c := newCloud(t)
	e, vpc := c.ec2(), c.vpc("10.0.0.0/16")
	group := c.securityGroup(vpc, "g")
	described := tcp(6443, "10.1.2.3/8")
	described.IpRanges[0].Description = aws.String("why")
	out := must[*ec2.AuthorizeSecurityGroupIngressOutput](t)(e.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &group,
		IpPermissions: []types.IpPermission{described, tcp(6443, "192.168.0.0/16"), {IpProtocol: aws.String("6"), FromPort: aws.Int32(6443), ToPort: aws.Int32(6443),
			UserIdGroupPairs: []types.UserIdGroupPair{{GroupId: &group}}}}}))
	if len(out.SecurityGroupRules) != 3 {
		t.Errorf("%d rules, want 3", len(out.SecurityGroupRules))
	}
	read := func() []types.IpPermission {
		return must[*ec2.DescribeSecurityGroupsOutput](t)(e.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{group}})).SecurityGroups[0].IpPermissions
	}
	have := read()
	if len(have) != 1 || len(have[0].IpRanges) != 2 || *have[0].IpRanges[0].CidrIp != "10.0.0.0/8" || *have[0].IpRanges[0].Description != "why" || len(have[0].UserIdGroupPairs) != 1 {
		t.Errorf("permissions %+v", have)
	}
	must[*ec2.RevokeSecurityGroupIngressOutput](t)(e.RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{GroupId: &group,
		SecurityGroupRuleIds: []string{*out.SecurityGroupRules[2].SecurityGroupRuleId}}))
	must[*ec2.RevokeSecurityGroupIngressOutput](t)(e.RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{GroupId: &group,
		IpPermissions: []types.IpPermission{tcp(6443, "10.0.0.0/8")}})) // without the description
	if have := read(); len(have) != 1 || len(have[0].IpRanges) != 1 || len(have[0].UserIdGroupPairs) != 0 {
		t.Errorf("permissions left %+v", have)
	}
	everything := []types.IpPermission{{IpProtocol: aws.String("-1"), IpRanges: []types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}}}
	must[*ec2.RevokeSecurityGroupEgressOutput](t)(e.RevokeSecurityGroupEgress(ctx, &ec2.RevokeSecurityGroupEgressInput{GroupId: &group, IpPermissions: everything}))
	must[*ec2.AuthorizeSecurityGroupEgressOutput](t)(e.AuthorizeSecurityGroupEgress(ctx, &ec2.AuthorizeSecurityGroupEgressInput{GroupId: &group, IpPermissions: everything}))
}

func TestEndpointIsModified(t *testing.T) {
	c := newCloud(t)
	e, vpc := c.ec2(), c.vpc("10.0.0.0/16")
	first, then := c.routeTable(vpc), c.routeTable(vpc)
	id := must[*ec2.CreateVpcEndpointOutput](t)(e.CreateVpcEndpoint(ctx, &ec2.CreateVpcEndpointInput{VpcId: &vpc, RouteTableIds: []string{first},
		ServiceName: aws.String("com.amazonaws.us-east-1.s3")})).VpcEndpoint.VpcEndpointId
	must[*ec2.ModifyVpcEndpointOutput](t)(e.ModifyVpcEndpoint(ctx, &ec2.ModifyVpcEndpointInput{VpcEndpointId: id, AddRouteTableIds: []string{then},
		RemoveRouteTableIds: []string{first}, PolicyDocument: aws.String("{}")}))
	read := must[*ec2.DescribeVpcEndpointsOutput](t)(e.DescribeVpcEndpoints(ctx, &ec2.DescribeVpcEndpointsInput{Filters: by("service-name", "*.s3")})).VpcEndpoints[0]
	if len(read.RouteTableIds) != 1 || read.RouteTableIds[0] != then || *read.PolicyDocument != "{}" || read.State != types.StateAvailable {
		t.Errorf("endpoint %+v", read)
	}
	gone := must[*ec2.DeleteVpcEndpointsOutput](t)(e.DeleteVpcEndpoints(ctx, &ec2.DeleteVpcEndpointsInput{VpcEndpointIds: []string{*id, "vpce-0"}}))
	if len(gone.Unsuccessful) != 1 || *gone.Unsuccessful[0].Error.Code != "InvalidVpcEndpointId.NotFound" {
		t.Errorf("unsuccessful %+v, want the one that isn't there", gone.Unsuccessful)
	}
}

func TestAccountWithoutInstancesAnswersWithNone(t *testing.T) {
	c := newCloud(t)
	out := must[*ec2.DescribeInstancesOutput](t)(c.ec2().DescribeInstances(ctx, &ec2.DescribeInstancesInput{Filters: by("vpc-id", "vpc-0")}))
	if len(out.Reservations) != 0 {
		t.Errorf("reservations %+v", out.Reservations)
	}
}

// Nodes are called by their address: one that was given back isn't given again before all others.
func TestAddressesAreNotGivenAgainAtOnce(t *testing.T) {
	c := newCloud(t)
	vpc := *must[*ec2.CreateVpcOutput](t)(c.ec2().CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})).Vpc.VpcId
	subnet := must[*ec2.CreateSubnetOutput](t)(c.ec2().CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: &vpc, CidrBlock: aws.String("10.0.0.0/28")})).Subnet.SubnetId
	seen := map[string]int{}
	const usable = 11 // of sixteen AWS keeps five
	for range 2 * usable {
		made := must[*ec2.CreateNetworkInterfaceOutput](t)(c.ec2().CreateNetworkInterface(ctx, &ec2.CreateNetworkInterfaceInput{SubnetId: subnet})).NetworkInterface
		seen[*made.PrivateIpAddress]++
		must[*ec2.DeleteNetworkInterfaceOutput](t)(c.ec2().DeleteNetworkInterface(ctx, &ec2.DeleteNetworkInterfaceInput{NetworkInterfaceId: made.NetworkInterfaceId}))
	}
	for address, times := range seen {
		if times != 2 || len(seen) != usable {
			t.Errorf("%s was given %d times of %d, and %d addresses at all", address, times, 2*usable, len(seen))
		}
	}
}
