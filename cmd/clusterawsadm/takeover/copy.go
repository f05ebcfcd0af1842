package takeover

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/util/retry"

	"github.com/capa-apiserver/capa-apiserver/apis/takeover"
)

// defaultIdentity is the kind of which both CAPA and the server make an object by themselves.
const defaultIdentity = "AWSClusterControllerIdentity"

// copies are the objects that were copied, by UID, with no more than what tells them and their state apart.
type copies map[types.UID]*unstructured.Unstructured

// copy stores all objects in the server, and once that is done the copies count.
func (t *taker) copy(ctx context.Context) error {
	if t.state.Copied {
		return nil
	}
	kinds, _, err := t.kinds(ctx)
	if err != nil {
		return err
	}
	if err := t.pauseLate(ctx); err != nil {
		return err
	}
	store, err := t.store(ctx)
	if err != nil {
		return err
	}
	if err := t.makeRoom(ctx, kinds); err != nil {
		return err
	}
	done := copies{}
	if _, err := t.copyChanged(ctx, kinds, done); err != nil {
		return err
	}
	if err := t.freezeForAll(ctx, kinds); err != nil {
		return err
	}
	if err := t.copyUntilSame(ctx, kinds, done); err != nil {
		return err
	}
	t.say("    %d objects", len(done))
	return t.note(ctx, "that all is copied", func(s *state) { s.Copied, s.Store, s.Copies = true, store, done.some() })
}

// copyUntilSame copies what has changed since it was copied: another kube-apiserver than the one that was asked may have
// learnt of the policy later, and who takes over may have corrected something.
func (t *taker) copyUntilSame(ctx context.Context, kinds []kind, done copies) error {
	if err := t.settle(ctx); err != nil {
		return err
	}
	var changed []string
	for range passes {
		var err error
		if changed, err = t.copyChanged(ctx, kinds, done); err != nil || len(changed) == 0 {
			return err
		}
	}
	return fmt.Errorf("objects of CAPA's are changed all the time, although ValidatingAdmissionPolicy %s refuses that: look whether all kube-apiservers know it and who writes %s, end that, and run the command again", name, first(changed))
}

// copyChanged copies what isn't copied as it is now, and tells which objects these were.
func (t *taker) copyChanged(ctx context.Context, kinds []kind, done copies) (changed []string, err error) {
	for _, k := range kinds {
		objects, err := t.objects(ctx, k, theirs)
		if err != nil {
			return nil, err
		}
		vanished, err := t.removeVanished(ctx, k, objects, done)
		if err != nil {
			return nil, err
		}
		changed = append(changed, vanished...)
		for i := range objects {
			o := &objects[i]
			if was := done[o.GetUID()]; was != nil && was.GetResourceVersion() == o.GetResourceVersion() {
				continue
			}
			if err := t.copyOne(ctx, k, o); err != nil {
				return nil, err
			}
			done[o.GetUID()] = outline(o)
			changed = append(changed, called(o))
		}
	}
	return changed, nil
}

// removeVanished ends the copies of what CAPA doesn't have any more.
func (t *taker) removeVanished(ctx context.Context, k kind, there []unstructured.Unstructured, done copies) (removed []string, err error) {
	uids := sets.New[types.UID]()
	for i := range there {
		uids.Insert(there[i].GetUID())
	}
	for uid, o := range done {
		if of := (schema.GroupKind{Group: k.group, Kind: k.name}); o.GroupVersionKind().GroupKind() != of || uids.Has(uid) {
			continue
		}
		if k.name != defaultIdentity { // the server's own stays
			if err := t.remove(ctx, k, o); err != nil {
				return nil, err
			}
		}
		delete(done, uid)
		removed = append(removed, called(o))
	}
	return removed, nil
}

func outline(o *unstructured.Unstructured) *unstructured.Unstructured {
	out := &unstructured.Unstructured{}
	out.SetGroupVersionKind(o.GroupVersionKind())
	out.SetNamespace(o.GetNamespace())
	out.SetName(o.GetName())
	out.SetUID(o.GetUID())
	out.SetResourceVersion(o.GetResourceVersion())
	return out
}

func (t *taker) copyOne(ctx context.Context, k kind, o *unstructured.Unstructured) error {
	copied, err := t.codec.forStore(o)
	if err != nil {
		return err
	}
	if k.name == defaultIdentity {
		own, err := t.in(k, ours, "").Get(ctx, o.GetName(), metav1.GetOptions{})
		if ignoreNotFound(err) != nil {
			return err
		}
		if err == nil && own.GetUID() != o.GetUID() {
			return t.copyInto(ctx, k, copied)
		}
	}
	return t.write("copy "+called(o), func() error {
		_, err := t.in(k, ours, o.GetNamespace()).Create(ctx, copied, metav1.CreateOptions{}, takeover.Subresource)
		return err
	})
}

// copyInto has the server's own default identity say what CAPA's says. It isn't replaced, because clusters of the
// server's may use it, which keeps it from being deleted; and its UID proves nothing in AWS.
func (t *taker) copyInto(ctx context.Context, k kind, copied *unstructured.Unstructured) error {
	annotations := copied.GetAnnotations()
	delete(annotations, takeover.ManagedFieldsAnnotation)
	client := t.in(k, ours, "")
	return t.write("copy "+called(copied), func() error {
		return retry.RetryOnConflict(retry.DefaultBackoff, func() error {
			own, err := client.Get(ctx, copied.GetName(), metav1.GetOptions{})
			if err != nil {
				return err
			}
			own.SetLabels(copied.GetLabels())
			own.SetAnnotations(annotations)
			own.Object["spec"] = copied.Object["spec"]
			_, err = client.Update(ctx, own, metav1.UpdateOptions{FieldManager: fieldManager})
			return err
		})
	})
}

// remove ends an object of the server's without a word to AWS: its Cluster is paused, and nobody
// waits for its finalizers.
func (t *taker) remove(ctx context.Context, k kind, o *unstructured.Unstructured) error {
	client := t.in(k, ours, o.GetNamespace())
	return t.write("remove the server's "+called(o), func() error {
		_, err := client.Patch(ctx, o.GetName(), types.MergePatchType, []byte(`{"metadata": {"finalizers": null}}`), metav1.PatchOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return err
		}
		uid, background := o.GetUID(), metav1.DeletePropagationBackground
		return ignoreNotFound(client.Delete(ctx, o.GetName(), metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}, PropagationPolicy: &background}))
	})
}

// makeRoom ends what was given back once and isn't CAPA's any more. Identities go last: what uses one keeps it.
func (t *taker) makeRoom(ctx context.Context, kinds []kind) error {
	isIdentity := func(k kind) bool { return strings.HasSuffix(k.name, "Identity") }
	identities := slices.DeleteFunc(slices.Clone(kinds), func(k kind) bool { return !isIdentity(k) })
	for _, k := range append(slices.DeleteFunc(slices.Clone(kinds), isIdentity), identities...) {
		if k.name == defaultIdentity {
			continue // it gets what CAPA's says
		}
		if err := t.removeAside(ctx, k); err != nil {
			return err
		}
	}
	return nil
}

// removeAside ends objects that were given back once and that CAPA doesn't have any more. They
// own nothing: what they did names CAPA's objects, which are gone or others.
func (t *taker) removeAside(ctx context.Context, k kind) error {
	here, err := t.objects(ctx, k, ours)
	if err != nil {
		return err
	}
	here = slices.DeleteFunc(here, func(o unstructured.Unstructured) bool { return !makesRoom(&o) })
	if len(here) == 0 {
		return nil
	}
	there, err := t.objects(ctx, k, theirs)
	if err != nil {
		return err
	}
	for i := range here {
		if slices.ContainsFunc(there, func(o unstructured.Unstructured) bool { return o.GetUID() == here[i].GetUID() }) {
			continue
		}
		if err := t.remove(ctx, k, &here[i]); err != nil {
			return err
		}
	}
	return nil
}

// some are the UIDs of as many copies as a ConfigMap easily keeps. The default identity is every store's.
func (c copies) some() []types.UID {
	var all []types.UID
	for _, uid := range slices.Sorted(maps.Keys(c)) {
		if c[uid].GetKind() != defaultIdentity {
			all = append(all, uid)
		}
	}
	return all[:min(len(all), 1000)]
}
