package emulator_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

func (c *cloud) networkBalancer(name string, subnets ...string) string {
	c.t.Helper()
	return *must[*elbv2.CreateLoadBalancerOutput](c.t)(c.elbv2().CreateLoadBalancer(ctx, &elbv2.CreateLoadBalancerInput{
		Name: &name, Type: types.LoadBalancerTypeEnumNetwork, Subnets: subnets})).LoadBalancers[0].LoadBalancerArn
}

func (c *cloud) targetGroup(name, vpc string) string {
	c.t.Helper()
	return *must[*elbv2.CreateTargetGroupOutput](c.t)(c.elbv2().CreateTargetGroup(ctx, &elbv2.CreateTargetGroupInput{
		Name: &name, Protocol: types.ProtocolEnumTcp, Port: aws.Int32(6443), VpcId: &vpc})).TargetGroups[0].TargetGroupArn
}

func (c *cloud) classicBalancer(name string, subnets ...string) {
	c.t.Helper()
	must[*elb.CreateLoadBalancerOutput](c.t)(c.elb().CreateLoadBalancer(ctx, &elb.CreateLoadBalancerInput{
		LoadBalancerName: &name, Subnets: subnets, Listeners: []elbtypes.Listener{classicListener(443, 6443)}}))
}

func TestSameSettingsReturnWhatIsThereAndOthersAreDuplicates(t *testing.T) {
	c := newCloud(t)
	n := newNetwork(c)
	v2, classic := c.elbv2(), c.elb()
	group := func(port int32) error {
		out, err := v2.CreateTargetGroup(ctx, &elbv2.CreateTargetGroupInput{Name: aws.String("targets"), Protocol: types.ProtocolEnumTcp, Port: &port, VpcId: &n.vpc})
		if err == nil && *out.TargetGroups[0].TargetGroupArn != n.targetsARN {
			t.Errorf("a second target group %s", *out.TargetGroups[0].TargetGroupArn)
		}
		return err
	}
	balancer := func(scheme types.LoadBalancerSchemeEnum) error {
		out, err := v2.CreateLoadBalancer(ctx, &elbv2.CreateLoadBalancerInput{Name: aws.String("network"), Type: types.LoadBalancerTypeEnumNetwork,
			Subnets: n.public[:], SecurityGroups: []string{n.group}, Scheme: scheme, Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}})
		if err == nil && *out.LoadBalancers[0].LoadBalancerArn != n.balancer {
			t.Errorf("a second load balancer %s", *out.LoadBalancers[0].LoadBalancerArn)
		}
		return err
	}
	listener := func(protocol types.ProtocolEnum) error {
		_, err := v2.CreateListener(ctx, &elbv2.CreateListenerInput{LoadBalancerArn: &n.balancer, Port: aws.Int32(6443), Protocol: protocol, DefaultActions: forwardTo(n.targetsARN)})
		return err
	}
	old := func(port int32) error {
		_, err := classic.CreateLoadBalancer(ctx, &elb.CreateLoadBalancerInput{LoadBalancerName: aws.String("classic"),
			Subnets: n.public[:], SecurityGroups: []string{n.group}, Listeners: []elbtypes.Listener{classicListener(port, 6443)}})
		return err
	}
	oldListener := func(port int32) error {
		_, err := classic.CreateLoadBalancerListeners(ctx, &elb.CreateLoadBalancerListenersInput{LoadBalancerName: aws.String("classic"),
			Listeners: []elbtypes.Listener{classicListener(6443, port)}})
		return err
	}
	wantCode(t, group(6443), "")
	wantCode(t, group(443), "DuplicateTargetGroupName")
	wantCode(t, balancer(""), "")
	wantCode(t, balancer(types.LoadBalancerSchemeEnumInternal), "DuplicateLoadBalancerName")
	wantCode(t, listener(types.ProtocolEnumTcp), "")
	wantCode(t, listener(types.ProtocolEnumUdp), "DuplicateListener")
	wantCode(t, old(6443), "")
	wantCode(t, old(443), "DuplicateLoadBalancerName")
	wantCode(t, oldListener(6443), "")
	wantCode(t, oldListener(443), "DuplicateListener")
}

func TestLoadBalancersRefuseInTheirOwnCodes(t *testing.T) {
	c := newCloud(t)
	n := newNetwork(c)
	v2, classic := c.elbv2(), c.elb()
	closed := c.vpc("10.9.0.0/16")
	closedSubnet := c.subnet(closed, "10.9.0.0/24", "us-east-1a")
	foreignGroup := c.targetGroup("foreign", closed)
	create := func(in elbv2.CreateLoadBalancerInput) error {
		if in.Name == nil {
			in.Name = aws.String("new")
		}
		in.Type = types.LoadBalancerTypeEnumNetwork
		_, err := v2.CreateLoadBalancer(ctx, &in)
		return err
	}
	none := aws.String("arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/net/none/0000000000000000")
	for _, test := range []struct {
		name, code string
		err        error
	}{
		{"a name that ends with a hyphen", "ValidationError", create(elbv2.CreateLoadBalancerInput{Name: aws.String("a-"), Subnets: n.public[:]})},
		{"a name of 33 letters", "ValidationError", create(elbv2.CreateLoadBalancerInput{Name: aws.String("abcdefghijklmnopqrstuvwxyzabcdefg"), Subnets: n.public[:]})},
		{"no subnets", "ValidationError", create(elbv2.CreateLoadBalancerInput{})},
		{"a subnet that isn't there", "SubnetNotFound", create(elbv2.CreateLoadBalancerInput{Subnets: []string{"subnet-0"}})},
		{"two subnets of one zone", "InvalidConfigurationRequest", create(elbv2.CreateLoadBalancerInput{Subnets: []string{n.public[0], n.private[0]}})},
		{"a VPC without internet gateway", "InvalidSubnet", create(elbv2.CreateLoadBalancerInput{Subnets: []string{closedSubnet}})},
		{"a security group that isn't there", "InvalidSecurityGroup", create(elbv2.CreateLoadBalancerInput{Subnets: n.public[:], SecurityGroups: []string{"sg-0"}})},
		{"a tag of AWS's own", "ValidationError", create(elbv2.CreateLoadBalancerInput{Subnets: n.public[:], Tags: []types.Tag{{Key: aws.String("aws:x"), Value: aws.String("")}}})},
		{"an application load balancer in one zone", "ValidationError", second(v2.CreateLoadBalancer(ctx, &elbv2.CreateLoadBalancerInput{Name: aws.String("app"), Subnets: n.public[:1]}))},
		{"describing one that isn't there", "LoadBalancerNotFound", second(v2.DescribeLoadBalancers(ctx, &elbv2.DescribeLoadBalancersInput{Names: []string{"network", "none"}}))},
		{"describing by name and ARN", "ValidationError", second(v2.DescribeLoadBalancers(ctx, &elbv2.DescribeLoadBalancersInput{Names: []string{"network"}, LoadBalancerArns: []string{n.balancer}}))},
		{"a page of 401", "ValidationError", second(v2.DescribeLoadBalancers(ctx, &elbv2.DescribeLoadBalancersInput{PageSize: aws.Int32(401)}))},
		{"an attribute that isn't there", "InvalidConfigurationRequest", second(v2.ModifyLoadBalancerAttributes(ctx, &elbv2.ModifyLoadBalancerAttributesInput{LoadBalancerArn: &n.balancer,
			Attributes: []types.LoadBalancerAttribute{{Key: aws.String("colour"), Value: aws.String("red")}}}))},
		{"a listener of a load balancer that isn't there", "LoadBalancerNotFound", second(v2.CreateListener(ctx, &elbv2.CreateListenerInput{LoadBalancerArn: none, Port: aws.Int32(1),
			Protocol: types.ProtocolEnumTcp, DefaultActions: forwardTo(n.targetsARN)}))},
		{"a listener for a target group that isn't there", "TargetGroupNotFound", second(v2.CreateListener(ctx, &elbv2.CreateListenerInput{LoadBalancerArn: &n.balancer, Port: aws.Int32(1),
			Protocol: types.ProtocolEnumTcp, DefaultActions: forwardTo("none")}))},
		{"a listener for a target group of another VPC", "InvalidConfigurationRequest", second(v2.CreateListener(ctx, &elbv2.CreateListenerInput{LoadBalancerArn: &n.balancer, Port: aws.Int32(1),
			Protocol: types.ProtocolEnumTcp, DefaultActions: forwardTo(foreignGroup)}))},
		{"an HTTP listener of a network load balancer", "ValidationError", second(v2.CreateListener(ctx, &elbv2.CreateListenerInput{LoadBalancerArn: &n.balancer, Port: aws.Int32(1),
			Protocol: types.ProtocolEnumHttp, DefaultActions: forwardTo(n.targetsARN)}))},
		{"a target group used by a second load balancer", "TargetGroupAssociationLimit", second(v2.CreateListener(ctx, &elbv2.CreateListenerInput{
			LoadBalancerArn: aws.String(c.networkBalancer("second", n.public[0])), Port: aws.Int32(1), Protocol: types.ProtocolEnumTcp, DefaultActions: forwardTo(n.targetsARN)}))},
		{"groups for a network load balancer made without", "InvalidConfigurationRequest", second(v2.SetSecurityGroups(ctx, &elbv2.SetSecurityGroupsInput{
			LoadBalancerArn: aws.String(c.networkBalancer("second", n.public[0])), SecurityGroups: []string{n.group}}))},
		{"listeners that aren't there", "ListenerNotFound", second(v2.DeleteListener(ctx, &elbv2.DeleteListenerInput{ListenerArn: none}))},
		{"a target group without a VPC", "ValidationError", second(v2.CreateTargetGroup(ctx, &elbv2.CreateTargetGroupInput{Name: aws.String("x"), Protocol: types.ProtocolEnumTcp, Port: aws.Int32(1)}))},
		{"a target that isn't registered", "InvalidTarget", second(v2.DeregisterTargets(ctx, &elbv2.DeregisterTargetsInput{TargetGroupArn: &n.targetsARN, Targets: []types.TargetDescription{{Id: aws.String("i-1")}}}))},
		{"tags of what isn't there", "LoadBalancerNotFound", second(v2.DescribeTags(ctx, &elbv2.DescribeTagsInput{ResourceArns: []string{*none}}))},
		{"a classic load balancer that isn't there", "LoadBalancerNotFound", second(classic.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{LoadBalancerNames: []string{"none"}}))},
		{"a scheme that isn't there", "InvalidScheme", second(classic.CreateLoadBalancer(ctx, &elb.CreateLoadBalancerInput{LoadBalancerName: aws.String("x"), Scheme: aws.String("open"),
			Subnets: n.public[:], Listeners: []elbtypes.Listener{classicListener(1, 1)}}))},
		{"a health check of nothing", "ValidationError", second(classic.ConfigureHealthCheck(ctx, &elb.ConfigureHealthCheckInput{LoadBalancerName: &n.classic, HealthCheck: &elbtypes.HealthCheck{
			Target: aws.String("6443"), Interval: aws.Int32(10), Timeout: aws.Int32(5), HealthyThreshold: aws.Int32(2), UnhealthyThreshold: aws.Int32(2)}}))},
		{"taking the last subnet away", "InvalidConfigurationRequest", second(classic.DetachLoadBalancerFromSubnets(ctx, &elb.DetachLoadBalancerFromSubnetsInput{LoadBalancerName: &n.classic, Subnets: n.public[:]}))},
	} {
		t.Run(test.name, func(t *testing.T) { wantCode(t, test.err, test.code) })
	}
}

func second[T any](_ T, err error) error { return err }

func TestDeletingALoadBalancerTwiceSucceeds(t *testing.T) {
	c := newCloud(t)
	n := newNetwork(c)
	for range 2 {
		must[*elb.DeleteLoadBalancerOutput](t)(c.elb().DeleteLoadBalancer(ctx, &elb.DeleteLoadBalancerInput{LoadBalancerName: &n.classic}))
		must[*elbv2.DeleteLoadBalancerOutput](t)(c.elbv2().DeleteLoadBalancer(ctx, &elbv2.DeleteLoadBalancerInput{LoadBalancerArn: &n.balancer}))
	}
}

func TestDeletionProtectionIsKept(t *testing.T) {
	c := newCloud(t)
	n := newNetwork(c)
	must[*elbv2.ModifyLoadBalancerAttributesOutput](t)(c.elbv2().ModifyLoadBalancerAttributes(ctx, &elbv2.ModifyLoadBalancerAttributesInput{LoadBalancerArn: &n.balancer,
		Attributes: []types.LoadBalancerAttribute{{Key: aws.String("deletion_protection.enabled"), Value: aws.String("true")}}}))
	wantCode(t, second(c.elbv2().DeleteLoadBalancer(ctx, &elbv2.DeleteLoadBalancerInput{LoadBalancerArn: &n.balancer})), "OperationNotPermitted")
}

func TestLoadBalancerSettingsReadBack(t *testing.T) {
	c := newCloud(t)
	n := newNetwork(c)
	v2, classic := c.elbv2(), c.elb()
	extra := c.subnet(n.vpc, "10.0.32.0/24", "us-east-1c")
	more := c.securityGroup(n.vpc, "more")

	must[*elbv2.SetSecurityGroupsOutput](t)(v2.SetSecurityGroups(ctx, &elbv2.SetSecurityGroupsInput{LoadBalancerArn: &n.balancer, SecurityGroups: []string{more}}))
	must[*elbv2.SetSubnetsOutput](t)(v2.SetSubnets(ctx, &elbv2.SetSubnetsInput{LoadBalancerArn: &n.balancer, Subnets: []string{n.public[0], extra}}))
	b := must[*elbv2.DescribeLoadBalancersOutput](t)(v2.DescribeLoadBalancers(ctx, &elbv2.DescribeLoadBalancersInput{Names: []string{"network"}})).LoadBalancers[0]
	if b.SecurityGroups[0] != more || len(b.AvailabilityZones) != 2 || *b.AvailabilityZones[1].ZoneName != "us-east-1c" {
		t.Errorf("network load balancer %+v", b)
	}
	g := must[*elbv2.ModifyTargetGroupOutput](t)(v2.ModifyTargetGroup(ctx, &elbv2.ModifyTargetGroupInput{TargetGroupArn: &n.targetsARN,
		HealthCheckProtocol: types.ProtocolEnumHttps, HealthCheckPath: aws.String("/readyz"), HealthCheckIntervalSeconds: aws.Int32(10)})).TargetGroups[0]
	if g.HealthCheckProtocol != types.ProtocolEnumHttps || *g.HealthCheckPath != "/readyz" || *g.HealthCheckIntervalSeconds != 10 || g.LoadBalancerArns[0] != n.balancer {
		t.Errorf("target group %+v", g)
	}
	must[*elbv2.ModifyTargetGroupAttributesOutput](t)(v2.ModifyTargetGroupAttributes(ctx, &elbv2.ModifyTargetGroupAttributesInput{TargetGroupArn: &n.targetsARN,
		Attributes: []types.TargetGroupAttribute{{Key: aws.String("preserve_client_ip.enabled"), Value: aws.String("false")}}}))
	attributes := must[*elbv2.DescribeTargetGroupAttributesOutput](t)(v2.DescribeTargetGroupAttributes(ctx, &elbv2.DescribeTargetGroupAttributesInput{TargetGroupArn: &n.targetsARN})).Attributes
	for _, a := range attributes {
		if *a.Key == "preserve_client_ip.enabled" && *a.Value != "false" {
			t.Errorf("attribute %s is %s", *a.Key, *a.Value)
		}
	}
	l := must[*elbv2.ModifyListenerOutput](t)(v2.ModifyListener(ctx, &elbv2.ModifyListenerInput{ListenerArn: &n.listener, Port: aws.Int32(7443)})).Listeners[0]
	if *l.Port != 7443 || *l.DefaultActions[0].ForwardConfig.TargetGroups[0].TargetGroupArn != n.targetsARN {
		t.Errorf("listener %+v", l)
	}

	must[*elb.ConfigureHealthCheckOutput](t)(classic.ConfigureHealthCheck(ctx, &elb.ConfigureHealthCheckInput{LoadBalancerName: &n.classic, HealthCheck: &elbtypes.HealthCheck{
		Target: aws.String("HTTPS:6443/readyz"), Interval: aws.Int32(10), Timeout: aws.Int32(5), HealthyThreshold: aws.Int32(2), UnhealthyThreshold: aws.Int32(3)}}))
	must[*elb.ModifyLoadBalancerAttributesOutput](t)(classic.ModifyLoadBalancerAttributes(ctx, &elb.ModifyLoadBalancerAttributesInput{LoadBalancerName: &n.classic,
		LoadBalancerAttributes: &elbtypes.LoadBalancerAttributes{CrossZoneLoadBalancing: &elbtypes.CrossZoneLoadBalancing{Enabled: true},
			ConnectionSettings: &elbtypes.ConnectionSettings{IdleTimeout: aws.Int32(600)}}}))
	must[*elb.ApplySecurityGroupsToLoadBalancerOutput](t)(classic.ApplySecurityGroupsToLoadBalancer(ctx, &elb.ApplySecurityGroupsToLoadBalancerInput{LoadBalancerName: &n.classic, SecurityGroups: []string{more}}))
	must[*elb.AttachLoadBalancerToSubnetsOutput](t)(classic.AttachLoadBalancerToSubnets(ctx, &elb.AttachLoadBalancerToSubnetsInput{LoadBalancerName: &n.classic, Subnets: []string{extra}}))
	id := *c.run(c.launch(n.private[0])).InstanceId
	wantCode(t, second(classic.RegisterInstancesWithLoadBalancer(ctx, &elb.RegisterInstancesWithLoadBalancerInput{LoadBalancerName: &n.classic,
		Instances: []elbtypes.Instance{{InstanceId: aws.String("i-1")}}})), "InvalidInstance")
	must[*elb.RegisterInstancesWithLoadBalancerOutput](t)(classic.RegisterInstancesWithLoadBalancer(ctx, &elb.RegisterInstancesWithLoadBalancerInput{LoadBalancerName: &n.classic,
		Instances: []elbtypes.Instance{{InstanceId: &id}}}))
	must[*elb.CreateLoadBalancerListenersOutput](t)(classic.CreateLoadBalancerListeners(ctx, &elb.CreateLoadBalancerListenersInput{LoadBalancerName: &n.classic,
		Listeners: []elbtypes.Listener{classicListener(22623, 22623)}}))
	must[*elb.DeleteLoadBalancerListenersOutput](t)(classic.DeleteLoadBalancerListeners(ctx, &elb.DeleteLoadBalancerListenersInput{LoadBalancerName: &n.classic, LoadBalancerPorts: []int32{6443}}))
	d := must[*elb.DescribeLoadBalancersOutput](t)(classic.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{LoadBalancerNames: []string{n.classic}})).LoadBalancerDescriptions[0]
	if *d.HealthCheck.Target != "HTTPS:6443/readyz" || d.SecurityGroups[0] != more || len(d.Subnets) != 3 || *d.Instances[0].InstanceId != id ||
		len(d.ListenerDescriptions) != 1 || d.ListenerDescriptions[0].Listener.LoadBalancerPort != 22623 {
		t.Errorf("classic load balancer %+v", d)
	}
	a := must[*elb.DescribeLoadBalancerAttributesOutput](t)(classic.DescribeLoadBalancerAttributes(ctx, &elb.DescribeLoadBalancerAttributesInput{LoadBalancerName: &n.classic})).LoadBalancerAttributes
	if !a.CrossZoneLoadBalancing.Enabled || *a.ConnectionSettings.IdleTimeout != 600 || a.ConnectionDraining.Enabled {
		t.Errorf("classic attributes %+v", a)
	}
}

func TestTargetsBecomeHealthyAndDrain(t *testing.T) {
	c := newCloud(t)
	n := newNetwork(c)
	id := *c.run(c.launch(n.private[0])).InstanceId
	targets := []types.TargetDescription{{Id: &id}}
	register := &elbv2.RegisterTargetsInput{TargetGroupArn: &n.targetsARN, Targets: targets}
	wantCode(t, second(c.elbv2().RegisterTargets(ctx, register)), "InvalidTarget") // it is pending
	c.clock.Advance(c.Config().InstanceDelay)
	states := func() string {
		out := ""
		for _, d := range must[*elbv2.DescribeTargetHealthOutput](t)(c.elbv2().DescribeTargetHealth(ctx, &elbv2.DescribeTargetHealthInput{TargetGroupArn: &n.targetsARN})).TargetHealthDescriptions {
			out += string(d.TargetHealth.State)
		}
		return out
	}
	must[*elbv2.RegisterTargetsOutput](t)(c.elbv2().RegisterTargets(ctx, register))
	initial := states()
	c.clock.Advance(c.Config().TargetHealthDelay)
	healthy := states()
	must[*elbv2.DeregisterTargetsOutput](t)(c.elbv2().DeregisterTargets(ctx, &elbv2.DeregisterTargetsInput{TargetGroupArn: &n.targetsARN, Targets: targets}))
	draining := states()
	c.clock.Advance(c.Config().DeletionDelay)
	if got := []string{initial, healthy, draining, states()}; got[0] != "initial" || got[1] != "healthy" || got[2] != "draining" || got[3] != "" {
		t.Errorf("states %q, want initial, healthy, draining and none", got)
	}
}

func TestTerminatedInstancesLeaveTheirTargetGroups(t *testing.T) {
	c := newCloud(t)
	n := newNetwork(c)
	id := *c.run(c.launch(n.private[0])).InstanceId
	c.clock.Advance(c.Config().InstanceDelay)
	must[*elbv2.RegisterTargetsOutput](t)(c.elbv2().RegisterTargets(ctx, &elbv2.RegisterTargetsInput{TargetGroupArn: &n.targetsARN,
		Targets: []types.TargetDescription{{Id: &id}}}))
	must[*ec2.TerminateInstancesOutput](t)(c.ec2().TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{id}}))
	health := func() []types.TargetHealthDescription {
		return must[*elbv2.DescribeTargetHealthOutput](t)(c.elbv2().DescribeTargetHealth(ctx, &elbv2.DescribeTargetHealthInput{TargetGroupArn: &n.targetsARN})).TargetHealthDescriptions
	}
	if got := health(); len(got) != 1 || got[0].TargetHealth.State != types.TargetHealthStateEnumUnused {
		t.Errorf("health while shutting down %+v, want unused", got)
	}
	c.clock.Advance(c.Config().TerminationDelay)
	if got := health(); len(got) != 0 {
		t.Errorf("health %+v, want no targets", got)
	}
}

func TestEachTypeOfLoadBalancerTakesItsOwnProtocols(t *testing.T) {
	c := newCloud(t)
	n := newNetwork(c)
	v2 := c.elbv2()
	balancer := func(name string, kind types.LoadBalancerTypeEnum, change func(*elbv2.CreateLoadBalancerInput)) (*string, error) {
		in := &elbv2.CreateLoadBalancerInput{Name: &name, Type: kind, Subnets: n.public[:]}
		change(in)
		out, err := v2.CreateLoadBalancer(ctx, in)
		if err != nil {
			return nil, err
		}
		return out.LoadBalancers[0].LoadBalancerArn, nil
	}
	group := func(name string, protocol types.ProtocolEnum, port int32) (*string, error) {
		out, err := v2.CreateTargetGroup(ctx, &elbv2.CreateTargetGroupInput{Name: &name, Protocol: protocol, Port: &port, VpcId: &n.vpc})
		if err != nil {
			return nil, err
		}
		return out.TargetGroups[0].TargetGroupArn, nil
	}
	listen := func(balancer *string, protocol types.ProtocolEnum, port *int32, group *string) error {
		return second(v2.CreateListener(ctx, &elbv2.CreateListenerInput{LoadBalancerArn: balancer, Protocol: protocol, Port: port, DefaultActions: forwardTo(*group)}))
	}
	same := func(*elbv2.CreateLoadBalancerInput) {}
	alb := must[*string](t)(balancer("alb", types.LoadBalancerTypeEnumApplication, same))
	nlb := must[*string](t)(balancer("nlb", types.LoadBalancerTypeEnumNetwork, same))
	gateway := must[*string](t)(balancer("gwlb", types.LoadBalancerTypeEnumGateway, same))
	tcp := must[*string](t)(group("tcp", types.ProtocolEnumTcp, 6443))
	http := must[*string](t)(group("http", types.ProtocolEnumHttp, 80))
	geneve := must[*string](t)(group("geneve", types.ProtocolEnumGeneve, 6081))
	port := aws.Int32(6443)

	wantCode(t, listen(alb, types.ProtocolEnumTcp, port, tcp), "ValidationError")
	wantCode(t, listen(alb, types.ProtocolEnumHttp, port, tcp), "IncompatibleProtocols")
	wantCode(t, listen(alb, types.ProtocolEnumHttp, port, http), "")
	wantCode(t, listen(nlb, types.ProtocolEnumHttp, port, http), "ValidationError")
	wantCode(t, listen(nlb, types.ProtocolEnumGeneve, port, geneve), "ValidationError")
	wantCode(t, listen(nlb, types.ProtocolEnumTcp, port, tcp), "")
	wantCode(t, listen(gateway, types.ProtocolEnumTcp, port, tcp), "ValidationError")
	wantCode(t, listen(gateway, "", port, geneve), "ValidationError")
	wantCode(t, listen(gateway, "", nil, http), "IncompatibleProtocols")
	wantCode(t, listen(gateway, "", nil, geneve), "")
	wantCode(t, second(group("wrong-port", types.ProtocolEnumGeneve, 6443)), "ValidationError")
	wantCode(t, second(balancer("scheme", types.LoadBalancerTypeEnumGateway, func(in *elbv2.CreateLoadBalancerInput) { in.Scheme = types.LoadBalancerSchemeEnumInternal })), "ValidationError")
	wantCode(t, second(balancer("groups", types.LoadBalancerTypeEnumGateway, func(in *elbv2.CreateLoadBalancerInput) { in.SecurityGroups = []string{n.group} })), "InvalidConfigurationRequest")
	wantCode(t, second(v2.SetSecurityGroups(ctx, &elbv2.SetSecurityGroupsInput{LoadBalancerArn: gateway, SecurityGroups: []string{n.group}})), "InvalidConfigurationRequest")
	wantCode(t, second(v2.DeleteLoadBalancer(ctx, &elbv2.DeleteLoadBalancerInput{LoadBalancerArn: gateway})), "")
}
