package registrar

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/legacyregistry"
)

// StatusConfigMap is the ConfigMap, in the namespace of the Service, in which
// users read the decisions: one key per group-version, named as its APIService,
// and one per shadow CRD, named as the CRD.
const StatusConfigMap = "capa-apiserver-registrar"

var claimsMetric = metrics.NewGaugeVec(&metrics.GaugeOpts{
	Namespace:      "capa",
	Subsystem:      "registrar",
	Name:           "claims",
	Help:           "1 for what was decided about each group-version: claimed for this server or not.",
	StabilityLevel: metrics.ALPHA,
}, []string{"group", "version", "claimed"})

var registerMetrics = sync.OnceFunc(func() { legacyregistry.MustRegister(claimsMetric) })

func recordClaims(claims []Decision) {
	for _, d := range claims {
		group, version := d.GroupVersion.Group, d.GroupVersion.Version
		claimsMetric.WithLabelValues(group, version, fmt.Sprint(d.Claimed)).Set(1)
		claimsMetric.WithLabelValues(group, version, fmt.Sprint(!d.Claimed)).Set(0)
	}
}

// line is one decision as users read it.
type line struct {
	key, reason, message string
}

func lines(shadows []ShadowDecision, claims []Decision) []line {
	var all []line
	for _, d := range claims {
		all = append(all, line{apiServiceName(d.GroupVersion), d.Reason, d.Message})
	}
	for _, d := range shadows {
		all = append(all, line{d.Resource.shadowName(), d.Reason, d.Message})
	}
	return all
}

// report writes the decisions to the ConfigMap when they changed, with one
// Event for each that did. The ConfigMap is also the memory that keeps a
// restart from repeating every Event.
func (r *Registrar) report(ctx context.Context, shadows []ShadowDecision, claims []Decision) error {
	all := lines(shadows, claims)
	data := map[string]string{}
	for _, l := range all {
		data[l.key] = l.message
	}
	if maps.Equal(r.reported(), data) {
		return nil
	}
	before, err := r.writeStatus(ctx, data)
	if err != nil {
		return fmt.Errorf("ConfigMap %s/%s: %w", r.opts.Service.Namespace, StatusConfigMap, err)
	}
	r.events(ctx, all, before)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lastReport, r.reportedAt = data, time.Now()
	return nil
}

// reported is what the ConfigMap says as far as is known; nil when that was
// long enough ago that someone may have changed it.
func (r *Registrar) reported() map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.reportedAt) > r.opts.Resync {
		return nil
	}
	return r.lastReport
}

// writeStatus gives what the ConfigMap said before.
func (r *Registrar) writeStatus(ctx context.Context, data map[string]string) (map[string]string, error) {
	client := r.opts.Kubernetes.CoreV1().ConfigMaps(r.opts.Service.Namespace)
	existing, err := client.Get(ctx, StatusConfigMap, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		_, err = client.Create(ctx, &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: r.opts.Service.Namespace, Name: StatusConfigMap,
				Labels: map[string]string{managedByLabel: managedBy},
			},
			Data: data,
		}, metav1.CreateOptions{FieldManager: fieldManager})
		return nil, err
	}
	if err != nil || maps.Equal(existing.Data, data) {
		return data, err
	}
	changed := existing.DeepCopy()
	changed.Data = data
	_, err = client.Update(ctx, changed, metav1.UpdateOptions{FieldManager: fieldManager})
	return existing.Data, err
}

// events are recorded on the Service, which exists whatever was decided, so
// that one "kubectl describe service" shows them all.
func (r *Registrar) events(ctx context.Context, all []line, before map[string]string) {
	if r.opts.Recorder == nil {
		return
	}
	at := r.opts.Service
	regarding := &corev1.ObjectReference{APIVersion: "v1", Kind: "Service", Namespace: at.Namespace, Name: at.Name}
	if service, err := r.opts.Kubernetes.CoreV1().Services(at.Namespace).Get(ctx, at.Name, metav1.GetOptions{}); err == nil {
		regarding.UID = service.UID
	}
	for _, l := range all {
		if before[l.key] != l.message {
			r.opts.Recorder.Eventf(regarding, eventType(l.reason), l.reason, "%s: %s", l.key, l.message)
		}
	}
}

// eventType warns where something is not as a user may expect.
func eventType(reason string) string {
	switch reason {
	case ReasonTakenOver, ReasonReleased, ReasonForeignService, ReasonForeignCRD, ReasonForeignCRDStores:
		return corev1.EventTypeWarning
	default:
		return corev1.EventTypeNormal
	}
}
