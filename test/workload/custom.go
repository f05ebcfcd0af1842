package workload

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	inmemory "sigs.k8s.io/cluster-api/test/infrastructure/inmemory/pkg/runtime"
	"sigs.k8s.io/yaml"
)

// customObjects are the objects of the kinds that a cluster's CustomResourceDefinitions define, which Cluster API's
// in-memory API server doesn't serve.
type customObjects struct {
	definitions inmemory.Client

	mu      sync.Mutex
	version int
	objects map[customKey]*unstructured.Unstructured
}

// customKey is where an object is. Its version doesn't count: there is no conversion but that of the name.
type customKey struct {
	schema.GroupResource
	types.NamespacedName
}

// customPath is a request's path: /apis/GROUP/VERSION[/namespaces/NAMESPACE]/RESOURCE[/NAME].
type customPath struct {
	schema.GroupVersionResource
	types.NamespacedName
}

func parseCustomPath(path string) (customPath, bool) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if len(parts) < 3 || parts[0] != "apis" {
		return customPath{}, false
	}
	p := customPath{GroupVersionResource: schema.GroupVersionResource{Group: parts[1], Version: parts[2]}}
	rest := parts[3:]
	if len(rest) > 2 && rest[0] == "namespaces" {
		p.Namespace, rest = rest[1], rest[2:]
	}
	if len(rest) > 0 {
		p.Resource = rest[0]
	}
	if len(rest) > 1 {
		p.Name = rest[1]
	}
	return p, true
}

// before serves them before what it is given serves the rest.
func (c *customObjects) before(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/apis" {
			c.groups(w, r)
			return
		}
		path, ok := parseCustomPath(r.URL.Path)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		defined, err := c.defined(r.Context(), path.GroupVersion())
		switch {
		case err != nil:
			refuse(w, apierrors.NewInternalError(err))
		case slices.Contains(builtIn, path.Group):
			next.ServeHTTP(w, r)
		case len(defined) == 0:
			refuse(w, apierrors.NewNotFound(path.GroupResource(), path.Name))
		case path.Resource == "":
			reply(w, http.StatusOK, resourcesOf(path.GroupVersion(), defined))
		default:
			c.serve(w, r, path, defined)
		}
	})
}

// defined are the definitions that serve a version.
func (c *customObjects) defined(ctx context.Context, of schema.GroupVersion) ([]apiextensionsv1.CustomResourceDefinition, error) {
	all := &apiextensionsv1.CustomResourceDefinitionList{}
	if err := c.definitions.List(ctx, all); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all.Items, func(d apiextensionsv1.CustomResourceDefinition) bool {
		return d.Spec.Group != of.Group || !slices.Contains(servedVersions(d), of.Version)
	}), nil
}

func servedVersions(d apiextensionsv1.CustomResourceDefinition) (served []string) {
	for _, v := range d.Spec.Versions {
		if v.Served {
			served = append(served, v.Name)
		}
	}
	return served
}

// builtIn are the groups that the in-memory API server has.
var builtIn = []string{"rbac.authorization.k8s.io", "apps", "storage.k8s.io", "apiextensions.k8s.io", "policy"}

// groups tells clients which groups there are.
func (c *customObjects) groups(w http.ResponseWriter, r *http.Request) {
	all := &apiextensionsv1.CustomResourceDefinitionList{}
	if err := c.definitions.List(r.Context(), all); err != nil {
		refuse(w, apierrors.NewInternalError(err))
		return
	}
	versions := map[string][]string{}
	for _, group := range builtIn {
		versions[group] = []string{"v1"}
	}
	for _, d := range all.Items {
		versions[d.Spec.Group] = append(versions[d.Spec.Group], servedVersions(d)...)
	}
	list := &metav1.APIGroupList{TypeMeta: metav1.TypeMeta{Kind: "APIGroupList", APIVersion: "v1"}}
	for group, of := range versions {
		g := metav1.APIGroup{Name: group}
		slices.Sort(of)
		for _, version := range slices.Compact(of) {
			g.Versions = append(g.Versions, metav1.GroupVersionForDiscovery{GroupVersion: group + "/" + version, Version: version})
		}
		if len(g.Versions) > 0 {
			g.PreferredVersion = g.Versions[0]
			list.Groups = append(list.Groups, g)
		}
	}
	reply(w, http.StatusOK, list)
}

func resourcesOf(of schema.GroupVersion, defined []apiextensionsv1.CustomResourceDefinition) *metav1.APIResourceList {
	list := &metav1.APIResourceList{TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: of.String()}
	for _, d := range defined {
		list.APIResources = append(list.APIResources, metav1.APIResource{Name: d.Spec.Names.Plural, SingularName: d.Spec.Names.Singular, Kind: d.Spec.Names.Kind,
			Namespaced: d.Spec.Scope == apiextensionsv1.NamespaceScoped, Verbs: metav1.Verbs{"create", "delete", "get", "list", "update"}})
	}
	return list
}

// serve reads, makes, changes and deletes one, and lists.
func (c *customObjects) serve(w http.ResponseWriter, r *http.Request, path customPath, defined []apiextensionsv1.CustomResourceDefinition) {
	at := slices.IndexFunc(defined, func(d apiextensionsv1.CustomResourceDefinition) bool { return d.Spec.Names.Plural == path.Resource })
	if at < 0 {
		refuse(w, apierrors.NewNotFound(path.GroupResource(), path.Name))
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.objects == nil {
		c.objects = map[customKey]*unstructured.Unstructured{}
	}
	kind := path.GroupResource()
	sent := &unstructured.Unstructured{}
	if r.Method == http.MethodPost || r.Method == http.MethodPut {
		if err := decode(r, &sent.Object); err != nil {
			refuse(w, apierrors.NewBadRequest(err.Error()))
			return
		}
		path.Name = sent.GetName()
		sent.SetNamespace(path.Namespace)
	}
	key := customKey{kind, path.NamespacedName}
	have := c.objects[key]
	switch {
	case path.Name == "":
		reply(w, http.StatusOK, c.list(path, defined[at].Spec.Names.Kind+"List"))
	case r.Method == http.MethodPost && have != nil:
		refuse(w, apierrors.NewAlreadyExists(kind, path.Name))
	case r.Method != http.MethodPost && have == nil:
		refuse(w, apierrors.NewNotFound(kind, path.Name))
	case r.Method == http.MethodPut && sent.GetResourceVersion() != have.GetResourceVersion():
		refuse(w, apierrors.NewConflict(kind, path.Name, nil))
	case r.Method == http.MethodDelete:
		delete(c.objects, key)
		reply(w, http.StatusOK, have)
	case r.Method == http.MethodGet:
		reply(w, http.StatusOK, have)
	default:
		c.version++
		sent.SetResourceVersion(strconv.Itoa(c.version))
		c.objects[key] = sent
		reply(w, http.StatusOK, sent)
	}
}

func (c *customObjects) list(path customPath, kind string) *unstructured.UnstructuredList {
	list := &unstructured.UnstructuredList{Object: map[string]any{"apiVersion": path.GroupVersion().String(), "kind": kind}}
	for key, o := range c.objects {
		if key.GroupResource == path.GroupResource() && (path.Namespace == "" || key.Namespace == path.Namespace) {
			list.Items = append(list.Items, *o)
		}
	}
	return list
}

// decode reads the body of a request, in whatever form clients send it.
func decode(r *http.Request, into any) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if obj, ok := into.(runtime.Object); ok {
		return runtime.DecodeInto(clientgoscheme.Codecs.UniversalDeserializer(), body, obj)
	}
	return yaml.Unmarshal(body, into)
}
