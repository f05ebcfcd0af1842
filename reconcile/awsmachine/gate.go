package awsmachine

import (
	"slices"
	"sync"
	"time"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capa-apiserver/capa-apiserver/cloud"
)

const (
	// launchesAtOnce is how many machines of one account and region launch at the
	// same time. AWS lets two launches a second through after a burst of five, and
	// each takes a second or two: more would only wait in line, in front of the
	// machines of other clusters.
	launchesAtOnce = 10
	// promiseTime is how long a place is kept for a machine that was called up.
	promiseTime = 30 * time.Second
)

// gate lets machines launch, some at a time, and takes turns between namespaces, and in
// each between its clusters: a cluster that wants a thousand doesn't hold up one that wants
// three, and a namespace with a hundred clusters doesn't hold up one with a single cluster.
type gate struct {
	clock clock.PassiveClock
	// call makes a machine come again.
	call func(client.ObjectKey)

	mu     sync.Mutex
	scopes map[cloud.Scope]*gateScope
}

type gateScope struct {
	active map[client.ObjectKey]bool
	// promised are the places of those called up, and until when they are kept.
	promised map[client.ObjectKey]time.Time
	// waiting are the machines in line by cluster, clusters those of a namespace that have
	// some, in turn, and turns the namespaces in turn.
	waiting  map[client.ObjectKey][]client.ObjectKey
	clusters map[string][]client.ObjectKey
	turns    []string
}

func newGate(c clock.PassiveClock, call func(client.ObjectKey)) *gate {
	return &gate{clock: c, call: call, scopes: map[cloud.Scope]*gateScope{}}
}

// enter takes a place, or a place in line: then the machine is called up later.
func (g *gate) enter(scope cloud.Scope, cluster, key client.ObjectKey) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.scopes[scope]
	if s == nil {
		s = &gateScope{active: map[client.ObjectKey]bool{}, promised: map[client.ObjectKey]time.Time{}, waiting: map[client.ObjectKey][]client.ObjectKey{}, clusters: map[string][]client.ObjectKey{}}
		g.scopes[scope] = s
	}
	g.expire(s)
	_, promised := s.promised[key]
	if promised || len(s.turns) == 0 && len(s.active)+len(s.promised) < launchesAtOnce {
		delete(s.promised, key)
		s.active[key] = true
		return true
	}
	if !slices.Contains(s.waiting[cluster], key) {
		s.join(cluster, key)
	}
	g.callUp(s)
	return false
}

// leave gives the place back.
func (g *gate) leave(scope cloud.Scope, key client.ObjectKey) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if s := g.scopes[scope]; s != nil {
		delete(s.active, key)
		g.expire(s)
		g.callUp(s)
	}
}

// abandon takes a machine out of all lines: it doesn't launch any more.
func (g *gate) abandon(key client.ObjectKey) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range g.scopes {
		delete(s.promised, key)
		for cluster, line := range s.waiting {
			if line = slices.DeleteFunc(line, func(k client.ObjectKey) bool { return k == key }); len(line) > 0 {
				s.waiting[cluster] = line
				continue
			}
			s.end(cluster)
		}
		g.callUp(s)
	}
}

func (g *gate) expire(s *gateScope) {
	now := g.clock.Now()
	for key, until := range s.promised {
		if now.After(until) {
			delete(s.promised, key)
		}
	}
}

// join puts a machine in its cluster's line.
func (s *gateScope) join(cluster, key client.ObjectKey) {
	if len(s.waiting[cluster]) == 0 {
		if len(s.clusters[cluster.Namespace]) == 0 {
			s.turns = append(s.turns, cluster.Namespace)
		}
		s.clusters[cluster.Namespace] = append(s.clusters[cluster.Namespace], cluster)
	}
	s.waiting[cluster] = append(s.waiting[cluster], key)
}

// end takes a cluster out of the turns.
func (s *gateScope) end(cluster client.ObjectKey) {
	delete(s.waiting, cluster)
	left := slices.DeleteFunc(s.clusters[cluster.Namespace], func(c client.ObjectKey) bool { return c == cluster })
	if s.clusters[cluster.Namespace] = left; len(left) == 0 {
		delete(s.clusters, cluster.Namespace)
		s.turns = slices.DeleteFunc(s.turns, func(namespace string) bool { return namespace == cluster.Namespace })
	}
}

// next takes the machine whose turn it is out of its line.
func (s *gateScope) next() client.ObjectKey {
	namespace := s.turns[0]
	s.turns = append(s.turns[1:], namespace)
	clusters := s.clusters[namespace]
	cluster := clusters[0]
	s.clusters[namespace] = append(clusters[1:], cluster)
	line := s.waiting[cluster]
	if s.waiting[cluster] = line[1:]; len(line) == 1 {
		s.end(cluster)
	}
	return line[0]
}

// callUp calls as many as there are places for, from the clusters in turn.
func (g *gate) callUp(s *gateScope) {
	for len(s.turns) > 0 && len(s.active)+len(s.promised) < launchesAtOnce {
		key := s.next()
		s.promised[key] = g.clock.Now().Add(promiseTime)
		g.call(key)
	}
}
