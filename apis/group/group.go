// Package group says what an API group is: its versions, and what a scheme, a store and a
// schema need to know of them. Each group has one value of it, beside its types.
package group

import (
	"reflect"
	"slices"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/kube-openapi/pkg/common"
)

// Group is one API group.
type Group struct {
	// Hub is the version that is stored, and comes first in discovery. Its types are those
	// of the internal version too.
	Hub Version
	// Spokes are the other versions that are served; they convert to and from the hub.
	Spokes []Version
	// OpenAPI has the models of the types of all versions.
	OpenAPI common.GetOpenAPIDefinitions
}

// Version is one version of a group.
type Version struct {
	schema.GroupVersion
	// AddToScheme registers the version's types, defaults and conversions.
	AddToScheme func(*runtime.Scheme) error
	// Kinds gives an empty object of every kind, lists included.
	Kinds func() []runtime.Object
}

// Name is the group's name on the wire.
func (g *Group) Name() string { return g.Hub.Group }

// Internal is the version that the server works with.
func (g *Group) Internal() schema.GroupVersion {
	return schema.GroupVersion{Group: g.Name(), Version: runtime.APIVersionInternal}
}

// Versions are the versions that serve a kind, the hub first.
func (g *Group) Versions(kind string) []string {
	var all []string
	for _, v := range g.versions() {
		if v.object(kind) != nil {
			all = append(all, v.Version)
		}
	}
	return all
}

// Maker returns what makes empty objects of a kind of the hub, or lists. It panics where
// there is no such kind.
func (g *Group) Maker(kind string) func() runtime.Object {
	object := g.Hub.object(kind)
	if object == nil {
		panic(kind + " is not among the kinds of " + g.Hub.String() + ": list it there")
	}
	of := reflect.TypeOf(object).Elem()
	return func() runtime.Object { return reflect.New(of).Interface().(runtime.Object) }
}

// Install registers the group for a server: all versions, and the internal one.
func (g *Group) Install(scheme *runtime.Scheme) {
	g.InstallExternal(scheme)
	scheme.AddKnownTypes(g.Internal(), g.Hub.Kinds()...)
}

// InstallExternal registers the versions that clients see, without the internal
// one. Clients use it, and so does whatever names the OpenAPI models: with the
// internal version registered, the hub's models would also be published as kinds
// of a version __internal.
func (g *Group) InstallExternal(scheme *runtime.Scheme) {
	var order []schema.GroupVersion
	for _, v := range g.versions() {
		utilruntime.Must(v.AddToScheme(scheme))
		order = append(order, v.GroupVersion)
	}
	utilruntime.Must(scheme.SetVersionPriority(order...))
}

func (g *Group) versions() []Version { return slices.Concat([]Version{g.Hub}, g.Spokes) }

func (v Version) object(kind string) runtime.Object {
	for _, object := range v.Kinds() {
		if KindName(object) == kind {
			return object
		}
	}
	return nil
}

// KindName is the name of an object's kind, which its Go type has in every version.
func KindName(object runtime.Object) string { return reflect.TypeOf(object).Elem().Name() }
