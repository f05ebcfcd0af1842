// Package observing is what the observers of all kinds share: which account and
// region an object was last seen in, and whether anybody reconciles it.
package observing

import (
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/mirror"
)

// Freshness says how old a projection is.
type Freshness struct {
	// ObservedTime is when AWS was last seen completely for the object; zero when
	// it never was.
	ObservedTime time.Time
	// Err is why AWS can't be seen at the moment, or nil.
	Err error
}

// FreshnessOf says how old what a snapshot shows in the tables is. err is why the
// latest refresh failed, or nil.
func FreshnessOf(snap *mirror.Snapshot, err error, kinds ...mirror.Kind) Freshness {
	if err == nil {
		err = snap.Err(kinds...)
	}
	return Freshness{ObservedTime: snap.Observed(kinds...), Err: err}
}

// forgetAfter is after what time an object that nobody looks for is forgotten.
const forgetAfter = time.Hour

// Memory is where objects were last looked for, and how that went. The zero Memory
// knows nothing. What nobody looks for any more it forgets by itself.
type Memory struct {
	mu     sync.Mutex
	seen   map[types.UID]seen
	tidied time.Time
}

type seen struct {
	scope *cloud.Scope
	err   error
	at    time.Time
}

// Of returns the account and region of an object, nil before it was looked for,
// and why the latest look failed, or nil.
func (m *Memory) Of(uid types.UID) (*cloud.Scope, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.seen[uid]
	return s.scope, s.err
}

// Note keeps how a look ended that was made now. Without a scope the known one
// stays.
func (m *Memory) Note(uid types.UID, scope *cloud.Scope, err error, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.seen == nil {
		m.seen = map[types.UID]seen{}
	}
	if now.Sub(m.tidied) > forgetAfter {
		m.tidied = now
		maps.DeleteFunc(m.seen, func(_ types.UID, s seen) bool { return now.Sub(s.at) > forgetAfter })
	}
	if scope == nil {
		scope = m.seen[uid].scope
	}
	m.seen[uid] = seen{scope, err, now}
}

// Object is an object with conditions.
type Object interface {
	client.Object
	GetConditions() []metav1.Condition
}

// Reconciled tells whether an object is being reconciled: it has our finalizer,
// and is neither paused nor somebody else's.
func Reconciled(obj Object, finalizer string) bool {
	_, external := obj.GetAnnotations()[clusterv1.ManagedByAnnotation]
	return !external && !meta.IsStatusConditionTrue(obj.GetConditions(), infrav1.PausedCondition) &&
		slices.Contains(obj.GetFinalizers(), finalizer)
}
