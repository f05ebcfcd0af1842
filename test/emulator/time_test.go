package emulator_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

func (c *cloud) natState(id string) string {
	c.t.Helper()
	out, err := c.ec2().DescribeNatGateways(ctx, &ec2.DescribeNatGatewaysInput{NatGatewayIds: []string{id}})
	if err != nil {
		return "gone"
	}
	return string(out.NatGateways[0].State)
}

func TestNATGatewayLivesThroughAllItsStates(t *testing.T) {
	c := newCloud(t)
	vpc := c.vpc("10.0.0.0/16")
	c.attachedGateway(vpc)
	id := c.nat(c.subnet(vpc, "10.0.0.0/24", "us-east-1a"), c.address())
	config := c.Config()
	for _, step := range []struct {
		after time.Duration
		want  string
	}{
		{0, "pending"}, {config.NATGatewayDelay - time.Millisecond, "pending"}, {time.Millisecond, "available"}, {time.Hour, "available"},
	} {
		c.clock.Advance(step.after)
		if got := c.natState(id); got != step.want {
			t.Errorf("after another %s the gateway is %s, want %s", step.after, got, step.want)
		}
	}
	must[*ec2.DeleteNatGatewayOutput](t)(c.ec2().DeleteNatGateway(ctx, &ec2.DeleteNatGatewayInput{NatGatewayId: &id}))
	for _, step := range []struct {
		after time.Duration
		want  string
	}{
		{0, "deleting"}, {config.DeletionDelay, "deleted"}, {config.DeletedListedFor - time.Second, "deleted"}, {time.Second, "gone"},
	} {
		c.clock.Advance(step.after)
		if got := c.natState(id); got != step.want {
			t.Errorf("after another %s the deleted gateway is %s, want %s", step.after, got, step.want)
		}
	}
}

func TestNATGatewayFailsForWhatAWSFindsOutLate(t *testing.T) {
	c := newCloud(t)
	vpc := c.vpc("10.0.0.0/16")
	subnet, address := c.subnet(vpc, "10.0.0.0/24", "us-east-1a"), c.address()
	without := c.nat(subnet, address)
	c.attachedGateway(vpc)
	c.nat(subnet, address)
	twice := c.nat(subnet, address)
	c.clock.Advance(c.Config().NATGatewayDelay)
	for id, code := range map[string]string{without: "Gateway.NotAttached", twice: "Resource.AlreadyAssociated"} {
		g := must[*ec2.DescribeNatGatewaysOutput](t)(c.ec2().DescribeNatGateways(ctx, &ec2.DescribeNatGatewaysInput{NatGatewayIds: []string{id}})).NatGateways[0]
		if g.State != types.NatGatewayStateFailed || *g.FailureCode != code {
			t.Errorf("gateway is %s with %v, want failed with %s", g.State, aws.ToString(g.FailureCode), code)
		}
	}
}

func TestRouteToWhatIsGoneIsABlackHole(t *testing.T) {
	c := newCloud(t)
	n := newNetwork(c)
	state := func() types.RouteState {
		table := must[*ec2.DescribeRouteTablesOutput](t)(c.ec2().DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{RouteTableIds: n.tables[:1]})).RouteTables[0]
		return table.Routes[1].State
	}
	if got := state(); got != types.RouteStateActive {
		t.Errorf("route to a NAT gateway is %s", got)
	}
	c.removeNAT(n.nats[0])
	if got := state(); got != types.RouteStateBlackhole {
		t.Errorf("route to a deleted NAT gateway is %s", got)
	}
}

func TestNewResourcesStayOutOfSightForAWhile(t *testing.T) {
	c := newCloud(t, func(c *emulator.Config) { c.HideNewFor = 5 * time.Second })
	vpc := c.vpc("10.0.0.0/16")
	subnet := c.subnet(vpc, "10.0.0.0/24", "us-east-1a") // mutations know the new VPC
	look := func(vpcCode, subnetCode string, listed int) {
		wantCode(t, second(c.ec2().DescribeVpcs(ctx, &ec2.DescribeVpcsInput{VpcIds: []string{vpc}})), vpcCode)
		wantCode(t, second(c.ec2().DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: []string{subnet}})), subnetCode)
		list := must[*ec2.DescribeVpcsOutput](t)(c.ec2().DescribeVpcs(ctx, &ec2.DescribeVpcsInput{}))
		if len(list.Vpcs) != listed {
			t.Errorf("%d VPCs listed, want %d", len(list.Vpcs), listed)
		}
	}
	look("InvalidVpcID.NotFound", "InvalidSubnetID.NotFound", 0)
	c.clock.Advance(5 * time.Second)
	look("", "", 1)
}

func TestHiddenLoadBalancersAreNotFound(t *testing.T) {
	c := newCloud(t, func(c *emulator.Config) { c.HideNewFor = 5 * time.Second })
	n := newNetwork(c)
	c.clock.Advance(-c.Config().NATGatewayDelay)
	find := func() (error, error) {
		_, v2 := c.elbv2().DescribeLoadBalancers(ctx, &elbv2.DescribeLoadBalancersInput{LoadBalancerArns: []string{n.balancer}})
		_, classic := c.elb().DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{LoadBalancerNames: []string{n.classic}})
		return v2, classic
	}
	v2, classic := find()
	wantCode(t, v2, "LoadBalancerNotFound")
	wantCode(t, classic, "LoadBalancerNotFound")
	c.clock.Advance(5 * time.Second)
	v2, classic = find()
	wantCode(t, v2, "")
	wantCode(t, classic, "")
}

func TestMutationsMissHiddenIDsTooIfToldSo(t *testing.T) {
	c := newCloud(t, func(c *emulator.Config) { c.HideNewFor, c.HideNewFromWrites = 5*time.Second, true })
	vpc := c.vpc("10.0.0.0/16")
	create := func() error {
		_, err := c.ec2().CreateRouteTable(ctx, &ec2.CreateRouteTableInput{VpcId: &vpc})
		return err
	}
	wantCode(t, create(), "InvalidVpcID.NotFound")
	c.clock.Advance(5 * time.Second)
	wantCode(t, create(), "")
}

func TestClientTokensMakeOneOfEach(t *testing.T) {
	c := newCloud(t)
	vpc := c.vpc("10.0.0.0/16")
	c.attachedGateway(vpc)
	subnet, address := c.subnet(vpc, "10.0.0.0/24", "us-east-1a"), c.address()
	token := aws.String("token")
	for _, test := range []struct {
		name   string
		create func(change string) (id *string, err error)
	}{
		{"NAT gateway", func(change string) (*string, error) {
			out, err := c.ec2().CreateNatGateway(ctx, &ec2.CreateNatGatewayInput{ClientToken: token, SubnetId: &subnet, AllocationId: &address,
				TagSpecifications: tagged(types.ResourceTypeNatgateway, "a", change)})
			if err != nil {
				return nil, err
			}
			return out.NatGateway.NatGatewayId, nil
		}},
		{"route table", func(change string) (*string, error) {
			out, err := c.ec2().CreateRouteTable(ctx, &ec2.CreateRouteTableInput{ClientToken: token, VpcId: &vpc,
				TagSpecifications: tagged(types.ResourceTypeRouteTable, "a", change)})
			if err != nil {
				return nil, err
			}
			return out.RouteTable.RouteTableId, nil
		}},
		{"VPC endpoint", func(change string) (*string, error) {
			out, err := c.ec2().CreateVpcEndpoint(ctx, &ec2.CreateVpcEndpointInput{ClientToken: token, VpcId: &vpc, ServiceName: aws.String("com.amazonaws.us-east-1.s3"),
				TagSpecifications: tagged(types.ResourceTypeVpcEndpoint, "a", change)})
			if err != nil {
				return nil, err
			}
			return out.VpcEndpoint.VpcEndpointId, nil
		}},
		{"egress-only internet gateway", func(change string) (*string, error) {
			out, err := c.ec2().CreateEgressOnlyInternetGateway(ctx, &ec2.CreateEgressOnlyInternetGatewayInput{ClientToken: token, VpcId: &vpc,
				TagSpecifications: tagged(types.ResourceTypeEgressOnlyInternetGateway, "a", change)})
			if err != nil {
				return nil, err
			}
			return out.EgressOnlyInternetGateway.EgressOnlyInternetGatewayId, nil
		}},
		{"carrier gateway", func(change string) (*string, error) {
			out, err := c.ec2().CreateCarrierGateway(ctx, &ec2.CreateCarrierGatewayInput{ClientToken: token, VpcId: &vpc,
				TagSpecifications: tagged(types.ResourceTypeCarrierGateway, "a", change)})
			if err != nil {
				return nil, err
			}
			return out.CarrierGateway.CarrierGatewayId, nil
		}},
		{"network interface", func(change string) (*string, error) {
			out, err := c.ec2().CreateNetworkInterface(ctx, &ec2.CreateNetworkInterfaceInput{ClientToken: token, SubnetId: &subnet, Description: &change})
			if err != nil {
				return nil, err
			}
			return out.NetworkInterface.NetworkInterfaceId, nil
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			first := must[*string](t)(test.create("one"))
			again := must[*string](t)(test.create("one"))
			if *first != *again {
				t.Errorf("the same token made %s and %s", *first, *again)
			}
			wantCode(t, second(test.create("two")), "IdempotentParameterMismatch")
		})
	}
}

func TestBucketsThrottleAndRefill(t *testing.T) {
	c := newCloud(t, func(c *emulator.Config) { c.RateLimits = true })
	create := func(c *cloud) error {
		_, err := c.ec2().CreateNatGateway(ctx, &ec2.CreateNatGatewayInput{SubnetId: aws.String("subnet-0"), AllocationId: aws.String("x")})
		return err
	}
	for range 10 {
		wantCode(t, create(c), "InvalidSubnetID.NotFound") // a refused request costs a token too
	}
	wantCode(t, create(c), "RequestLimitExceeded")
	if last := c.Log()[len(c.Log())-1]; last.Status != 503 {
		t.Errorf("throttled with status %d, want 503", last.Status)
	}
	_, err := c.ec2().DescribeVpcs(ctx, &ec2.DescribeVpcsInput{})
	wantCode(t, err, "") // another action has its own bucket
	_, err = ec2.NewFromConfig(c.config("AKIATEST", "eu-west-1")).CreateNatGateway(ctx, &ec2.CreateNatGatewayInput{SubnetId: aws.String("subnet-0"), AllocationId: aws.String("x")})
	wantCode(t, err, "InvalidSubnetID.NotFound") // so has another region
	c.clock.Advance(time.Second)
	wantCode(t, create(c), "InvalidSubnetID.NotFound")
	wantCode(t, create(c), "RequestLimitExceeded")
}

func TestUnfilteredReadsHaveTheSmallerBucket(t *testing.T) {
	c := newCloud(t, func(c *emulator.Config) { c.RateLimits = true; c.RateFactor = 0.1 })
	admitted := func(in *ec2.DescribeSecurityGroupsInput) int {
		n := 0
		for {
			if _, err := c.ec2().DescribeSecurityGroups(ctx, in); err != nil {
				return n
			}
			n++
		}
	}
	if n := admitted(&ec2.DescribeSecurityGroupsInput{}); n != 5 {
		t.Errorf("%d unfiltered reads admitted, want a tenth of 50", n)
	}
	c.Reset()
	if n := admitted(&ec2.DescribeSecurityGroupsInput{MaxResults: aws.Int32(1000)}); n != 10 {
		t.Errorf("%d paginated reads admitted, want a tenth of 100", n)
	}
}

func TestQueryServicesThrottleInTheirOwnWords(t *testing.T) {
	c := newCloud(t, func(c *emulator.Config) {
		c.RateLimits = true
		c.Buckets = map[string]emulator.Bucket{"elbv2.DescribeLoadBalancers": {Size: 1, Refill: 1}}
	})
	_, err := c.elbv2().DescribeLoadBalancers(ctx, &elbv2.DescribeLoadBalancersInput{})
	wantCode(t, err, "")
	_, err = c.elbv2().DescribeLoadBalancers(ctx, &elbv2.DescribeLoadBalancersInput{})
	wantCode(t, err, "Throttling")
}

func TestQuotasAreKept(t *testing.T) {
	c := newCloud(t, func(c *emulator.Config) {
		c.Quotas = map[string]int{"vpcs": 1, "subnetsPerVpc": 1, "internetGateways": 1, "elasticIPs": 1, "routeTablesPerVpc": 1, "securityGroups": 2,
			"rulesPerSecurityGroup": 2, "loadBalancers": 0, "targetGroups": 0, "classicLoadBalancers": 0, "natGatewaysPerZone": 0}
	})
	e := c.ec2()
	vpc := c.vpc("10.0.0.0/16")
	subnet, address := c.subnet(vpc, "10.0.0.0/24", "us-east-1a"), c.address()
	c.attachedGateway(vpc)
	group := c.securityGroup(vpc, "g")
	for code, err := range map[string]error{
		"VpcLimitExceeded":             second(e.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})),
		"SubnetLimitExceeded":          second(e.CreateSubnet(ctx, &ec2.CreateSubnetInput{VpcId: &vpc, CidrBlock: aws.String("10.0.1.0/24")})),
		"InternetGatewayLimitExceeded": second(e.CreateInternetGateway(ctx, &ec2.CreateInternetGatewayInput{})),
		"AddressLimitExceeded":         second(e.AllocateAddress(ctx, &ec2.AllocateAddressInput{})),
		"RouteTableLimitExceeded":      second(e.CreateRouteTable(ctx, &ec2.CreateRouteTableInput{VpcId: &vpc})),
		"SecurityGroupLimitExceeded":   second(e.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{VpcId: &vpc, GroupName: aws.String("h"), Description: aws.String("h")})),
		"NatGatewayLimitExceeded":      second(e.CreateNatGateway(ctx, &ec2.CreateNatGatewayInput{SubnetId: &subnet, AllocationId: &address})),
		"RulesPerSecurityGroupLimitExceeded": second(e.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &group,
			IpPermissions: []types.IpPermission{tcp(1, "10.0.0.0/8", "11.0.0.0/8", "12.0.0.0/8")}})),
		"TooManyLoadBalancers": second(c.elbv2().CreateLoadBalancer(ctx, &elbv2.CreateLoadBalancerInput{Name: aws.String("x"), Subnets: []string{subnet}})),
		"TooManyTargetGroups":  second(c.elbv2().CreateTargetGroup(ctx, &elbv2.CreateTargetGroupInput{Name: aws.String("x")})),
	} {
		wantCode(t, err, code)
	}
}
