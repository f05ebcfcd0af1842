package emulator_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

func by(name string, values ...string) []types.Filter {
	return []types.Filter{{Name: &name, Values: values}}
}

// TestFiltersFindWhatTheyName asks for one resource of a populated account by each filter, and for none by a value nobody has.
func TestFiltersFindWhatTheyName(t *testing.T) {
	c := newCloud(t)
	n := newNetwork(c)
	c.vpc("172.16.0.0/16")
	e := c.ec2()
	must[*ec2.CreateTagsOutput](t)(e.CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{n.vpc, n.public[0], n.gateway, n.tables[0], n.group, n.nats[0], n.addresses[0]},
		Tags: []types.Tag{{Key: aws.String("cluster/a"), Value: aws.String("owned")}}}))
	vpcs := func(f []types.Filter) ([]string, error) {
		out, err := e.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{Filters: f})
		return idsOf(out, err, func(o *ec2.DescribeVpcsOutput) []types.Vpc { return o.Vpcs }, func(v types.Vpc) *string { return v.VpcId })
	}
	subnets := func(f []types.Filter) ([]string, error) {
		out, err := e.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{Filters: f})
		return idsOf(out, err, func(o *ec2.DescribeSubnetsOutput) []types.Subnet { return o.Subnets }, func(v types.Subnet) *string { return v.SubnetId })
	}
	gateways := func(f []types.Filter) ([]string, error) {
		out, err := e.DescribeInternetGateways(ctx, &ec2.DescribeInternetGatewaysInput{Filters: f})
		return idsOf(out, err, func(o *ec2.DescribeInternetGatewaysOutput) []types.InternetGateway { return o.InternetGateways },
			func(v types.InternetGateway) *string { return v.InternetGatewayId })
	}
	tables := func(f []types.Filter) ([]string, error) {
		out, err := e.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{Filters: f})
		return idsOf(out, err, func(o *ec2.DescribeRouteTablesOutput) []types.RouteTable { return o.RouteTables }, func(v types.RouteTable) *string { return v.RouteTableId })
	}
	groups := func(f []types.Filter) ([]string, error) {
		out, err := e.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{Filters: f})
		return idsOf(out, err, func(o *ec2.DescribeSecurityGroupsOutput) []types.SecurityGroup { return o.SecurityGroups }, func(v types.SecurityGroup) *string { return v.GroupId })
	}
	nats := func(f []types.Filter) ([]string, error) {
		out, err := e.DescribeNatGateways(ctx, &ec2.DescribeNatGatewaysInput{Filter: f})
		return idsOf(out, err, func(o *ec2.DescribeNatGatewaysOutput) []types.NatGateway { return o.NatGateways }, func(v types.NatGateway) *string { return v.NatGatewayId })
	}
	addresses := func(f []types.Filter) ([]string, error) {
		out, err := e.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{Filters: f})
		return idsOf(out, err, func(o *ec2.DescribeAddressesOutput) []types.Address { return o.Addresses }, func(v types.Address) *string { return v.AllocationId })
	}
	interfaces := func(f []types.Filter) ([]string, error) {
		out, err := e.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{Filters: f})
		return idsOf(out, err, func(o *ec2.DescribeNetworkInterfacesOutput) []types.NetworkInterface { return o.NetworkInterfaces }, func(v types.NetworkInterface) *string { return v.SubnetId })
	}
	tagLines := func(f []types.Filter) ([]string, error) {
		out, err := e.DescribeTags(ctx, &ec2.DescribeTagsInput{Filters: f})
		return idsOf(out, err, func(o *ec2.DescribeTagsOutput) []types.TagDescription { return o.Tags }, func(v types.TagDescription) *string { return v.ResourceId })
	}
	for _, test := range []struct {
		list    func([]types.Filter) ([]string, error)
		filters []types.Filter
		want    []string
	}{
		{vpcs, by("cidr", "10.0.0.0/16"), []string{n.vpc}},
		{vpcs, by("cidr-block", "10.?.0.0/16"), []string{n.vpc}},
		{vpcs, by("state", "pending"), nil},
		{vpcs, by("tag:cluster/a", "owned"), []string{n.vpc}},
		{vpcs, by("tag:cluster/a", "own*"), []string{n.vpc}},
		{vpcs, by("tag:cluster/a", "shared", "owned"), []string{n.vpc}},
		{vpcs, by("tag:cluster/a", "shared"), nil},
		{vpcs, by("tag-key", "cluster/*"), []string{n.vpc}},
		{vpcs, append(by("tag-key", "cluster/a"), by("cidr", "172.16.0.0/16")...), nil},
		{subnets, append(by("vpc-id", n.vpc), by("availability-zone", "us-east-1a")...), []string{n.public[0], n.private[0]}},
		{subnets, by("cidr-block", "10.0.16.0/20"), []string{n.public[1]}},
		{subnets, by("tag:cluster/a", "owned"), []string{n.public[0]}},
		{gateways, by("attachment.vpc-id", n.vpc), []string{n.gateway}},
		{gateways, by("attachment.vpc-id", "vpc-0"), nil},
		{tables, by("association.subnet-id", n.private[1]), []string{n.tables[1]}},
		{tables, append(by("vpc-id", n.vpc), by("association.main", "false")...), n.tables[:]},
		{tables, by("route.nat-gateway-id", n.nats[0]), []string{n.tables[0]}},
		{tables, append(by("route.state", "blackhole"), by("vpc-id", n.vpc)...), nil},
		{groups, append(by("vpc-id", n.vpc), by("group-name", "api*")...), []string{n.group}},
		{groups, by("ip-permission.from-port", "6443"), []string{n.group}},
		{nats, append(by("vpc-id", n.vpc), by("state", "pending", "available")...), n.nats[:]},
		{nats, by("subnet-id", n.public[1]), []string{n.nats[1]}},
		{nats, by("state", "deleted"), nil},
		{addresses, by("tag-key", "cluster/a"), []string{n.addresses[0]}},
		{addresses, by("domain", "vpc"), n.addresses[:]},
		{interfaces, append(by("interface-type", "nat_gateway"), by("subnet-id", n.public[0])...), []string{n.public[0]}},
		{interfaces, append(by("description", "ELB classic"), by("requester-id", "amazon-elb")...), n.public[:]},
		{interfaces, append(by("group-id", n.group), by("description", "ELB net/*")...), n.public[:]},
		{tagLines, append(by("resource-type", "vpc"), by("key", "cluster/a")...), []string{n.vpc}},
		{tagLines, append(by("resource-id", n.group), by("tag:cluster/a", "owned")...), []string{n.group}},
	} {
		name := []string{}
		for _, f := range test.filters {
			name = append(name, *f.Name+"="+strings.Join(f.Values, ","))
		}
		t.Run(strings.Join(name, "&"), func(t *testing.T) {
			got := must[[]string](t)(test.list(test.filters))
			slices.Sort(got)
			want := slices.Sorted(slices.Values(test.want))
			if !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func idsOf[O, V any](out *O, err error, list func(*O) []V, id func(V) *string) ([]string, error) {
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, v := range list(out) {
		ids = append(ids, *id(v))
	}
	return ids, nil
}

func TestPagesHoldEverythingOnce(t *testing.T) {
	c := newCloud(t)
	made := map[string]bool{}
	for i := range 12 {
		made[c.vpc(fmt.Sprintf("10.%d.0.0/16", i))] = true
	}
	pages := ec2.NewDescribeVpcsPaginator(c.ec2(), &ec2.DescribeVpcsInput{MaxResults: aws.Int32(5)})
	seen, count := map[string]bool{}, 0
	for pages.HasMorePages() {
		page := must[*ec2.DescribeVpcsOutput](t)(pages.NextPage(ctx))
		count++
		for _, v := range page.Vpcs {
			if seen[*v.VpcId] {
				t.Errorf("%s came twice", *v.VpcId)
			}
			seen[*v.VpcId] = true
		}
		if count == 1 { // one that was on the page before goes away: nothing may be skipped for it
			must[*ec2.DeleteVpcOutput](t)(c.ec2().DeleteVpc(ctx, &ec2.DeleteVpcInput{VpcId: page.Vpcs[0].VpcId}))
		}
	}
	if len(seen) != 12 || count != 3 {
		t.Errorf("%d VPCs on %d pages, want 12 on 3", len(seen), count)
	}
	if last := c.Log()[len(c.Log())-1]; last.Page != 3 {
		t.Errorf("the log calls the last request page %d, want 3", last.Page)
	}
}

func TestConfiguredPageSizeCutsEveryList(t *testing.T) {
	c := newCloud(t, func(c *emulator.Config) { c.MaxPageSize = 1 })
	n := newNetwork(c)
	c.networkBalancer("other", n.public[0])
	c.classicBalancer("other", n.public[0])
	c.targetGroup("other", n.vpc)
	must[*elbv2.CreateListenerOutput](t)(c.elbv2().CreateListener(ctx, &elbv2.CreateListenerInput{LoadBalancerArn: &n.balancer, Port: aws.Int32(443),
		Protocol: elbv2types.ProtocolEnumTcp, DefaultActions: forwardTo(n.targetsARN)}))
	must[*ec2.CreateTagsOutput](t)(c.ec2().CreateTags(ctx, &ec2.CreateTagsInput{Resources: n.public[:], Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}}))
	for name, list := range map[string]func(token *string) (int, *string, error){
		"DescribeSubnets": func(token *string) (int, *string, error) {
			out, err := c.ec2().DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{NextToken: token, SubnetIds: n.public[:]})
			return len(out.Subnets), out.NextToken, err
		},
		"DescribeNatGateways": func(token *string) (int, *string, error) {
			out, err := c.ec2().DescribeNatGateways(ctx, &ec2.DescribeNatGatewaysInput{NextToken: token})
			return len(out.NatGateways), out.NextToken, err
		},
		"DescribeTags": func(token *string) (int, *string, error) {
			out, err := c.ec2().DescribeTags(ctx, &ec2.DescribeTagsInput{NextToken: token})
			return len(out.Tags), out.NextToken, err
		},
		"classic DescribeLoadBalancers": func(token *string) (int, *string, error) {
			out, err := c.elb().DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{Marker: token})
			return len(out.LoadBalancerDescriptions), out.NextMarker, err
		},
		"v2 DescribeLoadBalancers": func(token *string) (int, *string, error) {
			out, err := c.elbv2().DescribeLoadBalancers(ctx, &elbv2.DescribeLoadBalancersInput{Marker: token})
			return len(out.LoadBalancers), out.NextMarker, err
		},
		"DescribeTargetGroups": func(token *string) (int, *string, error) {
			out, err := c.elbv2().DescribeTargetGroups(ctx, &elbv2.DescribeTargetGroupsInput{Marker: token})
			return len(out.TargetGroups), out.NextMarker, err
		},
		"DescribeListeners": func(token *string) (int, *string, error) {
			out, err := c.elbv2().DescribeListeners(ctx, &elbv2.DescribeListenersInput{Marker: token, LoadBalancerArn: &n.balancer})
			return len(out.Listeners), out.NextMarker, err
		},
	} {
		first, token, err := list(nil)
		if err != nil || first != 1 || token == nil {
			t.Errorf("%s: first page has %d entries, token %v, error %v", name, first, token, err)
			continue
		}
		if rest, token, err := list(token); err != nil || rest != 1 || token != nil {
			t.Errorf("%s: second page has %d entries, token %v, error %v", name, rest, token, err)
		}
	}
}

func TestZonesAndRegionsAreAsANewAccountSeesThem(t *testing.T) {
	c := newCloud(t)
	names := func(in *ec2.DescribeAvailabilityZonesInput) string {
		out := must[*ec2.DescribeAvailabilityZonesOutput](t)(c.ec2().DescribeAvailabilityZones(ctx, in))
		got := []string{}
		for _, z := range out.AvailabilityZones {
			got = append(got, *z.ZoneName)
		}
		return strings.Join(got, " ")
	}
	plain := "us-east-1a us-east-1b us-east-1c us-east-1d us-east-1e us-east-1f"
	local := by("zone-type", "local-zone")
	all := names(&ec2.DescribeAvailabilityZonesInput{AllAvailabilityZones: aws.Bool(true), Filters: local})
	before := names(&ec2.DescribeAvailabilityZonesInput{Filters: local})
	must[*ec2.ModifyAvailabilityZoneGroupOutput](t)(c.ec2().ModifyAvailabilityZoneGroup(ctx, &ec2.ModifyAvailabilityZoneGroupInput{
		GroupName: aws.String("us-east-1-bos-1"), OptInStatus: types.ModifyAvailabilityZoneOptInStatusOptedIn}))
	for _, test := range []struct{ name, got, want string }{
		{"without parameters", names(&ec2.DescribeAvailabilityZonesInput{Filters: by("zone-type", "availability-zone")}), plain},
		{"local zones of a new account", before, ""},
		{"all local zones", all, "us-east-1-bos-1a us-east-1-mia-1a"},
		{"local zones opted in to", names(&ec2.DescribeAvailabilityZonesInput{Filters: local}), "us-east-1-bos-1a"},
		{"by name", names(&ec2.DescribeAvailabilityZonesInput{ZoneNames: []string{"us-east-1b"}}), "us-east-1b"},
	} {
		if test.got != test.want {
			t.Errorf("%s: %q, want %q", test.name, test.got, test.want)
		}
	}
	wantCode(t, second(c.ec2().DescribeAvailabilityZones(ctx, &ec2.DescribeAvailabilityZonesInput{ZoneNames: []string{"us-east-1z"}})), "InvalidParameterValue")
	enabled := must[*ec2.DescribeRegionsOutput](t)(c.ec2().DescribeRegions(ctx, &ec2.DescribeRegionsInput{}))
	every := must[*ec2.DescribeRegionsOutput](t)(c.ec2().DescribeRegions(ctx, &ec2.DescribeRegionsInput{AllRegions: aws.Bool(true)}))
	if len(enabled.Regions) != 17 || len(every.Regions) <= 17 {
		t.Errorf("%d regions enabled of %d, want the 17 that need no opt-in", len(enabled.Regions), len(every.Regions))
	}
	wantCode(t, second(c.ec2().DescribeRegions(ctx, &ec2.DescribeRegionsInput{RegionNames: []string{"moon-1"}})), "InvalidParameterValue")
}
