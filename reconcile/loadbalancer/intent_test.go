package loadbalancer

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
)

func intent(change func(*Intent)) *Intent {
	in := &Intent{Owner: ownership.Owner{Owner: names.Owner{Cluster: "c1", UID: "u"}}, Namespace: "team", Key: PrimaryKey, GroupID: "sg-lb", VPCID: "vpc-1", Internet: true,
		Region: "us-east-1", APIPort: 6443, Spec: &infrav1.AWSLoadBalancerSpec{LoadBalancerType: infrav1.LoadBalancerTypeNLB},
		Subnets: []Subnet{{Name: "p1", ID: "subnet-p1", Zone: "a", Public: true}, {Name: "p2", ID: "subnet-p2", Zone: "a", Public: true},
			{Name: "p3", ID: "subnet-p3", Zone: "b", Public: true}, {Name: "i1", ID: "subnet-i1", Zone: "a"}}}
	change(in)
	return in
}

func TestNamesOfLoadBalancers(t *testing.T) {
	for _, c := range []struct {
		want   string
		change func(*Intent)
	}{
		{"team-c1-apiserver", func(*Intent) {}},
		{"c1-apiserver", func(in *Intent) { in.Spec.LoadBalancerType = infrav1.LoadBalancerTypeClassic }},
		{"mine", func(in *Intent) { in.Spec.Name = aws.String("mine") }},
	} {
		if got := intent(c.change).Name(); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}

func TestOneSubnetOfEachZoneIsServed(t *testing.T) {
	internal := infrav1.ELBSchemeInternal
	for _, c := range []struct {
		name   string
		change func(*Intent)
		want   []string
		waits  string
	}{
		{"public ones for the internet", func(*Intent) {}, []string{"subnet-p1", "subnet-p3"}, ""},
		{"private ones inside", func(in *Intent) { in.Spec.Scheme = &internal }, []string{"subnet-i1"}, ""},
		{"public ones inside, where there are no others", func(in *Intent) {
			in.Spec.Scheme, in.Subnets = &internal, in.Subnets[:3]
		}, []string{"subnet-p1", "subnet-p3"}, ""},
		{"the user's", func(in *Intent) { in.Spec.Subnets = []string{"subnet-x"} }, []string{"subnet-x"}, ""},
		{"none before they exist", func(in *Intent) { in.Subnets[2].ID = "" }, nil, "subnet p3"},
	} {
		got, waits := intent(c.change).subnetIDs()
		if !slices.Equal(got, c.want) || waits != c.waits {
			t.Errorf("%s: %v, %q; want %v, %q", c.name, got, waits, c.want, c.waits)
		}
	}
}

func TestNetworkLoadBalancersHaveNoGroupsWhereTheRegionTakesNone(t *testing.T) {
	if got, _ := intent(func(in *Intent) { in.Region = "us-iso-east-1" }).groupIDs(); len(got) > 0 {
		t.Errorf("%v", got)
	}
	got, _ := intent(func(in *Intent) { in.Spec.AdditionalSecurityGroups = []string{"sg-x"} }).groupIDs()
	if !slices.Equal(got, []string{"sg-x", "sg-lb"}) {
		t.Errorf("%v", got)
	}
}

func TestCreationNamesWhatItWaitsFor(t *testing.T) {
	for want, change := range map[string]func(*Intent){
		"":                               func(*Intent) {},
		"the VPC":                        func(in *Intent) { in.VPCID = "" },
		"subnet p1":                      func(in *Intent) { in.Subnets[0].ID = "" },
		"security group c1-apiserver-lb": func(in *Intent) { in.GroupID = "" },
		"an attached internet gateway":   func(in *Intent) { in.Internet = false },
	} {
		if got := intent(change).waits(); got != want {
			t.Errorf("waits for %q, want %q", got, want)
		}
	}
}

func TestATargetGroupOfOthersBehindOurLoadBalancerIsLeftAlone(t *testing.T) {
	group := func(uid string) mirror.TargetGroup {
		return mirror.TargetGroup{TagSet: map[string]string{names.TagOwnedPrefix + "c1": names.Owned, names.TagUID: uid}, TargetGroup: elbv2types.TargetGroup{
			TargetGroupArn: aws.String("tg"), TargetGroupName: aws.String("apiserver-target-1"), VpcId: aws.String("vpc-1"), Port: aws.Int32(6443), Protocol: elbv2types.ProtocolEnumTcp,
			LoadBalancerArns: []string{"lb"}}}
	}
	for uid, kept := range map[string]bool{"u": true, "other": false} {
		for port, behind := range map[int32]string{6443: "our listener", 80: "another listener"} {
			in := intent(func(in *Intent) {
				in.Claim = func(id string, tags map[string]string, _ string) ownership.Claim {
					return in.Owner.Claim(ownership.Resource{ID: id, Tags: tags})
				}
			})
			lb := mirror.LoadBalancer{TagSet: map[string]string{names.TagOwnedPrefix + "c1": names.Owned, names.TagUID: "u"},
				LoadBalancer: elbv2types.LoadBalancer{LoadBalancerArn: aws.String("lb"), LoadBalancerName: aws.String(in.Name()), VpcId: aws.String("vpc-1")},
				Listeners:    []elbv2types.Listener{{ListenerArn: aws.String("listener"), Port: aws.Int32(port), DefaultActions: forward(aws.String("tg"))}}}
			snap := mirror.With(mirror.NewSnapshot(cloud.Scope{}), mirror.LoadBalancers, time.Unix(0, 0), lb)
			s := Observe(*in, mirror.With(snap, mirror.TargetGroups, time.Unix(0, 0), group(uid)))
			if row := s.targetGroups()[0].row; (row != nil) != kept {
				t.Errorf("made for %s, behind %s: %v", uid, behind, row)
			}
			for _, a := range s.Plan().Actions {
				if tagged, ok := a.Input.(*elbv2.AddTagsInput); ok && tagged.ResourceArns[0] == "tg" && !kept {
					t.Errorf("behind %s it is tagged: %s", behind, a.Summary)
				}
			}
		}
	}
}

func TestALostLoadBalancerIsKnownByTheEndpoint(t *testing.T) {
	for host, want := range map[string]bool{
		"team-c1-apiserver-0123.elb.us-east-1.amazonaws.com":          true,
		"internal-team-c1-apiserver-0123.elb.us-east-1.amazonaws.com": true,
		"api.example.com": false,
		"":                false,
	} {
		if got := intent(func(in *Intent) { in.Endpoint = host }).lost(); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}

func TestHealthChecks(t *testing.T) {
	https, none := infrav1.ELBProtocolHTTPS, int64(9)
	api := apiCheck(&infrav1.AWSLoadBalancerSpec{HealthCheckProtocol: &https, HealthCheck: &infrav1.TargetGroupHealthCheckAPISpec{IntervalSeconds: &none}})
	if want := (healthCheck{protocol: "HTTPS", port: "6443", path: "/readyz", interval: 9, timeout: 4, healthy: 2, unhealthy: 6}); api != want {
		t.Errorf("%+v, want %+v", api, want)
	}
	listener := listenerCheck(infrav1.AdditionalListenerSpec{Port: 8443, Protocol: "TCP"})
	if want := (healthCheck{protocol: "TCP", port: "8443", interval: 5, timeout: 4, healthy: 2, unhealthy: 6}); listener != want {
		t.Errorf("%+v, want %+v", listener, want)
	}
}
