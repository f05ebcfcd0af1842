package generic

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/registry/generic"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/storage/names"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// REST is the storage of one kind: the library's store, and reads that bring the
// status up to date first where the kind is live.
type REST struct {
	*genericregistry.Store
	kind   Kind
	status *StatusREST
	live   Live
}

var (
	_ rest.StandardStorage      = &REST{}
	_ rest.ShortNamesProvider   = &REST{}
	_ rest.CategoriesProvider   = &REST{}
	_ rest.SingularNameProvider = &REST{}
)

// NewREST makes the storage of a kind. live is nil for kinds that show nothing
// of AWS. The second result is nil for kinds without status.
func NewREST(scheme *runtime.Scheme, kind Kind, optsGetter generic.RESTOptionsGetter, live Live) (*REST, *StatusREST, error) {
	s := strategy{scheme, names.SimpleNameGenerator, kind}
	store := &genericregistry.Store{
		NewFunc:                   kind.New,
		NewListFunc:               kind.NewList,
		DefaultQualifiedResource:  kind.GroupResource(),
		SingularQualifiedResource: singular(kind),
		CreateStrategy:            s,
		UpdateStrategy:            s,
		DeleteStrategy:            s,
		ResetFieldsStrategy:       s,
		TableConvertor:            table{kind.Columns},
	}
	if err := store.CompleteWithOptions(&generic.StoreOptions{RESTOptions: optsGetter}); err != nil {
		return nil, nil, err
	}
	r := &REST{Store: store, kind: kind, live: live}
	if kind.HasStatus {
		statusStore := *store
		statusStore.UpdateStrategy = statusStrategy{s}
		statusStore.ResetFieldsStrategy = statusStrategy{s}
		r.status = &StatusREST{store: &statusStore}
	}
	return r, r.status, nil
}

// ShortNames are kubectl's abbreviations of the kind.
func (r *REST) ShortNames() []string { return r.kind.ShortNames }

// Categories are the groups of kinds that the kind belongs to.
func (r *REST) Categories() []string { return r.kind.Categories }

// StatusREST is the status subresource of a kind.
type StatusREST struct{ store *genericregistry.Store }

var (
	_ rest.Patcher             = &StatusREST{}
	_ rest.ResetFieldsStrategy = &StatusREST{}
)

// New makes an empty object.
func (r *StatusREST) New() runtime.Object { return r.store.New() }

// Destroy leaves the store alone: it is the kind's own, which destroys it.
func (r *StatusREST) Destroy() {}

// Get returns the object as it is stored.
func (r *StatusREST) Get(ctx context.Context, name string, options *metav1.GetOptions) (runtime.Object, error) {
	return r.store.Get(ctx, name, options)
}

// Update writes the status and nothing else; it never creates an object.
func (r *StatusREST) Update(ctx context.Context, name string, objInfo rest.UpdatedObjectInfo, createValidation rest.ValidateObjectFunc,
	updateValidation rest.ValidateObjectUpdateFunc, _ bool, options *metav1.UpdateOptions) (runtime.Object, bool, error) {
	return r.store.Update(ctx, name, objInfo, createValidation, updateValidation, false, options)
}

// GetResetFields tells server-side apply which fields a status write doesn't own.
func (r *StatusREST) GetResetFields() map[fieldpath.APIVersion]*fieldpath.Set {
	return r.store.GetResetFields()
}

// ConvertToTable shows the object as the kind does.
func (r *StatusREST) ConvertToTable(ctx context.Context, object, options runtime.Object) (*metav1.Table, error) {
	return r.store.ConvertToTable(ctx, object, options)
}
