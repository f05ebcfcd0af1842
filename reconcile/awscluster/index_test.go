package awscluster

import (
	"context"
	"testing"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
)

func TestAChangeWakesTheClustersItConcerns(t *testing.T) {
	scope, elsewhere := cloud.Scope{Account: "1", Region: "a"}, cloud.Scope{Account: "1", Region: "b"}
	key := client.ObjectKey{Namespace: "default", Name: "c1"}
	for _, c := range []struct {
		name   string
		change mirror.Change
		want   int
	}{
		{"something tagged as its own", mirror.Change{Scope: scope, ID: "x", Tags: map[string]string{mirror.OwnedTagPrefix + "c1": "owned"}}, 1},
		{"something in its VPC", mirror.Change{Scope: scope, ID: "x", VPC: "vpc-1"}, 1},
		{"a table that can be read again", mirror.Change{Scope: scope}, 1},
		{"a machine in its VPC", mirror.Change{Scope: scope, Kind: mirror.Instances.Kind, ID: "x", VPC: "vpc-1"}, 0},
		{"its bastion", mirror.Change{Scope: scope, Kind: mirror.Instances.Kind, ID: "x", VPC: "vpc-1", Tags: map[string]string{names.TagRole: "bastion"}}, 1},
		{"something of another cluster", mirror.Change{Scope: scope, ID: "x", VPC: "vpc-2", Tags: map[string]string{mirror.OwnedTagPrefix + "c2": "owned"}}, 0},
		{"something in another region", mirror.Change{Scope: elsewhere, ID: "x", VPC: "vpc-1"}, 0},
		{"something without a VPC", mirror.Change{Scope: scope, ID: "x"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
			defer q.ShutDown()
			x := newIndex()
			x.set(key, entry{scope: scope, name: "c1", vpc: "vpc-1"})
			if err := x.start(context.Background(), q); err != nil {
				t.Fatal(err)
			}
			x.changed([]mirror.Change{c.change, c.change})
			if q.Len() != c.want {
				t.Errorf("%d objects are woken, want %d", q.Len(), c.want)
			}
			x.remove(key)
		})
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
