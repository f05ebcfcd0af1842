package apiserver

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/record"
)

// countingSink takes Events and counts them.
type countingSink struct{ count atomic.Int64 }

var _ record.EventSink = (*countingSink)(nil)

func (s *countingSink) take(e *corev1.Event) (*corev1.Event, error) { s.count.Add(1); return e, nil }

func (s *countingSink) Create(e *corev1.Event) (*corev1.Event, error)          { return s.take(e) }
func (s *countingSink) Update(e *corev1.Event) (*corev1.Event, error)          { return s.take(e) }
func (s *countingSink) Patch(e *corev1.Event, _ []byte) (*corev1.Event, error) { return s.take(e) }

func TestAllEventsOfAClustersLifeAreRecorded(t *testing.T) {
	const events = 120 // made, changed and deleted
	broadcaster, sink := newBroadcaster(), &countingSink{}
	broadcaster.StartRecordingToSink(sink)
	defer broadcaster.Shutdown()
	recorder := broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "capa-apiserver"})
	about := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "c1", UID: "uid"}}
	for i := range events {
		recorder.Event(about, corev1.EventTypeNormal, fmt.Sprintf("Successful%d", i), fmt.Sprintf("Created thing %d", i))
	}
	for deadline := time.Now().Add(20 * time.Second); sink.count.Load() < events && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
	}
	if got := sink.count.Load(); got != events {
		t.Errorf("%d of %d Events were recorded", got, events)
	}
}
