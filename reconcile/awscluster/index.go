package awscluster

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/bastion"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
)

// queue is where objects to look at are put.
type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// index finds the objects that a change in AWS concerns.
type index struct {
	mu      sync.Mutex
	entries map[client.ObjectKey]entry
	queue   queue
}

// entry is by what an object is found.
type entry struct {
	scope cloud.Scope
	// name is the cluster's name in the owned tag, vpc its VPC or "".
	name, vpc string
}

func newIndex() *index { return &index{entries: map[client.ObjectKey]entry{}} }

func (x *index) set(key client.ObjectKey, e entry) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.entries[key] = e
}

// in returns the objects of an account and region.
func (x *index) in(scope cloud.Scope) []client.ObjectKey {
	x.mu.Lock()
	defer x.mu.Unlock()
	var keys []client.ObjectKey
	for key, e := range x.entries {
		if e.scope == scope {
			keys = append(keys, key)
		}
	}
	return keys
}

// scopes returns the accounts and regions that have objects.
func (x *index) scopes() []cloud.Scope {
	x.mu.Lock()
	defer x.mu.Unlock()
	found := map[cloud.Scope]bool{}
	for _, e := range x.entries {
		found[e.scope] = true
	}
	return slices.Collect(maps.Keys(found))
}

func (x *index) remove(key client.ObjectKey) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.entries, key)
}

// start gives the index the queue to put objects into.
func (x *index) start(_ context.Context, q queue) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.queue = q
	return nil
}

// changed puts the objects into the queue that the changes concern.
func (x *index) changed(changes []mirror.Change) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.queue == nil {
		return
	}
	for key, e := range x.entries {
		for _, c := range changes {
			if e.concerned(c) {
				x.queue.Add(reconcile.Request{NamespacedName: key})
				break
			}
		}
	}
}

func (e entry) concerned(c mirror.Change) bool {
	// Of the instances, which are many, only a bastion is the cluster's own.
	if c.Scope != e.scope || c.ID != "" && c.Kind == mirror.Instances.Kind && c.Tags[names.TagRole] != bastion.Role {
		return false
	}
	if c.ID == "" || c.VPC != "" && c.VPC == e.vpc {
		return true
	}
	for tag := range c.Tags {
		if strings.HasPrefix(tag, mirror.OwnedTagPrefix) && strings.TrimPrefix(tag, mirror.OwnedTagPrefix) == e.name {
			return true
		}
	}
	return false
}
