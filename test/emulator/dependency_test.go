package emulator_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
)

// TestNothingGoesBeforeWhatStandsInIt names, for each deletion, one blocker at a time: the deletion fails with the blocker and succeeds without.
func TestNothingGoesBeforeWhatStandsInIt(t *testing.T) {
	deleteVpc := func(c *cloud, vpc string) func() error {
		return func() error { _, err := c.ec2().DeleteVpc(ctx, &ec2.DeleteVpcInput{VpcId: &vpc}); return err }
	}
	deleteSubnet := func(c *cloud, subnet string) func() error {
		return func() error {
			_, err := c.ec2().DeleteSubnet(ctx, &ec2.DeleteSubnetInput{SubnetId: &subnet})
			return err
		}
	}
	deleteGroup := func(c *cloud, group string) func() error {
		return func() error {
			_, err := c.ec2().DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: &group})
			return err
		}
	}
	for _, test := range []struct {
		name string
		// arrange makes a blocker and returns the deletion that it blocks, and how to get it out of the way.
		arrange func(t *testing.T, c *cloud, vpc string) (remove func() error, unblock func())
		code    string
	}{
		{"VPC before its subnet", func(t *testing.T, c *cloud, vpc string) (func() error, func()) {
			subnet := c.subnet(vpc, "10.0.0.0/24", "us-east-1a")
			return deleteVpc(c, vpc), func() { wantCode(t, deleteSubnet(c, subnet)(), "") }
		}, "DependencyViolation"},
		{"VPC before its security group", func(t *testing.T, c *cloud, vpc string) (func() error, func()) {
			group := c.securityGroup(vpc, "g")
			return deleteVpc(c, vpc), func() { wantCode(t, deleteGroup(c, group)(), "") }
		}, "DependencyViolation"},
		{"VPC before its route table", func(t *testing.T, c *cloud, vpc string) (func() error, func()) {
			table := c.routeTable(vpc)
			return deleteVpc(c, vpc), func() {
				must[*ec2.DeleteRouteTableOutput](t)(c.ec2().DeleteRouteTable(ctx, &ec2.DeleteRouteTableInput{RouteTableId: &table}))
			}
		}, "DependencyViolation"},
		{"VPC before its internet gateway", func(t *testing.T, c *cloud, vpc string) (func() error, func()) {
			gateway := c.attachedGateway(vpc)
			return deleteVpc(c, vpc), func() {
				must[*ec2.DetachInternetGatewayOutput](t)(c.ec2().DetachInternetGateway(ctx, &ec2.DetachInternetGatewayInput{InternetGatewayId: &gateway, VpcId: &vpc}))
			}
		}, "DependencyViolation"},
		{"VPC before its egress-only internet gateway", func(t *testing.T, c *cloud, vpc string) (func() error, func()) {
			made := must[*ec2.CreateEgressOnlyInternetGatewayOutput](t)(c.ec2().CreateEgressOnlyInternetGateway(ctx, &ec2.CreateEgressOnlyInternetGatewayInput{VpcId: &vpc}))
			return deleteVpc(c, vpc), func() {
				must[*ec2.DeleteEgressOnlyInternetGatewayOutput](t)(c.ec2().DeleteEgressOnlyInternetGateway(ctx, &ec2.DeleteEgressOnlyInternetGatewayInput{
					EgressOnlyInternetGatewayId: made.EgressOnlyInternetGateway.EgressOnlyInternetGatewayId}))
			}
		}, "DependencyViolation"},
		{"VPC before its carrier gateway", func(t *testing.T, c *cloud, vpc string) (func() error, func()) {
			made := must[*ec2.CreateCarrierGatewayOutput](t)(c.ec2().CreateCarrierGateway(ctx, &ec2.CreateCarrierGatewayInput{VpcId: &vpc}))
			return deleteVpc(c, vpc), func() {
				must[*ec2.DeleteCarrierGatewayOutput](t)(c.ec2().DeleteCarrierGateway(ctx, &ec2.DeleteCarrierGatewayInput{CarrierGatewayId: made.CarrierGateway.CarrierGatewayId}))
				wantCode(t, deleteVpc(c, vpc)(), "DependencyViolation") // deleting takes a while
				c.clock.Advance(c.Config().DeletionDelay)
			}
		}, "DependencyViolation"},
		{"VPC before its gateway endpoint", func(t *testing.T, c *cloud, vpc string) (func() error, func()) {
			made := must[*ec2.CreateVpcEndpointOutput](t)(c.ec2().CreateVpcEndpoint(ctx, &ec2.CreateVpcEndpointInput{VpcId: &vpc, ServiceName: aws.String("com.amazonaws.us-east-1.s3")}))
			return deleteVpc(c, vpc), func() {
				must[*ec2.DeleteVpcEndpointsOutput](t)(c.ec2().DeleteVpcEndpoints(ctx, &ec2.DeleteVpcEndpointsInput{VpcEndpointIds: []string{*made.VpcEndpoint.VpcEndpointId}}))
			}
		}, "DependencyViolation"},
		{"attached internet gateway", func(t *testing.T, c *cloud, vpc string) (func() error, func()) {
			gateway := c.attachedGateway(vpc)
			remove := func() error {
				_, err := c.ec2().DeleteInternetGateway(ctx, &ec2.DeleteInternetGatewayInput{InternetGatewayId: &gateway})
				return err
			}
			return remove, func() {
				must[*ec2.DetachInternetGatewayOutput](t)(c.ec2().DetachInternetGateway(ctx, &ec2.DetachInternetGatewayInput{InternetGatewayId: &gateway, VpcId: &vpc}))
			}
		}, "DependencyViolation"},
		{"internet gateway with a NAT gateway's address mapped", func(t *testing.T, c *cloud, vpc string) (func() error, func()) {
			gateway := c.attachedGateway(vpc)
			nat := c.nat(c.subnet(vpc, "10.0.0.0/24", "us-east-1a"), c.address())
			return detach(c, gateway, vpc), func() { c.removeNAT(nat) }
		}, "DependencyViolation"},
		{"internet gateway with an internet-facing load balancer", func(t *testing.T, c *cloud, vpc string) (func() error, func()) {
			gateway := c.attachedGateway(vpc)
			arn := c.networkBalancer("lb", c.subnet(vpc, "10.0.0.0/24", "us-east-1a"))
			return detach(c, gateway, vpc), func() {
				must[*elbv2.DeleteLoadBalancerOutput](t)(c.elbv2().DeleteLoadBalancer(ctx, &elbv2.DeleteLoadBalancerInput{LoadBalancerArn: &arn}))
				wantCode(t, detach(c, gateway, vpc)(), "DependencyViolation") // its interfaces stay a little
				c.clock.Advance(c.Config().DeletionDelay)
			}
		}, "DependencyViolation"},
		{"subnet before its NAT gateway", func(t *testing.T, c *cloud, vpc string) (func() error, func()) {
			c.attachedGateway(vpc)
			subnet := c.subnet(vpc, "10.0.0.0/24", "us-east-1a")
			nat := c.nat(subnet, c.address())
			return deleteSubnet(c, subnet), func() { c.removeNAT(nat) }
		}, "DependencyViolation"},
		{"subnet before its classic load balancer", func(t *testing.T, c *cloud, vpc string) (func() error, func()) {
			c.attachedGateway(vpc)
			subnet := c.subnet(vpc, "10.0.0.0/24", "us-east-1a")
			c.classicBalancer("lb", subnet)
			return deleteSubnet(c, subnet), func() {
				must[*elb.DeleteLoadBalancerOutput](t)(c.elb().DeleteLoadBalancer(ctx, &elb.DeleteLoadBalancerInput{LoadBalancerName: aws.String("lb")}))
				c.clock.Advance(c.Config().DeletionDelay)
			}
		}, "DependencyViolation"},
		{"subnet before its interface endpoint", func(t *testing.T, c *cloud, vpc string) (func() error, func()) {
			subnet := c.subnet(vpc, "10.0.0.0/24", "us-east-1a")
			made := must[*ec2.CreateVpcEndpointOutput](t)(c.ec2().CreateVpcEndpoint(ctx, &ec2.CreateVpcEndpointInput{VpcId: &vpc, SubnetIds: []string{subnet},
				ServiceName: aws.String("com.amazonaws.us-east-1.ssm"), VpcEndpointType: types.VpcEndpointTypeInterface}))
			return deleteSubnet(c, subnet), func() {
				must[*ec2.DeleteVpcEndpointsOutput](t)(c.ec2().DeleteVpcEndpoints(ctx, &ec2.DeleteVpcEndpointsInput{VpcEndpointIds: []string{*made.VpcEndpoint.VpcEndpointId}}))
				c.clock.Advance(c.Config().DeletionDelay)
			}
		}, "DependencyViolation"},
		{"security group that another group's rule names", func(t *testing.T, c *cloud, vpc string) (func() error, func()) {
			group, other := c.securityGroup(vpc, "a"), c.securityGroup(vpc, "b")
			rule := []types.IpPermission{{IpProtocol: aws.String("-1"), UserIdGroupPairs: []types.UserIdGroupPair{{GroupId: &group}}}}
			must[*ec2.AuthorizeSecurityGroupIngressOutput](t)(c.ec2().AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &other, IpPermissions: rule}))
			must[*ec2.AuthorizeSecurityGroupIngressOutput](t)(c.ec2().AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &group, IpPermissions: rule}))
			return deleteGroup(c, group), func() {
				// Its own rule about itself doesn't matter.
				must[*ec2.RevokeSecurityGroupIngressOutput](t)(c.ec2().RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{GroupId: &other, IpPermissions: rule}))
			}
		}, "DependencyViolation"},
		{"security group of a network interface", func(t *testing.T, c *cloud, vpc string) (func() error, func()) {
			group, subnet := c.securityGroup(vpc, "a"), c.subnet(vpc, "10.0.0.0/24", "us-east-1a")
			eni := must[*ec2.CreateNetworkInterfaceOutput](t)(c.ec2().CreateNetworkInterface(ctx, &ec2.CreateNetworkInterfaceInput{SubnetId: &subnet, Groups: []string{group}}))
			return deleteGroup(c, group), func() {
				must[*ec2.DeleteNetworkInterfaceOutput](t)(c.ec2().DeleteNetworkInterface(ctx, &ec2.DeleteNetworkInterfaceInput{NetworkInterfaceId: eni.NetworkInterface.NetworkInterfaceId}))
			}
		}, "DependencyViolation"},
		{"route table of a subnet", func(t *testing.T, c *cloud, vpc string) (func() error, func()) {
			table, subnet := c.routeTable(vpc), c.subnet(vpc, "10.0.0.0/24", "us-east-1a")
			made := must[*ec2.AssociateRouteTableOutput](t)(c.ec2().AssociateRouteTable(ctx, &ec2.AssociateRouteTableInput{RouteTableId: &table, SubnetId: &subnet}))
			remove := func() error {
				_, err := c.ec2().DeleteRouteTable(ctx, &ec2.DeleteRouteTableInput{RouteTableId: &table})
				return err
			}
			return remove, func() {
				must[*ec2.DisassociateRouteTableOutput](t)(c.ec2().DisassociateRouteTable(ctx, &ec2.DisassociateRouteTableInput{AssociationId: made.AssociationId}))
			}
		}, "DependencyViolation"},
		{"address of a NAT gateway", func(t *testing.T, c *cloud, vpc string) (func() error, func()) {
			c.attachedGateway(vpc)
			address := c.address()
			nat := c.nat(c.subnet(vpc, "10.0.0.0/24", "us-east-1a"), address)
			remove := func() error {
				_, err := c.ec2().ReleaseAddress(ctx, &ec2.ReleaseAddressInput{AllocationId: &address})
				return err
			}
			return remove, func() { c.removeNAT(nat) }
		}, "InvalidIPAddress.InUse"},
		{"address of a network interface", func(t *testing.T, c *cloud, vpc string) (func() error, func()) {
			address, subnet := c.address(), c.subnet(vpc, "10.0.0.0/24", "us-east-1a")
			eni := must[*ec2.CreateNetworkInterfaceOutput](t)(c.ec2().CreateNetworkInterface(ctx, &ec2.CreateNetworkInterfaceInput{SubnetId: &subnet}))
			made := must[*ec2.AssociateAddressOutput](t)(c.ec2().AssociateAddress(ctx, &ec2.AssociateAddressInput{AllocationId: &address, NetworkInterfaceId: eni.NetworkInterface.NetworkInterfaceId}))
			remove := func() error {
				_, err := c.ec2().ReleaseAddress(ctx, &ec2.ReleaseAddressInput{AllocationId: &address})
				return err
			}
			return remove, func() {
				must[*ec2.DisassociateAddressOutput](t)(c.ec2().DisassociateAddress(ctx, &ec2.DisassociateAddressInput{AssociationId: made.AssociationId}))
			}
		}, "InvalidIPAddress.InUse"},
		{"target group of a listener", func(t *testing.T, c *cloud, _ string) (func() error, func()) {
			n := newNetwork(c)
			remove := func() error {
				_, err := c.elbv2().DeleteTargetGroup(ctx, &elbv2.DeleteTargetGroupInput{TargetGroupArn: &n.targetsARN})
				return err
			}
			return remove, func() {
				must[*elbv2.DeleteListenerOutput](t)(c.elbv2().DeleteListener(ctx, &elbv2.DeleteListenerInput{ListenerArn: &n.listener}))
			}
		}, "ResourceInUse"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newCloud(t)
			remove, unblock := test.arrange(t, c, c.vpc("10.0.0.0/16"))
			wantCode(t, remove(), test.code)
			unblock()
			wantCode(t, remove(), "")
		})
	}
}

func detach(c *cloud, gateway, vpc string) func() error {
	return func() error {
		_, err := c.ec2().DetachInternetGateway(ctx, &ec2.DetachInternetGatewayInput{InternetGatewayId: &gateway, VpcId: &vpc})
		return err
	}
}

// removeNAT deletes a NAT gateway and waits until it is gone.
func (c *cloud) removeNAT(nat string) {
	c.t.Helper()
	must[*ec2.DeleteNatGatewayOutput](c.t)(c.ec2().DeleteNatGateway(ctx, &ec2.DeleteNatGatewayInput{NatGatewayId: &nat}))
	c.clock.Advance(c.Config().DeletionDelay)
}
