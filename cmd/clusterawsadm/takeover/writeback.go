package takeover

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/jsonmergepatch"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	"github.com/capa-apiserver/capa-apiserver/apis/takeover"
)

// pair is an object as the server has it, and as CAPA has it if it does.
type pair struct{ ours, theirs *unstructured.Unstructured }

// pairs are the server's objects of a kind, and those that only CAPA has.
func (t *taker) pairs(ctx context.Context, k kind) (pairs []pair, alone []unstructured.Unstructured, err error) {
	there, err := t.objects(ctx, k, theirs)
	if err != nil {
		return nil, nil, err
	}
	here, err := t.objects(ctx, k, ours)
	if err != nil {
		return nil, nil, err
	}
	for i := range here {
		p := pair{ours: &here[i]}
		if at := slices.IndexFunc(there, func(o unstructured.Unstructured) bool { return key(&o) == key(&here[i]) }); at >= 0 {
			p.theirs = there[at].DeepCopy()
			there = slices.Delete(there, at, at+1)
		}
		pairs = append(pairs, p)
	}
	return pairs, there, nil
}

// writeBack makes CAPA's objects as the server's are.
func (t *taker) writeBack(ctx context.Context) error {
	if !t.state.Copied || t.state.AllThere {
		return nil
	}
	kinds, _, err := t.kinds(ctx)
	if err != nil {
		return err
	}
	var all []pair
	var gone []unstructured.Unstructured
	of := map[*unstructured.Unstructured]kind{}
	for _, k := range kinds {
		var pairs []pair
		var alone []unstructured.Unstructured
		err := t.wait(ctx, "the host serves "+k.plural, func(ctx context.Context) (err error) {
			pairs, alone, err = t.pairs(ctx, k)
			return err
		})
		if err != nil {
			return err
		}
		for _, p := range pairs {
			of[p.ours] = k
		}
		all, gone = append(all, pairs...), append(gone, alone...)
	}
	if err := t.provesDeletions(all, gone); err != nil {
		return err
	}
	if err := t.refused(ctx, kinds, theirs, frozenAgain); err != nil {
		return err
	}
	for _, p := range all {
		if p.theirs == nil && of[p.ours].name == defaultIdentity {
			t.say("note: CAPA has no %s, and isn't given the server's, which would let namespaces use CAPA's own credentials", called(p.ours))
			continue
		}
		if err := t.writeBackOne(ctx, of[p.ours], p); err != nil {
			return err
		}
	}
	for i := range gone {
		at := slices.IndexFunc(kinds, func(k kind) bool { return k.name == gone[i].GetKind() && k.group == gone[i].GroupVersionKind().Group })
		if err := t.removeTheirs(ctx, kinds[at], &gone[i]); err != nil {
			return err
		}
	}
	return t.note(ctx, "that CAPA has all objects", func(s *state) { s.AllThere = true })
}

// writeBackOne writes what has changed of an object, and nothing if nothing has.
func (t *taker) writeBackOne(ctx context.Context, k kind, p pair) error {
	client, was := t.in(k, theirs, p.ours.GetNamespace()), p.theirs
	is, err := t.codec.asTheirs(p.ours)
	if err != nil {
		return err
	}
	if was != nil && endsBefore(was, p.ours) {
		if err := t.removeTheirs(ctx, k, was); err != nil {
			return err
		}
		was = nil
	}
	if was == nil {
		fresh := is.DeepCopy()
		unstructured.RemoveNestedField(fresh.Object, "status")
		if err := t.write("create CAPA's "+called(is), func() (err error) {
			was, err = client.Create(ctx, fresh, metav1.CreateOptions{FieldManager: fieldManager})
			return err
		}); err != nil {
			return err
		}
	}
	change, err := t.codec.since(was, is)
	if err != nil {
		return err
	}
	status, changed := change["status"]
	delete(change, "status")
	if len(change) > 0 {
		if err := t.patchTheirs(ctx, "write CAPA's "+called(is), k, is, change); err != nil {
			return err
		}
	}
	if changed {
		err := t.patchTheirs(ctx, "write the status of CAPA's "+called(is), k, is, map[string]any{"status": status}, "status")
		if ignoreNotFound(err) != nil { // a kind without status
			return err
		}
	}
	if p.ours.GetDeletionTimestamp() == nil || was.GetDeletionTimestamp() != nil {
		return nil
	}
	return t.write("delete CAPA's "+called(is)+", which is being deleted", func() error {
		return ignoreNotFound(client.Delete(ctx, is.GetName(), metav1.DeleteOptions{}))
	})
}

// endsBefore tells whether CAPA's object was being deleted and another one of its name was made since: that one is not to
// be written into what is about to go.
func endsBefore(theirs, ours *unstructured.Unstructured) bool {
	return theirs.GetUID() != ours.GetUID() && theirs.GetDeletionTimestamp() != nil && ours.GetDeletionTimestamp() == nil
}

func (t *taker) patchTheirs(ctx context.Context, what string, k kind, o *unstructured.Unstructured, change map[string]any, subresources ...string) error {
	patch, err := json.Marshal(change)
	if err != nil {
		return err
	}
	return t.write(what, func() error {
		_, err := t.in(k, theirs, o.GetNamespace()).Patch(ctx, o.GetName(), types.MergePatchType, patch, metav1.PatchOptions{FieldManager: fieldManager}, subresources...)
		return err
	})
}

// asTheirs is what CAPA is to have of an object of the server's.
func (c codec) asTheirs(o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	is, err := c.convert(o, theirs)
	if err != nil {
		return nil, err
	}
	metadata, _, _ := unstructured.NestedMap(is.Object, "metadata")
	kept := map[string]any{}
	for _, field := range []string{"name", "namespace", "labels", "annotations", "finalizers", "ownerReferences"} {
		if value, found := metadata[field]; found {
			kept[field] = value
		}
	}
	is.Object["metadata"] = kept
	unstructured.RemoveNestedField(is.Object, "status", "v2beta1")
	return is, nil
}

// since is what has changed since an object of CAPA's was copied, as a merge patch: what the server
// doesn't know stays as it was, and what it says of itself of an unchanged object isn't a change.
func (c codec) since(was, is *unstructured.Unstructured) (map[string]any, error) {
	copied, err := c.convert(was, ours)
	if err != nil {
		return nil, err
	}
	if copied, err = c.asTheirs(copied); err != nil {
		return nil, err
	}
	before, err := copied.MarshalJSON()
	if err != nil {
		return nil, err
	}
	after, err := is.MarshalJSON()
	if err != nil {
		return nil, err
	}
	patch, err := jsonmergepatch.CreateThreeWayJSONMergePatch(before, after, before)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", called(is), err)
	}
	change := map[string]any{}
	return change, json.Unmarshal(patch, &change)
}

// removeTheirs ends an object of CAPA's that was deleted since, and is gone from AWS.
func (t *taker) removeTheirs(ctx context.Context, k kind, o *unstructured.Unstructured) error {
	client := t.in(k, theirs, o.GetNamespace())
	return t.write("remove CAPA's "+called(o)+", which was deleted since", func() error {
		_, err := client.Patch(ctx, o.GetName(), types.MergePatchType, []byte(`{"metadata": {"finalizers": null}}`), metav1.PatchOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return errors.Join(err, ignoreNotFound(client.Delete(ctx, o.GetName(), metav1.DeleteOptions{})))
	})
}

// setAside has the server do nothing for its objects any more. One that is being deleted keeps its
// finalizers, without which it would be gone.
func (t *taker) setAside(ctx context.Context) error {
	kinds, _, err := t.kinds(ctx)
	if err != nil {
		return err
	}
	for _, k := range kinds {
		pairs, _, err := t.pairs(ctx, k)
		if err != nil {
			return err
		}
		for _, p := range pairs {
			copied := p.theirs != nil && p.theirs.GetUID() == p.ours.GetUID()
			if aside(p.ours) || !t.state.Copied && !copied {
				continue
			}
			metadata := map[string]any{"annotations": map[string]any{takeover.GivenBackAnnotation: "", clusterv1.PausedAnnotation: ""}}
			if p.ours.GetDeletionTimestamp() == nil {
				metadata["finalizers"] = nil
			}
			patch, err := json.Marshal(map[string]any{"metadata": metadata})
			if err != nil {
				return err
			}
			err = t.write("set the server's "+called(p.ours)+" aside", func() error {
				_, err := t.in(k, ours, p.ours.GetNamespace()).Patch(ctx, p.ours.GetName(), types.MergePatchType, patch, metav1.PatchOptions{FieldManager: fieldManager})
				return ignoreNotFound(err)
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// aside tells whether the server does nothing for an object, because it was given back. Anybody may
// write the annotations: what the server acts for has a finalizer, or isn't paused.
func aside(o *unstructured.Unstructured) bool { return givenBack(o) && len(o.GetFinalizers()) == 0 }

func givenBack(o *unstructured.Unstructured) bool {
	_, found := o.GetAnnotations()[takeover.GivenBackAnnotation]
	_, paused := o.GetAnnotations()[clusterv1.PausedAnnotation]
	return found && paused
}

// makesRoom tells whether an object may be ended for one of CAPA's. What was being deleted when it was given back has
// kept its finalizers, and CAPA has gone on with the deletion.
func makesRoom(o *unstructured.Unstructured) bool {
	return aside(o) || givenBack(o) && o.GetDeletionTimestamp() != nil
}
