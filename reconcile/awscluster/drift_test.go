package awscluster

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"k8s.io/apimachinery/pkg/api/meta"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/reconcile/foundation"
)

// drifts are changes that somebody makes in AWS behind a complete cluster's
// back, the condition that shows each, and a word of what is done about it.
var drifts = []struct {
	name, area, word string
	breakIt          func(ctx context.Context, s *cloud.Session, obj *infrav1.AWSCluster) error
}{
	{"a route is deleted", infrav1.RouteTablesReadyCondition, "create route 0.0.0.0/0",
		func(ctx context.Context, s *cloud.Session, obj *infrav1.AWSCluster) error {
			_, err := s.EC2.DeleteRoute(ctx, &ec2.DeleteRouteInput{RouteTableId: obj.Spec.Network.Subnets[1].RouteTableID, DestinationCidrBlock: aws.String("0.0.0.0/0")})
			return err
		}},
	{"a route leads elsewhere", infrav1.RouteTablesReadyCondition, "replace route 0.0.0.0/0",
		func(ctx context.Context, s *cloud.Session, obj *infrav1.AWSCluster) error {
			_, err := s.EC2.ReplaceRoute(ctx, &ec2.ReplaceRouteInput{RouteTableId: obj.Spec.Network.Subnets[1].RouteTableID,
				DestinationCidrBlock: aws.String("0.0.0.0/0"), GatewayId: obj.Spec.Network.VPC.InternetGatewayID})
			return err
		}},
	{"a rule is revoked", infrav1.ClusterSecurityGroupsReadyCondition, "authorize tcp/2379",
		func(ctx context.Context, s *cloud.Session, obj *infrav1.AWSCluster) error {
			id := obj.Status.NetworkStatus.SecurityGroups[infrav1.SecurityGroupControlPlane].ID
			_, err := s.EC2.RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{GroupId: aws.String(id),
				IpPermissions: []ec2types.IpPermission{{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(2379), ToPort: aws.Int32(2379),
					UserIdGroupPairs: []ec2types.UserIdGroupPair{{GroupId: aws.String(id)}}}}})
			return err
		}},
	{"a rule is added", infrav1.ClusterSecurityGroupsReadyCondition, "revoke tcp/22 from 0.0.0.0/0",
		func(ctx context.Context, s *cloud.Session, obj *infrav1.AWSCluster) error {
			id := obj.Status.NetworkStatus.SecurityGroups[infrav1.SecurityGroupNode].ID
			_, err := s.EC2.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: aws.String(id),
				IpPermissions: []ec2types.IpPermission{{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22),
					IpRanges: []ec2types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}}}})
			return err
		}},
	{"a NAT gateway is deleted", infrav1.NatGatewaysReadyCondition, "create NAT gateway",
		func(ctx context.Context, s *cloud.Session, obj *infrav1.AWSCluster) error {
			_, err := s.EC2.DeleteNatGateway(ctx, &ec2.DeleteNatGatewayInput{NatGatewayId: obj.Spec.Network.Subnets[0].NatGatewayID})
			return err
		}},
	{"tags are deleted", infrav1.SubnetsReadyCondition, "tag subnet-",
		func(ctx context.Context, s *cloud.Session, obj *infrav1.AWSCluster) error {
			_, err := s.EC2.DeleteTags(ctx, &ec2.DeleteTagsInput{Resources: []string{obj.Spec.Network.Subnets[0].ResourceID},
				Tags: []ec2types.Tag{{Key: aws.String("kubernetes.io/role/elb")}}})
			return err
		}},
	{"a route table is disassociated and deleted", infrav1.RouteTablesReadyCondition, "create route table",
		func(ctx context.Context, s *cloud.Session, obj *infrav1.AWSCluster) error {
			id := obj.Spec.Network.Subnets[0].RouteTableID
			out, err := s.EC2.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{RouteTableIds: []string{*id}})
			if err != nil {
				return err
			}
			if _, err := s.EC2.DisassociateRouteTable(ctx, &ec2.DisassociateRouteTableInput{AssociationId: out.RouteTables[0].Associations[0].RouteTableAssociationId}); err != nil {
				return err
			}
			_, err = s.EC2.DeleteRouteTable(ctx, &ec2.DeleteRouteTableInput{RouteTableId: id})
			return err
		}},
	{"a listener is deleted", infrav1.LoadBalancerReadyCondition, "create listener on port 6443",
		func(ctx context.Context, s *cloud.Session, obj *infrav1.AWSCluster) error {
			out, err := s.ELBv2.DescribeListeners(ctx, &elbv2.DescribeListenersInput{LoadBalancerArn: aws.String(obj.Status.NetworkStatus.APIServerELB.ARN)})
			if err != nil {
				return err
			}
			_, err = s.ELBv2.DeleteListener(ctx, &elbv2.DeleteListenerInput{ListenerArn: out.Listeners[0].ListenerArn})
			return err
		}},
	{"the health check is changed", infrav1.LoadBalancerReadyCondition, "set health check",
		func(ctx context.Context, s *cloud.Session, _ *infrav1.AWSCluster) error {
			out, err := s.ELBv2.DescribeTargetGroups(ctx, &elbv2.DescribeTargetGroupsInput{})
			if err != nil {
				return err
			}
			_, err = s.ELBv2.ModifyTargetGroup(ctx, &elbv2.ModifyTargetGroupInput{TargetGroupArn: out.TargetGroups[0].TargetGroupArn,
				HealthCheckPath: aws.String("/other")})
			return err
		}},
	{"an attribute of the load balancer is changed", infrav1.LoadBalancerReadyCondition, "set attributes",
		func(ctx context.Context, s *cloud.Session, obj *infrav1.AWSCluster) error {
			_, err := s.ELBv2.ModifyLoadBalancerAttributes(ctx, &elbv2.ModifyLoadBalancerAttributesInput{LoadBalancerArn: aws.String(obj.Status.NetworkStatus.APIServerELB.ARN),
				Attributes: []elbv2types.LoadBalancerAttribute{{Key: aws.String("load_balancing.cross_zone.enabled"), Value: aws.String("true")}}})
			return err
		}},
	{"the load balancer loses a security group", infrav1.LoadBalancerReadyCondition, "set security groups",
		func(ctx context.Context, s *cloud.Session, obj *infrav1.AWSCluster) error {
			other := obj.Status.NetworkStatus.SecurityGroups[infrav1.SecurityGroupNode].ID
			_, err := s.ELBv2.SetSecurityGroups(ctx, &elbv2.SetSecurityGroupsInput{LoadBalancerArn: aws.String(obj.Status.NetworkStatus.APIServerELB.ARN), SecurityGroups: []string{other}})
			return err
		}},
}

func TestDriftIsShownAtTheNextReadAndRepairedWithAnEvent(t *testing.T) {
	for _, drift := range drifts {
		t.Run(drift.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, newCluster())
			w.create()
			w.settle(func() bool { return len(w.plan()) == 0 })
			w.Must(drift.breakIt(context.Background(), w.Session(), w.get()))
			w.settleReads(func() bool { return len(w.plan()) > 0 })

			observer := observer(w)
			w.Must(observer.Refresh(context.Background(), w.get(), 0))
			shown, fresh := observer.Project(context.Background(), w.get())
			status := shown.Status
			c := meta.FindStatusCondition(status.Conditions, drift.area)
			if c == nil || c.Status != "False" || !strings.Contains(c.Message, drift.word) {
				t.Errorf("a read shows %s as %+v, want False with %q", drift.area, c, drift.word)
			}
			if fresh.Err != nil || fresh.ObservedTime.IsZero() {
				t.Errorf("freshness %+v", fresh)
			}

			w.settle(func() bool { return len(w.plan()) == 0 && w.isReady() })
			if events := w.Events.With(foundation.DriftRepaired); len(events) == 0 || !strings.Contains(strings.Join(events, "\n"), drift.word) {
				t.Errorf("events %q, want one with %q", events, drift.word)
			}
		})
	}
}

func TestNothingIsReportedAsRepairedWhileAClusterComesUp(t *testing.T) {
	w := newWorld(t, newCluster())
	w.create()
	if events := w.Events.With(foundation.DriftRepaired); len(events) > 0 {
		t.Errorf("events %q", events)
	}
	for _, want := range []string{"SuccessfulCreateVPC: Created VPC c1-vpc", "SuccessfulCreateSubnet: Created subnet c1-subnet-public-us-east-1a",
		"SuccessfulCreateNATGateway: ", "SuccessfulAllocateEIP: ", "SuccessfulCreateSecurityGroup: ", "SuccessfulCreateLoadBalancer: "} {
		if len(w.Events.With(want)) == 0 {
			t.Errorf("no event %q in %q", want, w.Events.With(""))
		}
	}
}
