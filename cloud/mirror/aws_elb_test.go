package mirror_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

var elbKinds = []mirror.Kind{mirror.ClassicLoadBalancers.Kind, mirror.LoadBalancers.Kind, mirror.TargetGroups.Kind}

// subnet makes a VPC with a subnet and a way out, and returns both ids.
func (a *account) subnet() (vpc, subnet string) {
	vpc = a.vpc()
	out := must[*ec2.CreateSubnetOutput](a.t)(a.session.EC2.CreateSubnet(a.t.Context(),
		&ec2.CreateSubnetInput{VpcId: &vpc, CidrBlock: aws.String("10.0.0.0/24")}))
	gateway := must[*ec2.CreateInternetGatewayOutput](a.t)(a.session.EC2.CreateInternetGateway(a.t.Context(), &ec2.CreateInternetGatewayInput{}))
	must[*ec2.AttachInternetGatewayOutput](a.t)(a.session.EC2.AttachInternetGateway(a.t.Context(), &ec2.AttachInternetGatewayInput{
		VpcId: &vpc, InternetGatewayId: gateway.InternetGateway.InternetGatewayId}))
	return vpc, aws.ToString(out.Subnet.SubnetId)
}

var ownedV2 = []elbv2types.Tag{{Key: aws.String(mirror.OwnedTagPrefix + "c1"), Value: aws.String("owned")}}

// networkLoadBalancer makes one and returns AWS's answer.
func (a *account) networkLoadBalancer(name, subnet string) elbv2types.LoadBalancer {
	out := must[*elbv2.CreateLoadBalancerOutput](a.t)(a.session.ELBv2.CreateLoadBalancer(a.t.Context(), &elbv2.CreateLoadBalancerInput{
		Name: &name, Type: elbv2types.LoadBalancerTypeEnumNetwork, Subnets: []string{subnet}, Tags: ownedV2,
		Scheme: elbv2types.LoadBalancerSchemeEnumInternal,
	}))
	return out.LoadBalancers[0]
}

func (a *account) targetGroup(name, vpc string) string {
	out := must[*elbv2.CreateTargetGroupOutput](a.t)(a.session.ELBv2.CreateTargetGroup(a.t.Context(), &elbv2.CreateTargetGroupInput{
		Name: &name, VpcId: &vpc, Protocol: elbv2types.ProtocolEnumTcp, Port: aws.Int32(6443), Tags: ownedV2,
	}))
	return aws.ToString(out.TargetGroups[0].TargetGroupArn)
}

func TestEachTableOfLoadBalancersShowsWhatAWSHas(t *testing.T) {
	a := newAccount(t)
	vpc, subnet := a.subnet()
	must[*elb.CreateLoadBalancerOutput](t)(a.session.ELB.CreateLoadBalancer(t.Context(), &elb.CreateLoadBalancerInput{
		LoadBalancerName: aws.String("c1-apiserver"), Subnets: []string{subnet},
		Listeners: []elbtypes.Listener{{Protocol: aws.String("TCP"), LoadBalancerPort: 6443, InstancePort: aws.Int32(6443)}},
		Tags:      []elbtypes.Tag{{Key: aws.String(mirror.OwnedTagPrefix + "c1"), Value: aws.String("owned")}},
	}))
	arn := aws.ToString(a.networkLoadBalancer("c1-nlb", subnet).LoadBalancerArn)
	group := a.targetGroup("c1-tg", vpc)
	must[*elbv2.CreateListenerOutput](t)(a.session.ELBv2.CreateListener(t.Context(), &elbv2.CreateListenerInput{
		LoadBalancerArn: &arn, Protocol: elbv2types.ProtocolEnumTcp, Port: aws.Int32(6443),
		DefaultActions: []elbv2types.Action{{Type: elbv2types.ActionTypeEnumForward, TargetGroupArn: &group}},
	}))

	s := a.refresh(elbKinds...)
	classic, ok := mirror.Get(s, mirror.ClassicLoadBalancers, "c1-apiserver")
	if !ok || !mirror.Owned(classic.TagSet) || classic.Attributes == nil || aws.ToString(classic.VPCId) != vpc {
		t.Errorf("classic load balancer: %+v", classic)
	}
	balancer, ok := mirror.Get(s, mirror.LoadBalancers, arn)
	if !ok || !mirror.Owned(balancer.TagSet) || len(balancer.Listeners) != 1 || len(balancer.Attributes) == 0 {
		t.Errorf("load balancer: %+v", balancer)
	}
	target, ok := mirror.Get(s, mirror.TargetGroups, group)
	if !ok || !mirror.Owned(target.TagSet) || len(target.Attributes) == 0 {
		t.Errorf("target group: %+v", target)
	}
}

// TestWhatIsSharedWithAClusterIsReadWhole has target groups that users bring.
func TestWhatIsSharedWithAClusterIsReadWhole(t *testing.T) {
	for value, whole := range map[string]bool{"shared": true, "shared:team-a": true, "other": false} {
		a := newAccount(t)
		vpc := a.vpc()
		out := must[*elbv2.CreateTargetGroupOutput](t)(a.session.ELBv2.CreateTargetGroup(t.Context(), &elbv2.CreateTargetGroupInput{
			Name: aws.String("mine"), VpcId: &vpc, Protocol: elbv2types.ProtocolEnumTcp, Port: aws.Int32(6443),
			Tags: []elbv2types.Tag{{Key: aws.String(mirror.OwnedTagPrefix + "c1"), Value: aws.String(value)}}}))
		row, ok := mirror.Get(a.refresh(mirror.TargetGroups.Kind), mirror.TargetGroups, aws.ToString(out.TargetGroups[0].TargetGroupArn))
		if !ok || (len(row.Attributes) > 0) != whole {
			t.Errorf("%s: target group %+v, want it whole: %v", value, row, whole)
		}
	}
}

func TestTagsAreReadTwentyACall(t *testing.T) {
	a := newAccount(t)
	vpc := a.vpc()
	for i := range 41 {
		a.targetGroup(fmt.Sprintf("tg-%02d", i), vpc)
	}
	a.ResetCounts()
	s := a.refresh(mirror.TargetGroups.Kind)
	if rows := mirror.Tagged(s, mirror.TargetGroups, mirror.OwnedTagPrefix+"c1", "owned"); len(rows) != 41 {
		t.Errorf("%d target groups with their tags, want 41", len(rows))
	}
	if n := a.Counts()["elbv2.DescribeTags"]; n != 3 {
		t.Errorf("%d DescribeTags calls for 41 target groups, want 3", n)
	}
}

func TestLookupOfALoadBalancerKeepsWhatIsKnownOfIt(t *testing.T) {
	a := newAccount(t)
	_, subnet := a.subnet()
	arn := aws.ToString(a.networkLoadBalancer("c1-nlb", subnet).LoadBalancerArn)
	a.refresh(mirror.LoadBalancers.Kind)
	a.ResetCounts()
	if err := a.mirror.RefreshOf(t.Context(), a.session.Scope, 0, mirror.Interest{Kind: mirror.LoadBalancers.Kind, IDs: []string{arn}}); err != nil {
		t.Fatal(err)
	}
	row, ok := mirror.Get(a.mirror.Snapshot(a.session.Scope), mirror.LoadBalancers, arn)
	if !ok || row.TagSet == nil || row.Attributes == nil || row.Listeners == nil {
		t.Errorf("row %+v lost its tags or details", row)
	}
	total := 0
	for _, n := range a.Counts() {
		total += n
	}
	if total != 1 {
		t.Errorf("the look took %d calls, want 1: %v", total, a.Counts())
	}
}

// running runs the account's mirror until the test ends.
func (a *account) running() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.mirror.Run(ctx)
	}()
	a.t.Cleanup(func() {
		cancel()
		<-done
	})
}

// await waits for a change after which the condition holds.
func (a *account) await(what string, holds func(*mirror.Snapshot) bool) {
	a.t.Helper()
	changed := make(chan struct{}, 1)
	a.mirror.Subscribe(func([]mirror.Change) {
		select {
		case changed <- struct{}{}:
		default:
		}
	})
	limit := time.After(30 * time.Second)
	for !holds(a.mirror.Snapshot(a.session.Scope)) {
		select {
		case <-changed:
		case <-limit:
			a.t.Fatalf("gave up waiting for %s", what)
		}
	}
}

func TestTransitionsAreSeenWithoutAnybodyAsking(t *testing.T) {
	a := newAccount(t, func(c *emulator.Config) { c.LoadBalancerDelay, c.NATGatewayDelay = time.Second, time.Second })
	a.running()
	a.mirror.Want("test", a.session, mirror.Whole(mirror.NetworkKinds...)...)
	a.await("the first sweep", func(s *mirror.Snapshot) bool { return s.Seen(mirror.NetworkKinds...) })
	_, subnet := a.subnet()
	a.ResetCounts()
	answer := a.networkLoadBalancer("c1-nlb", subnet)
	arn := aws.ToString(answer.LoadBalancerArn)
	mirror.Put(a.mirror, a.session.Scope, mirror.LoadBalancers, mirror.LoadBalancer{
		LoadBalancer: answer, TagSet: map[string]string{mirror.OwnedTagPrefix + "c1": "owned"},
		Attributes: map[string]string{}, Listeners: []elbv2types.Listener{},
	})
	a.await("the load balancer to become active", func(s *mirror.Snapshot) bool {
		row, ok := mirror.Get(s, mirror.LoadBalancers, arn)
		return ok && row.State.Code == elbv2types.LoadBalancerStateEnumActive
	})
	if n := a.Counts()["elbv2.DescribeLoadBalancers"]; n != 1 {
		t.Errorf("%d looks at a load balancer that took a second, want 1", n)
	}
}

func TestReadsGoOnWhileAWSIsDownAndRecoverByThemselves(t *testing.T) {
	a := newAccount(t)
	vpc := a.vpc()
	observed := a.refresh(mirror.NetworkKinds...).Observed(mirror.NetworkKinds...)
	a.Configure(func(c *emulator.Config) { c.Outage = "refuse" })
	err := a.mirror.Refresh(t.Context(), a.session.Scope, 0, mirror.VPCs.Kind)
	if got := cloud.Classify(err); got.Class != cloud.Unreachable {
		t.Errorf("Refresh gives %+v, want AWS unreachable", got)
	}
	s := a.mirror.Snapshot(a.session.Scope)
	if _, ok := mirror.Get(s, mirror.VPCs, vpc); !ok || s.Err(mirror.NetworkKinds...) == nil || s.Observed(mirror.NetworkKinds...).After(observed) {
		t.Errorf("VPC there %v, error %v, observed %v: want it served with its age and the reason", ok,
			s.Err(mirror.NetworkKinds...), s.Observed(mirror.NetworkKinds...))
	}
	a.Configure(func(c *emulator.Config) { c.Outage = "" })
	time.Sleep(time.Microsecond)
	if s = a.refresh(mirror.NetworkKinds...); s.Err(mirror.NetworkKinds...) != nil {
		t.Errorf("the error stays: %v", s.Err(mirror.NetworkKinds...))
	}
}

func TestListingOfAllTablesTakesOneCallEach(t *testing.T) {
	a := newAccount(t)
	a.refresh(mirror.NetworkKinds...)
	var operations []string
	for operation, n := range a.Counts() {
		if n != 1 {
			t.Errorf("%s: %d calls, want 1", operation, n)
		}
		operations = append(operations, operation)
	}
	// An empty account has no load balancers whose tags could be read.
	if slices.Sort(operations); len(operations) != len(mirror.NetworkKinds) {
		t.Errorf("%d operations for %d tables: %q", len(operations), len(mirror.NetworkKinds), operations)
	}
}
