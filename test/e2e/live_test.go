package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// TestDriftIsShownAtTheNextReadAndRepaired changes AWS behind our back.
func TestDriftIsShownAtTheNextReadAndRepaired(t *testing.T) {
	w := newWorld(t)
	ns, name, ctx := w.namespace(), "drift", context.Background()
	w.apply(ns, quickStart(name))
	ready := w.waitReady(ns, name)
	ec2Client := w.ec2()

	t.Run("a deleted route", func(t *testing.T) {
		table := privateRouteTable(t, ec2Client, ready.Spec.Network.VPC.ID)
		w.confirmed(ns, name)
		// Repairs wait, so that what the read shows is what it saw.
		hold := w.aws.Faults().Set(holdRepair("CreateRoute"))
		_, err := ec2Client.DeleteRoute(ctx, &ec2.DeleteRouteInput{RouteTableId: &table, DestinationCidrBlock: aws.String("0.0.0.0/0")})
		must(t, err)
		w.waitFacts()
		w.shows(ns, name, infrav1.RouteTablesReadyCondition, table)
		w.unhold(hold)
		w.waitReady(ns, name)
		w.eventually("the route is back", func(ctx context.Context) error { return hasDefaultRoute(ctx, ec2Client, table) })
	})
	t.Run("a security group opened to all", func(t *testing.T) {
		w.confirmed(ns, name)
		group := ready.Status.NetworkStatus.SecurityGroups["node"].ID
		hold := w.aws.Faults().Set(holdRepair("RevokeSecurityGroupIngress"))
		_, err := ec2Client.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &group, IpPermissions: []ec2types.IpPermission{{
			IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22), IpRanges: []ec2types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}}}})
		must(t, err)
		w.waitFacts()
		w.shows(ns, name, infrav1.ClusterSecurityGroupsReadyCondition, group)
		w.unhold(hold)
		w.waitReady(ns, name)
	})
	t.Run("Events say so", func(t *testing.T) {
		w.eventually("an Event tells of the drift", func(context.Context) error {
			events := w.kubectl("get", "events", "-n", ns, "--field-selector=involvedObject.name="+name)
			if !strings.Contains(events, "Drift") {
				return fmt.Errorf("events are:\n%s", events)
			}
			return nil
		})
	})
	w.deleteCluster(ns, name)
}

// TestOutageNeverBreaksARead takes AWS away in two ways and gives it back.
func TestOutageNeverBreaksARead(t *testing.T) {
	w := newWorld(t, "--sweep-period=2s")
	ns, name := w.namespace(), "outage"
	w.apply(ns, quickStart(name))
	w.waitReady(ns, name)
	t.Run("connections are closed unanswered", func(t *testing.T) {
		w.outage(ns, name, "later",
			func() { w.aws.Configure(func(c *emulatorConfig) { c.Outage = "refuse" }) },
			func() { w.aws.Configure(func(c *emulatorConfig) { c.Outage = "" }) })
	})
	t.Run("nobody listens", func(t *testing.T) {
		w.outage(ns, name, "last",
			func() { w.endAWS() },
			func() { w.startAWS(strings.TrimPrefix(w.awsURL, "http://")) })
	})
	w.kubectl("delete", "cluster", "-n", ns, "--all", "--wait=false")
	w.awsIsEmpty()
}

// outage reads a cluster and writes the intent of a later one while AWS is away.
func (w *world) outage(ns, name, later string, begin, end func()) {
	t := w.t
	before := pretty(w.aws.Resources(account, region))
	begin()
	w.eventually("a read says how old it is and why", func(ctx context.Context) error {
		c, err := w.cluster(ctx, ns, name)
		if err != nil {
			t.Errorf("a read failed during the outage: %v", err)
			return err
		}
		o := c.Status.Observation
		if o == nil || !o.Stale || o.Reason == "" || o.ObservedTime == nil {
			return fmt.Errorf("the observation is %s", pretty(o))
		}
		if !c.Provisioned() || c.Spec.Network.VPC.ID == "" {
			t.Errorf("the read forgot the cluster during the outage: %s", pretty(c.Status))
		}
		return nil
	})
	if list := w.kubectl("get", "awsc", "-n", ns); !strings.Contains(list, name) {
		t.Errorf("the list forgot the cluster during the outage:\n%s", list)
	}
	w.apply(ns, quickStart(later)) // intent is written without AWS
	if after := pretty(w.aws.Resources(account, region)); after != before {
		t.Errorf("the account changed during the outage: it had\n%s\nand has\n%s", before, after)
	}
	end()
	w.waitReady(ns, later)
	w.eventually("reads are fresh again", func(ctx context.Context) error {
		c, err := w.cluster(ctx, ns, name)
		if err == nil && c.Status.Observation.Stale {
			err = fmt.Errorf("the observation is %s", pretty(c.Status.Observation))
		}
		return err
	})
}

// writeHold is how long after a write of our own a difference may still be AWS's
// lateness.
const writeHold = 5 * time.Second

// confirmed reads once more after the last write could still be invisible.
func (w *world) confirmed(ns, name string) {
	w.t.Helper()
	time.Sleep(writeHold)
	_, err := w.cluster(context.Background(), ns, name)
	must(w.t, err)
}

// waitFacts lets the facts of the latest read grow older than the promise, so
// that the next read has to ask AWS.
func (w *world) waitFacts() { time.Sleep(2100 * time.Millisecond) }

// shows fails unless the very next read shows a condition that isn't true and
// names the resource.
func (w *world) shows(ns, name, conditionType, resource string) {
	w.t.Helper()
	c, err := w.cluster(context.Background(), ns, name)
	must(w.t, err)
	for _, condition := range c.Status.Conditions {
		if condition.Type == conditionType {
			if condition.Status == metav1.ConditionTrue || !strings.Contains(condition.Message, resource) {
				w.t.Errorf("the next read shows %s, want it false and naming %s", pretty(condition), resource)
			}
			return
		}
	}
	w.t.Errorf("the next read has no condition %s: %s", conditionType, pretty(c.Status.Conditions))
}

func (w *world) unhold(fault string) {
	w.aws.Faults().Remove(fault)
	w.aws.Release()
}

// ec2 is a client of the emulated account like any AWS tool's.
func (w *world) ec2() *ec2.Client {
	return ec2.NewFromConfig(aws.Config{Region: region, BaseEndpoint: &w.awsURL, HTTPClient: emulator.HTTPClient{}, Credentials: credentials.NewStaticCredentialsProvider("AKIAUSER", "x", "")})
}

func privateRouteTable(t *testing.T, c *ec2.Client, vpc string) string {
	t.Helper()
	out, err := c.DescribeRouteTables(context.Background(), &ec2.DescribeRouteTablesInput{Filters: []ec2types.Filter{
		{Name: aws.String("vpc-id"), Values: []string{vpc}}, {Name: aws.String("tag:Name"), Values: []string{"*-rt-private-*"}}}})
	must(t, err)
	if len(out.RouteTables) == 0 {
		t.Fatal("there is no private route table")
	}
	return *out.RouteTables[0].RouteTableId
}

func hasDefaultRoute(ctx context.Context, c *ec2.Client, table string) error {
	out, err := c.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{RouteTableIds: []string{table}})
	if err != nil {
		return err
	}
	for _, route := range out.RouteTables[0].Routes {
		if aws.ToString(route.DestinationCidrBlock) == "0.0.0.0/0" && route.NatGatewayId != nil {
			return nil
		}
	}
	return fmt.Errorf("the routes are %s", pretty(out.RouteTables[0].Routes))
}
