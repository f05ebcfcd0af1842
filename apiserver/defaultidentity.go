package apiserver

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "github.com/capa-apiserver/capa-apiserver/apis/infrastructure/v2beta1"
)

// defaultIdentityMade marks that the default identity was made.
const defaultIdentityMade = "default-identity"

// ensureDefaultIdentity makes the identity that clusters use which name none, as
// users expect it to exist. It is open to all namespaces, like the credentials
// that it stands for; so it is made once for all: who deletes it means it.
func (b *background) ensureDefaultIdentity(ctx context.Context) error {
	return wait.PollUntilContextCancel(ctx, time.Second, true, func(ctx context.Context) (bool, error) {
		err := b.markers.once(ctx, defaultIdentityMade, func(ctx context.Context) error { return makeDefaultIdentity(ctx, b.ours.GetClient()) })
		if err != nil {
			klog.FromContext(ctx).Error(err, "The default identity isn't there yet",
				"identity", fmt.Sprintf("%s/%s", infrav1.ControllerIdentityKind, infrav1.AWSClusterControllerIdentityName))
		}
		return err == nil, nil
	})
}

func makeDefaultIdentity(ctx context.Context, writer client.Writer) error {
	identity := &infrav1.AWSClusterControllerIdentity{ObjectMeta: metav1.ObjectMeta{Name: infrav1.AWSClusterControllerIdentityName}}
	identity.Spec.AllowedNamespaces = &infrav1.AllowedNamespaces{}
	if err := writer.Create(ctx, identity); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	return nil
}
