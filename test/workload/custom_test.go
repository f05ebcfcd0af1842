package workload

import (
	"context"
	"net/http/httptest"
	"testing"

	"github.com/go-logr/logr"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	inmemory "sigs.k8s.io/cluster-api/test/infrastructure/inmemory/pkg/runtime"
	inmemoryapi "sigs.k8s.io/cluster-api/test/infrastructure/inmemory/pkg/server/api"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// customClient is a client like Cluster API's, of a cluster's API alone.
func customClient(t *testing.T) client.Client {
	t.Helper()
	scheme, err := newScheme()
	if err != nil {
		t.Fatal(err)
	}
	manager := inmemory.NewManager(scheme)
	manager.AddResourceGroup(group)
	ctx, cancel := context.WithCancel(logr.NewContext(context.Background(), logr.Discard()))
	t.Cleanup(cancel)
	if err := manager.Start(ctx); err != nil {
		t.Fatal(err)
	}
	custom := &customObjects{definitions: manager.GetResourceGroup(group).GetClient()}
	server := httptest.NewServer(custom.before(inmemoryapi.NewAPIServerHandler(manager, logr.Discard(), func(string) (string, error) { return group, nil })))
	t.Cleanup(server.Close)
	c, err := client.New(&rest.Config{Host: server.URL}, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func customObject(kind, namespace, name string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	o.SetAPIVersion("projectcalico.org/v3")
	o.SetKind(kind)
	o.SetNamespace(namespace)
	o.SetName(name)
	return o
}

func definition(plural, kind string, scope apiextensionsv1.ResourceScope) *apiextensionsv1.CustomResourceDefinition {
	return &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: plural + ".projectcalico.org"}, Spec: apiextensionsv1.CustomResourceDefinitionSpec{
		Group: "projectcalico.org", Scope: scope, Names: apiextensionsv1.CustomResourceDefinitionNames{Plural: plural, Kind: kind},
		Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{Name: "v3", Served: true, Storage: true}, {Name: "v1", Storage: true}}}}
}

func TestCustomResourcesAreServedOnceTheyAreDefined(t *testing.T) {
	c, ctx := customClient(t), t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Create(ctx, customObject("IPPool", "", "default")); !meta.IsNoMatchError(err) {
		t.Fatalf("before its definition an object is created with %v", err)
	}
	must(c.Create(ctx, definition("ippools", "IPPool", apiextensionsv1.ClusterScoped)))
	must(c.Create(ctx, definition("networksets", "NetworkSet", apiextensionsv1.NamespaceScoped)))

	must(c.Create(ctx, customObject("IPPool", "", "default")))
	if err := c.Create(ctx, customObject("IPPool", "", "default")); !apierrors.IsAlreadyExists(err) {
		t.Errorf("a second one of that name is made with %v", err)
	}
	for _, namespace := range []string{"a", "b"} {
		must(c.Create(ctx, customObject("NetworkSet", namespace, "same")))
	}
	list := &unstructured.UnstructuredList{}
	list.SetAPIVersion("projectcalico.org/v3")
	list.SetKind("NetworkSetList")
	must(c.List(ctx, list, client.InNamespace("a")))
	if len(list.Items) != 1 || list.Items[0].GetNamespace() != "a" {
		t.Errorf("namespace a has %v", list.Items)
	}

	stale := customObject("NetworkSet", "a", "same")
	must(c.Get(ctx, client.ObjectKeyFromObject(stale), stale))
	changed := stale.DeepCopy()
	must(unstructured.SetNestedField(changed.Object, "10.0.0.0/8", "spec", "net"))
	must(c.Update(ctx, changed))
	if err := c.Update(ctx, stale); !apierrors.IsConflict(err) {
		t.Errorf("an old version is written with %v", err)
	}
	must(c.Delete(ctx, changed))
	if err := c.Get(ctx, client.ObjectKeyFromObject(stale), stale); !apierrors.IsNotFound(err) {
		t.Errorf("after its deletion it is read with %v", err)
	}
	must(c.Get(ctx, client.ObjectKey{Namespace: "b", Name: "same"}, stale))
}
