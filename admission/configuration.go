package admission

import (
	"errors"
	"fmt"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// ConfigurationName is the name of both configurations in the host.
const ConfigurationName = "capa-apiserver"

// timeoutSeconds: the rules answer from memory, or ask AWS for less than two
// seconds, so whoever waits longer waits for nothing.
const timeoutSeconds = 5

// Location is where API servers find the webhooks: at a Service, or at a URL
// such as https://127.0.0.1:9443 for a server outside the cluster.
type Location struct {
	Service *admissionregistrationv1.ServiceReference
	URL     string
}

func (l Location) validate() error {
	switch {
	case (l.Service == nil) == (l.URL == ""):
		return errors.New("admission: give either the Service or the URL of the webhook server, not both")
	case l.URL != "" && !strings.HasPrefix(l.URL, "https://"):
		return fmt.Errorf("admission: webhook URL %q must begin with https://, for example https://127.0.0.1:9443", l.URL)
	}
	return nil
}

func (l Location) clientConfig(path string, caBundle []byte) admissionregistrationv1.WebhookClientConfig {
	if l.Service == nil {
		return admissionregistrationv1.WebhookClientConfig{URL: ptr.To(strings.TrimSuffix(l.URL, "/") + path), CABundle: caBundle}
	}
	service := l.Service.DeepCopy()
	service.Path = &path
	return admissionregistrationv1.WebhookClientConfig{Service: service, CABundle: caBundle}
}

// Updates that no rule would judge do not leave the API server at all: removal
// of finalizers works even while the webhooks are down, and so do labels.
var matchConditions = []admissionregistrationv1.MatchCondition{
	{Name: "not-being-deleted", Expression: `!has(object.metadata.deletionTimestamp)`},
	{Name: "spec-changed", Expression: `!has(object.spec) || !has(oldObject.spec) || object.spec != oldObject.spec`},
}

func mutatingConfiguration(kinds []Kind, at Location, caBundle []byte) *admissionregistrationv1.MutatingWebhookConfiguration {
	c := &admissionregistrationv1.MutatingWebhookConfiguration{
		TypeMeta:   metav1.TypeMeta{APIVersion: admissionregistrationv1.SchemeGroupVersion.String(), Kind: "MutatingWebhookConfiguration"},
		ObjectMeta: configurationMeta(),
	}
	for _, k := range kinds {
		if len(k.Rules(Options{}).Default) == 0 {
			continue
		}
		c.Webhooks = append(c.Webhooks, admissionregistrationv1.MutatingWebhook{
			Name:                    "default." + k.webhookName(),
			ClientConfig:            at.clientConfig(k.path("mutate"), caBundle),
			Rules:                   k.matches(admissionregistrationv1.Create),
			FailurePolicy:           ptr.To(admissionregistrationv1.Fail),
			MatchPolicy:             ptr.To(admissionregistrationv1.Equivalent),
			SideEffects:             ptr.To(admissionregistrationv1.SideEffectClassNone),
			ReinvocationPolicy:      ptr.To(admissionregistrationv1.NeverReinvocationPolicy),
			TimeoutSeconds:          ptr.To[int32](timeoutSeconds),
			AdmissionReviewVersions: []string{"v1"},
		})
	}
	return c
}

func validatingConfiguration(kinds []Kind, at Location, caBundle []byte) *admissionregistrationv1.ValidatingWebhookConfiguration {
	c := &admissionregistrationv1.ValidatingWebhookConfiguration{
		TypeMeta:   metav1.TypeMeta{APIVersion: admissionregistrationv1.SchemeGroupVersion.String(), Kind: "ValidatingWebhookConfiguration"},
		ObjectMeta: configurationMeta(),
	}
	for _, k := range kinds {
		rules := k.Rules(Options{})
		if len(rules.Validate) > 0 {
			// Without an answer an object could get in that can never work.
			policy := admissionregistrationv1.Fail
			if rules.Advisory {
				policy = admissionregistrationv1.Ignore
			}
			c.Webhooks = append(c.Webhooks,
				// By itself: to evaluate conditions costs a fifth of what the whole call does.
				k.validatingWebhook("validate.", at, caBundle, policy, nil, admissionregistrationv1.Create),
				k.validatingWebhook("update.", at, caBundle, policy, matchConditions, admissionregistrationv1.Update))
		}
		if len(rules.Delete) > 0 {
			c.Webhooks = append(c.Webhooks, k.validatingWebhook("deletion.", at, caBundle, admissionregistrationv1.Fail, nil,
				admissionregistrationv1.Delete))
		}
	}
	return c
}

func (k Kind) validatingWebhook(prefix string, at Location, caBundle []byte, policy admissionregistrationv1.FailurePolicyType,
	conditions []admissionregistrationv1.MatchCondition, operations ...admissionregistrationv1.OperationType,
) admissionregistrationv1.ValidatingWebhook {
	return admissionregistrationv1.ValidatingWebhook{
		Name:                    prefix + k.webhookName(),
		ClientConfig:            at.clientConfig(k.path("validate"), caBundle),
		Rules:                   k.matches(operations...),
		FailurePolicy:           &policy,
		MatchPolicy:             ptr.To(admissionregistrationv1.Equivalent),
		SideEffects:             ptr.To(admissionregistrationv1.SideEffectClassNone),
		TimeoutSeconds:          ptr.To[int32](timeoutSeconds),
		AdmissionReviewVersions: []string{"v1"},
		MatchConditions:         conditions,
	}
}

func configurationMeta() metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Name:   ConfigurationName,
		Labels: map[string]string{"app.kubernetes.io/managed-by": "capa-apiserver"},
	}
}

func (k Kind) webhookName() string { return strings.ToLower(k.Kind) + "." + k.Group }

// matches names the hub's version only: matchPolicy Equivalent brings requests for
// the other versions, converted.
func (k Kind) matches(operations ...admissionregistrationv1.OperationType) []admissionregistrationv1.RuleWithOperations {
	scope := admissionregistrationv1.ClusterScope
	if k.Namespaced {
		scope = admissionregistrationv1.NamespacedScope
	}
	return []admissionregistrationv1.RuleWithOperations{{
		Operations: operations,
		Rule: admissionregistrationv1.Rule{
			APIGroups:   []string{k.Group},
			APIVersions: []string{k.Version},
			Resources:   []string{k.Resource},
			Scope:       &scope,
		},
	}}
}
