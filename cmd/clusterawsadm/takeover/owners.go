package takeover

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
)

// passes bound how often all objects are looked at until no owner reference is to be changed.
const passes = 10

// ownersForward has references to objects of CAPA's name a version that stays served: the garbage
// collector looks owners up there. Those that are at the server's own version stay.
func (t *taker) ownersForward(ctx context.Context) error {
	claimed := map[string]bool{}
	for _, g := range groups {
		var err error
		if claimed[g.Name()], err = t.claimable(ctx, g.Name()); err != nil {
			return err
		}
	}
	return t.rewriteOwners(ctx, ours, func(of schema.GroupVersionKind, owner *metav1.OwnerReference) {
		if of.Version != theirs || !claimed[of.Group] {
			owner.APIVersion = of.Group + "/" + ours
		}
	})
}

// ownersAside has all references name the server's version, which changes hands in no rollback. Once
// CAPA has all objects some name those, with UIDs that the server's version doesn't know.
func (t *taker) ownersAside(ctx context.Context) error {
	if !t.state.Copied || t.state.AllThere {
		return nil
	}
	return t.rewriteOwners(ctx, ours, func(of schema.GroupVersionKind, owner *metav1.OwnerReference) {
		owner.APIVersion = of.Group + "/" + ours
	})
}

// ownersBack has all references name CAPA's version and what CAPA's objects are there: those that
// were made since have other UIDs.
func (t *taker) ownersBack(ctx context.Context) error {
	if !t.state.Copied || t.state.WrittenBack {
		return nil
	}
	kinds, _, err := t.kinds(ctx)
	if err != nil {
		return err
	}
	uids := map[types.UID]types.UID{}
	for _, k := range kinds {
		pairs, _, err := t.pairs(ctx, k)
		if err != nil {
			return err
		}
		for _, p := range pairs {
			if p.theirs == nil && k.name == defaultIdentity {
				continue // CAPA has none
			}
			if p.theirs == nil {
				return fmt.Errorf("CAPA doesn't have %s: run the command again", called(p.ours))
			}
			uids[p.ours.GetUID()] = p.theirs.GetUID()
		}
	}
	err = t.rewriteOwners(ctx, theirs, func(of schema.GroupVersionKind, owner *metav1.OwnerReference) {
		owner.APIVersion = of.Group + "/" + theirs
		if uid, found := uids[owner.UID]; found {
			owner.UID = uid
		}
	})
	if err != nil {
		return err
	}
	return t.note(ctx, "that all is written back", func(s *state) { s.WrittenBack = true })
}

// rewriteOwners changes all references to the kinds, until there is none to change. The kinds'
// own objects are changed at the version that is said.
func (t *taker) rewriteOwners(ctx context.Context, at string, change func(schema.GroupVersionKind, *metav1.OwnerReference)) error {
	resources, err := t.resources(at)
	if err != nil {
		return err
	}
	var changed []string
	for range passes {
		changed = nil
		for _, resource := range resources {
			of, err := t.rewriteOwnersOf(ctx, resource, change)
			if err != nil {
				return err
			}
			changed = append(changed, of...)
		}
		if len(changed) == 0 {
			return nil
		}
	}
	return fmt.Errorf("owner references are changed back all the time by somebody else: stop who does it, or delete %s", first(changed))
}

// resources are all that objects are kept in.
func (t *taker) resources(at string) ([]schema.GroupVersionResource, error) {
	lists, err := discovery.ServerPreferredResources(t.discovery)
	if err != nil {
		return nil, fmt.Errorf("what the host serves isn't known in full, so owner references may be overlooked: %w", err)
	}
	var all []schema.GroupVersionResource
	for _, list := range lists {
		gv, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			return nil, err
		}
		for _, r := range list.APIResources {
			if strings.Contains(r.Name, "/") || !slices.Contains(r.Verbs, "list") || !slices.Contains(r.Verbs, "patch") {
				continue
			}
			resource := gv.WithResource(r.Name)
			if known(gv.Group, r.Kind) {
				resource.Version = at
			}
			all = append(all, resource)
		}
	}
	return all, nil
}

// rewriteOwnersOf tells which objects it changed.
func (t *taker) rewriteOwnersOf(ctx context.Context, resource schema.GroupVersionResource, change func(schema.GroupVersionKind, *metav1.OwnerReference)) (all []string, err error) {
	err = t.each(ctx, resource, func(item *metav1.PartialObjectMetadata) error {
		changed, err := t.rewriteOwnersOfOne(ctx, resource, item, change)
		if changed {
			all = append(all, resource.Resource+" "+item.Namespace+"/"+item.Name)
		}
		return err
	})
	return all, err
}

// each goes through the objects of a resource. One that isn't there any more has none.
func (t *taker) each(ctx context.Context, resource schema.GroupVersionResource, do func(*metav1.PartialObjectMetadata) error) error {
	options := metav1.ListOptions{Limit: 500}
	for {
		list, err := t.metadata.Resource(resource).List(ctx, options)
		if apierrors.IsNotFound(err) || apierrors.IsMethodNotSupported(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading %s: %w", resource.GroupResource(), err)
		}
		for i := range list.Items {
			if err := do(&list.Items[i]); err != nil {
				return err
			}
		}
		if options.Continue = list.Continue; options.Continue == "" {
			return nil
		}
	}
}

func (t *taker) rewriteOwnersOfOne(ctx context.Context, resource schema.GroupVersionResource, item *metav1.PartialObjectMetadata, change func(schema.GroupVersionKind, *metav1.OwnerReference)) (bool, error) {
	owners := slices.Clone(item.OwnerReferences)
	for i := range owners {
		if of := schema.FromAPIVersionAndKind(owners[i].APIVersion, owners[i].Kind); known(of.Group, of.Kind) {
			change(of, &owners[i])
		}
	}
	if equality.Semantic.DeepEqual(owners, item.OwnerReferences) {
		return false, nil
	}
	const field = "/metadata/ownerReferences"
	patch, err := json.Marshal([]map[string]any{ // whatever else of the object somebody changes all the time
		{"op": "test", "path": field, "value": item.OwnerReferences},
		{"op": "replace", "path": field, "value": owners},
	})
	if err != nil {
		return false, err
	}
	return true, t.write("change owners of "+resource.Resource+" "+item.Namespace+"/"+item.Name, func() error {
		_, err := t.metadata.Resource(resource).Namespace(item.Namespace).Patch(ctx, item.Name, types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: fieldManager})
		if apierrors.IsConflict(err) || apierrors.IsNotFound(err) || apierrors.IsInvalid(err) && t.hasOtherOwners(ctx, resource, item) {
			return nil // the next pass sees it as it is
		}
		return err
	})
}

// hasOtherOwners tells whether somebody has changed an object's owners since it was read.
func (t *taker) hasOtherOwners(ctx context.Context, resource schema.GroupVersionResource, was *metav1.PartialObjectMetadata) bool {
	is, err := t.metadata.Resource(resource).Namespace(was.Namespace).Get(ctx, was.Name, metav1.GetOptions{})
	return err == nil && !equality.Semantic.DeepEqual(is.OwnerReferences, was.OwnerReferences) || apierrors.IsNotFound(err)
}
