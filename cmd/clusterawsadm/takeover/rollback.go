package takeover

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/capa-apiserver/capa-apiserver/apis/takeover"
)

// rollback gives everything back to CAPA, with what has changed since it was taken over.
func (t *taker) rollback(ctx context.Context) error {
	if !t.state.PausedKnown {
		t.say("Nothing was taken over here (there is no ConfigMap %s/%s): nothing to give back.", t.Namespace, name)
		return nil
	}
	if !t.Do {
		return t.tellRollback(ctx)
	}
	return t.run(ctx,
		step{"pause the Clusters", t.pauseAgain},
		step{"let CAPA's CRDs serve", t.serveAgain},
		step{"have the host serve them", t.release},
		step{"let the objects be changed again", t.thaw},
		step{"write what has changed into CAPA's objects", t.writeBack},
		step{"take the copies out of the server", t.removeCopies},
		step{"put CAPA's webhooks back", t.putWebhooksBack},
		step{"start CAPA", t.start},
		step{"unpause the Clusters", t.unpause},
		step{"done", t.forget},
	)
}

func (t *taker) tellRollback(ctx context.Context) error {
	kinds, _, err := t.kinds(ctx)
	if err != nil {
		return err
	}
	for _, k := range kinds {
		objects, err := t.objects(ctx, k, ours)
		if err != nil {
			return err
		}
		if len(objects) > 0 {
			t.say("%d %s would be given back", len(objects), k.plural)
		}
	}
	t.say("\nObjects that were made since get another UID. This was a dry run and nothing was changed: --rollback --yes gives back.")
	return nil
}

// pauseAgain pauses the Clusters that aren't any more, new ones among them.
func (t *taker) pauseAgain(ctx context.Context) error {
	clusters, err := t.clusters(ctx)
	if err != nil {
		return err
	}
	names := slices.Clone(t.state.Paused)
	if !t.state.RollingBack {
		for _, c := range clusters {
			if paused, _, _ := unstructured.NestedBool(c.Object, "spec", "paused"); !paused && !slices.Contains(names, key(&c).String()) {
				names = append(names, key(&c).String())
			}
		}
		if err := t.note(ctx, "that it is given back", func(s *state) { s.RollingBack, s.Paused = true, names }); err != nil {
			return err
		}
	}
	return t.setPaused(ctx, true)
}

// serveAgain gives CAPA's CRDs what they had, and nothing besides: a version that stayed would
// bring CAPA's objects to the webhooks for it, because the versions of one CRD are equivalent.
func (t *taker) serveAgain(ctx context.Context) error {
	kinds, err := t.all(ctx)
	if err != nil {
		return err
	}
	for _, k := range kinds {
		was, marked, err := k.before()
		if err != nil {
			return err
		}
		if !marked {
			continue
		}
		err = t.patchCRD(ctx, k, map[string]any{"metadata": map[string]any{"annotations": map[string]any{takeover.GivingBackAnnotation: ""}}})
		if err != nil {
			return err
		}
		// It serves last, when no other version is there.
		if err := t.changeVersions(ctx, k, was.store); err != nil {
			return err
		}
		if err := t.forgetStored(ctx, k, was); err != nil {
			return err
		}
		if err := t.changeVersions(ctx, k, was.restore); err != nil {
			return err
		}
	}
	return nil
}

// before is what a CRD was before, if it was taken over.
func (k kind) before() (was before, marked bool, err error) {
	text, marked := k.crd.Annotations[takeover.CRDAnnotation]
	if !marked {
		return was, false, nil
	}
	if err := json.Unmarshal([]byte(text), &was); err != nil {
		return was, true, fmt.Errorf("annotation %s of CRD %s: %w", takeover.CRDAnnotation, k.crd.Name, err)
	}
	return was, true, nil
}

// store has a CRD store in the version in which its objects are.
func (b before) store(crd *apiextensionsv1.CustomResourceDefinition) {
	for i := range crd.Spec.Versions {
		crd.Spec.Versions[i].Storage = crd.Spec.Versions[i].Name == b.Storage
	}
}

// restore leaves a CRD the versions that it had, served as they were.
func (b before) restore(crd *apiextensionsv1.CustomResourceDefinition) {
	crd.Spec.Versions = slices.DeleteFunc(crd.Spec.Versions, func(v apiextensionsv1.CustomResourceDefinitionVersion) bool {
		return !slices.Contains(b.Versions, v.Name)
	})
	for i := range crd.Spec.Versions {
		v := &crd.Spec.Versions[i]
		v.Served, v.Storage = slices.Contains(b.Served, v.Name), v.Name == b.Storage
	}
}

// forgetStored says that nothing is stored in the versions that a CRD didn't have: it never served
// while it was to store in them.
func (t *taker) forgetStored(ctx context.Context, k kind, was before) error {
	kept, err := t.dynamic.Resource(crds).Get(ctx, k.crd.Name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	stored, _, err := unstructured.NestedStringSlice(kept.Object, "status", "storedVersions")
	if err != nil {
		return err
	}
	left := slices.DeleteFunc(slices.Clone(stored), func(v string) bool { return !slices.Contains(was.Versions, v) })
	if len(left) == len(stored) {
		return nil
	}
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"resourceVersion": kept.GetResourceVersion()},
		"status":   map[string]any{"storedVersions": left},
	})
	if err != nil {
		return err
	}
	return t.write("change stored versions of CRD "+k.crd.Name, func() error {
		_, err := t.dynamic.Resource(crds).Patch(ctx, k.crd.Name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: fieldManager}, "status")
		return err
	})
}

// release has the host route CAPA's version to its CRDs, in one write: between a deletion and a
// creation of the APIService there would be nobody.
func (t *taker) release(ctx context.Context) error {
	kinds, err := t.all(ctx)
	if err != nil {
		return err
	}
	for _, g := range groups {
		if err := t.releaseGroup(ctx, g.Name()); err != nil {
			return err
		}
	}
	for _, k := range kinds {
		was, marked, err := k.before()
		if err != nil {
			return err
		}
		if !marked {
			continue
		}
		labels := map[string]any{}
		for label := range k.crd.Labels {
			labels[label] = nil
		}
		for label, value := range was.Labels {
			labels[label] = value
		}
		err = t.patchCRD(ctx, k, map[string]any{"metadata": map[string]any{"labels": labels, "annotations": map[string]any{takeover.CRDAnnotation: nil, takeover.GivingBackAnnotation: nil}}})
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *taker) releaseGroup(ctx context.Context, groupName string) error {
	client := t.dynamic.Resource(services)
	service, err := client.Get(ctx, theirs+"."+groupName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, routed, _ := unstructured.NestedMap(service.Object, "spec", "service"); routed && service.GetLabels()[managedBy] != server {
		return nil // somebody else's
	} else if !routed {
		return t.waitForHost(ctx, groupName)
	}
	const local = `{"metadata": {"labels": {"app.kubernetes.io/managed-by": null, "kube-aggregator.kubernetes.io/automanaged": "true"}},
		"spec": {"service": null, "caBundle": null, "groupPriorityMinimum": 1000, "versionPriority": 100}}`
	err = t.write("have the host serve "+groupName+"/"+theirs, func() error {
		_, err := client.Patch(ctx, service.GetName(), types.MergePatchType, []byte(local), metav1.PatchOptions{FieldManager: fieldManager})
		return err
	})
	if err != nil {
		return err
	}
	return t.waitForHost(ctx, groupName)
}

// waitForHost waits until the host answers for CAPA's version of a group: its routes follow the
// APIService a little later. Only the server has objects taken over.
func (t *taker) waitForHost(ctx context.Context, groupName string) error {
	version := groupName + "/" + theirs
	return t.wait(ctx, "the host serves "+version, func(context.Context) error {
		list, err := t.discovery.ServerResourcesForGroupVersion(version)
		if err != nil {
			return ignoreNotFound(err)
		}
		for _, r := range list.APIResources {
			if strings.HasSuffix(r.Name, "/"+takeover.Subresource) {
				return errors.New("the server still answers for it")
			}
		}
		return nil
	})
}

// writeBack makes CAPA's objects as the server's are.
func (t *taker) writeBack(ctx context.Context) error {
	if !t.state.Copied || t.state.WrittenBack {
		return nil
	}
	kinds, _, err := t.kinds(ctx)
	if err != nil {
		return err
	}
	uids := map[types.UID]types.UID{}
	for _, k := range kinds {
		if err := t.writeBackKind(ctx, k, uids); err != nil {
			return err
		}
	}
	// What the server's copies own is looked up at the version that stays.
	err = t.rewriteOwners(ctx, uids, func(schema.GroupVersionKind) string { return theirs })
	if err != nil {
		return err
	}
	return t.note(ctx, "that all is written back", func(s *state) { s.WrittenBack = true })
}

func (t *taker) writeBackKind(ctx context.Context, k kind, uids map[types.UID]types.UID) error {
	var were []unstructured.Unstructured
	err := t.wait(ctx, "the host serves "+k.plural, func(ctx context.Context) (err error) {
		were, err = t.objects(ctx, k, theirs)
		return err
	})
	if err != nil {
		return err
	}
	now, err := t.objects(ctx, k, ours)
	if err != nil {
		return err
	}
	for i := range now {
		is, err := t.codec.convert(&now[i], theirs)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(were, func(o unstructured.Unstructured) bool { return key(&o) == key(is) })
		var kept *unstructured.Unstructured
		if at >= 0 {
			kept = &were[at]
		}
		if kept, err = t.writeBackOne(ctx, k, is, kept); err != nil {
			return err
		}
		if kept.GetUID() != is.GetUID() {
			uids[is.GetUID()] = kept.GetUID()
		}
	}
	for i := range were {
		if slices.ContainsFunc(now, func(o unstructured.Unstructured) bool { return key(&o) == key(&were[i]) }) {
			continue
		}
		if err := t.removeTheirs(ctx, k, &were[i]); err != nil {
			return err
		}
	}
	return nil
}

// writeBackOne writes metadata, spec and status of an object, where they differ.
func (t *taker) writeBackOne(ctx context.Context, k kind, is, was *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	client := t.in(k, theirs, is.GetNamespace())
	status, hasStatus := is.Object["status"]
	is = is.DeepCopy()
	is.SetManagedFields(nil)
	unstructured.RemoveNestedField(is.Object, "status", "v2beta1", "observation")
	if was == nil {
		fresh := is.DeepCopy()
		fresh.SetUID("")
		fresh.SetResourceVersion("")
		if err := t.write("create CAPA's "+called(is), func() (err error) {
			was, err = client.Create(ctx, fresh, metav1.CreateOptions{FieldManager: fieldManager})
			return err
		}); err != nil {
			return nil, err
		}
	}
	next := was.DeepCopy()
	next.SetLabels(is.GetLabels())
	next.SetAnnotations(is.GetAnnotations())
	next.SetFinalizers(is.GetFinalizers())
	next.SetOwnerReferences(is.GetOwnerReferences())
	next.Object["spec"] = is.Object["spec"]
	err := t.write("write CAPA's "+called(is), func() (err error) {
		next, err = client.Update(ctx, next, metav1.UpdateOptions{FieldManager: fieldManager})
		return err
	})
	if err != nil || !hasStatus {
		return was, err
	}
	next.Object["status"] = status
	err = t.write("write the status of CAPA's "+called(is), func() error {
		_, err := client.UpdateStatus(ctx, next, metav1.UpdateOptions{FieldManager: fieldManager})
		return ignoreNotFound(err) // a kind without status
	})
	if err != nil || is.GetDeletionTimestamp() == nil || was.GetDeletionTimestamp() != nil {
		return was, err
	}
	return was, t.write("delete CAPA's "+called(is)+", which is being deleted", func() error {
		return ignoreNotFound(client.Delete(ctx, is.GetName(), metav1.DeleteOptions{}))
	})
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

// removeCopies ends the server's objects, of which CAPA has all.
func (t *taker) removeCopies(ctx context.Context) error {
	kinds, _, err := t.kinds(ctx)
	if err != nil {
		return err
	}
	// Identities go last: the server refuses that while clusters use them.
	slices.SortStableFunc(kinds, func(a, b kind) int { return scope(a) - scope(b) })
	for _, k := range kinds {
		there, err := t.objects(ctx, k, theirs)
		if err != nil {
			return err
		}
		here, err := t.objects(ctx, k, ours)
		if err != nil {
			return err
		}
		for i := range here {
			if !slices.ContainsFunc(there, func(o unstructured.Unstructured) bool { return key(&o) == key(&here[i]) }) {
				continue // the server's alone
			}
			err := t.wait(ctx, "the server lets its "+called(&here[i])+" go", func(ctx context.Context) error {
				err := t.remove(ctx, k, &here[i])
				if apierrors.IsForbidden(err) || err == nil {
					return err
				}
				return stop{err}
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func scope(k kind) int {
	if k.namespaced {
		return 0
	}
	return 1
}
