package workload

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	inmemory "sigs.k8s.io/cluster-api/test/infrastructure/inmemory/pkg/runtime"
)

// typed is a cluster's store, whose lists are of the kind that is asked for: the in-memory API server keeps what somebody
// patched without its type, and doesn't list it with one.
type typed struct {
	inmemory.Client
	scheme *runtime.Scheme
}

func (t typed) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	kind, err := apiutil.GVKForObject(list, t.scheme)
	if err != nil {
		return err
	}
	found := &unstructured.UnstructuredList{}
	found.SetGroupVersionKind(kind)
	if err := t.Client.List(ctx, found, opts...); err != nil {
		return err
	}
	return runtime.DefaultUnstructuredConverter.FromUnstructured(found.UnstructuredContent(), list)
}
