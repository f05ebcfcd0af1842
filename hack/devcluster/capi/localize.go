package capi

import (
	"encoding/base64"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// certManagerAnnotation asks cert-manager to fill in a caBundle. There is none here; the bundle is given.
const certManagerAnnotation = "cert-manager.io/inject-ca-from"

// clusterctlLabel is on everything that "clusterctl init" installs; "clusterctl describe" and "clusterctl move" find the
// kinds to look at by it.
const clusterctlLabel = "clusterctl.cluster.x-k8s.io"

// dropped kinds describe how the manager runs in the cluster. Here it is a process with certificates of its own.
var dropped = map[string]bool{"Deployment": true, "Service": true, "Certificate": true, "Issuer": true}

// Localize turns a provider's rendered components into those of a local cluster: what runs the manager inside the
// cluster is left out, and every webhook, the CRDs' conversion included, is called at baseURL ("https://127.0.0.1:1234")
// instead of through a Service. caBundle is PEM. The objects given are not changed.
func Localize(objects []*unstructured.Unstructured, baseURL string, caBundle []byte) ([]*unstructured.Unstructured, error) {
	var local []*unstructured.Unstructured
	for _, original := range objects {
		if dropped[original.GetKind()] {
			continue
		}
		object := original.DeepCopy()
		labels := object.GetLabels()
		if labels == nil {
			labels = map[string]string{}
		}
		labels[clusterctlLabel] = ""
		object.SetLabels(labels)
		if annotations := object.GetAnnotations(); annotations[certManagerAnnotation] != "" {
			delete(annotations, certManagerAnnotation)
			object.SetAnnotations(annotations)
		}
		var err error
		switch object.GetKind() {
		case "CustomResourceDefinition":
			err = localizeConversion(object, baseURL, caBundle)
		case "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration":
			err = localizeWebhooks(object, baseURL, caBundle)
		}
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", object.GetKind(), object.GetName(), err)
		}
		local = append(local, object)
	}
	if err := fillAggregatedRoles(local); err != nil {
		return nil, err
	}
	return local, nil
}

func localizeConversion(crd *unstructured.Unstructured, baseURL string, caBundle []byte) error {
	path := []string{"spec", "conversion", "webhook", "clientConfig"}
	config, found, err := unstructured.NestedMap(crd.Object, path...)
	if err != nil || !found {
		return err
	}
	if config, err = localClientConfig(config, baseURL, caBundle); err != nil {
		return err
	}
	return unstructured.SetNestedMap(crd.Object, config, path...)
}

func localizeWebhooks(configuration *unstructured.Unstructured, baseURL string, caBundle []byte) error {
	webhooks, _, err := unstructured.NestedSlice(configuration.Object, "webhooks")
	if err != nil {
		return err
	}
	for i := range webhooks {
		webhook, ok := webhooks[i].(map[string]any)
		if !ok {
			return fmt.Errorf("webhook %d is not an object", i)
		}
		config, _, err := unstructured.NestedMap(webhook, "clientConfig")
		if err != nil {
			return err
		}
		if config, err = localClientConfig(config, baseURL, caBundle); err != nil {
			return fmt.Errorf("webhook %v: %w", webhook["name"], err)
		}
		webhook["clientConfig"] = config
	}
	return unstructured.SetNestedSlice(configuration.Object, webhooks, "webhooks")
}

// localClientConfig is the clientConfig with its Service replaced by a URL with the same path.
func localClientConfig(config map[string]any, baseURL string, caBundle []byte) (map[string]any, error) {
	path, found, err := unstructured.NestedString(config, "service", "path")
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, fmt.Errorf("its clientConfig names no service path: %v", config)
	}
	return map[string]any{
		"url":      baseURL + path,
		"caBundle": base64.StdEncoding.EncodeToString(caBundle),
	}, nil
}
