package instance

import (
	"strings"
	"testing"

	"github.com/capa-apiserver/capa-apiserver/reconcile/infrastructure"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
	"github.com/capa-apiserver/capa-apiserver/reconcile/ownership"
)

func TestOfTwoClustersOfANameNoneGetsABalancerWithoutTheNamespacesTag(t *testing.T) {
	living := ownership.Fixed{{Kind: ownership.KindCluster, Namespace: "b", Name: "c1", UID: "twin", Cluster: "c1", Records: []string{ownership.LoadBalancer("lb")}},
		{Kind: ownership.KindCluster, Namespace: "a", Name: "c1", UID: "u", Cluster: "c1", Records: []string{ownership.LoadBalancer("lb")}}}
	shared := names.TagOwnedPrefix + "c1"
	for name, c := range map[string]struct {
		tags     map[string]string
		ours, of bool
	}{
		"without it": {map[string]string{shared: names.Shared}, false, true},
		"ours":       {map[string]string{shared: names.Shared + ":a"}, true, false},
		"theirs":     {map[string]string{shared: names.Shared + ":b"}, false, false},
	} {
		infra := &infrastructure.Cluster{Cluster: "c1", UID: "u", Namespace: "a"}
		got := balancerOf(infra, living)(ownership.Resource{ID: ownership.LoadBalancer("lb"), Tags: c.tags, Recorded: true})
		if got.Ours() != c.ours || strings.Contains(got.Of, "shared:a") != c.of {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestLoadBalancersOfOtherClustersGetNoTargets(t *testing.T) {
	tags := func(cluster string) map[string]string {
		return map[string]string{names.TagOwnedPrefix + cluster: names.Owned}
	}
	for name, c := range map[string]struct {
		external bool
		tags     map[string]string
		want     bool
	}{
		"the cluster's":                      {false, tags("c1"), true},
		"another cluster's":                  {false, tags("other"), false},
		"nobody's":                           {false, map[string]string{}, false},
		"shared with the cluster":            {false, map[string]string{names.TagOwnedPrefix + "c1": names.Shared}, true},
		"shared with it, another cluster's":  {false, map[string]string{names.TagOwnedPrefix + "c1": names.Shared, names.TagOwnedPrefix + "other": names.Owned}, false},
		"shared with another cluster":        {false, map[string]string{names.TagOwnedPrefix + "other": names.Shared}, false},
		"kept by somebody else":              {true, map[string]string{"team": "a"}, true},
		"kept by somebody else, a cluster's": {true, tags("other"), false},
		"kept by somebody else, not read":    {true, nil, false},
	} {
		infra := &infrastructure.Cluster{Cluster: "c1", UID: "u", External: c.external}
		if got := balancerOf(infra, nil)(ownership.Resource{ID: "lb", Tags: c.tags, Recorded: true}).Ours(); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
