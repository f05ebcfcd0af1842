package generic

import (
	"context"
	"encoding/json"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/util/dryrun"

	"github.com/capa-apiserver/capa-apiserver/apis/takeover"
)

// TakeoverREST is the takeover subresource: an object is stored as it comes, with its UID, its
// times and its status, because it is the same object that was kept somewhere else until now.
// A UID proves whose something in AWS is, so that only those may do so who may everywhere:
// rights in one namespace are not enough.
type TakeoverREST struct {
	objects *REST
	may     authorizer.Authorizer
}

var (
	_ rest.NamedCreater                   = &TakeoverREST{}
	_ rest.SubresourceObjectMetaPreserver = &TakeoverREST{}
)

// NewTakeoverREST takes objects over into their storage.
func NewTakeoverREST(objects *REST, may authorizer.Authorizer) *TakeoverREST {
	return &TakeoverREST{objects: objects, may: may}
}

// New makes an empty object.
func (r *TakeoverREST) New() runtime.Object { return r.objects.New() }

// Destroy leaves the storage alone: it is the kind's own.
func (r *TakeoverREST) Destroy() {}

// PreserveRequestObjectMetaSystemFieldsOnSubresourceCreate keeps UID and times.
func (r *TakeoverREST) PreserveRequestObjectMetaSystemFieldsOnSubresourceCreate() bool { return true }

// Create stores the object, also over itself: who was interrupted begins anew.
func (r *TakeoverREST) Create(ctx context.Context, name string, obj runtime.Object, _ rest.ValidateObjectFunc, options *metav1.CreateOptions) (runtime.Object, error) {
	if err := r.authorize(ctx); err != nil {
		return nil, err
	}
	if err := prepareTaken(name, obj); err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	key, err := r.objects.KeyFunc(ctx, name)
	if err != nil {
		return nil, err
	}
	out, m, dry := r.objects.New(), accessor(obj), dryrun.IsDryRun(options.DryRun)
	err = r.objects.Storage.Create(ctx, key, obj, out, 0, dry)
	if !storage.IsExist(err) {
		return out, err
	}
	uid := m.GetUID()
	err = r.objects.Storage.GuaranteedUpdate(ctx, key, out, false, &storage.Preconditions{UID: &uid},
		func(runtime.Object, storage.ResponseMeta) (runtime.Object, *uint64, error) {
			return obj.DeepCopyObject(), nil, nil
		}, dry, nil)
	if storage.IsInvalidObj(err) {
		return nil, apierrors.NewConflict(r.objects.kind.GroupResource(), name,
			fmt.Errorf("another object of that name is here already: delete it, or rename one of them"))
	}
	return out, err
}

// prepareTaken puts back what the request's way would have changed.
func prepareTaken(name string, obj runtime.Object) error {
	m := accessor(obj)
	switch {
	case m.GetName() != name:
		return fmt.Errorf("the object is named %q and sent to %q", m.GetName(), name)
	case m.GetUID() == "" || m.GetCreationTimestamp().Time.IsZero():
		return fmt.Errorf("metadata.uid and metadata.creationTimestamp are missing: a takeover is for objects that exist; create others as usual")
	}
	m.SetResourceVersion("")
	clearObservation(obj)
	annotations := m.GetAnnotations()
	text, found := annotations[takeover.ManagedFieldsAnnotation]
	if !found {
		m.SetManagedFields(nil)
		return nil
	}
	var managed []metav1.ManagedFieldsEntry
	if err := json.Unmarshal([]byte(text), &managed); err != nil {
		return fmt.Errorf("annotation %s: %w", takeover.ManagedFieldsAnnotation, err)
	}
	delete(annotations, takeover.ManagedFieldsAnnotation)
	if len(annotations) == 0 {
		annotations = nil
	}
	m.SetAnnotations(annotations)
	m.SetManagedFields(managed)
	return nil
}

// authorize asks whether the caller may take over in all namespaces.
func (r *TakeoverREST) authorize(ctx context.Context) error {
	who, found := genericapirequest.UserFrom(ctx)
	kind := r.objects.kind.GroupResource()
	if !found {
		return apierrors.NewForbidden(kind, "", fmt.Errorf("nobody asks"))
	}
	decision, _, err := r.may.Authorize(ctx, authorizer.AttributesRecord{
		User: who, Verb: "create", APIGroup: kind.Group, APIVersion: r.objects.kind.Served[0], Resource: kind.Resource,
		Subresource: takeover.Subresource, ResourceRequest: true,
	})
	if decision == authorizer.DecisionAllow {
		return nil
	}
	if err != nil {
		return apierrors.NewInternalError(err)
	}
	return apierrors.NewForbidden(kind, "", fmt.Errorf("a takeover chooses UIDs, which prove whose something in AWS is: it needs the right to create %s/%s in the whole cluster, not in one namespace",
		kind.Resource, takeover.Subresource))
}
