package awsmachine

import (
	"context"
	"strings"
	"sync"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
)

// queue is where objects to look at are put.
type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// index finds the objects that a change in AWS concerns. An instance finds its
// object without a look at the others.
type index struct {
	mu      sync.Mutex
	entries map[client.ObjectKey]entry
	// byUID and byID find objects by their UID and by their instance's id.
	byUID, byID map[string]client.ObjectKey
	queue       queue
}

// entry is by what an object is found.
type entry struct {
	scope cloud.Scope
	// uid of the object, id of its instance or "".
	uid, id string
	// cluster is the name of the cluster; controlPlane tells that load balancers
	// matter.
	cluster      string
	controlPlane bool
}

func newIndex() *index {
	return &index{entries: map[client.ObjectKey]entry{}, byUID: map[string]client.ObjectKey{}, byID: map[string]client.ObjectKey{}}
}

func (x *index) set(key client.ObjectKey, e entry) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if old, ok := x.entries[key]; ok && old != e {
		x.drop(key, old)
	}
	x.entries[key] = e
	x.byUID[e.uid] = key
	if e.id != "" {
		x.byID[e.id] = key
	}
}

func (x *index) remove(key client.ObjectKey) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if old, ok := x.entries[key]; ok {
		x.drop(key, old)
		delete(x.entries, key)
	}
}

func (x *index) drop(key client.ObjectKey, e entry) {
	if x.byUID[e.uid] == key {
		delete(x.byUID, e.uid)
	}
	if x.byID[e.id] == key {
		delete(x.byID, e.id)
	}
}

// start gives the index the queue to put objects into.
func (x *index) start(_ context.Context, q queue) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.queue = q
	return nil
}

// enqueue puts one object into the queue.
func (x *index) enqueue(key client.ObjectKey) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.queue != nil {
		x.queue.Add(reconcile.Request{NamespacedName: key})
	}
}

// changed puts the objects into the queue that the changes concern.
func (x *index) changed(changes []mirror.Change) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.queue == nil {
		return
	}
	for _, c := range changes {
		switch {
		case c.ID == "":
			x.each(c, func(e entry) bool { return x.judges(e, c.Kind) })
		case c.Kind == mirror.Instances.Kind, c.Kind == mirror.Hosts.Kind, c.Kind == mirror.Addresses.Kind:
			x.instance(c)
		case c.Kind == mirror.TargetGroups.Kind, c.Kind == mirror.ClassicLoadBalancers.Kind, c.Kind == mirror.LoadBalancers.Kind:
			x.each(c, func(e entry) bool { return e.controlPlane && c.Tags[names.TagOwnedPrefix+e.cluster] == names.Owned })
		}
	}
}

// judges tells whether the table matters to an object.
func (x *index) judges(e entry, kind mirror.Kind) bool {
	return kind == mirror.Instances.Kind || kind == mirror.InstanceTypes.Kind || e.controlPlane && strings.HasPrefix(string(kind), "elb")
}

func (x *index) instance(c mirror.Change) {
	key, ok := x.byID[c.ID]
	if !ok {
		key, ok = x.byUID[c.Tags[names.TagUID]]
	}
	if ok && x.entries[key].scope == c.Scope {
		x.queue.Add(reconcile.Request{NamespacedName: key})
	}
}

func (x *index) each(c mirror.Change, concerned func(entry) bool) {
	for key, e := range x.entries {
		if e.scope == c.Scope && concerned(e) {
			x.queue.Add(reconcile.Request{NamespacedName: key})
		}
	}
}
