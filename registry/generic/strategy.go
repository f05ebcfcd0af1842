package generic

import (
	"context"
	"reflect"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/storage/names"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// strategy is how spec and metadata of a kind are written. Users own them; the
// status is left as it is stored.
type strategy struct {
	runtime.ObjectTyper
	names.NameGenerator
	kind Kind
}

var (
	_ rest.RESTCreateStrategy  = strategy{}
	_ rest.RESTUpdateStrategy  = strategy{}
	_ rest.ResetFieldsStrategy = strategy{}
)

func (s strategy) NamespaceScoped() bool { return s.kind.Namespaced }

// PrepareForCreate drops a status that came with the manifest: status is what
// this server says, not what a user wishes.
func (s strategy) PrepareForCreate(_ context.Context, obj runtime.Object) {
	clearPart(obj, "Status")
	s.kind.prepare(obj, nil)
	accessor(obj).SetGeneration(1)
}

// PrepareForUpdate keeps the stored status and counts generations of the spec.
func (s strategy) PrepareForUpdate(_ context.Context, obj, old runtime.Object) {
	copyPart(obj, old, "Status")
	s.kind.prepare(obj, old)
	if !samePart(obj, old, "Spec") {
		accessor(obj).SetGeneration(accessor(old).GetGeneration() + 1)
	}
}

func (s strategy) Validate(_ context.Context, obj runtime.Object) field.ErrorList {
	errs := append(validateName(obj), validateSize(obj)...)
	errs = append(errs, validateWhole(obj, nil)...)
	return append(errs, s.kind.Rules.Create(obj)...)
}

// validateName takes the names that custom resources may have. The library has refused
// what can't stand in a path.
func validateName(obj runtime.Object) field.ErrorList {
	path, name := field.NewPath("metadata", "name"), accessor(obj).GetName()
	var errs field.ErrorList
	for _, problem := range validation.NameIsDNSSubdomain(name, false) {
		errs = append(errs, field.Invalid(path, name, problem))
	}
	return errs
}

// ValidateUpdate lets an object that is being deleted pass while its spec stays
// as it is: a rule that came later must not keep it from ending.
func (s strategy) ValidateUpdate(ctx context.Context, obj, old runtime.Object) field.ErrorList {
	if accessor(obj).GetDeletionTimestamp() != nil && samePart(obj, old, "Spec") {
		return nil
	}
	errs := validateSizeUpdate(obj, old)
	if !isServer(ctx) {
		errs = append(errs, validateWhole(obj, old)...)
		errs = append(errs, s.kind.Rules.Recorded(obj, old)...)
	}
	return append(errs, s.kind.Rules.Update(obj, old)...)
}

func (s strategy) WarningsOnCreate(_ context.Context, obj runtime.Object) []string {
	return s.kind.Rules.Warnings(obj)
}

func (s strategy) WarningsOnUpdate(_ context.Context, obj, _ runtime.Object) []string {
	return s.kind.Rules.Warnings(obj)
}

func (s strategy) Canonicalize(runtime.Object) {}

// AllowCreateOnUpdate is false, as for custom resources: PUT doesn't create.
func (s strategy) AllowCreateOnUpdate() bool { return false }

// AllowUnconditionalUpdate is false, as for custom resources: PUT names the
// resourceVersion it replaces.
func (s strategy) AllowUnconditionalUpdate() bool { return false }

// GetResetFields tells server-side apply which fields a write doesn't own.
func (s strategy) GetResetFields() map[fieldpath.APIVersion]*fieldpath.Set {
	if !s.kind.HasStatus {
		return nil
	}
	return s.kind.perVersion(fieldpath.NewSet(fieldpath.MakePathOrDie("status")))
}

// statusStrategy is how the status subresource is written: nothing but the
// status changes.
type statusStrategy struct{ strategy }

func (s statusStrategy) PrepareForUpdate(_ context.Context, obj, old runtime.Object) {
	managed := accessor(obj).GetManagedFields()
	copyPart(obj, old, "Spec")
	copyPart(obj, old, "ObjectMeta")
	accessor(obj).SetManagedFields(managed)
	clearObservation(obj)
}

func (s statusStrategy) ValidateUpdate(_ context.Context, obj, old runtime.Object) field.ErrorList {
	return s.kind.Rules.StatusUpdate(obj, old)
}

func (s statusStrategy) WarningsOnUpdate(context.Context, runtime.Object, runtime.Object) []string {
	return nil
}

func (s statusStrategy) GetResetFields() map[fieldpath.APIVersion]*fieldpath.Set {
	return s.kind.perVersion(fieldpath.NewSet(
		fieldpath.MakePathOrDie("spec"),
		fieldpath.MakePathOrDie("metadata", "labels"),
		fieldpath.MakePathOrDie("metadata", "annotations"),
		fieldpath.MakePathOrDie("metadata", "finalizers"),
		fieldpath.MakePathOrDie("metadata", "ownerReferences"),
	))
}

func (k Kind) perVersion(set *fieldpath.Set) map[fieldpath.APIVersion]*fieldpath.Set {
	sets := map[fieldpath.APIVersion]*fieldpath.Set{}
	for _, version := range k.Served {
		sets[fieldpath.APIVersion(k.Group.Name()+"/"+version)] = set
	}
	return sets
}

// clearObservation drops the freshness fields, which are decorated onto answers
// and never stored.
func clearObservation(obj runtime.Object) { decorate(obj, nil) }

// decorate says in an object that is about to be answered how old its facts are. It sets
// one pointer in the object's own struct, and so may be given one that shares the rest
// with a cache.
func decorate(obj runtime.Object, observation *infrav1.Observation) {
	status := part(obj, "Status")
	if !status.IsValid() {
		return
	}
	if field := status.FieldByName("Observation"); field.IsValid() {
		field.Set(reflect.ValueOf(observation))
	}
}

// accessor gives the object's metadata; every kind here has them.
func accessor(obj runtime.Object) metaAccessor {
	m, err := meta.Accessor(obj)
	if err != nil {
		panic(err) // a kind without metadata can't be registered
	}
	return m
}
