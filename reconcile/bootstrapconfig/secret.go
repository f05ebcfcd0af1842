package bootstrapconfig

import (
	"bytes"
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	bootstrapv1 "github.com/capa-apiserver/capa-apiserver/apis/bootstrap/v2beta1"
)

// valueKey is the key of bootstrap data, and of a kubeconfig.
const valueKey = "value"

// look reads the Secret of the configuration's name; nil without any. One of somebody else's is
// a problem.
func (r *Reconciler[T]) look(ctx context.Context, obj T) (*corev1.Secret, error) {
	secret := &corev1.Secret{}
	if err := r.Host.Get(ctx, client.ObjectKeyFromObject(obj), secret); err != nil {
		if apierrors.IsNotFound(err) {
			return nil, nil
		}
		return nil, fmt.Errorf("read Secret %s: %w", obj.GetName(), err)
	}
	if !r.owns(obj, secret) {
		return nil, failing(clusterv1.ConditionSeverityError, "Secret %s, which the bootstrap data would be kept in, is somebody else's and stays as it is: rename it, or this object", secret.Name)
	}
	return secret, nil
}

// owns tells whether a Secret is the configuration's, or was before it was moved or restored.
func (r *Reconciler[T]) owns(obj T, secret *corev1.Secret) bool {
	ref := metav1.GetControllerOf(secret)
	if ref == nil {
		return false
	}
	gv, err := schema.ParseGroupVersion(ref.APIVersion)
	return err == nil && gv.Group == bootstrapv1.GroupName && ref.Kind == r.kind.name && ref.Name == obj.GetName()
}

// take keeps the data in the configuration's Secret, and says so. have is the Secret, if there
// is one.
func (r *Reconciler[T]) take(ctx context.Context, obj T, cluster *clusterv1.Cluster, have *corev1.Secret, data []byte) error {
	owner := *metav1.NewControllerRef(obj, bootstrapv1.SchemeGroupVersion.WithKind(r.kind.name))
	owners, label := []metav1.OwnerReference{owner}, map[string]string{clusterv1.ClusterNameLabel: cluster.Name}
	switch {
	case have == nil:
		want := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: obj.GetNamespace(), Name: obj.GetName(), Labels: label, OwnerReferences: owners},
			Type: clusterv1.ClusterSecretType, Data: map[string][]byte{valueKey: data}}
		if err := r.Host.Create(ctx, want); err != nil {
			return fmt.Errorf("create Secret %s: %w", want.Name, err)
		}
		r.Events.Eventf(obj, corev1.EventTypeNormal, "SuccessfulCreateDataSecret", "Created Secret %s with bootstrap data", want.Name)
	case !bytes.Equal(have.Data[valueKey], data) || have.Labels[clusterv1.ClusterNameLabel] != cluster.Name || !equality.Semantic.DeepEqual(have.OwnerReferences, owners):
		want, changed := have.DeepCopy(), !bytes.Equal(have.Data[valueKey], data)
		metav1.SetMetaDataLabel(&want.ObjectMeta, clusterv1.ClusterNameLabel, cluster.Name)
		want.OwnerReferences, want.Data = owners, map[string][]byte{valueKey: data}
		if err := r.Host.Update(ctx, want); err != nil {
			return fmt.Errorf("update Secret %s: %w", want.Name, err)
		}
		if changed {
			r.Events.Eventf(obj, corev1.EventTypeNormal, "SuccessfulUpdateDataSecret", "Updated Secret %s with changed bootstrap data", want.Name)
		}
	}
	setAvailable(obj)
	return nil
}
