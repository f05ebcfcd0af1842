package engine

import (
	"slices"
	"testing"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
)

func TestAChangeWakesTheObjectsItConcerns(t *testing.T) {
	scope, elsewhere := cloud.Scope{Account: "1", Region: "a"}, cloud.Scope{Account: "1", Region: "b"}
	key := client.ObjectKey{Namespace: "default", Name: "c1"}
	for name, c := range map[string]struct {
		change mirror.Change
		want   int
	}{
		"something of its own":          {mirror.Change{Scope: scope, ID: "x", Tags: map[string]string{names.TagOwnedPrefix + "c1": names.Owned}}, 1},
		"something in its VPC":          {mirror.Change{Scope: scope, ID: "x", VPC: "vpc-1"}, 1},
		"a table that it is judged by":  {mirror.Change{Scope: scope, Kind: mirror.VPCs.Kind}, 1},
		"a table that says nothing":     {mirror.Change{Scope: scope, Kind: mirror.SecurityGroups.Kind}, 0},
		"something of another cluster":  {mirror.Change{Scope: scope, ID: "x", VPC: "vpc-2", Tags: map[string]string{names.TagOwnedPrefix + "c2": names.Owned}}, 0},
		"something shared with it":      {mirror.Change{Scope: scope, ID: "x", Tags: map[string]string{names.TagOwnedPrefix + "c1": names.Shared}}, 0},
		"something in another region":   {mirror.Change{Scope: elsewhere, ID: "x", VPC: "vpc-1"}, 0},
		"something that is in no VPC":   {mirror.Change{Scope: scope, ID: "x"}, 0},
		"what is below its parent":      {mirror.Change{Scope: scope, Kind: "test/child", Parent: "p1"}, 1},
		"what is below another parent":  {mirror.Change{Scope: scope, Kind: "test/child", Parent: "p2"}, 0},
		"its own in no region":          {mirror.Change{Scope: scope.Global(), ID: "x", Tags: map[string]string{names.TagOwnedPrefix + "c1": names.Owned}}, 1},
		"a table that is in no region":  {mirror.Change{Scope: scope.Global(), Kind: mirror.VPCs.Kind}, 1},
		"what it was found by formerly": {mirror.Change{Scope: scope, ID: "x", VPC: "vpc-0"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			q := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
			defer q.ShutDown()
			x := newIndex(func(c mirror.Change) []Ref { return append(RefsOfOwners("cluster", c.Tags), Ref{"vpc", c.VPC}) })
			x.changed([]mirror.Change{c.change}) // nobody listens yet
			for _, vpc := range []string{"vpc-0", "vpc-1"} {
				x.set(key, entry{scope: scope, refs: []Ref{{"cluster", "c1"}, {"vpc", vpc}, {"id", ""}}, wants: append(mirror.Whole(mirror.VPCs.Kind), mirror.Interest{Kind: "test/child", Parent: "p1"})})
			}
			if err := x.feed(t.Context(), q); err != nil {
				t.Fatal(err)
			}
			x.changed([]mirror.Change{c.change, c.change})
			if q.Len() != c.want {
				t.Errorf("%d objects are woken, want %d", q.Len(), c.want)
			}
		})
	}
}

func TestTheIndexForgetsWhatIsGone(t *testing.T) {
	scope, key := cloud.Scope{Account: "1", Region: "a"}, client.ObjectKey{Namespace: "default", Name: "c1"}
	x := newIndex(nil)
	x.set(key, entry{scope: scope, refs: []Ref{{"vpc", "vpc-1"}}})
	if !slices.Equal(x.in(scope), []client.ObjectKey{key}) || !slices.Equal(x.scopes(), []cloud.Scope{scope}) {
		t.Errorf("in %v are %v", x.scopes(), x.in(scope))
	}
	x.remove(key)
	x.remove(key)
	if len(x.in(scope))+len(x.scopes())+len(x.found)+len(x.entries) != 0 {
		t.Errorf("left are %v and %v", x.entries, x.found)
	}
}

func TestNewerVersionsAreTheGreaterNumbers(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{{"10", "9", true}, {"9", "10", false}, {"10", "10", false}, {"11", "10", true}} {
		if newer(c.a, c.b) != c.want {
			t.Errorf("newer(%s, %s) is %v", c.a, c.b, !c.want)
		}
	}
}
