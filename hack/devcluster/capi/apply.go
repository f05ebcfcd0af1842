package capi

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
)

// fieldManager owns what Apply applies.
const fieldManager = "devcluster"

// resources are the kinds that the providers' components consist of. The list is short and fixed, so no discovery is needed.
var resources = map[string]schema.GroupVersionResource{
	"Namespace":                      {Version: "v1", Resource: "namespaces"},
	"ServiceAccount":                 {Version: "v1", Resource: "serviceaccounts"},
	"CustomResourceDefinition":       {Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"},
	"ClusterRole":                    {Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles"},
	"ClusterRoleBinding":             {Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterrolebindings"},
	"Role":                           {Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "roles"},
	"RoleBinding":                    {Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "rolebindings"},
	"MutatingWebhookConfiguration":   {Group: "admissionregistration.k8s.io", Version: "v1", Resource: "mutatingwebhookconfigurations"},
	"ValidatingWebhookConfiguration": {Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingwebhookconfigurations"},
}

// concurrency keeps the API server busy without making its first moments slower for everybody else.
const concurrency = 6

// Apply applies objects server-side, Namespaces first, and waits until every CRD among them is served.
func Apply(ctx context.Context, client dynamic.Interface, objects []*unstructured.Unstructured) error {
	var namespaces, rest []*unstructured.Unstructured
	for _, object := range objects {
		if object.GetKind() == "Namespace" {
			namespaces = append(namespaces, object)
		} else {
			rest = append(rest, object)
		}
	}
	for _, batch := range [][]*unstructured.Unstructured{namespaces, rest} {
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(concurrency)
		for _, object := range batch {
			group.Go(func() error { return applyOne(ctx, client, object) })
		}
		if err := group.Wait(); err != nil {
			return err
		}
	}
	return nil
}

func applyOne(ctx context.Context, client dynamic.Interface, object *unstructured.Unstructured) error {
	gvr, known := resources[object.GetKind()]
	if !known {
		return fmt.Errorf("%s %s: a kind that the local cluster doesn't know how to apply", object.GetKind(), object.GetName())
	}
	var target dynamic.ResourceInterface = client.Resource(gvr)
	if namespace := object.GetNamespace(); namespace != "" {
		target = client.Resource(gvr).Namespace(namespace)
	}
	if _, err := target.Apply(ctx, object.GetName(), object, metav1.ApplyOptions{FieldManager: fieldManager, Force: true}); err != nil {
		return fmt.Errorf("apply %s %s: %w", object.GetKind(), object.GetName(), err)
	}
	if object.GetKind() != "CustomResourceDefinition" {
		return nil
	}
	err := wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		current, err := target.Get(ctx, object.GetName(), metav1.GetOptions{})
		return err == nil && established(current), nil
	})
	if err != nil {
		return fmt.Errorf("CRD %s is not established: %w", object.GetName(), err)
	}
	return nil
}

func established(crd *unstructured.Unstructured) bool {
	conditions, _, _ := unstructured.NestedSlice(crd.Object, "status", "conditions")
	for _, entry := range conditions {
		if condition, ok := entry.(map[string]any); ok && condition["type"] == "Established" && condition["status"] == "True" {
			return true
		}
	}
	return false
}
