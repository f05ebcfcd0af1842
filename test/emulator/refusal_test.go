package emulator_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// TestEC2RefusesInItsOwnCodes goes through what is invalid, missing or there already.
func TestEC2RefusesInItsOwnCodes(t *testing.T) {
	c := newCloud(t)
	n := newNetwork(c)
	e := c.ec2()
	other := c.vpc("10.1.0.0/16")
	otherSubnet := c.subnet(other, "10.1.0.0/24", "us-east-1a")
	gone := func(prefix string) *string { return aws.String(prefix + "-00000000000000000") }
	everywhere := aws.String("0.0.0.0/0")
	for _, test := range []struct {
		name, code string
		call       func() error
	}{
		{"a VPC larger than /16", "InvalidVpc.Range", func() error {
			_, err := e.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/8")})
			return err
		}},
		{"a VPC without a block", "MissingParameter", func() error { _, err := e.CreateVpc(ctx, &ec2.CreateVpcInput{}); return err }},
		{"a VPC whose block is none", "InvalidParameterValue", func() error {
			_, err := e.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("ten")})
			return err
		}},
		{"describing a VPC that isn't there", "InvalidVpcID.NotFound", func() error {
			_, err := e.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{VpcIds: []string{n.vpc, *gone("vpc")}})
			return err
		}},
		{"deleting a VPC that isn't there", "InvalidVpcID.NotFound", func() error {
			_, err := e.DeleteVpc(ctx, &ec2.DeleteVpcInput{VpcId: gone("vpc")})
			return err
		}},
		{"two DNS attributes at once", "InvalidParameterCombination", func() error {
			_, err := e.ModifyVpcAttribute(ctx, &ec2.ModifyVpcAttributeInput{VpcId: &n.vpc,
				EnableDnsHostnames: &types.AttributeBooleanValue{Value: aws.Bool(true)}, EnableDnsSupport: &types.AttributeBooleanValue{Value: aws.Bool(true)}})
			return err
		}},
		{"an overlapping second block", "CidrConflict", func() error {
			_, err := e.AssociateVpcCidrBlock(ctx, &ec2.AssociateVpcCidrBlockInput{VpcId: &n.vpc, CidrBlock: aws.String("10.0.128.0/17")})
			return err
		}},
		{"giving up the first block", "OperationNotPermitted", func() error {
			v := must[*ec2.DescribeVpcsOutput](t)(e.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{VpcIds: []string{n.vpc}})).Vpcs[0]
			_, err := e.DisassociateVpcCidrBlock(ctx, &ec2.DisassociateVpcCidrBlockInput{AssociationId: v.CidrBlockAssociationSet[0].AssociationId})
			return err
		}},
		{"a subnet outside of its VPC", "InvalidSubnet.Range", func() error {
			_, err := e.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: &n.vpc, CidrBlock: aws.String("10.9.0.0/24")})
			return err
		}},
		{"an overlapping subnet", "InvalidSubnet.Conflict", func() error {
			_, err := e.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: &n.vpc, CidrBlock: aws.String("10.0.1.0/24")})
			return err
		}},
		{"a subnet in no zone", "InvalidParameterValue", func() error {
			_, err := e.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: &n.vpc, CidrBlock: aws.String("10.0.32.0/24"), AvailabilityZone: aws.String("us-east-1z")})
			return err
		}},
		{"a subnet in a Local Zone nobody opted in to", "InvalidParameterValue", func() error {
			_, err := e.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: &n.vpc, CidrBlock: aws.String("10.0.32.0/24"), AvailabilityZone: aws.String("us-east-1-bos-1a")})
			return err
		}},
		{"deleting a subnet that isn't there", "InvalidSubnetID.NotFound", func() error {
			_, err := e.DeleteSubnet(ctx, &ec2.DeleteSubnetInput{SubnetId: gone("subnet")})
			return err
		}},
		{"a second internet gateway", "InvalidParameterValue", func() error {
			made := must[*ec2.CreateInternetGatewayOutput](t)(e.CreateInternetGateway(ctx, &ec2.CreateInternetGatewayInput{}))
			_, err := e.AttachInternetGateway(ctx, &ec2.AttachInternetGatewayInput{InternetGatewayId: made.InternetGateway.InternetGatewayId, VpcId: &n.vpc})
			return err
		}},
		{"an internet gateway in two VPCs", "Resource.AlreadyAssociated", func() error {
			_, err := e.AttachInternetGateway(ctx, &ec2.AttachInternetGatewayInput{InternetGatewayId: &n.gateway, VpcId: &other})
			return err
		}},
		{"detaching from the wrong VPC", "Gateway.NotAttached", func() error {
			_, err := e.DetachInternetGateway(ctx, &ec2.DetachInternetGatewayInput{InternetGatewayId: &n.gateway, VpcId: &other})
			return err
		}},
		{"an internet gateway that isn't there", "InvalidInternetGatewayID.NotFound", func() error {
			_, err := e.DeleteInternetGateway(ctx, &ec2.DeleteInternetGatewayInput{InternetGatewayId: gone("igw")})
			return err
		}},
		{"releasing an address that isn't there", "InvalidAllocationID.NotFound", func() error {
			_, err := e.ReleaseAddress(ctx, &ec2.ReleaseAddressInput{AllocationId: gone("eipalloc")})
			return err
		}},
		{"taking an address off a NAT gateway", "AuthFailure", func() error {
			a := must[*ec2.DescribeAddressesOutput](t)(e.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{AllocationIds: n.addresses[:1]})).Addresses[0]
			_, err := e.DisassociateAddress(ctx, &ec2.DisassociateAddressInput{AssociationId: a.AssociationId})
			return err
		}},
		{"a NAT gateway with an address that isn't there", "InvalidAllocationID.NotFound", func() error {
			_, err := e.CreateNatGateway(ctx, &ec2.CreateNatGatewayInput{SubnetId: &n.public[0], AllocationId: gone("eipalloc")})
			return err
		}},
		{"a NAT gateway that isn't there", "NatGatewayNotFound", func() error {
			_, err := e.DeleteNatGateway(ctx, &ec2.DeleteNatGatewayInput{NatGatewayId: gone("nat")})
			return err
		}},
		{"a route table that isn't there", "InvalidRouteTableID.NotFound", func() error {
			_, err := e.DeleteRouteTable(ctx, &ec2.DeleteRouteTableInput{RouteTableId: gone("rtb")})
			return err
		}},
		{"a second default route", "RouteAlreadyExists", func() error {
			_, err := e.CreateRoute(ctx, &ec2.CreateRouteInput{RouteTableId: &n.tables[0], DestinationCidrBlock: everywhere, GatewayId: &n.gateway})
			return err
		}},
		{"a route to a foreign gateway", "InvalidParameterValue", func() error {
			table := c.routeTable(other)
			_, err := e.CreateRoute(ctx, &ec2.CreateRouteInput{RouteTableId: &table, DestinationCidrBlock: everywhere, GatewayId: &n.gateway})
			return err
		}},
		{"a route to a NAT gateway that isn't there", "InvalidNatGatewayID.NotFound", func() error {
			_, err := e.CreateRoute(ctx, &ec2.CreateRouteInput{RouteTableId: &n.tables[0], DestinationCidrBlock: aws.String("192.168.0.0/16"), NatGatewayId: gone("nat")})
			return err
		}},
		{"a route to nowhere", "MissingParameter", func() error {
			_, err := e.CreateRoute(ctx, &ec2.CreateRouteInput{RouteTableId: &n.tables[0], DestinationCidrBlock: aws.String("192.168.0.0/16")})
			return err
		}},
		{"replacing a route that isn't there", "InvalidParameterValue", func() error {
			_, err := e.ReplaceRoute(ctx, &ec2.ReplaceRouteInput{RouteTableId: &n.tables[0], DestinationCidrBlock: aws.String("192.168.0.0/16"), GatewayId: &n.gateway})
			return err
		}},
		{"deleting a route that isn't there", "InvalidRoute.NotFound", func() error {
			_, err := e.DeleteRoute(ctx, &ec2.DeleteRouteInput{RouteTableId: &n.tables[0], DestinationCidrBlock: aws.String("192.168.0.0/16")})
			return err
		}},
		{"deleting the local route", "InvalidParameterValue", func() error {
			_, err := e.DeleteRoute(ctx, &ec2.DeleteRouteInput{RouteTableId: &n.tables[0], DestinationCidrBlock: aws.String("10.0.0.0/16")})
			return err
		}},
		{"a subnet with two route tables", "Resource.AlreadyAssociated", func() error {
			_, err := e.AssociateRouteTable(ctx, &ec2.AssociateRouteTableInput{RouteTableId: &n.tables[1], SubnetId: &n.private[0]})
			return err
		}},
		{"a route table of another VPC", "InvalidParameterValue", func() error {
			_, err := e.AssociateRouteTable(ctx, &ec2.AssociateRouteTableInput{RouteTableId: &n.tables[0], SubnetId: &otherSubnet})
			return err
		}},
		{"an association that isn't there", "InvalidAssociationID.NotFound", func() error {
			_, err := e.DisassociateRouteTable(ctx, &ec2.DisassociateRouteTableInput{AssociationId: gone("rtbassoc")})
			return err
		}},
		{"two security groups of one name", "InvalidGroup.Duplicate", func() error {
			_, err := e.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{VpcId: &n.vpc, GroupName: aws.String("apiserver"), Description: aws.String("x")})
			return err
		}},
		{"a security group that isn't there", "InvalidGroup.NotFound", func() error {
			_, err := e.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: gone("sg")})
			return err
		}},
		{"the same rule twice", "InvalidPermission.Duplicate", func() error {
			_, err := e.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &n.group,
				IpPermissions: []types.IpPermission{tcp(22, "10.0.0.0/8"), tcp(6443, "0.0.0.0/0")}})
			return err
		}},
		{"the same rule twice in one request", "InvalidParameterValue", func() error {
			_, err := e.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &n.group,
				IpPermissions: []types.IpPermission{tcp(22, "10.0.0.0/8", "10.0.0.0/8")}})
			return err
		}},
		{"revoking a rule that isn't there", "InvalidPermission.NotFound", func() error {
			_, err := e.RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{GroupId: &n.group, IpPermissions: []types.IpPermission{tcp(22, "10.0.0.0/8")}})
			return err
		}},
		{"a rule for a group that isn't there", "InvalidGroup.NotFound", func() error {
			_, err := e.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &n.group, IpPermissions: []types.IpPermission{{
				IpProtocol: aws.String("-1"), UserIdGroupPairs: []types.UserIdGroupPair{{GroupId: gone("sg")}}}}})
			return err
		}},
		{"TCP without ports", "InvalidParameterValue", func() error {
			_, err := e.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &n.group, IpPermissions: []types.IpPermission{{
				IpProtocol: aws.String("tcp"), IpRanges: []types.IpRange{{CidrIp: everywhere}}}}})
			return err
		}},
		{"the default group", "CannotDelete", func() error {
			groups := must[*ec2.DescribeSecurityGroupsOutput](t)(e.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{
				Filters: []types.Filter{{Name: aws.String("group-name"), Values: []string{"default"}}}}))
			_, err := e.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: groups.SecurityGroups[0].GroupId})
			return err
		}},
		{"deleting a network interface in use", "InvalidParameterValue", func() error {
			list := must[*ec2.DescribeNetworkInterfacesOutput](t)(e.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{}))
			_, err := e.DeleteNetworkInterface(ctx, &ec2.DeleteNetworkInterfaceInput{NetworkInterfaceId: list.NetworkInterfaces[0].NetworkInterfaceId})
			return err
		}},
		{"an endpoint of no service", "InvalidServiceName", func() error {
			_, err := e.CreateVpcEndpoint(ctx, &ec2.CreateVpcEndpointInput{VpcId: &n.vpc, ServiceName: aws.String("s3")})
			return err
		}},
		{"an instance", "InvalidInstanceID.NotFound", func() error {
			_, err := e.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{*gone("i")}})
			return err
		}},
		{"a filter that EC2 doesn't have", "InvalidParameterValue", func() error {
			_, err := e.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{Filters: []types.Filter{{Name: aws.String("colour"), Values: []string{"red"}}}})
			return err
		}},
		{"a page of four", "InvalidParameterValue", func() error {
			_, err := e.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{MaxResults: aws.Int32(4)})
			return err
		}},
		{"a token that is none", "InvalidPaginationToken", func() error {
			_, err := e.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{NextToken: aws.String("next")})
			return err
		}},
		{"a dry run", "DryRunOperation", func() error {
			_, err := e.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16"), DryRun: aws.Bool(true)})
			return err
		}},
		{"an operation that isn't emulated", "InvalidAction", func() error { _, err := e.DescribeSnapshots(ctx, &ec2.DescribeSnapshotsInput{}); return err }},
	} {
		t.Run(test.name, func(t *testing.T) { wantCode(t, test.call(), test.code) })
	}
}

func TestRefusedRuleLeavesTheWholeRequestUndone(t *testing.T) {
	c := newCloud(t)
	vpc := c.vpc("10.0.0.0/16")
	group := c.securityGroup(vpc, "g")
	must[*ec2.AuthorizeSecurityGroupIngressOutput](t)(c.ec2().AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{
		GroupId: &group, IpPermissions: []types.IpPermission{tcp(443, "10.0.0.0/8")}}))
	_, err := c.ec2().AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{
		GroupId: &group, IpPermissions: []types.IpPermission{tcp(22, "10.0.0.0/8"), tcp(443, "10.0.0.0/8")}})
	wantCode(t, err, "InvalidPermission.Duplicate")
	read := must[*ec2.DescribeSecurityGroupsOutput](t)(c.ec2().DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{group}}))
	if have := read.SecurityGroups[0].IpPermissions; len(have) != 1 || *have[0].FromPort != 443 {
		t.Errorf("rules %+v, want the first one only", have)
	}
}
