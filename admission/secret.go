package admission

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// secretRules look for the Secrets of static identities.
type secretRules struct {
	host      client.Reader
	namespace string
}

// exists warns of a Secret that isn't there: it may come later, and clusters wait for it.
func (rules secretRules) exists(ctx context.Context, r Request) ([]string, field.ErrorList) {
	updated, _ := r.Object.(*infrav1.AWSClusterStaticIdentity)
	old, _ := r.Old.(*infrav1.AWSClusterStaticIdentity)
	if updated == nil || old != nil && old.Spec.SecretRef == updated.Spec.SecretRef {
		return nil, nil
	}
	err := rules.host.Get(ctx, client.ObjectKey{Namespace: rules.namespace, Name: updated.Spec.SecretRef}, &corev1.Secret{})
	if !apierrors.IsNotFound(err) {
		return nil, nil
	}
	return []string{fmt.Sprintf("spec.secretRef: there is no Secret %s/%s yet: create it with the keys AccessKeyID and SecretAccessKey; until then, clusters that use the identity wait",
		rules.namespace, updated.Spec.SecretRef)}, nil
}
