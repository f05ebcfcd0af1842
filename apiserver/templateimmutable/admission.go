// Package templateimmutable is an admission plugin that refuses to change the
// spec of a template. It is a plugin and not a check of the strategy because a
// strategy does not see that a request is a dry run, and Cluster API compares
// templates of a ClusterClass by dry runs that must pass.
package templateimmutable

import (
	"context"
	"encoding/json"
	"io"
	"reflect"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/admission"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
)

// PluginName is the name under which the plugin is switched on.
const PluginName = "TemplateImmutable"

const message = "a template cannot be changed, because objects made from it would no longer match it: create a new template " +
	"with another name and refer to it in place of this one; Cluster API then replaces what was made from this one"

// Templates are the kinds whose spec can't be changed. A function returns the old object
// with what may change all the same taken from the updated one; nil stands for nothing.
type Templates map[schema.GroupKind]func(old, updated runtime.Object) runtime.Object

// Register makes the plugin known to the server.
func Register(plugins *admission.Plugins, templates Templates) {
	plugins.Register(PluginName, func(io.Reader) (admission.Interface, error) { return New(templates), nil })
}

// Plugin refuses updates that change a template's spec.
type Plugin struct {
	*admission.Handler
	templates Templates
}

var _ admission.ValidationInterface = (*Plugin)(nil)

// New makes the plugin for the templates; it has no configuration.
func New(templates Templates) *Plugin {
	return &Plugin{Handler: admission.NewHandler(admission.Update), templates: templates}
}

// Validate answers 422 Invalid when the spec of a template changes, except for
// the dry run by which Cluster API's topology controller finds out whether a
// template must be replaced.
func (p *Plugin) Validate(_ context.Context, a admission.Attributes, _ admission.ObjectInterfaces) error {
	allowing, isTemplate := p.templates[a.GetKind().GroupKind()]
	if !isTemplate || a.GetSubresource() != "" || isTopologyDryRun(a) {
		return nil
	}
	old, updated := a.GetOldObject(), a.GetObject()
	if allowing != nil {
		old = allowing(old, updated)
	}
	var errs field.ErrorList
	for _, path := range changed(fieldOf(old, "Spec"), fieldOf(updated, "Spec"), field.NewPath("spec")) {
		errs = append(errs, field.Invalid(path, field.OmitValueType{}, message))
	}
	if len(errs) == 0 {
		return nil
	}
	return apierrors.NewInvalid(a.GetKind().GroupKind(), a.GetName(), errs)
}

func isTopologyDryRun(a admission.Attributes) bool {
	if !a.IsDryRun() {
		return false
	}
	object, err := meta.Accessor(a.GetObject())
	if err != nil {
		return false
	}
	_, asked := object.GetAnnotations()[clusterv1.TopologyDryRunAnnotation]
	return asked
}

// changed are the fields that differ, with the names that users write. The objects are of
// the hub's Go types; absent and empty lists are equal.
func changed(old, updated reflect.Value, at *field.Path) []*field.Path {
	old, updated = reflect.Indirect(old), reflect.Indirect(updated)
	if same(old, updated) {
		return nil
	}
	if !old.IsValid() || !updated.IsValid() || old.Kind() != reflect.Struct || reflect.PointerTo(old.Type()).Implements(marshaler) {
		return []*field.Path{at}
	}
	var paths []*field.Path
	for i := range old.NumField() {
		within := at
		if name, _, _ := strings.Cut(old.Type().Field(i).Tag.Get("json"), ","); name != "" {
			within = at.Child(name)
		}
		paths = append(paths, changed(old.Field(i), updated.Field(i), within)...)
	}
	return paths
}

// marshaler is what structs are that users write as one value, such as a quantity.
var marshaler = reflect.TypeFor[json.Marshaler]()

func fieldOf(object runtime.Object, name string) reflect.Value {
	return reflect.Indirect(reflect.ValueOf(object)).FieldByName(name)
}

func same(a, b reflect.Value) bool {
	if !a.IsValid() || !b.IsValid() {
		return a.IsValid() == b.IsValid()
	}
	return equality.Semantic.DeepEqual(a.Interface(), b.Interface())
}
