package emulator_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/smithy-go"

	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

func createVPC(c *cloud, client *ec2.Client) error {
	_, err := client.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
	return err
}

// wantLost fails the test unless the connection broke without an answer.
func wantLost(t *testing.T, err error) {
	t.Helper()
	var api smithy.APIError
	if err == nil || errors.As(err, &api) {
		t.Fatalf("want a broken connection, got %v", err)
	}
}

func vpcs(c *cloud) int {
	n := 0
	for _, r := range c.Resources("", "") {
		if r.Type == "vpc" {
			n++
		}
	}
	return n
}

func TestFaultsDoWhatTheirModeSays(t *testing.T) {
	for _, test := range []struct {
		name    string
		fault   emulator.Fault
		check   func(*testing.T, error)
		effects int
		outcome string
	}{
		{"an error before", emulator.Fault{Code: "Unavailable", Status: 503}, func(t *testing.T, err error) { wantCode(t, err, "Unavailable") }, 0, "error"},
		{"an error after", emulator.Fault{Mode: emulator.ErrorAfter}, func(t *testing.T, err error) { wantCode(t, err, "InternalError") }, 1, "error"},
		{"a drop before", emulator.Fault{Mode: emulator.DropBefore}, wantLost, 0, "dropped"},
		{"a drop after", emulator.Fault{Mode: emulator.DropAfter}, wantLost, 1, "dropped-after-effect"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newCloud(t)
			test.fault.Service, test.fault.Operation, test.fault.Count = "ec2", "CreateVpc", 1
			c.Faults().Set(test.fault)
			test.check(t, createVPC(c, c.ec2()))
			if n := vpcs(c); n != test.effects {
				t.Errorf("%d VPCs, want %d", n, test.effects)
			}
			if entry := c.Log()[0]; entry.Outcome != test.outcome || entry.Fault == "" {
				t.Errorf("the log says %+v, want outcome %s and the fault", entry, test.outcome)
			}
			wantCode(t, createVPC(c, c.ec2()), "") // its count is used up
		})
	}
}

func TestFaultsHitOnlyWhatTheyMatch(t *testing.T) {
	c := newCloud(t, func(c *emulator.Config) {
		c.AccessKeys = map[string]string{"AKIAOTHER": "210987654321"}
		c.MaxPageSize = 5
	})
	for _, test := range []struct {
		name  string
		fault emulator.Fault
		hit   bool
	}{
		{"the operation", emulator.Fault{Operation: "CreateVpc"}, true},
		{"another operation", emulator.Fault{Operation: "CreateSubnet"}, false},
		{"a pattern of operations", emulator.Fault{Operation: "Create*"}, true},
		{"the service", emulator.Fault{Service: "ec2"}, true},
		{"another service", emulator.Fault{Service: "elbv2"}, false},
		{"the account", emulator.Fault{Account: emulator.DefaultAccount}, true},
		{"another account", emulator.Fault{Account: "210987654321"}, false},
		{"the region", emulator.Fault{Region: "us-east-1"}, true},
		{"another region", emulator.Fault{Region: "eu-*"}, false},
		{"a parameter", emulator.Fault{Parameters: map[string]string{"CidrBlock": "10.0.*"}}, true},
		{"another value of a parameter", emulator.Fault{Parameters: map[string]string{"CidrBlock": "172.*"}}, false},
		{"after one that passes", emulator.Fault{Operation: "CreateVpc", Skip: 1}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			c.Faults().Clear()
			test.fault.Code = "Unlucky"
			c.Faults().Set(test.fault)
			want := ""
			if test.hit {
				want = "Unlucky"
			}
			wantCode(t, createVPC(c, c.ec2()), want)
			if test.fault.Skip > 0 {
				wantCode(t, createVPC(c, c.ec2()), "Unlucky")
			}
		})
	}
}

func TestFaultOnTheSecondPageSparesTheFirst(t *testing.T) {
	c := newCloud(t, func(c *emulator.Config) { c.MaxPageSize = 1 })
	c.vpc("10.0.0.0/16")
	c.vpc("10.1.0.0/16")
	c.Faults().Set(emulator.Fault{Operation: "DescribeVpcs", Page: 2, Code: "InternalError", Status: 500, Count: 1})
	first := must[*ec2.DescribeVpcsOutput](t)(c.ec2().DescribeVpcs(ctx, &ec2.DescribeVpcsInput{}))
	next := &ec2.DescribeVpcsInput{NextToken: first.NextToken}
	wantCode(t, second(c.ec2().DescribeVpcs(ctx, next)), "InternalError")
	wantCode(t, second(c.ec2().DescribeVpcs(ctx, next)), "")
}

// waitFor waits for something that another goroutine brings about.
func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for !done() {
		select {
		case <-deadline:
			t.Fatalf("%s didn't happen", what)
		case <-time.After(time.Millisecond):
		}
	}
}

func TestHeldRequestsWaitForTheirRelease(t *testing.T) {
	for _, test := range []struct {
		mode   string
		during int
	}{{emulator.Hold, 0}, {emulator.HoldAfter, 1}} {
		t.Run(test.mode, func(t *testing.T) {
			c := newCloud(t)
			c.Faults().Set(emulator.Fault{Operation: "CreateVpc", Mode: test.mode, Count: 1})
			answer := make(chan error, 1)
			go func() { answer <- createVPC(c, c.ec2()) }()
			waitFor(t, "holding", func() bool { return len(c.Held()) == 1 })
			if n := vpcs(c); n != test.during {
				t.Errorf("%d VPCs while held, want %d", n, test.during)
			}
			if n := c.Release(); n != 1 {
				t.Errorf("%d requests released, want 1", n)
			}
			wantCode(t, <-answer, "")
			if n := vpcs(c); n != 1 {
				t.Errorf("%d VPCs in the end, want 1", n)
			}
		})
	}
}

func TestHeldRequestOfAClientThatLeftHasNoEffect(t *testing.T) {
	c := newCloud(t)
	c.Faults().Set(emulator.Fault{Operation: "CreateVpc", Mode: emulator.Hold})
	leaving, leave := context.WithCancel(ctx)
	answer := make(chan error, 1)
	go func() {
		_, err := c.ec2().CreateVpc(leaving, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
		answer <- err
	}()
	waitFor(t, "holding", func() bool { return len(c.Held()) == 1 })
	leave()
	if err := <-answer; err == nil {
		t.Error("the client got an answer")
	}
	waitFor(t, "giving up", func() bool { return len(c.Log()) == 1 })
	if entry := c.Log()[0]; entry.Outcome != "dropped" || vpcs(c) != 0 {
		t.Errorf("outcome %s with %d VPCs, want dropped with none", entry.Outcome, vpcs(c))
	}
}

func TestLatencyFollowsTheClock(t *testing.T) {
	c := newCloud(t)
	c.Faults().Set(emulator.Fault{Operation: "CreateVpc", Latency: time.Minute})
	answer := make(chan error, 1)
	go func() { answer <- createVPC(c, c.ec2()) }()
	waitFor(t, "waiting", func() bool { return c.clock.Waiting() == 1 })
	if n := vpcs(c); n != 0 {
		t.Errorf("%d VPCs before the latency has passed", n)
	}
	c.clock.Advance(time.Minute)
	wantCode(t, <-answer, "")
}

func TestOutageTakesAllServicesAndComesBack(t *testing.T) {
	c := newCloud(t)
	describe := func() error {
		_, err := c.elbv2().DescribeLoadBalancers(ctx, &elbv2.DescribeLoadBalancersInput{})
		return err
	}
	c.Configure(func(c *emulator.Config) { c.Outage = "refuse" })
	wantLost(t, createVPC(c, c.ec2()))
	wantLost(t, describe())
	c.Configure(func(c *emulator.Config) { c.Outage = "503" })
	wantCode(t, createVPC(c, c.ec2()), "Unavailable")
	wantCode(t, describe(), "ServiceUnavailable")
	c.Configure(func(c *emulator.Config) { c.Outage = "" })
	wantCode(t, createVPC(c, c.ec2()), "")
	wantCode(t, describe(), "")
	if n := vpcs(c); n != 1 {
		t.Errorf("%d VPCs, want 1", n)
	}
}

func TestUnknownFaultModeIsAMistake(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("an unknown mode was taken")
		}
	}()
	newCloud(t).Faults().Set(emulator.Fault{Mode: "explode"})
}
