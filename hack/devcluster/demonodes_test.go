package devcluster

import (
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/fake"

	"github.com/capa-apiserver/capa-apiserver/hack/devcluster/capi"
)

// "up" ended with five nodes once, where the third control plane wasn't made yet.
func TestUpWaitsForMachinesThatAreYetToBeMade(t *testing.T) {
	const name = "first"
	available := []any{map[string]any{"type": "Available", "status": "True"}}
	object := func(kind, name string, status map[string]any) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "cluster.x-k8s.io/v1beta2", "kind": kind, "status": status,
			"metadata": map[string]any{"namespace": "default", "name": name, "labels": map[string]any{"cluster.x-k8s.io/cluster-name": "first"}},
		}}
	}
	desired := func(n int64) map[string]any { return map[string]any{"desiredReplicas": n} }
	for title, c := range map[string]struct {
		cluster map[string]any
		nodes   int
		want    string
	}{
		"one is yet to be made":     {map[string]any{"conditions": available, "controlPlane": desired(3), "workers": desired(3)}, 5, "5 of 6 machines are nodes"},
		"all are there":             {map[string]any{"conditions": available, "controlPlane": desired(3), "workers": desired(3)}, 6, ""},
		"a user wants fewer by now": {map[string]any{"conditions": available, "controlPlane": desired(1), "workers": desired(1)}, 2, ""},
		"nobody knows yet":          {map[string]any{"conditions": available}, 2, "2 of 6 machines are nodes"},
		"not available":             {map[string]any{"controlPlane": desired(1), "workers": desired(1)}, 2, "2 machines are nodes, and Cluster first is not available yet"},
	} {
		t.Run(title, func(t *testing.T) {
			objects := []runtime.Object{object("Cluster", name, c.cluster)}
			for i := range c.nodes {
				objects = append(objects, object("Machine", fmt.Sprint(i), map[string]any{"conditions": available, "nodeRef": map[string]any{"name": fmt.Sprint(i)}}))
			}
			client := fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), map[schema.GroupVersionResource]string{
				capi.Clusters: "ClusterList", clusterMachines: "MachineList",
			}, objects...)
			got, err := machinesProgress(t.Context(), client, name, client.Resource(capi.Clusters).Namespace("default"))
			if err != nil || got != c.want {
				t.Errorf("%q, %v; want %q", got, err, c.want)
			}
		})
	}
}
