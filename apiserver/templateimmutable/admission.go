// Package templateimmutable is an admission plugin that refuses to change the
// spec of a template. It is a plugin and not a check of the strategy because a
// strategy does not see that a request is a dry run, and Cluster API compares
// templates of a ClusterClass by dry runs that must pass.
package templateimmutable

import (
	"context"
	"io"
	"reflect"

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

const message = "a template cannot be changed, because objects made from it would no longer match it: create a new template and refer to it"

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
	path := changedPath(old, updated)
	if path == nil {
		return nil
	}
	return apierrors.NewInvalid(a.GetKind().GroupKind(), a.GetName(), field.ErrorList{
		field.Invalid(path, field.OmitValueType{}, message),
	})
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

// changedPath is the field that differs, or nil. The objects are of the hub's
// Go types, all of which have Spec and most Spec.Template.Spec; absent and empty
// lists are equal.
func changedPath(old, updated runtime.Object) *field.Path {
	oldSpec, newSpec := fieldOf(old, "Spec"), fieldOf(updated, "Spec")
	if same(oldSpec, newSpec) {
		return nil
	}
	at := field.NewPath("spec")
	oldInner, newInner := fieldOf(old, "Spec", "Template", "Spec"), fieldOf(updated, "Spec", "Template", "Spec")
	if oldInner.IsValid() && newInner.IsValid() && !same(oldInner, newInner) {
		return at.Child("template", "spec")
	}
	return at
}

func fieldOf(object runtime.Object, names ...string) reflect.Value {
	value := reflect.Indirect(reflect.ValueOf(object))
	for _, name := range names {
		if value.Kind() != reflect.Struct {
			return reflect.Value{}
		}
		value = reflect.Indirect(value.FieldByName(name))
	}
	return value
}

func same(a, b reflect.Value) bool {
	if !a.IsValid() || !b.IsValid() {
		return a.IsValid() == b.IsValid()
	}
	return equality.Semantic.DeepEqual(a.Interface(), b.Interface())
}
