package capi

import (
	"encoding/base64"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

const baseURL = "https://127.0.0.1:12345"

func rendered(t *testing.T, p Provider) []*unstructured.Unstructured {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/cluster-api").Output()
	if err != nil {
		t.Fatalf("find Cluster API's sources: %v", err)
	}
	objects, err := Render(strings.TrimSpace(string(out)), p)
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

func localized(t *testing.T, p Provider) []*unstructured.Unstructured {
	t.Helper()
	objects, err := Localize(rendered(t, p), baseURL, []byte("PEM"))
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

func decode(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &object.Object); err != nil {
		t.Fatal(err)
	}
	return object
}

// clientConfigs finds every webhook client configuration anywhere in an object but in the schemas of a CRD, where a
// field may have that name.
func clientConfigs(value any) []map[string]any {
	var found []map[string]any
	switch typed := value.(type) {
	case map[string]any:
		for key, inner := range typed {
			if key == "openAPIV3Schema" {
				continue
			}
			if config, ok := inner.(map[string]any); ok && key == "clientConfig" {
				found = append(found, config)
				continue
			}
			found = append(found, clientConfigs(inner)...)
		}
	case []any:
		for _, inner := range typed {
			found = append(found, clientConfigs(inner)...)
		}
	}
	return found
}

func TestEveryWebhookOfEveryProviderIsCalledOnLoopback(t *testing.T) {
	bundle := base64.StdEncoding.EncodeToString([]byte("PEM"))
	for _, provider := range Providers {
		t.Run(provider.Name, func(t *testing.T) {
			count := map[string]int{}
			for _, object := range localized(t, provider) {
				if object.GetAnnotations()[certManagerAnnotation] != "" {
					t.Errorf("%s %s still asks cert-manager for its CA", object.GetKind(), object.GetName())
				}
				for _, config := range clientConfigs(object.Object) {
					count[object.GetKind()]++
					url, _ := config["url"].(string)
					if !strings.HasPrefix(url, baseURL+"/") || config["caBundle"] != bundle || config["service"] != nil {
						t.Errorf("%s %s is called at %v", object.GetKind(), object.GetName(), config)
					}
				}
			}
			for _, kind := range []string{"CustomResourceDefinition", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"} {
				if count[kind] == 0 {
					t.Errorf("no webhook in any %s", kind)
				}
			}
		})
	}
}

func TestKubeadmProvidersKeepTheirContractLabels(t *testing.T) {
	for _, provider := range Providers[1:] {
		for _, object := range localized(t, provider) {
			if object.GetKind() != "CustomResourceDefinition" {
				continue
			}
			if label := object.GetLabels()["cluster.x-k8s.io/v1beta2"]; label != "v1beta2" {
				t.Errorf("%s: contract label is %q", object.GetName(), label)
			}
		}
	}
}

func TestManagersUserIsTheOneItsRolesAreBoundTo(t *testing.T) {
	for _, provider := range Providers {
		bound := false
		for _, object := range localized(t, provider) {
			if object.GetKind() != "ClusterRoleBinding" {
				continue
			}
			var binding rbacv1.ClusterRoleBinding
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &binding); err != nil {
				t.Fatal(err)
			}
			for _, subject := range binding.Subjects {
				bound = bound || provider.User() == "system:serviceaccount:"+subject.Namespace+":"+subject.Name
			}
		}
		if !bound {
			t.Errorf("%s: no ClusterRoleBinding names %s", provider.Name, provider.User())
		}
	}
}

func TestNothingThatRunsInsideTheClusterIsApplied(t *testing.T) {
	for _, provider := range Providers {
		for _, object := range localized(t, provider) {
			if _, known := resources[object.GetKind()]; !known {
				t.Errorf("%s: %s %s", provider.Name, object.GetKind(), object.GetName())
			}
		}
	}
}

func TestAggregatedRolesHaveTheirRulesFromTheStart(t *testing.T) {
	for _, object := range localized(t, Providers[0]) {
		if object.GetKind() != "ClusterRole" || object.GetName() != "capi-aggregated-manager-role" {
			continue
		}
		rules, _, err := unstructured.NestedSlice(object.Object, "rules")
		if err != nil || len(rules) == 0 {
			t.Fatalf("rules %v, error %v", rules, err)
		}
		return
	}
	t.Fatal("no aggregated role among the core provider's components")
}

func TestClusterctlFindsEverythingByItsLabel(t *testing.T) {
	for _, provider := range Providers {
		for _, object := range localized(t, provider) {
			if _, labelled := object.GetLabels()[clusterctlLabel]; !labelled {
				t.Errorf("%s %s", object.GetKind(), object.GetName())
			}
		}
	}
}

func TestLocalizeLeavesItsInputAlone(t *testing.T) {
	crd := decode(t, `
kind: CustomResourceDefinition
metadata: {name: a, annotations: {cert-manager.io/inject-ca-from: ns/cert}}
spec: {conversion: {strategy: Webhook, webhook: {clientConfig: {service: {name: s, namespace: ns, path: /convert}}}}}`)
	before := crd.DeepCopy()
	if _, err := Localize([]*unstructured.Unstructured{crd}, baseURL, nil); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(before, crd) {
		t.Fatalf("it became %v", crd)
	}
}

func TestLocalizeRefusesAWebhookItCannotPlace(t *testing.T) {
	configuration := decode(t, `
kind: ValidatingWebhookConfiguration
metadata: {name: odd}
webhooks: [{name: w.example.org, clientConfig: {url: "https://elsewhere"}}]`)
	_, err := Localize([]*unstructured.Unstructured{configuration}, baseURL, nil)
	if err == nil || !strings.Contains(err.Error(), "odd") || !strings.Contains(err.Error(), "w.example.org") {
		t.Fatalf("got %v", err)
	}
}

func TestRenderedComponentsSurviveTheirFile(t *testing.T) {
	provider := Providers[2]
	want := rendered(t, provider)
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/cluster-api").Output()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "sub", "components.json")
	if err := RenderFile(strings.TrimSpace(string(out)), provider, path); err != nil {
		t.Fatal(err)
	}
	got, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(want, got) {
		t.Fatal("the objects read back differ from those rendered")
	}
}
