package names

import (
	"maps"
	"strings"
	"testing"
)

func TestNamesAreThoseOfClustersThatExist(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{SecurityGroup("c1", "node"), "c1-node"},
		{SecurityGroup("sg-prod", "lb"), "@sg-prod-lb"},
		{LoadBalancer("c1"), "c1-apiserver"},
		{LoadBalancer("default-c1.example"), "default-c1-example-apiserver"},
		{Subnet("c1", "public", "us-east-1a"), "c1-subnet-public-us-east-1a"},
		{RouteTable("c1", "private", "us-east-1a"), "c1-rt-private-us-east-1a"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func TestLongLoadBalancerNamesBecomeAHashThatNeverChanges(t *testing.T) {
	base := "a-namespace-with-a-long-name-and-a-cluster"
	name := LoadBalancer(base)
	if len(name) != 32 || !strings.HasSuffix(name, "-k8s") || name != LoadBalancer(base) || name == LoadBalancer(base+"x") {
		t.Errorf("%q", name)
	}
	for _, r := range strings.TrimSuffix(name, "-k8s") {
		if !strings.ContainsRune("0123456789abcdefghijklmnopqrstuvwxyz", r) {
			t.Errorf("%q holds %q", name, r)
		}
	}
}

func TestTargetGroupNamesFitAndDiffer(t *testing.T) {
	o := Owner{Cluster: "c1", UID: "u"}
	a, b := o.TargetGroup("additional-listener-", "lb", 8443), o.TargetGroup("additional-listener-", "lb", 8444)
	if a == b || len(a) > 32 || a != o.TargetGroup("additional-listener-", "lb", 8443) {
		t.Errorf("%q and %q", a, b)
	}
}

func TestUsersTagsNeverSayWhoseAResourceIs(t *testing.T) {
	o := Owner{Cluster: "c1", UID: "u", Additional: map[string]string{"team": "a", TagOwnedPrefix + "c1": "shared", TagUID: "x", TagRole: "mine",
		TagOwnedPrefix + "prod": "owned", TagCloudProviderPrefix + "prod": "owned"}}
	want := map[string]string{"team": "a", TagOwnedPrefix + "c1": "owned", TagUID: "u", TagRole: "common", TagName: "c1-vpc"}
	if got := o.Tags("c1-vpc", "common", nil); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestAMissingUIDTagIsNoDifference(t *testing.T) {
	want := map[string]string{TagUID: "u", "a": "1", "b": "2"}
	if got := Missing(want, map[string]string{"a": "1", "b": "3"}); !maps.Equal(got, map[string]string{"b": "2"}) {
		t.Errorf("%v", got)
	}
	if got := Missing(want, map[string]string{"a": "1", "b": "2", TagUID: "before"}); !maps.Equal(got, map[string]string{TagUID: "u"}) {
		t.Errorf("of an object that was moved: %v", got)
	}
}
