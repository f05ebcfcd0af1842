package cloud

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// NamespaceAllowed tells whether an identity's allowedNamespaces let a namespace
// in: nil lets none in, the empty object all, with an empty selector or without; otherwise
// those in its list or picked by its selector, where an empty matchLabels picks none. The namespace ""
// is that of objects without one, which nothing can forbid.
//
// host is asked for the namespace's labels, and only if there is a selector.
func NamespaceAllowed(ctx context.Context, host client.Reader, allowed *infrav1.AllowedNamespaces, namespace string) (bool, error) {
	if namespace == "" {
		return true, nil
	}
	if allowed == nil {
		return false, nil
	}
	selector, err := metav1.LabelSelectorAsSelector(&allowed.Selector)
	if err != nil {
		return false, fmt.Errorf("spec.allowedNamespaces.selector: %w", err)
	}
	left := allowed.Selector.MatchLabels == nil && allowed.Selector.MatchExpressions == nil
	if allowed.NamespaceList == nil && left {
		return true, nil
	}
	if slices.Contains(allowed.NamespaceList, namespace) {
		return true, nil
	}
	if selector.Empty() {
		return false, nil
	}
	var object corev1.Namespace
	if err := host.Get(ctx, client.ObjectKey{Name: namespace}, &object); err != nil {
		return false, fmt.Errorf("read the labels of namespace %s: %w", namespace, err)
	}
	return selector.Matches(labels.Set(object.Labels)), nil
}
