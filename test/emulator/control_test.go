package emulator_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"github.com/capa-apiserver/capa-apiserver/test/emulator"
)

// control sends a request to the control endpoint and reads the answer into what out points at.
func (c *cloud) control(method, path, body string, out any) int {
	c.t.Helper()
	request := must[*http.Request](c.t)(http.NewRequest(method, c.url+"/_emulator/"+path, strings.NewReader(body)))
	answer := must[*http.Response](c.t)(http.DefaultClient.Do(request))
	defer func() { _ = answer.Body.Close() }()
	text := must[[]byte](c.t)(io.ReadAll(answer.Body))
	if s, ok := out.(*string); ok {
		*s = string(text)
	} else if out != nil {
		if err := json.Unmarshal(text, out); err != nil {
			c.t.Fatalf("%s %s: %v in %s", method, path, err, text)
		}
	}
	return answer.StatusCode
}

func TestControlEndpointShowsLogCountsAndResources(t *testing.T) {
	c := newCloud(t)
	id := c.vpc("10.0.0.0/16")
	wantCode(t, second(c.ec2().DescribeVpcs(ctx, &ec2.DescribeVpcsInput{VpcIds: []string{"vpc-0"}})), "InvalidVpcID.NotFound")
	var log []emulator.Entry
	c.control("GET", "log", "", &log)
	if len(log) != 2 || log[0].Key() != "ec2.CreateVpc" || log[0].Account != emulator.DefaultAccount || log[0].Region != "us-east-1" ||
		log[0].Params["CidrBlock"] != "10.0.0.0/16" || !slices.Contains(log[0].Resources, id) || log[0].Outcome != "ok" {
		t.Errorf("log of the creation %+v", log)
	}
	if log[1].Outcome != "error" || log[1].Code != "InvalidVpcID.NotFound" || log[1].Status != 400 || !slices.Contains(log[1].Resources, "vpc-0") {
		t.Errorf("log of the failure %+v", log[1])
	}
	var counts map[string]int
	c.control("GET", "counts", "", &counts)
	if counts["ec2.CreateVpc"] != 1 || counts["ec2.DescribeVpcs"] != 1 {
		t.Errorf("counts %v", counts)
	}
	var resources []emulator.Resource
	c.control("GET", "resources?region=us-east-1", "", &resources)
	if len(resources) != 1 || resources[0].Type != "vpc" || resources[0].ID != id {
		t.Errorf("resources %+v, want the VPC without its default group and main route table", resources)
	}
	c.control("DELETE", "counts", "", nil)
	c.control("DELETE", "log", "", nil)
	if len(c.Log()) != 0 || len(c.Counts()) != 0 {
		t.Errorf("log %v and counts %v are left", c.Log(), c.Counts())
	}
}

func TestControlEndpointSetsAndResets(t *testing.T) {
	c := newCloud(t)
	var config emulator.Config
	c.control("PUT", "config", `{"natGatewayDelay": "1m", "quotas": {"vpcs": 0}}`, &config)
	if config.NATGatewayDelay != time.Minute || config.DeletionDelay != c.Config().DeletionDelay {
		t.Errorf("configuration %+v", config)
	}
	wantCode(t, createVPC(c, c.ec2()), "VpcLimitExceeded")
	c.control("PUT", "config", `{"quotas": {}}`, nil)
	c.control("PUT", "faults", `[{"operation": "CreateVpc", "code": "Unlucky", "count": 2}]`, nil)
	wantCode(t, createVPC(c, c.ec2()), "Unlucky")
	var faults []emulator.Fault
	c.control("GET", "faults", "", &faults)
	if len(faults) != 1 || faults[0].Count != 1 || faults[0].Mode != emulator.ErrorBefore {
		t.Errorf("faults %+v, want one that is left for one more", faults)
	}
	c.control("DELETE", "faults?id="+faults[0].ID, "", nil)
	wantCode(t, createVPC(c, c.ec2()), "")
	c.control("POST", "reset", "", nil)
	if len(c.Resources("", "")) != 0 || len(c.Log()) != 0 || c.Config().NATGatewayDelay == time.Minute {
		t.Error("a reset leaves something")
	}
}

func TestControlEndpointReleasesHeldRequests(t *testing.T) {
	c := newCloud(t)
	c.control("PUT", "faults", `{"operation": "CreateVpc", "mode": "hold"}`, nil)
	answer := make(chan error, 1)
	go func() { answer <- createVPC(c, c.ec2()) }()
	var held []emulator.Entry
	waitFor(t, "holding", func() bool { c.control("GET", "held", "", &held); return len(held) == 1 })
	var released map[string]int
	c.control("POST", "release", "", &released)
	wantCode(t, <-answer, "")
	if released["released"] != 1 {
		t.Errorf("released %v", released)
	}
}

func TestControlEndpointSaysWhatIsWrong(t *testing.T) {
	c := newCloud(t)
	for _, test := range []struct{ path, body, says string }{
		{"config", `{"natDelay": "1s"}`, `no field "natDelay"; there are accessKeys`},
		{"config", `{"natGatewayDelay": 3}`, `write it as a string such as "1.5s"`},
		{"config", `{"natGatewayDelay": "soon"}`, `"soon" is no duration`},
		{"config", `{"outage": "yes"}`, `it can be "" (none), "refuse" or "503"`},
		{"faults", `{"mode": "explode"}`, "use one of error-before"},
		{"faults", `{"operatoin": "CreateVpc"}`, `no field "operatoin"`},
		{"faults", `fault`, "not what this path takes"},
	} {
		var says string
		if status := c.control("PUT", test.path, test.body, &says); status != 400 || !strings.Contains(says, test.says) {
			t.Errorf("PUT %s %s: status %d, %q; want it to say %q", test.path, test.body, status, says, test.says)
		}
	}
}

func TestControlEndpointWorksDuringAnOutage(t *testing.T) {
	c := newCloud(t, func(c *emulator.Config) { c.Outage = "refuse" })
	if status := c.control("GET", "healthz", "", nil); status != 200 {
		t.Errorf("healthz answers %d", status)
	}
}

func TestDNSKnowsLoadBalancersInService(t *testing.T) {
	c := newCloud(t)
	address, stop, err := c.StartDNS("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	if c.DNSAddr() != address {
		t.Errorf("DNSAddr is %q, want %q", c.DNSAddr(), address)
	}
	n := newNetwork(c)
	v2 := *must[*elbv2.DescribeLoadBalancersOutput](t)(c.elbv2().DescribeLoadBalancers(ctx, &elbv2.DescribeLoadBalancersInput{})).LoadBalancers[0].DNSName
	classic := *must[*elb.DescribeLoadBalancersOutput](t)(c.elb().DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{})).LoadBalancerDescriptions[0].DNSName
	c.networkBalancer("provisioning", n.public[0])
	list := must[*elbv2.DescribeLoadBalancersOutput](t)(c.elbv2().DescribeLoadBalancers(ctx, &elbv2.DescribeLoadBalancersInput{Names: []string{"provisioning"}}))
	provisioning := *list.LoadBalancers[0].DNSName
	for _, network := range []string{"udp", "tcp"} {
		for name, want := range map[string]int{v2: 2, strings.ToUpper(classic): 2, provisioning: 0, "example.org": 0} {
			found, err := resolver(network, address).LookupHost(ctx, name+".")
			if len(found) != want || (want == 0) != isNoSuchHost(err) {
				t.Errorf("over %s, %s is %v (%v), want %d addresses", network, name, found, err, want)
			}
		}
	}
	c.Configure(func(c *emulator.Config) { c.DNSAddress = "127.0.0.1" })
	if found := must[[]string](t)(resolver("udp", address).LookupHost(ctx, v2+".")); !slices.Equal(found, []string{"127.0.0.1"}) {
		t.Errorf("with a fixed address the name is %v", found)
	}
	must[*elbv2.DeleteLoadBalancerOutput](t)(c.elbv2().DeleteLoadBalancer(ctx, &elbv2.DeleteLoadBalancerInput{LoadBalancerArn: aws.String(n.balancer)}))
	if _, err := resolver("udp", address).LookupHost(ctx, v2+"."); !isNoSuchHost(err) {
		t.Errorf("a deleted load balancer's name: %v, want no such host", err)
	}
}

func resolver(network, address string) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, address)
	}}
}

func isNoSuchHost(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns) && dns.IsNotFound
}
