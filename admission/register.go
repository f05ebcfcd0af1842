package admission

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

const (
	fieldManager = "capa-apiserver-admission"
	// repairPeriod puts back what a missed event left behind.
	repairPeriod = 10 * time.Minute
	retryPeriod  = 5 * time.Second
	// firstPause and lastPause bound the time between somebody's change and its repair:
	// it doubles while the repairs keep being undone, and starts anew after a quiet
	// calmTime.
	firstPause = 500 * time.Millisecond
	lastPause  = time.Minute
	calmTime   = 5 * time.Minute
)

// Registration keeps the webhook configurations in the host. All replicas may:
// they write the same.
type Registration struct {
	client   kubernetes.Interface
	kinds    []Kind
	at       Location
	caBundle func() []byte
	wake     chan struct{}
	written  atomic.Bool
}

// NewRegistration installs the webhooks of the kinds. It checks the location; caBundle gives the PEM authorities of
// the serving certificate.
func NewRegistration(client kubernetes.Interface, kinds []Kind, at Location, caBundle func() []byte) (*Registration, error) {
	if err := at.validate(); err != nil {
		return nil, err
	}
	if client == nil || caBundle == nil {
		return nil, errors.New("admission: a client and the CA bundle are needed to install the webhooks")
	}
	return &Registration{client: client, kinds: kinds, at: at, caBundle: caBundle, wake: make(chan struct{}, 1)}, nil
}

// Register installs both configurations by server-side apply. Do so once the
// server answers: from then on requests fail without it.
func (r *Registration) Register(ctx context.Context) error {
	caBundle := r.caBundle()
	if len(caBundle) == 0 {
		return errors.New("the webhooks were not installed: there is no CA bundle yet, the serving certificate must be ready first")
	}
	force := true
	options := metav1.PatchOptions{FieldManager: fieldManager, Force: &force}
	api := r.client.AdmissionregistrationV1()

	body, err := json.Marshal(mutatingConfiguration(r.kinds, r.at, caBundle))
	if err != nil {
		return err
	}
	if _, err := api.MutatingWebhookConfigurations().Patch(ctx, ConfigurationName, types.ApplyPatchType, body, options); err != nil {
		return fmt.Errorf("MutatingWebhookConfiguration %s: %w", ConfigurationName, err)
	}
	if body, err = json.Marshal(validatingConfiguration(r.kinds, r.at, caBundle)); err != nil {
		return err
	}
	if _, err := api.ValidatingWebhookConfigurations().Patch(ctx, ConfigurationName, types.ApplyPatchType, body, options); err != nil {
		return fmt.Errorf("ValidatingWebhookConfiguration %s: %w", ConfigurationName, err)
	}
	r.written.Store(true)
	return nil
}

// Ready is nil once both configurations were written.
func (r *Registration) Ready() error {
	if !r.written.Load() {
		return errors.New("the webhooks were not registered with the host yet")
	}
	return nil
}

// Enqueue has the configurations written again soon; call it when the CA bundle
// changes.
func (r *Registration) Enqueue() {
	select {
	case r.wake <- struct{}{}:
	default: // one is pending already
	}
}

// Start keeps the configurations in step until ctx ends: what somebody changes or
// deletes is put back at once. It leaves them behind, so that nothing unjudged gets
// in while the server restarts.
func (r *Registration) Start(ctx context.Context) error {
	stop, err := r.watch(ctx)
	if err != nil {
		return err
	}
	defer stop()
	var pause damping
	for {
		wait := repairPeriod
		if err := r.Register(ctx); err != nil && ctx.Err() == nil {
			klog.FromContext(ctx).Error(err, "Installing the webhooks failed, will be repeated", "after", retryPeriod)
			wait = retryPeriod
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
			continue
		case <-r.wake:
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause.next(time.Now())):
		}
	}
}

// damping makes repairs rarer that keep being undone.
type damping struct {
	pause time.Duration
	at    time.Time
}

func (d *damping) next(now time.Time) time.Duration {
	if now.Sub(d.at) > calmTime {
		d.pause = firstPause
	} else {
		d.pause = min(2*d.pause, lastPause)
	}
	d.at = now
	return d.pause
}

// watch has the configurations written again when they aren't as they should be.
func (r *Registration) watch(ctx context.Context) (stop func(), err error) {
	factory := informers.NewSharedInformerFactoryWithOptions(r.client, 0, informers.WithTweakListOptions(func(o *metav1.ListOptions) {
		o.FieldSelector = fields.OneTermEqualSelector(metav1.ObjectNameField, ConfigurationName).String()
	}))
	api := factory.Admissionregistration().V1()
	for _, informer := range []cache.SharedIndexInformer{api.MutatingWebhookConfigurations().Informer(), api.ValidatingWebhookConfigurations().Informer()} {
		_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc: r.look, UpdateFunc: func(_, object any) { r.look(object) }, DeleteFunc: func(any) { r.Enqueue() },
		})
		if err != nil {
			return nil, err
		}
	}
	factory.StartWithContext(ctx)
	return factory.Shutdown, nil
}

func (r *Registration) look(object any) {
	if !r.inStep(object) {
		r.Enqueue()
	}
}

// inStep tells whether a configuration in the host says what it should. The host
// fills in fields that are left out here.
func (r *Registration) inStep(object any) bool {
	switch have := object.(type) {
	case *admissionregistrationv1.MutatingWebhookConfiguration:
		return equality.Semantic.DeepDerivative(mutatingConfiguration(r.kinds, r.at, r.caBundle()).Webhooks, have.Webhooks)
	case *admissionregistrationv1.ValidatingWebhookConfiguration:
		return equality.Semantic.DeepDerivative(validatingConfiguration(r.kinds, r.at, r.caBundle()).Webhooks, have.Webhooks)
	}
	return true
}
