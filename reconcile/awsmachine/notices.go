package awsmachine

import (
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/cloud"
	"github.com/capa-apiserver/capa-apiserver/cloud/events"
	"github.com/capa-apiserver/capa-apiserver/reconcile/engine"
	"github.com/capa-apiserver/capa-apiserver/reconcile/instance"
)

// noticeTime is how long a notice is kept for its object, which keeps it longer.
const noticeTime = time.Hour

// notices are what AWS announced lately, by instance.
type notices struct {
	mu  sync.Mutex
	all map[instanceKey]events.Notice
}

type instanceKey struct {
	scope cloud.Scope
	id    string
}

// Notify takes in what AWS announced, and has the object of the instance say so.
// What concerns no object here, or comes again, changes nothing.
func (r *Reconciler) Notify(scope cloud.Scope, n events.Notice) {
	r.notices.put(instanceKey{scope, n.InstanceID}, n, r.Clock.Now())
	r.EnqueueNamed(scope, engine.Ref{By: byID, Value: n.InstanceID})
}

// put keeps a notice, unless a more pressing one is there, and drops old ones.
func (s *notices) put(key instanceKey, n events.Notice, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, old := range s.all {
		if now.Sub(old.Time) > noticeTime {
			delete(s.all, k)
		}
	}
	if known, ok := s.all[key]; ok && known.Reason == infrav1.SpotInterruptionReason && n.Reason != known.Reason {
		return
	}
	if s.all == nil {
		s.all = map[instanceKey]events.Notice{}
	}
	s.all[key] = n
}

// of returns the notice about an object's instance, or nil.
func (s *notices) of(scope cloud.Scope, spec *infrav1.AWSMachineSpec) *events.Notice {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n, ok := s.all[instanceKey{scope, instance.RecordedID(spec)}]; ok {
		return &n
	}
	return nil
}

// warn tells of an announcement that the object now shows and didn't before, and
// that the instance is lost.
func (w *worker) warn(before, after *infrav1.AWSMachineStatus) {
	w.warnLost(after)
	said := meta.FindStatusCondition(after.Conditions, infrav1.InterruptionAnnouncedCondition)
	known := meta.FindStatusCondition(before.Conditions, infrav1.InterruptionAnnouncedCondition)
	if said != nil && (known == nil || known.Reason != said.Reason || known.Message != said.Message) {
		w.pass.Event(corev1.EventTypeWarning, said.Reason, said.Message)
	}
}

// warnLost tells that the instance ended, stopped or vanished behind our back. A
// read may have stored the condition before, so that the memory says what was told.
func (w *worker) warnLost(status *infrav1.AWSMachineStatus) {
	c := meta.FindStatusCondition(status.Conditions, infrav1.InstanceReadyCondition)
	if w.pass.Deleting() || c == nil {
		return
	}
	switch c.Reason {
	case infrav1.InstanceTerminatedReason, infrav1.InstanceStoppedReason, infrav1.InstanceNotFoundReason:
		if w.memory.lost != c.Reason {
			w.memory.lost = c.Reason
			w.pass.Event(corev1.EventTypeWarning, c.Reason, c.Message)
		}
	default:
		w.memory.lost = ""
	}
}
