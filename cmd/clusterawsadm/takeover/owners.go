package takeover

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
)

// ownersForward has references to objects of CAPA's name the version that is served: the garbage
// collector looks owners up there.
func (t *taker) ownersForward(ctx context.Context) error {
	served := map[string]bool{}
	for _, g := range groups {
		claimable, err := t.claimable(ctx, g.Name())
		if err != nil {
			return err
		}
		served[g.Name()] = claimable
	}
	return t.rewriteOwners(ctx, func(of schema.GroupVersionKind) string {
		if of.Version == ours || of.Version == theirs && served[of.Group] {
			return of.Version
		}
		return ours
	})
}

// rewriteOwners has all references to the kinds name the version that is said.
func (t *taker) rewriteOwners(ctx context.Context, version func(schema.GroupVersionKind) string) error {
	lists, err := discovery.ServerPreferredResources(t.discovery)
	if err != nil && !discovery.IsGroupDiscoveryFailedError(err) {
		return err
	}
	for _, list := range lists {
		gv, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			return err
		}
		for _, r := range list.APIResources {
			if strings.Contains(r.Name, "/") || !slices.Contains(r.Verbs, "list") || !slices.Contains(r.Verbs, "patch") {
				continue
			}
			if err := t.rewriteOwnersOf(ctx, gv.WithResource(r.Name), version); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *taker) rewriteOwnersOf(ctx context.Context, resource schema.GroupVersionResource, version func(schema.GroupVersionKind) string) error {
	list, err := t.metadata.Resource(resource).List(ctx, metav1.ListOptions{ResourceVersion: "0"})
	if apierrors.IsNotFound(err) || apierrors.IsMethodNotSupported(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for i := range list.Items {
		item := &list.Items[i]
		owners, changed := slices.Clone(item.OwnerReferences), false
		for j := range owners {
			of := schema.FromAPIVersionAndKind(owners[j].APIVersion, owners[j].Kind)
			if !known(of.Group, of.Kind) {
				continue
			}
			to := schema.GroupVersion{Group: of.Group, Version: version(of)}.String()
			if owners[j].APIVersion != to {
				owners[j].APIVersion, changed = to, true
			}
		}
		if !changed {
			continue
		}
		patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"resourceVersion": item.ResourceVersion, "ownerReferences": owners}})
		if err != nil {
			return err
		}
		err = t.write("change owners of "+resource.Resource+" "+item.Namespace+"/"+item.Name, func() error {
			_, err := t.metadata.Resource(resource).Namespace(item.Namespace).Patch(ctx, item.Name, types.MergePatchType, patch, metav1.PatchOptions{})
			if apierrors.IsConflict(err) {
				return errors.New("it was changed at the same time: try again")
			}
			return ignoreNotFound(err)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
