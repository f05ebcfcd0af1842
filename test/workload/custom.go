package workload

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

// customPath is where the one custom resource is that Cluster API's in-memory API server would have to know and doesn't.
const customPath = "/apis/crd.k8s.amazonaws.com/v1alpha1/eniconfigs"

// customObjects are the ENIConfigs of a cluster.
type customObjects struct {
	mu      sync.Mutex
	version int
	objects map[string]*unstructured.Unstructured
}

// ServeHTTP reads, makes, changes and deletes one.
func (c *customObjects) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.objects == nil {
		c.objects = map[string]*unstructured.Unstructured{}
	}
	kind, name := schema.GroupResource{Group: "crd.k8s.amazonaws.com", Resource: "eniconfigs"}, strings.Trim(strings.TrimPrefix(r.URL.Path, customPath), "/")
	sent := &unstructured.Unstructured{}
	if r.Method == http.MethodPost || r.Method == http.MethodPut {
		if err := decode(r, &sent.Object); err != nil {
			refuse(w, apierrors.NewBadRequest(err.Error()))
			return
		}
		name = sent.GetName()
	}
	have := c.objects[name]
	switch {
	case name == "":
		list := &unstructured.UnstructuredList{Object: map[string]any{"apiVersion": "crd.k8s.amazonaws.com/v1alpha1", "kind": "ENIConfigList"}}
		for _, o := range c.objects {
			list.Items = append(list.Items, *o)
		}
		reply(w, http.StatusOK, list)
	case r.Method == http.MethodPost && have != nil:
		refuse(w, apierrors.NewAlreadyExists(kind, name))
	case r.Method != http.MethodPost && have == nil:
		refuse(w, apierrors.NewNotFound(kind, name))
	case r.Method == http.MethodPut && sent.GetResourceVersion() != have.GetResourceVersion():
		refuse(w, apierrors.NewConflict(kind, name, nil))
	case r.Method == http.MethodDelete:
		delete(c.objects, name)
		reply(w, http.StatusOK, have)
	case r.Method == http.MethodGet:
		reply(w, http.StatusOK, have)
	default:
		c.version++
		sent.SetResourceVersion(strconv.Itoa(c.version))
		c.objects[name] = sent
		reply(w, http.StatusOK, sent)
	}
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
