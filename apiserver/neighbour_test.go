package apiserver

import (
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capa-apiserver/capa-apiserver/admission"
)

func TestCAPAsWebhooksAndOwnOnesAreAskedForNothing(t *testing.T) {
	ofCAPA := map[string]string{providerLabel: provider}
	for name, c := range map[string]struct {
		name   string
		labels map[string]string
		asked  bool
	}{
		"CAPA's":             {"capa-validating-webhook-configuration", ofCAPA, false},
		"the server's own":   {admission.ConfigurationName, nil, false},
		"somebody's":         {"policies", nil, true},
		"another provider's": {"capi-validating-webhook-configuration", map[string]string{providerLabel: "cluster-api"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			meta := metav1.ObjectMeta{Name: c.name, Labels: c.labels}
			validating, _ := withoutPassedOver(&admissionregistrationv1.ValidatingWebhookConfiguration{ObjectMeta: meta, Webhooks: make([]admissionregistrationv1.ValidatingWebhook, 1)})
			mutating, _ := withoutPassedOver(&admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: meta, Webhooks: make([]admissionregistrationv1.MutatingWebhook, 1)})
			v := validating.(*admissionregistrationv1.ValidatingWebhookConfiguration).Webhooks
			m := mutating.(*admissionregistrationv1.MutatingWebhookConfiguration).Webhooks
			if len(v) == 1 != c.asked || len(m) == 1 != c.asked {
				t.Errorf("%d and %d webhooks are asked", len(v), len(m))
			}
		})
	}
}
