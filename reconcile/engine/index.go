package engine

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
	"github.com/capa-apiserver/capa-apiserver/reconcile/names"
)

// queue is where objects to look at are put.
type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// Ref is one of the things by which a change in AWS finds the objects that it concerns:
// a resource's id, a tag, the VPC in which it lies. Kinds choose what By means.
type Ref struct{ By, Value string }

// RefsOfOwners are by what the objects of the clusters are found that own a resource.
func RefsOfOwners(by string, tags map[string]string) []Ref {
	var refs []Ref
	for tag, value := range tags {
		if name, ok := strings.CutPrefix(tag, mirror.OwnedTagPrefix); ok && value == names.Owned {
			refs = append(refs, Ref{by, name})
		}
	}
	return refs
}

// RefsOfClusters are by what the objects of the clusters are found that have to do with a
// resource, its owners or not.
func RefsOfClusters(by string, tags map[string]string) []Ref {
	var refs []Ref
	for tag := range tags {
		if name, ok := strings.CutPrefix(tag, mirror.OwnedTagPrefix); ok {
			refs = append(refs, Ref{by, name})
		}
	}
	return refs
}

// index finds the objects that a change in AWS concerns, without a look at the others.
type index struct {
	concerned func(mirror.Change) []Ref

	mu      sync.Mutex
	entries map[client.ObjectKey]entry
	// found are the objects by account, region and reference.
	found map[cloud.Scope]map[Ref]map[client.ObjectKey]bool
	queue queue
}

// entry is by what an object is found.
type entry struct {
	scope cloud.Scope
	refs  []Ref
	// wants are what it is judged by.
	wants []mirror.Interest
}

func newIndex(concerned func(mirror.Change) []Ref) *index {
	return &index{concerned: concerned, entries: map[client.ObjectKey]entry{}, found: map[cloud.Scope]map[Ref]map[client.ObjectKey]bool{}}
}

func (x *index) set(key client.ObjectKey, e entry) {
	e.refs = slices.DeleteFunc(slices.Clone(e.refs), func(r Ref) bool { return r.Value == "" })
	x.mu.Lock()
	defer x.mu.Unlock()
	if old, ok := x.entries[key]; ok && old.scope == e.scope && slices.Equal(old.refs, e.refs) {
		x.entries[key] = e
		return
	}
	x.drop(key)
	x.entries[key] = e
	scope := x.found[e.scope]
	if scope == nil {
		scope = map[Ref]map[client.ObjectKey]bool{}
		x.found[e.scope] = scope
	}
	for _, ref := range e.refs {
		if scope[ref] == nil {
			scope[ref] = map[client.ObjectKey]bool{}
		}
		scope[ref][key] = true
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
	scope := x.found[e.scope]
	for _, ref := range e.refs {
		if delete(scope[ref], key); len(scope[ref]) == 0 {
			delete(scope, ref)
		}
	}
	if len(scope) == 0 {
		delete(x.found, e.scope)
	}
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

// feed gives the index the queue to put objects into.
func (x *index) feed(_ context.Context, q queue) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.queue = q
	return nil
}

func (x *index) enqueue(keys ...client.ObjectKey) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, key := range keys {
		x.add(key)
	}
}

func (x *index) add(key client.ObjectKey) {
	if x.queue != nil {
		x.queue.Add(reconcile.Request{NamespacedName: key})
	}
}

// changed puts the objects into the queue that the changes concern.
func (x *index) changed(changes []mirror.Change) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, c := range changes {
		if c.ID == "" {
			x.table(c)
			continue
		}
		for _, ref := range x.concerned(c) {
			for scope, found := range x.found {
				if !in(scope, c.Scope) {
					continue
				}
				for key := range found[ref] {
					x.add(key)
				}
			}
		}
	}
}

// in tells whether what is of one scope is also in another: what is in no region is in all.
func in(scope, of cloud.Scope) bool { return scope == of || scope.Global() == of }

// table is for what concerns a table itself, or what is below a parent in it.
func (x *index) table(c mirror.Change) {
	for key, e := range x.entries {
		if in(e.scope, c.Scope) && slices.ContainsFunc(e.wants, func(i mirror.Interest) bool { return i.Kind == c.Kind && i.Parent == c.Parent }) {
			x.add(key)
		}
	}
}

// named enqueues the objects with a reference.
func (x *index) named(scope cloud.Scope, ref Ref) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for key := range x.found[scope][ref] {
		x.add(key)
	}
}
