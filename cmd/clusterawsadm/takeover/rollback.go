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
	"k8s.io/apimachinery/pkg/types"

	"github.com/capa-apiserver/capa-apiserver/apis/takeover"
)

// rollback gives everything back to CAPA, with what has changed since it was taken over.
//
// The garbage collector deletes what has owners none of which a GET finds at the reference's
// version, with its UID; and it remembers for good, by version, kind, name and UID, which owners
// it didn't find or saw deleted. So whatever a reference names is there at every moment:
//
//   - references name the server's version, which is served all the time, while CAPA's version
//     changes hands;
//   - they get CAPA's version, and the UIDs of what was made since, when CAPA has all objects;
//   - meanwhile nobody else, and so not the garbage collector either, may change or delete CAPA's
//     objects, whose own references are old until they are written;
//   - the server's objects aren't deleted: they stay, paused and without finalizers, and the next
//     takeover overwrites them.
func (t *taker) rollback(ctx context.Context) error {
	if !t.state.PausedKnown {
		t.say("Nothing was taken over here (there is no ConfigMap %s/%s): nothing to give back.", t.Namespace, name)
		return nil
	}
	if err := t.checkRollback(ctx); err != nil {
		return err
	}
	if !t.Do {
		return t.tellRollback(ctx)
	}
	return t.run(ctx,
		step{"pause the Clusters", t.pauseAgain},
		step{"keep the objects from being changed", t.freezeBoth},
		step{"let owner references name the server's version", t.ownersAside},
		step{"let CAPA's CRDs serve", t.serveAgain},
		step{"have the host serve them", t.release},
		step{"write what has changed into CAPA's objects", t.writeBack},
		step{"let owner references name CAPA's objects", t.ownersBack},
		step{"have the server leave its own alone", t.setAside},
		step{"have Cluster API look at CAPA's objects", t.relabel},
		step{"put CAPA's webhooks back", t.putWebhooksBack},
		step{"let the objects be changed again", t.thaw},
		step{"start CAPA", t.start},
		step{"unpause the Clusters", t.unpause},
		step{"done", t.forget},
	)
}

// checkRollback finds what would end a rollback half-way, or have it delete what nobody deleted.
func (t *taker) checkRollback(ctx context.Context) error {
	if err := t.sameStore(ctx); err != nil {
		return err
	}
	if !t.state.Copied || t.state.RollingBack { // what an interrupted one left, its own steps put right
		return nil
	}
	r := &report{}
	t.checkOwners(ctx, r)
	return t.tell(r)
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

// pauseAgain pauses the Clusters that aren't, new ones among them.
func (t *taker) pauseAgain(ctx context.Context) error {
	clusters, err := t.clusters(ctx)
	if err != nil {
		return err
	}
	if !t.state.RollingBack {
		var names []string
		if !t.state.Done { // some are paused by the takeover
			names = slices.Clone(t.state.Paused)
		}
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
		err = t.patchCRD(ctx, "mark", k, map[string]any{"metadata": map[string]any{"annotations": map[string]any{takeover.GivingBackAnnotation: ""}}})
		if err != nil {
			return err
		}
		// It serves last, when no other version is there.
		if err := t.changeVersions(ctx, "prepare", k, was.store); err != nil {
			return err
		}
		if err := t.forgetStored(ctx, k, was); err != nil {
			return err
		}
		if err := t.changeVersions(ctx, "serve", k, was.restore); err != nil {
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
	return t.write("correct CRD "+k.crd.Name, func() error {
		_, err := t.dynamic.Resource(crds).Patch(ctx, k.crd.Name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: fieldManager}, "status")
		return err
	})
}

// release has the host route CAPA's version to its CRDs, in one write: between a deletion and a
// creation of the APIService there would be nobody. By then every kube-apiserver is to know that
// the CRDs serve.
func (t *taker) release(ctx context.Context) error {
	if err := t.settle(ctx); err != nil {
		return err
	}
	for _, g := range groups {
		if err := t.releaseGroup(ctx, g.Name()); err != nil {
			return err
		}
	}
	return nil
}

// relabel makes CAPA's CRDs as they were: Cluster API takes the version from their labels.
func (t *taker) relabel(ctx context.Context) error {
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
		labels := map[string]any{}
		for label := range k.crd.Labels {
			labels[label] = nil
		}
		for label, value := range was.Labels {
			labels[label] = value
		}
		err = t.patchCRD(ctx, "label", k, map[string]any{"metadata": map[string]any{"labels": labels, "annotations": map[string]any{takeover.CRDAnnotation: nil, takeover.GivingBackAnnotation: nil}}})
		if err != nil {
			return err
		}
	}
	return t.settle(ctx)
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
