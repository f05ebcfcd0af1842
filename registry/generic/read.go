package generic

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strconv"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metainternalversion "k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/klog/v2"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// writers is how many projections one LIST stores at the same time: etcd joins what
// comes together into one write to the disk.
const writers = 16

// Get answers with facts that are as fresh as was promised when the reader wants
// the latest state; a reader that names a resourceVersion (an informer does)
// gets what is stored.
func (r *REST) Get(ctx context.Context, name string, options *metav1.GetOptions) (runtime.Object, error) {
	obj, err := r.Store.Get(ctx, name, options)
	if err != nil || r.live == nil {
		return obj, err
	}
	if options.ResourceVersion != "" {
		decorate(obj, r.live.Project(ctx, obj)[0].Observation)
		return obj, nil
	}
	r.live.Refresh(ctx, obj)
	obj, observation := r.current(ctx, obj)
	decorate(obj, observation)
	return obj, nil
}

// Update answers as Get does with how old the facts are, so that what a client reads and what
// it is answered to a write, or to a dry run of one, differ in nothing else than the write.
// The server's own writes ask for no answer.
func (r *REST) Update(ctx context.Context, name string, objInfo rest.UpdatedObjectInfo, createValidation rest.ValidateObjectFunc,
	updateValidation rest.ValidateObjectUpdateFunc, forceAllowCreate bool, options *metav1.UpdateOptions) (runtime.Object, bool, error) {
	obj, created, err := r.Store.Update(ctx, name, objInfo, createValidation, updateValidation, forceAllowCreate, options)
	if err == nil && r.live != nil && !isServer(ctx) {
		decorate(obj, r.live.Project(ctx, obj)[0].Observation)
	}
	return obj, created, err
}

// List is Get for many. The items of the store's answer are its own structs, which share
// with the cache what pointers lead to.
func (r *REST) List(ctx context.Context, options *metainternalversion.ListOptions) (runtime.Object, error) {
	list, err := r.Store.List(ctx, options)
	if err != nil || r.live == nil {
		return list, err
	}
	items, err := meta.ExtractList(list)
	if err != nil {
		return nil, err
	}
	observed := observations{}
	if options == nil || options.ResourceVersion == "" {
		r.live.Refresh(ctx, items...)
		old := r.project(ctx, items, observed)
		switch {
		case len(old) == 0:
		case options != nil && options.Continue != "":
			r.replace(ctx, old, observed)
		default:
			each(writers, old, func(_ int, s outdated) { _, _ = r.store(ctx, s.projected) })
			// List again: the answer's resourceVersion has to be the one of its items, and
			// where somebody else was faster, theirs is what counts.
			if list, err = r.Store.List(ctx, options); err != nil {
				return nil, err
			}
			if items, err = meta.ExtractList(list); err != nil {
				return nil, err
			}
		}
	}
	r.decorateAll(ctx, items, observed)
	return list, nil
}

// Watch refuses to go on from what this store has yet to come to: the watcher knows another
// one, in whose place this one is, and would hear nothing until then. It lists anew.
func (r *REST) Watch(ctx context.Context, options *metainternalversion.ListOptions) (watch.Interface, error) {
	var from string
	if options != nil {
		from = options.ResourceVersion
	}
	if known, err := strconv.ParseUint(from, 10, 64); err == nil && known > 0 {
		current, err := r.Storage.Storage.GetCurrentResourceVersion(ctx)
		if err != nil {
			return nil, err
		}
		if known > current {
			return nil, apierrors.NewResourceExpired(fmt.Sprintf("the resourceVersion %d isn't of this store, which is at %d", known, current))
		}
	}
	return r.Store.Watch(ctx, options)
}

// decorateAll says in the items how old the facts are, as it was observed, or is found out
// now.
func (r *REST) decorateAll(ctx context.Context, items []runtime.Object, observed observations) {
	unobserved := slices.DeleteFunc(slices.Clone(items), func(item runtime.Object) bool { return observed[accessor(item).GetUID()] != nil })
	for i, shown := range r.live.Project(ctx, unobserved...) {
		decorate(unobserved[i], shown.Observation)
	}
	for _, item := range items {
		if observation := observed[accessor(item).GetUID()]; observation != nil {
			decorate(item, observation)
		}
	}
}

// observations are how old the facts about the objects of one answer are.
type observations map[types.UID]*infrav1.Observation

// outdated is an object whose status isn't what follows from the facts.
type outdated struct{ obj, projected runtime.Object }

// project returns the items that are outdated, and notes how old the facts are.
func (r *REST) project(ctx context.Context, items []runtime.Object, observed observations) []outdated {
	var all []outdated
	for i, shown := range r.live.Project(ctx, items...) {
		observed[accessor(items[i]).GetUID()] = shown.Observation
		if shown.Object != items[i] {
			all = append(all, outdated{items[i], shown.Object})
		}
	}
	return all
}

// replace puts the present objects into a page after the first. Such a page shows what was
// stored when the first one was read, so that listing it again would change nothing.
func (r *REST) replace(ctx context.Context, all []outdated, observed observations) {
	present := make([]*infrav1.Observation, len(all))
	each(writers, all, func(i int, s outdated) {
		m := accessor(s.obj)
		obj, err := r.Store.Get(genericapirequest.WithNamespace(ctx, m.GetNamespace()), m.GetName(), &metav1.GetOptions{})
		if err != nil || accessor(obj).GetUID() != m.GetUID() {
			return // it is gone, and was there when the first page was read
		}
		obj, present[i] = r.current(ctx, obj)
		reflect.ValueOf(s.obj).Elem().Set(reflect.ValueOf(obj).Elem())
	})
	for i, s := range all {
		if present[i] != nil {
			observed[accessor(s.obj).GetUID()] = present[i]
		}
	}
}

// each does something for all, some at the same time.
func each[T any](atOnce int, all []T, do func(i int, one T)) {
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i, one := range all {
		group.Go(func() error { do(i, one); return nil })
	}
	_ = group.Wait()
}

// current stores the object's projection if it differs and returns what is stored then,
// and how old its facts are.
func (r *REST) current(ctx context.Context, obj runtime.Object) (runtime.Object, *infrav1.Observation) {
	shown := r.live.Project(ctx, obj)[0]
	if shown.Object == obj {
		return obj, shown.Observation
	}
	stored, err := r.store(ctx, shown.Object)
	if apierrors.IsConflict(err) {
		// Somebody else was faster: theirs is what counts.
		m := accessor(obj)
		stored, err = r.Store.Get(genericapirequest.WithNamespace(ctx, m.GetNamespace()), m.GetName(), &metav1.GetOptions{})
	}
	if err != nil {
		return obj, shown.Observation
	}
	return stored, shown.Observation
}

// store writes a projection and returns the result.
func (r *REST) store(ctx context.Context, projected runtime.Object) (runtime.Object, error) {
	m := accessor(projected)
	ctx = genericapirequest.WithNamespace(ctx, m.GetNamespace())
	out, _, err := r.status.store.Update(ctx, m.GetName(), rest.DefaultUpdatedObjectInfo(projected),
		rest.ValidateAllObjectFunc, rest.ValidateAllObjectUpdateFunc, false, &metav1.UpdateOptions{})
	if err != nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
		klog.FromContext(ctx).Error(err, "storing a projection failed; the reader gets the stored status", "object", klog.KRef(m.GetNamespace(), m.GetName()))
	}
	return out, err
}
