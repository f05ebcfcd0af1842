// Package generic holds what the storage of every kind shares: the strategy of
// spec and status, the table, and reads that are as fresh as AWS.
package generic

import (
	"context"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Kind is what the server knows of one API kind. Storage, discovery, the table
// and the shadow CRD are all made from it, so a further kind is one more Kind.
type Kind struct {
	// Group, Name, Plural and Singular are the kind's names on the wire.
	Group, Name, Plural, Singular string
	// ShortNames are kubectl's abbreviations.
	ShortNames []string
	// Categories are kubectl's groups of kinds, such as cluster-api.
	Categories []string
	// Namespaced is false for kinds of the whole cluster.
	Namespaced bool
	// Labels are further labels of the shadow CRD.
	Labels map[string]string
	// Hub is the version that is stored; Served are all versions, the hub among them.
	Hub    string
	Served []string
	// New and NewList make an empty object and list of the hub's types.
	New, NewList func() runtime.Object
	// HasStatus says that the kind has a status subresource.
	HasStatus bool
	// Prepare fills in what depends on the object that is replaced, which is nil for a
	// new one. It may be nil.
	Prepare func(obj, old runtime.Object)
	// Rules judge objects by themselves.
	Rules Rules
	// Columns are the table's columns after the name.
	Columns []Column
}

// GroupResource names the kind's resource.
func (k Kind) GroupResource() schema.GroupResource {
	return schema.GroupResource{Group: k.Group, Resource: k.Plural}
}

// Rules judge objects by what they say themselves; what needs another object, or
// AWS, is admission's.
type Rules struct {
	Create               func(obj runtime.Object) field.ErrorList
	Update, StatusUpdate func(obj, old runtime.Object) field.ErrorList
	// Recorded judges updates by anybody but this server: what it recorded stays. It may
	// be nil.
	Recorded func(obj, old runtime.Object) field.ErrorList
	// Warnings are shown to the user when the object is written.
	Warnings func(obj runtime.Object) []string
}

// Live makes reads of a kind as fresh as AWS. It is declared here and
// implemented over the mirror by whoever wires the server.
type Live interface {
	// Refresh brings the facts that the objects are projected from up to date, as
	// far as that is possible within the reader's patience. It never fails: what
	// it could not do shows in the freshness that Project sets.
	Refresh(ctx context.Context, objs ...runtime.Object)
	// Project returns a copy of the object with the status that follows from the
	// known facts, and whether that differs from the object's own.
	Project(ctx context.Context, obj runtime.Object) (projected runtime.Object, changed bool)
	// Decorate sets the fields of an object that is about to be answered which tell
	// how old its facts are. They are never stored.
	Decorate(ctx context.Context, obj runtime.Object)
}

func (k Kind) prepare(obj, old runtime.Object) {
	if k.Prepare != nil {
		k.Prepare(obj, old)
	}
}

func singular(k Kind) schema.GroupResource {
	return schema.GroupResource{Group: k.Group, Resource: k.Singular}
}
