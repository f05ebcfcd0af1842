package takeover

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Versions of the management clusters that objects may be moved to: with CAPA, and with this server.
const (
	VersionOfCAPA   = theirs
	VersionOfServer = ours
)

// Moved brings objects as clusterctl writes them into a folder to the version of the management cluster that they go to.
type Moved struct {
	codec codec
	to    string
}

// NewMoved converts to VersionOfCAPA or VersionOfServer.
func NewMoved(to string) (*Moved, error) {
	if to != VersionOfCAPA && to != VersionOfServer {
		return nil, fmt.Errorf("the version is %q: write %s for a management cluster with this server, or %s for one with CAPA", to, VersionOfServer, VersionOfCAPA)
	}
	return &Moved{newCodec(), to}, nil
}

// Convert gives an object as it is to be written, and the fields that it says and the other side doesn't know. Objects of others stay,
// but for what they say of kinds of ours: owner references, and what a ClusterClass refers to or selects.
func (m *Moved) Convert(o *unstructured.Unstructured) (*unstructured.Unstructured, []string, error) {
	converted, lost := o.DeepCopy(), []string(nil)
	if kind := o.GroupVersionKind(); known(kind.Group, kind.Kind) {
		var err error
		if converted, lost, err = m.own(o); err != nil {
			return nil, nil, err
		}
	}
	if owners := converted.GetOwnerReferences(); len(owners) > 0 {
		for i := range owners {
			owners[i].APIVersion = m.version(owners[i].APIVersion, owners[i].Kind)
		}
		converted.SetOwnerReferences(owners)
	}
	if o.GetKind() == "ClusterClass" {
		m.references(converted.Object["spec"])
	}
	return converted, lost, nil
}

// own is an object of ours. Its status is left out, as clusterctl makes objects without one.
func (m *Moved) own(o *unstructured.Unstructured) (converted *unstructured.Unstructured, lost []string, err error) {
	if m.to == VersionOfServer {
		if converted, err = m.codec.convert(o, m.to); err == nil && o.GroupVersionKind().Version == theirs {
			lost, err = m.codec.lost(o)
		}
	} else {
		converted, err = m.codec.asTheirs(o)
	}
	if err != nil {
		return nil, nil, err
	}
	// Its UID is what dependents name, until clusterctl gives them the new one.
	converted.SetUID(o.GetUID())
	managed := slices.Clone(o.GetManagedFields())
	for i := range managed {
		managed[i].APIVersion = m.version(managed[i].APIVersion, o.GetKind())
	}
	converted.SetManagedFields(managed)
	unstructured.RemoveNestedField(converted.Object, "status")
	lost = slices.DeleteFunc(lost, func(path string) bool { return path == "status" || strings.HasPrefix(path, "status.") })
	return converted, lost, nil
}

// version is the apiVersion of a kind on the other side.
func (m *Moved) version(apiVersion, kind string) string {
	gv, err := schema.ParseGroupVersion(apiVersion)
	if err != nil || !known(gv.Group, kind) {
		return apiVersion
	}
	return schema.GroupVersion{Group: gv.Group, Version: m.to}.String()
}

// references rewrites what names a kind of ours by its version, wherever it stands.
func (m *Moved) references(value any) {
	switch value := value.(type) {
	case map[string]any:
		apiVersion, named := value["apiVersion"].(string)
		if kind, ok := value["kind"].(string); ok && named {
			value["apiVersion"] = m.version(apiVersion, kind)
		}
		for _, part := range value {
			m.references(part)
		}
	case []any:
		for _, part := range value {
			m.references(part)
		}
	}
}
