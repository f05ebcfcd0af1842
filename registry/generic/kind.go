// Package generic holds what the storage of every kind shares: the strategy of
// spec and status, the table, and reads that are as fresh as AWS.
package generic

import (
	"context"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/capa-apiserver/capa-apiserver/apis/group"
	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
	"github.com/capa-apiserver/capa-apiserver/apis/validation"
)

// Kind is what the server knows of one API kind. Storage, discovery, the table
// and the shadow CRD are all made from it, so a further kind is one more Kind.
type Kind struct {
	// Group is the kind's API group.
	Group *group.Group
	// Name, Plural and Singular are the kind's names on the wire.
	Name, Plural, Singular string
	// ShortNames are kubectl's abbreviations.
	ShortNames []string
	// Categories are kubectl's groups of kinds, such as cluster-api.
	Categories []string
	// Namespaced is false for kinds of the whole cluster.
	Namespaced bool
	// Labels are further labels of the shadow CRD.
	Labels map[string]string
	// Served are all versions, the hub's first, which is stored.
	Served []string
	// New and NewList make an empty object and list of the hub's types.
	New, NewList func() runtime.Object
	// HasStatus says that the kind has a status subresource.
	HasStatus bool
	// Prepare fills in what depends on the object that is replaced, which is nil for a
	// new one. It may be nil.
	Prepare func(obj, old runtime.Object)
	// Template says that the spec can't be changed; nil for kinds that aren't templates.
	Template *Template
	// Rules judge objects by themselves.
	Rules validation.Rules
	// Columns are the table's columns after the name; by default the age.
	Columns []Column
}

// Template is a kind of which other objects are made, so that its spec can't be changed.
type Template struct {
	// Allowing returns the old object with what may change all the same taken from the
	// updated one. It may be nil.
	Allowing func(old, updated runtime.Object) runtime.Object
}

// KindOf fills in what follows from the hub's type of a kind: its names and versions, and
// whether it has a status. A kind that is named like a template is one.
func KindOf(g *group.Group, rules *validation.Table, object runtime.Object, short string) Kind {
	name := group.KindName(object)
	k := Kind{
		Group:      g,
		Name:       name,
		Singular:   strings.ToLower(name),
		Plural:     plural(strings.ToLower(name)),
		ShortNames: []string{short},
		Categories: []string{"cluster-api"},
		Namespaced: true,
		Served:     g.Versions(name),
		New:        g.Maker(name),
		NewList:    g.Maker(name + "List"),
		HasStatus:  part(object, "Status").IsValid(),
		Rules:      rules.Of(object),
		Columns:    []Column{AgeColumn},
	}
	if strings.HasSuffix(name, "Template") {
		k.Template = &Template{}
	}
	return k
}

func plural(singular string) string {
	if stem, ok := strings.CutSuffix(singular, "y"); ok {
		return stem + "ies"
	}
	return singular + "s"
}

// GroupResource names the kind's resource.
func (k Kind) GroupResource() schema.GroupResource {
	return schema.GroupResource{Group: k.Group.Name(), Resource: k.Plural}
}

// GroupKind names the kind.
func (k Kind) GroupKind() schema.GroupKind {
	return schema.GroupKind{Group: k.Group.Name(), Kind: k.Name}
}

// Live makes reads of a kind as fresh as AWS. It is declared here and
// implemented over the mirror by whoever wires the server.
type Live interface {
	// Refresh brings the facts that the objects are projected from up to date, as
	// far as that is possible within the reader's patience. It never fails: what
	// it could not do shows in the observation that Project returns.
	Refresh(ctx context.Context, objs ...runtime.Object)
	// Project returns, for each object, a copy with the status that follows from the known
	// facts, or the object itself where that is the status that it has; and how old the
	// facts are. It changes nothing in the objects.
	Project(ctx context.Context, objs ...runtime.Object) []Shown
}

// Shown is an object as it is to be shown, and how old the facts are.
type Shown struct {
	Object      runtime.Object
	Observation *infrav1.Observation
}

func (k Kind) prepare(obj, old runtime.Object) {
	if k.Prepare != nil {
		k.Prepare(obj, old)
	}
}

func singular(k Kind) schema.GroupResource {
	return schema.GroupResource{Group: k.Group.Name(), Resource: k.Singular}
}
