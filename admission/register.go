package admission

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/klog/v2"
)

const (
	fieldManager = "capa-apiserver-admission"
	// repairPeriod puts back what someone changed or removed.
	repairPeriod = 10 * time.Minute
	retryPeriod  = 5 * time.Second
)

// Registration keeps the webhook configurations in the host. All replicas may:
// they write the same.
type Registration struct {
	client   kubernetes.Interface
	at       Location
	caBundle func() []byte
	wake     chan struct{}
}

// NewRegistration checks the location; caBundle gives the PEM authorities of
// the serving certificate.
func NewRegistration(client kubernetes.Interface, at Location, caBundle func() []byte) (*Registration, error) {
	if err := at.validate(); err != nil {
		return nil, err
	}
	if client == nil || caBundle == nil {
		return nil, errors.New("admission: a client and the CA bundle are needed to install the webhooks")
	}
	return &Registration{client: client, at: at, caBundle: caBundle, wake: make(chan struct{}, 1)}, nil
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

	body, err := json.Marshal(mutatingConfiguration(r.at, caBundle))
	if err != nil {
		return err
	}
	if _, err := api.MutatingWebhookConfigurations().Patch(ctx, ConfigurationName, types.ApplyPatchType, body, options); err != nil {
		return fmt.Errorf("MutatingWebhookConfiguration %s: %w", ConfigurationName, err)
	}
	if body, err = json.Marshal(validatingConfiguration(r.at, caBundle)); err != nil {
		return err
	}
	if _, err := api.ValidatingWebhookConfigurations().Patch(ctx, ConfigurationName, types.ApplyPatchType, body, options); err != nil {
		return fmt.Errorf("ValidatingWebhookConfiguration %s: %w", ConfigurationName, err)
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

// Start keeps the configurations in step until ctx ends. It leaves them behind,
// so that nothing unjudged gets in while the server restarts.
func (r *Registration) Start(ctx context.Context) error {
	for {
		wait := repairPeriod
		if err := r.Register(ctx); err != nil && ctx.Err() == nil {
			klog.FromContext(ctx).Error(err, "Installing the webhooks failed, will be repeated", "after", retryPeriod)
			wait = retryPeriod
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		case <-r.wake:
			timer.Stop()
		}
	}
}
