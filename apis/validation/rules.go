// Package validation is how objects of all groups are judged by what they say themselves:
// by the published schema of their kind, and by the kind's own rules. What needs another
// object, or AWS, is admission's.
//
// Rules are pure and take the hub's types, with defaults applied. Limits of single fields
// are markers beside the fields and enforced by package apis/schema; a group's rules are
// those between fields, and the ones that words explain better.
package validation

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/capa-apiserver/capa-apiserver/apis/group"
	"github.com/capa-apiserver/capa-apiserver/apis/schema"
)

// Rules judge objects of one kind.
type Rules struct {
	// Create judges a new object.
	Create func(obj runtime.Object) field.ErrorList
	// Update judges an object as fully as Create does, except for what was wrong before and
	// hasn't been changed, and judges what may change at all. StatusUpdate judges the status.
	Update, StatusUpdate func(obj, old runtime.Object) field.ErrorList
	// Recorded judges updates by anybody but the server: what it recorded stays.
	Recorded func(obj, old runtime.Object) field.ErrorList
	// Records are the paths of the fields that it recorded.
	Records []string
	// Warnings returns what isn't wrong but likely not meant.
	Warnings func(obj runtime.Object) []string
}

// Own are the rules that a kind T has besides its schema. All may be nil.
type Own[T runtime.Object] struct {
	Create func(obj T) field.ErrorList
	// Update is Create without what was wrong before if nil.
	Update   func(obj, old T) field.ErrorList
	Recorded func(obj, old T) field.ErrorList
	Records  []string
	Warnings func(obj T) []string
}

// OwnRules are an Own of any kind.
type OwnRules interface {
	complete(g *group.Group, schemas *schema.Schemas) (kind string, complete Rules)
}

// Table has the rules of a group's kinds.
type Table struct {
	kinds map[string]Rules
}

// NewTable is the table of a group, which has a row for each kind.
func NewTable(g *group.Group, rows ...OwnRules) *Table {
	t, schemas := &Table{kinds: map[string]Rules{}}, schema.New(g)
	for _, row := range rows {
		kind, rules := row.complete(g, schemas)
		t.kinds[kind] = rules
	}
	return t
}

// Of returns the rules of an object's kind. Those of a kind without a row refuse everything.
func (t *Table) Of(obj runtime.Object) Rules {
	if rules, found := t.kinds[group.KindName(obj)]; found {
		return rules
	}
	unknown := field.ErrorList{field.InternalError(nil, fmt.Errorf("no validation rules are registered for %T", obj))}
	refuse := func(_, _ runtime.Object) field.ErrorList { return unknown }
	return Rules{
		Create: func(runtime.Object) field.ErrorList { return unknown }, Update: refuse, StatusUpdate: refuse, Recorded: refuse,
		Warnings: func(runtime.Object) []string { return nil },
	}
}

// complete puts the published schema before a kind's own rules.
func (own Own[T]) complete(g *group.Group, schemas *schema.Schemas) (kind string, complete Rules) {
	var zero T
	kind = group.KindName(zero)
	gvk := g.Hub.WithKind(kind)
	if own.Update == nil && own.Create != nil {
		own.Update = func(obj, old T) field.ErrorList { return Ratchet(own.Create, obj, old) }
	}
	return kind, Rules{
		Create: func(obj runtime.Object) field.ErrorList {
			errs := schemas.Validate(gvk, obj)
			if own.Create != nil {
				errs = append(errs, own.Create(obj.(T))...)
			}
			return errs
		},
		Update: func(obj, old runtime.Object) field.ErrorList {
			errs := schemas.ValidateUpdate(gvk, obj, old)
			if own.Update != nil {
				errs = append(errs, own.Update(obj.(T), old.(T))...)
			}
			return errs
		},
		StatusUpdate: func(obj, old runtime.Object) field.ErrorList { return schemas.ValidateStatusUpdate(gvk, obj, old) },
		Recorded: func(obj, old runtime.Object) field.ErrorList {
			if own.Recorded == nil || isManagedElsewhere(old) {
				return nil
			}
			return own.Recorded(obj.(T), old.(T))
		},
		Records: own.Records,
		Warnings: func(obj runtime.Object) []string {
			if own.Warnings == nil {
				return nil
			}
			return own.Warnings(obj.(T))
		},
	}
}

// Ratchet returns the errors of obj that old hasn't.
func Ratchet[T any](judge func(T) field.ErrorList, obj, old T) field.ErrorList {
	return schema.NewErrors(judge(obj), func() field.ErrorList { return judge(old) })
}
