package generic

import (
	"context"

	"k8s.io/apimachinery/pkg/api/meta"
	metatable "k8s.io/apimachinery/pkg/api/meta/table"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/registry/rest"
)

type metaAccessor = metav1.Object

// Column is one column of a kind's table.
type Column struct {
	// Name is the heading; Type the OpenAPI type of the cells; Description what
	// `kubectl explain` says of it.
	Name, Type, Description string
	// Priority is 0 for columns that are always shown and 1 for `-o wide`.
	Priority int32
	// Value gives the cell; nil shows as <none>.
	Value func(obj runtime.Object) any
}

// AgeColumn is the time since the object was created.
var AgeColumn = Column{
	Name: "Age", Type: "string", Description: "Time since the object was created.",
	Value: func(obj runtime.Object) any {
		return metatable.ConvertToHumanReadableDateType(accessor(obj).GetCreationTimestamp())
	},
}

// LabelColumn shows a label of the object.
func LabelColumn(name, label, description string) Column {
	return Column{Name: name, Type: "string", Description: description,
		Value: func(obj runtime.Object) any { return accessor(obj).GetLabels()[label] }}
}

// table shows objects of a kind as rows.
type table struct{ columns []Column }

var _ rest.TableConvertor = table{}

// ConvertToTable makes one row for an object and one row an item for a list.
func (t table) ConvertToTable(_ context.Context, object, options runtime.Object) (*metav1.Table, error) {
	out := &metav1.Table{}
	row := func(obj runtime.Object) error {
		cells := []any{accessor(obj).GetName()}
		for _, c := range t.columns {
			cells = append(cells, c.Value(obj))
		}
		out.Rows = append(out.Rows, metav1.TableRow{Cells: cells, Object: runtime.RawExtension{Object: obj}})
		return nil
	}
	if meta.IsListType(object) {
		if err := meta.EachListItem(object, row); err != nil {
			return nil, err
		}
	} else if err := row(object); err != nil {
		return nil, err
	}
	if list, err := meta.ListAccessor(object); err == nil {
		out.ResourceVersion = list.GetResourceVersion()
		out.Continue = list.GetContinue()
		out.RemainingItemCount = list.GetRemainingItemCount()
	} else {
		out.ResourceVersion = accessor(object).GetResourceVersion()
	}
	if opt, ok := options.(*metav1.TableOptions); !ok || !opt.NoHeaders {
		out.ColumnDefinitions = t.headings()
	}
	return out, nil
}

func (t table) headings() []metav1.TableColumnDefinition {
	headings := []metav1.TableColumnDefinition{{Name: "Name", Type: "string", Format: "name", Description: metav1.ObjectMeta{}.SwaggerDoc()["name"]}}
	for _, c := range t.columns {
		headings = append(headings, metav1.TableColumnDefinition{Name: c.Name, Type: c.Type, Description: c.Description, Priority: c.Priority})
	}
	return headings
}
