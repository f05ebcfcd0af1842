package apiserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/metadata"
	"k8s.io/klog/v2"
)

const (
	// clusterctlLabel is on all that clusterctl installs.
	clusterctlLabel = "clusterctl.cluster.x-k8s.io"
	// installed names the server's own objects, and inventory what clusterctl notes of them.
	installed = "capa-apiserver"
	inventory = "infrastructure-aws"
	// keepPeriod is how soon after an upgrade another one may follow.
	keepPeriod = 15 * time.Second
)

// providers is clusterctl's inventory.
var providers = schema.GroupVersionResource{Group: "clusterctl.cluster.x-k8s.io", Version: "v1alpha3", Resource: "providers"}

// keptResources are what the host reaches the server by.
var keptResources = []schema.GroupVersionResource{
	{Version: "v1", Resource: "serviceaccounts"}, {Version: "v1", Resource: "services"}, {Group: "apps", Version: "v1", Resource: "statefulsets"},
}

// kept has an upgrade by clusterctl be a rolling update. By itself, clusterctl deletes all that carries its label before it installs
// another version, and until that serves, reads fail. What the host reaches the server by loses the label, so clusterctl changes it in
// place; and it belongs to the entry of clusterctl's inventory, which only "clusterctl delete" takes away, and goes with it.
type kept struct {
	client    metadata.Interface
	namespace string
}

// run looks time and again: each installation by clusterctl puts the label on.
func (k kept) run(ctx context.Context) error {
	var told string
	var warned bool
	wait.UntilWithContext(ctx, func(ctx context.Context) {
		found, err := k.keep(ctx)
		if found && !warned {
			unwarned := k.warn(ctx)
			warned, err = unwarned == nil, errors.Join(err, unwarned)
		}
		if err != nil && ctx.Err() == nil && err.Error() != told {
			told = err.Error()
			klog.FromContext(ctx).Error(err, "Getting on with clusterctl failed: an upgrade would delete the server before it installs another, or a deletion says nothing of what stays")
		}
	}, keepPeriod)
	return nil
}

// keep tells whether there is an entry.
func (k kept) keep(ctx context.Context) (found bool, err error) {
	entry, err := k.client.Resource(providers).Namespace(k.namespace).Get(ctx, inventory, metav1.GetOptions{})
	if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
		return false, nil // others than clusterctl installed the server
	}
	if err != nil {
		return false, fmt.Errorf("the Provider %s can't be read: %w", inventory, err)
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"labels":          map[string]any{clusterctlLabel: nil},
		"ownerReferences": []metav1.OwnerReference{{APIVersion: providers.GroupVersion().String(), Kind: "Provider", Name: entry.Name, UID: entry.UID}},
	}})
	if err != nil {
		return true, err
	}
	var all []error
	for _, resource := range keptResources {
		_, err := k.client.Resource(resource).Namespace(k.namespace).Patch(ctx, installed, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: installed})
		if err != nil && !apierrors.IsNotFound(err) {
			all = append(all, fmt.Errorf("the label %s can't be taken off %s %s: %w", clusterctlLabel, resource.Resource, installed, err))
		}
	}
	return true, errors.Join(all...)
}
