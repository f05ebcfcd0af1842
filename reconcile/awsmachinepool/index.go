package awsmachinepool

import (
	"context"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
)

// queue is where objects to look at are put.
type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// index finds the objects that a change in AWS concerns.
type index struct {
	mu      sync.Mutex
	entries map[client.ObjectKey]entry
	// named finds objects by the name of their group or template.
	named map[name]map[client.ObjectKey]bool
	queue queue
}

// entry is by what an object is found: the names of its group and template.
type entry struct {
	scope           cloud.Scope
	group, template string
}

type name struct {
	scope cloud.Scope
	kind  mirror.Kind
	name  string
}

func (e entry) names() []name {
	return []name{{e.scope, mirror.AutoScalingGroups.Kind, e.group}, {e.scope, mirror.LaunchTemplates.Kind, e.template}}
}

func newIndex() *index {
	return &index{entries: map[client.ObjectKey]entry{}, named: map[name]map[client.ObjectKey]bool{}}
}

func (x *index) set(key client.ObjectKey, e entry) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.entries[key] == e {
		return
	}
	x.drop(key)
	x.entries[key] = e
	for _, n := range e.names() {
		if x.named[n] == nil {
			x.named[n] = map[client.ObjectKey]bool{}
		}
		x.named[n][key] = true
	}
}

func (x *index) remove(key client.ObjectKey) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.drop(key)
}

func (x *index) drop(key client.ObjectKey) {
	e, ok := x.entries[key]
	if !ok {
		return
	}
	delete(x.entries, key)
	for _, n := range e.names() {
		if delete(x.named[n], key); len(x.named[n]) == 0 {
			delete(x.named, n)
		}
	}
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
	for _, c := range changes {
		if c.ID == "" {
			x.all(c)
			continue
		}
		for key := range x.named[name{c.Scope, c.Kind, nameOf(c)}] {
			x.queue.Add(reconcile.Request{NamespacedName: key})
		}
	}
}

// all is for what concerns a table itself.
func (x *index) all(c mirror.Change) {
	if c.Kind != mirror.AutoScalingGroups.Kind && c.Kind != mirror.LaunchTemplates.Kind {
		return
	}
	for key, e := range x.entries {
		if e.scope == c.Scope {
			x.queue.Add(reconcile.Request{NamespacedName: key})
		}
	}
}

// nameOf returns the name of the row that changed: a group's id is its name.
func nameOf(c mirror.Change) string {
	for _, row := range []any{c.New, c.Old} {
		if t, ok := row.(*mirror.LaunchTemplate); ok {
			return aws.ToString(t.LaunchTemplateName)
		}
	}
	return c.ID
}
