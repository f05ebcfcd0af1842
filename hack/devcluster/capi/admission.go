package capi

import (
	"context"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
)

// Clusters is Cluster API's main resource.
var Clusters = schema.GroupVersionResource{Group: "cluster.x-k8s.io", Version: "v1beta2", Resource: "clusters"}

// AwaitAdmission waits until a server-side dry run of creating a Cluster passes Cluster API's webhooks.
func AwaitAdmission(ctx context.Context, client dynamic.Interface) error {
	cluster := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": Clusters.GroupVersion().String(),
		"kind":       "Cluster",
		"metadata":   map[string]any{"generateName": "devcluster-probe-"},
		"spec": map[string]any{
			"paused": true,
			"infrastructureRef": map[string]any{
				"apiGroup": "infrastructure.cluster.x-k8s.io", "kind": "AWSCluster", "name": "devcluster-probe",
			},
		},
	}}
	var last error
	err := wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		_, last = client.Resource(Clusters).Namespace(metav1.NamespaceDefault).
			Create(ctx, cluster, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return last == nil, nil
	})
	if err != nil {
		return fmt.Errorf("a dry run of creating a Cluster keeps failing: %w", errors.Join(last, err))
	}
	return nil
}
