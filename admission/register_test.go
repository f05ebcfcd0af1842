package admission

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/apiserver/pkg/admission"
	admissioncel "k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/webhook"
	"k8s.io/apiserver/pkg/cel/environment"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

var atURL = Location{URL: "https://127.0.0.1:9443/"}

func registered(t *testing.T, kube *fake.Clientset) (*admissionregistrationv1.MutatingWebhookConfiguration, *admissionregistrationv1.ValidatingWebhookConfiguration) {
	t.Helper()
	api := kube.AdmissionregistrationV1()
	m, err := api.MutatingWebhookConfigurations().Get(t.Context(), ConfigurationName, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	v, err := api.ValidatingWebhookConfigurations().Get(t.Context(), ConfigurationName, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return m, v
}

func TestConfigurationsAreInstalledInTheHost(t *testing.T) {
	kube := fake.NewClientset()
	r, err := NewRegistration(kube, kinds, atURL, func() []byte { return []byte("bundle") })
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // twice: an apply may be repeated
		if err := r.Register(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	mutating, validating := registered(t, kube)
	if len(mutating.Webhooks) != 1 || *mutating.Webhooks[0].ClientConfig.URL != "https://127.0.0.1:9443"+mutateCluster {
		t.Errorf("mutating webhooks %+v", mutating.Webhooks)
	}
	policies := map[string]admissionregistrationv1.FailurePolicyType{}
	for _, w := range validating.Webhooks {
		policies[w.Name] = *w.FailurePolicy
		if *w.SideEffects != admissionregistrationv1.SideEffectClassNone || *w.MatchPolicy != admissionregistrationv1.Equivalent ||
			*w.TimeoutSeconds > 10 || string(w.ClientConfig.CABundle) != "bundle" || w.Rules[0].APIVersions[0] != "v2beta1" {
			t.Errorf("%s: %+v", w.Name, w)
		}
	}
	want := map[string]admissionregistrationv1.FailurePolicyType{
		"validate.awscluster.infrastructure.cluster.x-k8s.io":                   admissionregistrationv1.Fail,
		"update.awscluster.infrastructure.cluster.x-k8s.io":                     admissionregistrationv1.Fail,
		"validate.awsclustertemplate.infrastructure.cluster.x-k8s.io":           admissionregistrationv1.Fail,
		"update.awsclustertemplate.infrastructure.cluster.x-k8s.io":             admissionregistrationv1.Fail,
		"validate.awsmachine.infrastructure.cluster.x-k8s.io":                   admissionregistrationv1.Ignore,
		"update.awsmachine.infrastructure.cluster.x-k8s.io":                     admissionregistrationv1.Ignore,
		"validate.awsmachinetemplate.infrastructure.cluster.x-k8s.io":           admissionregistrationv1.Ignore,
		"update.awsmachinetemplate.infrastructure.cluster.x-k8s.io":             admissionregistrationv1.Ignore,
		"validate.awsmachinepool.infrastructure.cluster.x-k8s.io":               admissionregistrationv1.Ignore,
		"update.awsmachinepool.infrastructure.cluster.x-k8s.io":                 admissionregistrationv1.Ignore,
		"validate.awsclusterroleidentity.infrastructure.cluster.x-k8s.io":       admissionregistrationv1.Fail,
		"update.awsclusterroleidentity.infrastructure.cluster.x-k8s.io":         admissionregistrationv1.Fail,
		"deletion.awsclusterroleidentity.infrastructure.cluster.x-k8s.io":       admissionregistrationv1.Fail,
		"deletion.awsclusterstaticidentity.infrastructure.cluster.x-k8s.io":     admissionregistrationv1.Fail,
		"deletion.awsclustercontrolleridentity.infrastructure.cluster.x-k8s.io": admissionregistrationv1.Fail,
	}
	if fmt.Sprint(policies) != fmt.Sprint(want) {
		t.Errorf("failure policies %v, want %v", policies, want)
	}
}

func TestServiceLocationKeepsItsPort(t *testing.T) {
	port := int32(9443)
	at := Location{Service: &admissionregistrationv1.ServiceReference{Namespace: "capa-system", Name: "capa-apiserver-webhook", Port: &port}}
	c := at.clientConfig("/a", []byte("bundle"))
	if c.URL != nil || c.Service.Name != "capa-apiserver-webhook" || *c.Service.Path != "/a" || *c.Service.Port != 9443 {
		t.Errorf("%+v", c)
	}
	if at.Service.Path != nil {
		t.Error("the location given was changed")
	}
}

func TestBundleIsKeptInStep(t *testing.T) {
	kube := fake.NewClientset()
	var bundle atomic.Value
	bundle.Store("first")
	r, err := NewRegistration(kube, kinds, atURL, func() []byte { return []byte(bundle.Load().(string)) })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Start(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		registered(t, kube) // left behind on purpose
	}()
	for _, want := range []string{"first", "second"} {
		bundle.Store(want)
		r.Enqueue()
		eventually(t, func() error {
			v, err := kube.AdmissionregistrationV1().ValidatingWebhookConfigurations().Get(ctx, ConfigurationName, metav1.GetOptions{})
			if err == nil && string(v.Webhooks[0].ClientConfig.CABundle) != want {
				err = fmt.Errorf("bundle %q, want %q", v.Webhooks[0].ClientConfig.CABundle, want)
			}
			return err
		})
	}
}

func TestDeletedOrChangedConfigurationsAreBackWithinSeconds(t *testing.T) {
	kube, watches := fake.NewClientset(), atomic.Int32{}
	kube.PrependWatchReactor("*", func(action clienttesting.Action) (bool, watch.Interface, error) {
		w, err := kube.Tracker().Watch(action.GetResource(), action.GetNamespace())
		watches.Add(1)
		return true, w, err
	})
	r, err := NewRegistration(kube, kinds, atURL, func() []byte { return []byte("bundle") })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Start(ctx) }()
	defer func() { cancel(); <-done }()
	api := kube.AdmissionregistrationV1()
	complete := func() error {
		m, err := api.MutatingWebhookConfigurations().Get(ctx, ConfigurationName, metav1.GetOptions{})
		if err == nil && !r.inStep(m) {
			err = fmt.Errorf("mutating webhooks: %+v", m.Webhooks)
		}
		if err != nil {
			return err
		}
		v, err := api.ValidatingWebhookConfigurations().Get(ctx, ConfigurationName, metav1.GetOptions{})
		if err == nil && !r.inStep(v) {
			err = fmt.Errorf("validating webhooks: %+v", v.Webhooks)
		}
		return err
	}
	eventually(t, complete)
	eventually(t, func() error {
		if n := watches.Load(); n < 2 {
			return fmt.Errorf("%d watches", n)
		}
		return nil
	})
	for name, harm := range map[string]func() error{
		"validating deleted": func() error {
			return api.ValidatingWebhookConfigurations().Delete(ctx, ConfigurationName, metav1.DeleteOptions{})
		},
		"mutating deleted": func() error {
			return api.MutatingWebhookConfigurations().Delete(ctx, ConfigurationName, metav1.DeleteOptions{})
		},
		"never called any more": func() error {
			v, err := api.ValidatingWebhookConfigurations().Get(ctx, ConfigurationName, metav1.GetOptions{})
			if err != nil {
				return err
			}
			v.Webhooks[0].Rules[0].Resources = []string{"nothing"}
			_, err = api.ValidatingWebhookConfigurations().Update(ctx, v, metav1.UpdateOptions{})
			return err
		},
	} {
		if err := harm(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		begun := time.Now()
		eventually(t, complete)
		if took := time.Since(begun); took > 5*time.Second {
			t.Errorf("%s: it took %s", name, took)
		}
	}
}

func TestRepairsThatKeepBeingUndoneGetRarer(t *testing.T) {
	var d damping
	now, last := time.Now(), time.Duration(0)
	for range 20 {
		pause := d.next(now)
		if pause < last || pause > lastPause {
			t.Errorf("%s after %s", pause, last)
		}
		now, last = now.Add(pause), pause
	}
	if last != lastPause {
		t.Errorf("at last every %s", last)
	}
	if pause := d.next(now.Add(calmTime + time.Second)); pause != firstPause {
		t.Errorf("after a quiet time %s", pause)
	}
}

func eventually(t *testing.T, ok func() error) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for err := ok(); err != nil; err = ok() {
		select {
		case <-deadline:
			t.Fatal(err)
		case <-time.After(2 * time.Millisecond):
		}
	}
}

func TestNothingIsInstalledThatCannotBeReached(t *testing.T) {
	kube := fake.NewClientset()
	r, err := NewRegistration(kube, kinds, atURL, func() []byte { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Register(t.Context()); err == nil || !strings.Contains(err.Error(), "no CA bundle yet") {
		t.Errorf("error %v", err)
	}
	if len(kube.Actions()) != 0 {
		t.Errorf("the host was written to: %v", kube.Actions())
	}
	for name, at := range map[string]Location{
		"neither": {}, "both": {URL: "https://x", Service: &admissionregistrationv1.ServiceReference{}}, "plain": {URL: "http://127.0.0.1"},
	} {
		if _, err := NewRegistration(kube, kinds, at, func() []byte { return nil }); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// The conditions are compiled and evaluated by the API server's own code.
func TestOnlyRequestsThatARuleCouldJudgeReachTheWebhook(t *testing.T) {
	webhooks := validatingConfiguration(kinds, atURL, []byte("bundle")).Webhooks
	compiler := admissioncel.NewConditionCompiler(environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()))

	deleting := cluster(nil, "changed")
	now := metav1.Now()
	deleting.DeletionTimestamp = &now
	labelled := cluster(nil, "us-east-1")
	labelled.Labels = map[string]string{"a": "b"}

	cases := map[string]struct {
		operation    admission.Operation
		old, updated *infrav1.AWSCluster
		want         bool
	}{
		"create":                    {admission.Create, nil, cluster(nil, "us-east-1"), true},
		"update of the spec":        {admission.Update, cluster(nil, ""), cluster(nil, "us-east-1"), true},
		"update of labels":          {admission.Update, cluster(nil, "us-east-1"), labelled, false},
		"update of a deleted one":   {admission.Update, cluster(nil, "us-east-1"), deleting, false},
		"first spec of an old type": {admission.Update, cluster(nil, ""), cluster(staticRef("a"), ""), true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var old, updated runtime.Object = nil, c.updated
			if c.old != nil {
				old = c.old
			}
			gvk := infrav1.SchemeGroupVersion.WithKind("AWSCluster")
			attributes := admission.NewAttributesRecord(updated, old, gvk, "team-a", "one", infrav1.SchemeGroupVersion.WithResource("awsclusters"), "", c.operation, nil, false, nil)
			versioned := &admission.VersionedAttributes{Attributes: attributes, VersionedObject: updated, VersionedOldObject: old, VersionedKind: gvk}
			i := slices.IndexFunc(webhooks, func(w admissionregistrationv1.ValidatingWebhook) bool {
				return w.Rules[0].Resources[0] == "awsclusters" && string(w.Rules[0].Operations[0]) == string(c.operation)
			})
			got := webhook.NewValidatingWebhookAccessor("uid", ConfigurationName, &webhooks[i]).GetCompiledMatcher(compiler).Match(t.Context(), versioned, nil, nil)
			if got.Error != nil || got.Matches != c.want {
				t.Errorf("matches=%v (%s), error %v; want %v", got.Matches, got.FailedConditionName, got.Error, c.want)
			}
		})
	}
}
