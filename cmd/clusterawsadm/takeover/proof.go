package takeover

import (
	"context"
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/sets"
)

// What isn't in the server's store counts as deleted since. So there has to be proof that the store is the one that
// CAPA's objects were copied into: a new one, or one of before the takeover, hasn't them either.

const (
	// storePrefix begins the holders of the server's Lease that are stores.
	storePrefix = "store-"
	// externalStore is one that no Lease names.
	externalStore = "an etcd outside of the server"
)

var errNoCopies = errors.New("the server has none of the objects that it took over, and what it hasn't would be deleted: nothing is given back before its store is restored. " +
	`Restore a snapshot that was saved after the takeover (docs/operations.md, "Backup and restore"), or say --another-store if all of them were deleted since`)

// store is which store the server has, as the Lease of its name says. An etcd outside of it is in no Lease, whoever
// holds it.
func (t *taker) store(ctx context.Context) (string, error) {
	lease, err := t.kube.CoordinationV1().Leases(t.Namespace).Get(ctx, server, metav1.GetOptions{})
	if ignoreNotFound(err) != nil {
		return "", fmt.Errorf("reading Lease %s/%s, which names the server's store: %w", t.Namespace, server, err)
	}
	if apierrors.IsNotFound(err) || lease.Spec.HolderIdentity == nil || !strings.HasPrefix(*lease.Spec.HolderIdentity, storePrefix) {
		return externalStore, nil
	}
	return *lease.Spec.HolderIdentity, nil
}

// sameStore refuses to go on with another store than the one that was copied into.
func (t *taker) sameStore(ctx context.Context) error {
	if !t.state.Copied || t.state.WrittenBack || t.AnotherStore {
		return nil
	}
	if t.state.Store != "" {
		is, err := t.store(ctx)
		if err != nil {
			return err
		}
		if is != t.state.Store {
			return fmt.Errorf("the server's store is %s (see Lease %s/%s), and CAPA's objects were copied into %s: what the store of now hasn't would be deleted, so nothing was changed. "+
				`Have the server serve that one again, or restore a snapshot that was saved after the takeover (docs/operations.md, "Backup and restore"). If this one was made of such a snapshot, or moved, say --another-store`,
				is, t.Namespace, server, t.state.Store)
		}
	}
	return t.hasCopies(ctx)
}

// hasCopies tells whether the server has any of the objects that it is known to have had.
func (t *taker) hasCopies(ctx context.Context) error {
	if len(t.state.Copies) == 0 {
		return nil
	}
	kinds, _, err := t.kinds(ctx)
	if err != nil {
		return err
	}
	copied := sets.New(t.state.Copies...)
	for _, k := range kinds {
		objects, err := t.objects(ctx, k, ours)
		if err != nil {
			return err
		}
		for i := range objects {
			// What an earlier rollback gave back is in stores of before the takeover too.
			if copied.Has(objects[i].GetUID()) && !givenBack(&objects[i]) {
				return nil
			}
		}
	}
	return errNoCopies
}

// provesDeletions tells whether what only CAPA has may count as deleted since: if the server has none of its objects, it
// has lost them. States of earlier versions name no store and no copies. The default identity is every store's.
func (t *taker) provesDeletions(all []pair, gone []unstructured.Unstructured) error {
	if t.AnotherStore || t.state.Store != "" && len(t.state.Copies) == 0 {
		return nil
	}
	had := false
	for _, p := range all {
		if p.theirs == nil || p.theirs.GetKind() == defaultIdentity {
			continue
		}
		if p.theirs.GetUID() == p.ours.GetUID() && !givenBack(p.ours) {
			return nil
		}
		had = true
	}
	for i := range gone {
		had = had || gone[i].GetKind() != defaultIdentity
	}
	if had {
		return errNoCopies
	}
	return nil
}
